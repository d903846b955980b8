// SPDX-License-Identifier: Apache-2.0
#include "bench/workload.h"

#include "cluster/model/key.h"
#include "cluster/wire/cursor.h"

#include <criterion/criterion.h>

enum { RECORDS = 1000 };

static const struct settings base = {
    .protocol = PROTOCOL_NATIVE,
    .map = "bench",
    .keys = DISTRIBUTION_UNIFORM,
    .payload = PAYLOAD_FIELDS,
    .value_bytes = 100,
    .record_count = RECORDS,
    .threads = 1,
};

static void request_make(struct workload *workload, enum op_class class, struct request *request)
{
    struct operation operation;
    workload_load(7, &operation);
    operation.class = (uint8_t) class;
    workload_request(workload, &operation, workload_first_kind(workload, class), request);
}

Test(workload, a_record_is_a_map_of_ten_fields_of_a_hundred_bytes)
{
    struct inserts inserts;
    inserts_init(&inserts, RECORDS);
    struct workload workload;
    struct request request;
    uint32_t pair_count;
    workload_init(&workload, &base, NULL, &inserts, 1, 0);
    request_make(&workload, CLASS_INSERT, &request);
    cr_assert_eq(request.kind, REQUEST_PUT);
    cr_assert_eq(value_check(request.value), ERROR_NONE);
    struct cursor cursor = cursor_of(request.value);
    cr_assert(cursor_read_map(&cursor, &pair_count) && pair_count == PAYLOAD_FIELD_COUNT);
    for (uint32_t i = 0; i < pair_count; i++) {
        struct bytes name, text;
        cr_assert(cursor_read_str(&cursor, &name) && name.size == 6);
        cr_assert(cursor_read_str(&cursor, &text) && text.size == PAYLOAD_FIELD_BYTES);
    }
    workload_deinit(&workload);
    inserts_deinit(&inserts);
}

Test(workload, an_update_writes_one_field_where_the_protocol_can)
{
    struct inserts inserts;
    inserts_init(&inserts, RECORDS);
    struct workload workload;
    struct request request;
    uint32_t pair_count;
    workload_init(&workload, &base, NULL, &inserts, 1, 0);
    request_make(&workload, CLASS_UPDATE, &request);
    cr_assert_eq(request.kind, REQUEST_MERGE);
    struct cursor cursor = cursor_of(request.value);
    cr_assert(cursor_read_map(&cursor, &pair_count) && pair_count == 1);
    workload_deinit(&workload);

    struct settings resp = base;
    resp.protocol = PROTOCOL_RESP;
    workload_init(&workload, &resp, NULL, &inserts, 1, 0);
    request_make(&workload, CLASS_UPDATE, &request);
    cr_assert_eq(request.kind, REQUEST_PUT);
    cr_assert_gt(request.value.size, PAYLOAD_FIELD_COUNT * PAYLOAD_FIELD_BYTES);
    workload_deinit(&workload);
    inserts_deinit(&inserts);
}

Test(workload, a_whole_value_is_bare_on_resp_and_a_bin_natively)
{
    struct inserts inserts;
    inserts_init(&inserts, RECORDS);
    struct workload workload;
    struct request request;
    struct bytes data;
    struct settings settings = base;
    settings.payload = PAYLOAD_WHOLE;
    workload_init(&workload, &settings, NULL, &inserts, 1, 0);
    request_make(&workload, CLASS_UPDATE, &request);
    cr_assert_eq(request.kind, REQUEST_PUT);
    struct cursor cursor = cursor_of(request.value);
    cr_assert(cursor_read_bin(&cursor, &data) && data.size == 100);
    workload_deinit(&workload);

    settings.protocol = PROTOCOL_RESP;
    workload_init(&workload, &settings, NULL, &inserts, 1, 0);
    request_make(&workload, CLASS_UPDATE, &request);
    cr_assert_eq(request.value.size, 100);
    workload_deinit(&workload);
    inserts_deinit(&inserts);
}

Test(workload, reads_and_the_first_half_of_a_modification_are_gets)
{
    struct inserts inserts;
    inserts_init(&inserts, RECORDS);
    struct workload workload;
    workload_init(&workload, &base, NULL, &inserts, 1, 0);
    cr_assert_eq(workload_first_kind(&workload, CLASS_READ), REQUEST_GET);
    cr_assert_eq(workload_first_kind(&workload, CLASS_MODIFY), REQUEST_GET);
    cr_assert_eq(workload_first_kind(&workload, CLASS_SCAN), REQUEST_SCAN);
    workload_deinit(&workload);
    inserts_deinit(&inserts);
}

