// SPDX-License-Identifier: Apache-2.0
#include "node/store/record.h"

#include "cluster/model/limits.h"

enum { TIME_BYTES = 5 };

#define TIME_MAX ((INT64_C(1) << 40) - 1)

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "times are the low bytes of an integer");

// Unix milliseconds in 40 bits from EXPIRY_ORIGIN_MS; a time out of range becomes the nearest one.
static void time_store(uint8_t *at, int64_t unix_ms)
{
    int64_t offset = unix_ms - EXPIRY_ORIGIN_MS;
    offset = offset < 0 ? 0 : offset > TIME_MAX ? TIME_MAX : offset;
    memcpy(at, &offset, TIME_BYTES);
}

static int64_t time_load(const uint8_t *at)
{
    int64_t offset = 0;
    memcpy(&offset, at, TIME_BYTES);
    return EXPIRY_ORIGIN_MS + offset;
}

static const uint8_t *idle_start(const struct record *record)
{
    return record->body + ((record_flags(record) & RECORD_EXPIRES) ? RECORD_EXPIRY_BYTES : 0);
}

static size_t fields_bytes(const struct record_fields *fields)
{
    return sizeof(struct record) + (fields->expiry_ms ? RECORD_EXPIRY_BYTES : 0) +
           (fields->max_idle_ms ? RECORD_IDLE_BYTES : 0) + fields->key.size + fields->value.size;
}

size_t record_rounded_bytes(const struct slab *slab, const struct record_fields *fields)
{
    return slab_rounded_bytes(slab, fields_bytes(fields));
}

uint32_t record_new(struct slab *slab, const struct record_fields *fields)
{
    CHECK(fields->seq <= RECORD_SEQ_MAX && fields->value.size <= VALUE_BYTES_MAX);
    uint32_t handle = slab_alloc(slab, SLAB_RECORD, fields_bytes(fields));
    if (handle == 0)
        return 0;
    struct record *record = record_at(slab, handle);
    record->seq_low = (uint32_t)fields->seq;
    record->seq_high = (uint16_t)(fields->seq >> 32);
    record->state = RECORD_IN_TABLE;
    unsigned flags =
        (fields->expiry_ms ? RECORD_EXPIRES : 0U) | (fields->max_idle_ms ? RECORD_IDLES : 0U);
    record->value_and_flags = (uint32_t)fields->value.size << 8 | flags;
    uint8_t *at = record->body;
    if (fields->expiry_ms) {
        time_store(at, fields->expiry_ms);
        at += RECORD_EXPIRY_BYTES;
    }
    if (fields->max_idle_ms) {
        uint32_t max_idle_ms = (uint32_t)fields->max_idle_ms;
        memcpy(at, &max_idle_ms, RECORD_MAX_IDLE_BYTES);
        time_store(at + RECORD_MAX_IDLE_BYTES, fields->access_ms);
        at += RECORD_IDLE_BYTES;
    }
    memcpy(at, fields->key.data, fields->key.size);
    if (fields->value.size)
        memcpy(at + fields->key.size, fields->value.data, fields->value.size);
    return handle;
}

void record_free(struct slab *slab, uint32_t handle)
{
    struct record *record = record_at(slab, handle);
    CHECK(record->state != RECORD_FREE);
    record->state = RECORD_FREE;
    slab_release(slab, handle);
}

int64_t record_expiry_ms(const struct record *record)
{
    return (record_flags(record) & RECORD_EXPIRES) ? time_load(record->body) : 0;
}

int64_t record_max_idle_ms(const struct record *record)
{
    if (!(record_flags(record) & RECORD_IDLES))
        return 0;
    uint32_t max_idle_ms;
    memcpy(&max_idle_ms, idle_start(record), RECORD_MAX_IDLE_BYTES);
    return max_idle_ms;
}

int64_t record_deadline_ms(const struct record *record, int64_t active_since_ms)
{
    int64_t deadline_ms = INT64_MAX;
    if (record_flags(record) & RECORD_EXPIRES)
        deadline_ms = time_load(record->body);
    if (record_flags(record) & RECORD_IDLES) {
        int64_t since_ms = time_load(idle_start(record) + RECORD_MAX_IDLE_BYTES);
        if (since_ms < active_since_ms)
            since_ms = active_since_ms;
        int64_t idle_ms = since_ms + record_max_idle_ms(record);
        if (idle_ms < deadline_ms)
            deadline_ms = idle_ms;
    }
    return deadline_ms;
}

void record_access(struct record *record, int64_t now_ms)
{
    CHECK(record_flags(record) & RECORD_IDLES);
    size_t offset = (size_t)(idle_start(record) - record->body) + RECORD_MAX_IDLE_BYTES;
    time_store(record->body + offset, now_ms);
}
