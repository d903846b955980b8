// SPDX-License-Identifier: Apache-2.0
#include "bench/workload.h"

#include "cluster/base/units.h"
#include "cluster/model/key.h"

enum { SCAN_ROWS_MAX = 100 }; // YCSB's maxscanlength; lengths are uniform

void workload_init(struct workload *workload, const struct settings *settings,
                   struct inserts *inserts, uint64_t seed, uint64_t realtime_offset_ns)
{
    *workload = (struct workload){.settings = settings,
                                  .inserts = inserts,
                                  .random = {.state = seed},
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

// The first `matching` records match a query each, the others none.
static uint64_t matching_count(const struct settings *settings)
{
    if (settings->match_rate >= 1)
        return settings->record_count;
    uint64_t half = settings->record_count / 2;
    uint64_t wanted = settings->query_count > 1000 ? settings->query_count : 1000;
    return wanted < half ? wanted : half;
}

int64_t workload_tag(const struct settings *settings, uint64_t index)
{
    return index < matching_count(settings) ? (int64_t)(index % settings->query_count) : -1;
}

static uint64_t tagged_index_draw(struct workload *workload)
{
    const struct settings *settings = workload->settings;
    uint64_t matching = matching_count(settings);
    if (random_unit(&workload->random) < settings->match_rate && matching > 0)
        return random_below(&workload->random, matching);
    return matching + random_below(&workload->random, settings->record_count - matching);
}

void workload_draw(struct workload *workload, struct operation *operation)
{
    const struct settings *settings = workload->settings;
    if (settings->payload == PAYLOAD_TAGGED) {
        operation_set(operation, CLASS_UPDATE, tagged_index_draw(workload));
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

static struct bytes record_make(struct workload *workload, const struct operation *operation)
{
    const struct settings *settings = workload->settings;
    uint64_t sent_us = (operation->begin_ns + workload->realtime_offset_ns) / NS_PER_US;
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
    case PAYLOAD_TAGGED:
        payload_write_tagged(&workload->payload, &workload->random,
                             workload_tag(settings, operation->index), sent_us, &workload->value);
        break;
    case PAYLOAD_OF_WORKLOAD:
    default:
        CHECK(false);
    }
    return buffer_bytes(&workload->value);
}

void workload_request(struct workload *workload, const struct operation *operation,
                      enum request_kind kind, struct request *request)
{
    request->kind = kind;
    request->hash = operation->hash;
    request->scan_rows = operation->scan_rows;
    request->value = (struct bytes){0};
    key_of_index(operation->index, request->key);
    if (kind == REQUEST_PUT) {
        request->value = record_make(workload, operation);
    } else if (kind == REQUEST_MERGE) {
        buffer_clear(&workload->value);
        payload_write_one_field(&workload->payload, &workload->random, &workload->value);
        request->value = buffer_bytes(&workload->value);
    }
}
