// SPDX-License-Identifier: Apache-2.0
#include "bench/payload.h"

#include "cluster/base/memory.h"
#include "cluster/wire/writer.h"

// Offsets into the pool at which a value may start.
enum { POOL_OFFSETS = 16 * 1024 };

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

void payload_init(struct payload *payload, uint32_t value_bytes, uint64_t seed)
{
    struct random random = {.state = seed};
    size_t pool_bytes = POOL_OFFSETS + larger(value_bytes, PAYLOAD_FIELD_BYTES);
    payload->value_bytes = value_bytes;
    payload->pool = memory_new(pool_bytes);
    for (size_t i = 0; i < pool_bytes; i++)
        payload->pool[i] = (uint8_t)(' ' + random_below(&random, '~' - ' ' + 1));
}

void payload_deinit(struct payload *payload)
{
    free(payload->pool);
    *payload = (struct payload){0};
}

static struct bytes pool_cut(const struct payload *payload, struct random *random, size_t size)
{
    return bytes_of(payload->pool + random_below(random, POOL_OFFSETS), size);
}

static void field_write(const struct payload *payload, struct random *random, unsigned number,
                        struct buffer *out)
{
    char name[] = "field0";
    name[5] = (char)('0' + number);
    write_text(out, name);
    write_str(out, pool_cut(payload, random, PAYLOAD_FIELD_BYTES));
}

void payload_write_fields(const struct payload *payload, struct random *random, struct buffer *out)
{
    write_map(out, PAYLOAD_FIELD_COUNT);
    for (unsigned i = 0; i < PAYLOAD_FIELD_COUNT; i++)
        field_write(payload, random, i, out);
}

void payload_write_one_field(const struct payload *payload, struct random *random,
                             struct buffer *out)
{
    write_map(out, 1);
    field_write(payload, random, (unsigned)random_below(random, PAYLOAD_FIELD_COUNT), out);
}

void payload_write_whole(const struct payload *payload, struct random *random, struct buffer *out)
{
    write_bin(out, payload_text(payload, random));
}

void payload_write_quote(const struct payload *payload, struct random *random,
                         const struct quote *quote, uint64_t sent_us, struct buffer *out)
{
    char name[MARKET_NAME_BYTES];
    write_map(out, 5);
    write_text(out, "region");
    market_region_name(quote->region, name);
    write_text(out, name);
    write_text(out, "symbol");
    market_symbol_name(quote->symbol, name);
    write_text(out, name);
    write_text(out, "price");
    write_float(out, (double)quote->price / MARKET_PRICE_UNITS);
    write_text(out, "sent_us");
    write_uint(out, sent_us);
    write_text(out, "data");
    write_bin(out, payload_text(payload, random));
}

struct bytes payload_text(const struct payload *payload, struct random *random)
{
    return pool_cut(payload, random, payload->value_bytes);
}