Test(workload, inserts_take_new_records_and_hashes_are_those_of_the_keys)
{
    struct inserts inserts;
    inserts_init(&inserts, RECORDS);
    struct workload workload;
    struct settings settings = base;
    settings.mix = mix_find("d");
    settings.keys = settings.mix->keys;
    workload_init(&workload, &settings, NULL, &inserts, 1, 0);
    uint64_t inserted = 0;
    for (int i = 0; i < 10000; i++) {
        struct operation operation;
        uint8_t key[KEY_ENCODED_BYTES];
        workload_draw(&workload, &operation);
        key_of_index(operation.index, key);
        cr_assert_eq(operation.hash, key_hash(bytes_of(key, sizeof key)));
        if (operation.class == CLASS_INSERT)
            cr_assert_eq(operation.index, RECORDS + inserted++);
        else
            cr_assert_lt(operation.index, RECORDS);
    }
    cr_assert_gt(inserted, 0);
    workload_deinit(&workload);
    inserts_deinit(&inserts);
}

Test(workload, scans_are_of_1_to_100_rows)
{
    struct inserts inserts;
    inserts_init(&inserts, RECORDS);
    struct workload workload;
    struct settings settings = base;
    settings.mix = mix_find("e");
    workload_init(&workload, &settings, NULL, &inserts, 1, 0);
    unsigned smallest = UINT16_MAX, largest = 0;
    for (int i = 0; i < 10000; i++) {
        struct operation operation;
        workload_draw(&workload, &operation);
        if (operation.class != CLASS_SCAN)
            continue;
        smallest = operation.scan_rows < smallest ? operation.scan_rows : smallest;
        largest = operation.scan_rows > largest ? operation.scan_rows : largest;
    }
    cr_assert_eq(smallest, 1);
    cr_assert_eq(largest, 100);
    workload_deinit(&workload);
    inserts_deinit(&inserts);
}

Test(workload, a_quote_carries_its_intended_unix_time)
{
    struct inserts inserts;
    inserts_init(&inserts, RECORDS);
    struct market market;
    market_init(&market, 10, 0.5, 1);
    struct workload workload;
    struct settings settings = base;
    struct request request;
    struct operation operation;
    struct bytes name, text;
    uint32_t pair_count;
    uint64_t sent_us;
    double price;
    settings.payload = PAYLOAD_QUOTE;
    workload_init(&workload, &settings, &market, &inserts, 1, 1000000000);
    workload_load(13, &operation);
    operation.begin_ns = 5000;
    workload_request(&workload, &operation, REQUEST_PUT, &request);
    struct cursor cursor = cursor_of(request.value);
    cr_assert(cursor_read_map(&cursor, &pair_count) && pair_count == 5);
    cr_assert(cursor_read_str(&cursor, &name) && cursor_read_str(&cursor, &text));
    cr_assert(cursor_read_str(&cursor, &name) && cursor_read_str(&cursor, &text));
    cr_assert(cursor_read_str(&cursor, &name) && cursor_read_float(&cursor, &price) && price > 0);
    cr_assert(cursor_read_str(&cursor, &name) && cursor_read_uint(&cursor, &sent_us));
    cr_assert_eq(sent_us, 1000005);
    workload_deinit(&workload);
    market_deinit(&market);
    inserts_deinit(&inserts);
}

Test(workload, threads_share_the_events_of_nexmark_among_them)
{
    enum { THREADS = 3, EVENTS = 100 };
    struct inserts inserts;
    inserts_init(&inserts, RECORDS);
    struct settings settings = base;
    settings.payload = PAYLOAD_NEXMARK;
    settings.query = NEXMARK_Q1;
    settings.threads = THREADS;
    bool drawn[THREADS * EVENTS] = {false};
    uint64_t matches = 0;
    for (uint32_t number = 0; number < THREADS; number++) {
        struct workload workload;
        workload_init(&workload, &settings, NULL, &inserts, number, 0);
        for (int i = 0; i < EVENTS; i++) {
            struct operation operation;
            struct request request;
            workload_draw(&workload, &operation);
            cr_assert_lt(operation.index, THREADS * EVENTS);
            cr_assert_not(drawn[operation.index]);
            drawn[operation.index] = true;
            workload_request(&workload, &operation, REQUEST_PUT, &request);
            cr_assert_eq(operation.hash, key_hash(bytes_of(request.key, sizeof request.key)));
            matches += workload_match_count(&workload, &operation);
        }
        workload_deinit(&workload);
    }
    cr_assert_eq(matches, THREADS * EVENTS * 46 / 50);
    inserts_deinit(&inserts);
}
