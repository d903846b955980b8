// SPDX-License-Identifier: Apache-2.0
#include "bench/workload.h"

#include "bench/nexmark.h"
#include "cluster/base/units.h"
#include "cluster/model/key.h"

enum { SCAN_ROWS_MAX = 100 }; // YCSB's maxscanlength; lengths are uniform

void workload_init(struct workload *workload, const struct settings *settings,
                   const struct market *market, struct inserts *inserts, uint32_t number,
                   uint64_t realtime_offset_ns)
{
    uint64_t seed = settings->seed * THREADS_MAX + number;
    *workload = (struct workload){.settings = settings,
                                  .market = market,
                                  .inserts = inserts,
                                  .random = {.state = seed},
                                  .next_event = number,
                                  .realtime_offset_ns = realtime_offset_ns};
    key_chooser_init(&workload->keys, settings->keys, settings->record_count);
    payload_init(&workload->payload, (uint32_t)settings->value_bytes, seed);
}

void workload_deinit(struct workload *workload)
{
    payload_deinit(&workload->payload);
    buffer_deinit(&workload->value);
}

static void operation_set(struct operation *operation, enum op_class class, uint64_t index)
{
    uint8_t key[KEY_ENCODED_BYTES];
    key_of_index(index, key);
    *operation = (struct operation){
        .index = index, .hash = key_hash(bytes_of(key, sizeof key)), .class = (uint8_t) class};
}

// The next event of the stream, of which the threads of a load take every so many.
static void event_set(struct workload *workload, struct operation *operation)
{
    struct nexmark_event event;
    nexmark_draw(workload->settings->seed, workload->next_event, &event);
    operation_set(operation, CLASS_UPDATE, event.id % workload->settings->record_count);
    operation->index = workload->next_event;
    workload->next_event += workload->settings->threads;
}

void workload_draw(struct workload *workload, struct operation *operation)
{
    const struct settings *settings = workload->settings;
    if (settings->payload == PAYLOAD_NEXMARK) {
        event_set(workload, operation);
        return;
    }
    enum op_class class = mix_draw(settings->mix, &workload->random);
    uint64_t index;
    if (class == CLASS_INSERT && !inserts_begin(workload->inserts, &index))
        class = CLASS_READ; // the servers are too far behind for one more
    if (class != CLASS_INSERT)
        index = key_chooser_next(&workload->keys, &workload->random,
                                 inserts_existing(workload->inserts));
    operation_set(operation, class, index);
    if (class == CLASS_SCAN)
        operation->scan_rows = (uint16_t)(1 + random_below(&workload->random, SCAN_ROWS_MAX));
}

void workload_load(uint64_t index, struct operation *operation)
{

    operation_set(operation, CLASS_INSERT, index);
}

enum request_kind workload_update_kind(const struct workload *workload)
{
    return workload->settings->protocol == PROTOCOL_NATIVE &&
                   workload->settings->payload == PAYLOAD_FIELDS
               ? REQUEST_MERGE
               : REQUEST_PUT;
}

enum request_kind workload_first_kind(const struct workload *workload, enum op_class class)
{
    switch (class) {
    case CLASS_READ:
    case CLASS_MODIFY:
        return REQUEST_GET;
    case CLASS_UPDATE:
        return workload_update_kind(workload);
    case CLASS_INSERT:
        return REQUEST_PUT;
    case CLASS_SCAN:
        return REQUEST_SCAN;
    case CLASS_COUNT:
    default:
        CHECK(false);
    }
}

static void quote_make(struct workload *workload, const struct operation *operation)
{
    struct quote quote = market_quote(workload->market, operation->index, operation->begin_ns);
    uint64_t sent_us = (operation->begin_ns + workload->realtime_offset_ns) / NS_PER_US;
    payload_write_quote(&workload->payload, &workload->random, &quote, sent_us, &workload->value);
}

static struct bytes record_make(struct workload *workload, const struct operation *operation)
{
    const struct settings *settings = workload->settings;
    buffer_clear(&workload->value);
    switch (settings->payload) {
    case PAYLOAD_FIELDS:
        payload_write_fields(&workload->payload, &workload->random, &workload->value);
        break;
    case PAYLOAD_WHOLE:
        if (settings->protocol == PROTOCOL_RESP)
            return payload_text(&workload->payload, &workload->random);
        payload_write_whole(&workload->payload, &workload->random, &workload->value);
        break;
    case PAYLOAD_QUOTE:
        quote_make(workload, operation);
        break;
    case PAYLOAD_NEXMARK:
    case PAYLOAD_OF_WORKLOAD:
    default:
        CHECK(false);
    }
    return buffer_bytes(&workload->value);
}

static void event_request(struct workload *workload, const struct operation *operation,
                          struct request *request)
{
    struct nexmark_event event;
    nexmark_draw(workload->settings->seed, operation->index, &event);
    buffer_clear(&workload->value);
    nexmark_write(&event, &workload->value);
    request->map = bytes_of_text(nexmark_map(event.kind));
    request->value = buffer_bytes(&workload->value);
    key_of_index(event.id % workload->settings->record_count, request->key);
}

void workload_request(struct workload *workload, const struct operation *operation,
                      enum request_kind kind, struct request *request)
{
    request->kind = kind;
    request->hash = operation->hash;
    request->scan_rows = operation->scan_rows;
    request->value = (struct bytes){0};
    if (workload->settings->payload == PAYLOAD_NEXMARK) {
        event_request(workload, operation, request);
        return;
    }
    request->map = bytes_of_text(workload->settings->map);
    key_of_index(operation->index, request->key);
    if (kind == REQUEST_PUT) {
        request->value = record_make(workload, operation);
    } else if (kind == REQUEST_MERGE) {
        buffer_clear(&workload->value);
        payload_write_one_field(&workload->payload, &workload->random, &workload->value);
        request->value = buffer_bytes(&workload->value);
    }
}

uint64_t workload_match_count(const struct workload *workload, const struct operation *operation)
{
    const struct settings *settings = workload->settings;
    if (settings->payload == PAYLOAD_NEXMARK) {
        struct nexmark_event event;
        nexmark_draw(settings->seed, operation->index, &event);
        return nexmark_matches(settings->query, &event);
    }
    if (settings->payload != PAYLOAD_QUOTE)
        return 0;
    struct quote quote = market_quote(workload->market, operation->index, operation->begin_ns);
    return market_match_count(workload->market, &quote);
}
