// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/op_codec.h"

#include "cluster/base/memory.h"
#include "cluster/model/key.h"
#include "cluster/wire/writer.h"
#include "tests/support/mangle.h"

#include <criterion/criterion.h>

static const uint8_t key_data[] = {0xa3, 'k', 'e', 'y'};
static const uint8_t value_data[] = {0x82, 0xa1, 'a', 0x01, 0xa1, 'b', 0x92, 0xc3, 0xc0};

#define KEY   bytes_of(key_data, sizeof key_data)
#define VALUE bytes_of(value_data, sizeof value_data)
#define MAP   bytes_of_text("quakes")

// Each puts operations at `ops` and returns how many.
static size_t keyed_fill(struct op *ops)
{
    static const enum op_kind with_value[] = {OP_PUT, OP_GET_AND_PUT, OP_REPLACE, OP_INCREMENT,
                                              OP_MERGE};
    static const enum op_kind without[] = {OP_GET, OP_REMOVE, OP_TOUCH, OP_CONTAINS};
    struct op keyed = {.partition = 77, .map = MAP, .key = KEY};
    size_t count = 0;
    for (size_t i = 0; i < sizeof with_value / sizeof with_value[0]; i++) {
        ops[count] = keyed;
        ops[count].kind = with_value[i];
        ops[count++].value = VALUE;
    }
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        ops[count] = keyed;
        ops[count++].kind = without[i];
    }
    for (int i = 0; i < 5; i++) {
        ops[count] = ops[0]; // put
        ops[count].ttl_ms = i % 2 ? TTL_MS_MAX : 0;
        ops[count].max_idle_ms = i >= 2 ? MAX_IDLE_MS_MAX : 0;
        ops[count].condition = i == 4 ? CONDITION_IF_ABSENT : CONDITION_NONE;
        count++;
    }
    ops[count] = ops[0];
    ops[count].condition = CONDITION_IF_VERSION;
    ops[count++].version = UINT64_MAX;
    ops[count] = keyed;
    ops[count].kind = OP_REMOVE;
    ops[count].condition = CONDITION_IF_VERSION;
    ops[count++].version = 3;
    ops[count] = keyed;
    ops[count].kind = OP_TOUCH;
    ops[count++].ttl_ms = 1000;
    return count;
}

static size_t numbered_fill(struct op *ops)
{
    struct op numbered = {
        .partition = 78, .map = MAP, .key = KEY, .number = UINT64_MAX, .floor = 3};
    size_t count = 0;
    for (enum op_kind kind = OP_PUT; kind <= OP_TOUCH; kind++) {
        ops[count] = numbered;
        ops[count].kind = kind;
        ops[count].value = kind == OP_REMOVE || kind == OP_TOUCH ? bytes_of(NULL, 0) : VALUE;
        ops[count].is_retry = kind % 2;
        ops[count++].age_ms = kind % 2 ? RETRY_AGE_MS_MAX - kind : 0;
    }
    ops[count] = ops[0]; // put, with everything
    ops[count].ttl_ms = 1;
    ops[count].max_idle_ms = 2;
    ops[count].condition = CONDITION_IF_VERSION;
    ops[count].version = 3;
    ops[count].number = ops[count].floor = 1;
    ops[count].is_retry = true;
    ops[count++].age_ms = 0;
    return count;
}

static size_t unkeyed_fill(struct op *ops)
{
    struct op any = {.partition = PARTITION_ANY};
    size_t count = 0;
    ops[count] = any;
    ops[count].kind = OP_SIZE;
    ops[count++].map = MAP;
    ops[count] = any;
    ops[count].kind = OP_CLEAR;
    ops[count].map = MAP;
    ops[count++].position = (struct scan_position){.partition = 5, .hash = UINT64_MAX};
    ops[count] = ops[count - 1];
    ops[count].kind = OP_SCAN;
    ops[count].limit = SCAN_PAGE_ROWS_MAX;
    ops[count++].query = bytes_of_text("SELECT * FROM quakes");
    ops[count] = any;
    ops[count++].kind = OP_MAPS;
    ops[count] = any;
    ops[count++].kind = OP_STATS;
    return count;
}

// One operation of each kind and with each combination of options.
static size_t ops_fill(struct op *ops)
{
    size_t count = keyed_fill(ops);
    count += numbered_fill(ops + count);
    return count + unkeyed_fill(ops + count);
}

enum { OPS_MAX = 40 };

static struct frame frame_of(const struct buffer *buffer)
{
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(buffer), FRAME_BODY_BYTES_MAX, &frame, &error),
                 FRAME_COMPLETE);
    return frame;
}

Test(op_codec, every_operation_comes_out_as_it_went_in)
{
    struct op ops[OPS_MAX];
    size_t count = ops_fill(ops);
    for (size_t i = 0; i < count; i++) {
        struct buffer buffer = {0};
        op_encode(&buffer, 42, &ops[i]);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(frame.header.request_id, 42);
        struct op op;
        const char *what = NULL;
        cr_assert_eq(op_decode(&frame, &op, &what), ERROR_NONE, "op %zu: %s", i, what);
        cr_assert_eq(op.kind, ops[i].kind);
        cr_assert_eq(op.partition, ops[i].partition);
        cr_assert(bytes_equal(op.map, ops[i].map));
        cr_assert(bytes_equal(op.key, ops[i].key));
        cr_assert(bytes_equal(op.value, ops[i].value));
        cr_assert_eq(op.hash, op_has_key(op.kind) ? key_hash(KEY) : 0);
        cr_assert_eq(op.ttl_ms, ops[i].ttl_ms);
        cr_assert_eq(op.max_idle_ms, ops[i].max_idle_ms);
        cr_assert_eq(op.condition, ops[i].condition);
        cr_assert_eq(op.version, ops[i].version);
        cr_assert_eq(op.client, 0);
        cr_assert_eq(op.number, ops[i].number);
        cr_assert_eq(op.floor, ops[i].floor);
        cr_assert_eq(op.is_retry, ops[i].is_retry);
        cr_assert_eq(op.age_ms, ops[i].age_ms);
        cr_assert_eq(op.position.partition, ops[i].position.partition);
        cr_assert_eq(op.position.hash, ops[i].position.hash);
        cr_assert_eq(op.limit, ops[i].limit);
        cr_assert(bytes_equal(op.query, ops[i].query));
        buffer_deinit(&buffer);
    }
}

static enum error op_mangle(const void *context, struct bytes body)
{
    struct frame frame = {.header = *(const struct frame_header *)context, .body = body};
    struct op op;
    const char *what = NULL;
    enum error error = op_decode(&frame, &op, &what);
    cr_assert((error == ERROR_NONE) == (what == NULL), "an error names its field");
    return error;
}

Test(op_codec, damaged_operations_are_refused)
{
    struct op ops[OPS_MAX];
    size_t count = ops_fill(ops);
    for (size_t i = 0; i < count; i++) {
        struct buffer buffer = {0};
        op_encode(&buffer, 42, &ops[i]);
        struct frame frame = frame_of(&buffer);
        mangle_lengths(op_mangle, &frame.header, frame.body);
        mangle_bytes(op_mangle, &frame.header, frame.body);
        buffer_deinit(&buffer);
    }
}

// What a number cannot be for: the operation is the same without.
Test(op_codec, reads_and_operations_without_a_key_have_no_number)
{
    static const enum op_kind kinds[] = {OP_GET, OP_CONTAINS, OP_SIZE, OP_CLEAR, OP_SCAN, OP_MAPS};
    struct op op = {.map = MAP, .key = KEY, .limit = 1, .is_retry = true};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct buffer with = {0};
        struct buffer without = {0};
        op.kind = kinds[i];
        op.number = 0;
        op_encode(&without, 1, &op);
        op.number = 5;
        op_encode(&with, 1, &op);
        cr_assert(bytes_equal(buffer_bytes(&with), buffer_bytes(&without)));
        cr_assert_eq(frame_of(&with).header.flags, 0);
        buffer_deinit(&with);
        buffer_deinit(&without);
    }
}

// What follows the version in a body of 10 elements.
struct numbers {
    enum op_kind kind;
    uint8_t flags;
    uint64_t number, above_floor, age_ms;
    enum error error;
};

static enum error numbers_decode(const struct numbers *numbers, struct op *op, const char **what)
{
    struct buffer body = {0};
    write_array(&body, 10);
    write_str(&body, MAP);
    write_object(&body, KEY);
    write_nil(&body);
    for (int zero = 0; zero < 4; zero++)
        write_uint(&body, 0);
    write_uint(&body, numbers->number);
    write_uint(&body, numbers->above_floor);
    write_uint(&body, numbers->age_ms);
    struct frame frame = {.header.kind = (uint8_t)(FRAME_OPERATION + (unsigned)numbers->kind),
                          .header.flags = numbers->flags,
                          .body = buffer_bytes(&body)};
    enum error error = op_decode(&frame, op, what);
    buffer_deinit(&body);
    return error;
}

Test(op_codec, numbers_have_their_limits)
{
    static const struct numbers rows[] = {
        {OP_REMOVE, 0, 5, 5, 0, ERROR_NONE},
        {OP_REMOVE, FRAME_FLAG_RETRY, 5, 5, RETRY_AGE_MS_MAX, ERROR_NONE},
        {OP_REMOVE, FRAME_FLAG_RETRY, 5, 5, RETRY_AGE_MS_MAX + 1, ERROR_INVALID_ARGUMENT},
        {OP_REMOVE, 0, 5, 5, 1, ERROR_INVALID_ARGUMENT},
        {OP_REMOVE, 0, 5, 6, 0, ERROR_INVALID_ARGUMENT},
        {OP_REMOVE, 0, 0, 0, 0, ERROR_INVALID_ARGUMENT},
        {OP_GET, 0, 5, 5, 0, ERROR_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct op op;
        const char *what = "none";
        cr_assert_eq(numbers_decode(&rows[i], &op, &what), rows[i].error, "row %zu", i);
        cr_assert_str_eq(what, rows[i].error == ERROR_NONE ? "none" : "number");
        cr_assert(rows[i].error != ERROR_NONE || op.is_retry == (rows[i].flags != 0));
    }
}

// A flag alone makes nothing that must be looked up.
Test(op_codec, only_an_operation_with_a_number_is_a_retry)
{
    struct buffer buffer = {0};
    struct op put = {.kind = OP_PUT, .map = MAP, .key = KEY, .value = VALUE};
    op_encode(&buffer, 1, &put);
    struct frame frame = frame_of(&buffer);
    frame.header.flags = FRAME_FLAG_RETRY;
    struct op op;
    const char *what;
    cr_assert_eq(op_decode(&frame, &op, &what), ERROR_NONE);
    cr_assert_not(op.is_retry);
    buffer_deinit(&buffer);
}

Test(op_codec, a_body_has_a_number_of_elements_that_means_something)
{
    for (uint32_t count = 0; count < 13; count++) {
        struct buffer body = {0};
        write_array(&body, count);
        struct op op;
        const char *what = NULL;
        if (count >= 1)
            write_str(&body, MAP);
        if (count >= 2)
            write_object(&body, KEY);
        if (count >= 3)
            write_nil(&body);
        for (uint32_t i = 3; i < count; i++)
            write_uint(&body, i == 7);
        struct frame frame = {.header.kind = FRAME_OPERATION + OP_REMOVE,
                              .body = buffer_bytes(&body)};
        bool means_something = (count >= 2 && count <= 5) || count == 7 || count == 10;
        cr_assert_eq(op_decode(&frame, &op, &what),
                     means_something ? ERROR_NONE : ERROR_MALFORMED_FRAME, "%u elements", count);
        buffer_deinit(&body);
    }
}

Test(op_codec, operations_that_we_do_not_know_are_refused)
{
    struct frame frame = {.header.kind = FRAME_OPERATION};
    struct op op;
    const char *what;
    cr_assert_eq(op_decode(&frame, &op, &what), ERROR_UNKNOWN_OPERATION);
    cr_assert_str_eq(what, "kind");
    frame.header.kind = FRAME_OPERATION + OP_COUNT;
    cr_assert_eq(op_decode(&frame, &op, &what), ERROR_UNKNOWN_OPERATION);
    cr_assert(frame_is_operation(FRAME_OPERATION + OP_GET));
    cr_assert(frame_is_operation(FRAME_OPERATION + OP_STATS));
    cr_assert_not(frame_is_operation(FRAME_HELLO));
}

// ---- One wrong field at a time ----

struct wrong {
    struct op op;
    enum error error;
    const char *what;
};

static void wrong_check(const struct wrong *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buffer buffer = {0};
        op_encode(&buffer, 1, &rows[i].op);
        struct frame frame = frame_of(&buffer);
        struct op op;
        const char *what = "none";
        cr_assert_eq(op_decode(&frame, &op, &what), rows[i].error, "row %zu", i);
        cr_assert_str_eq(what, rows[i].what, "row %zu: %s", i, what);
        buffer_deinit(&buffer);
    }
}

Test(op_codec, each_field_has_its_limits)
{
    static const uint8_t bad_key[] = {0xcc, 0x01};
    static const uint8_t name[MAP_NAME_BYTES_MAX + 1] = {'m'};
    struct op put = {.kind = OP_PUT, .map = MAP, .key = KEY, .value = VALUE};
    struct op scan = {.kind = OP_SCAN, .map = MAP, .limit = 1};
    struct wrong rows[] = {
        {put, ERROR_NONE, "none"},
        {put, ERROR_INVALID_ARGUMENT, "map name"},
        {put, ERROR_INVALID_ARGUMENT, "map name"},
        {put, ERROR_NONE, "none"},
        {put, ERROR_MALFORMED_KEY, "key"},
        {put, ERROR_INVALID_ARGUMENT, "ttl_ms"},
        {put, ERROR_INVALID_ARGUMENT, "ttl_ms"},
        {put, ERROR_INVALID_ARGUMENT, "max_idle_ms"},
        {put, ERROR_INVALID_ARGUMENT, "max_idle_ms"},
        {put, ERROR_INVALID_ARGUMENT, "condition"},
        {put, ERROR_INVALID_ARGUMENT, "condition"},
        {put, ERROR_INVALID_ARGUMENT, "condition"},
        {scan, ERROR_NONE, "none"},
        {scan, ERROR_INVALID_ARGUMENT, "limit or query"},
        {scan, ERROR_INVALID_ARGUMENT, "limit or query"},
        {scan, ERROR_INVALID_ARGUMENT, "position"},
        {scan, ERROR_INVALID_ARGUMENT, "map name"},
    };
    rows[1].op.map = bytes_of_text("");
    rows[2].op.map = bytes_of(name, sizeof name);
    rows[3].op.map = bytes_of(name, sizeof name - 1);
    rows[4].op.key = bytes_of(bad_key, sizeof bad_key);
    rows[5].op.ttl_ms = -1;
    rows[6].op.ttl_ms = TTL_MS_MAX + 1;
    rows[7].op.max_idle_ms = -1;
    rows[8].op.max_idle_ms = MAX_IDLE_MS_MAX + 1;
    rows[9].op.condition = (enum op_condition)3;
    rows[10].op.kind = OP_MERGE;
    rows[10].op.condition = CONDITION_IF_VERSION;
    rows[11].op.kind = OP_REPLACE;
    rows[11].op.condition = CONDITION_IF_ABSENT;
    rows[13].op.limit = 0;
    rows[14].op.limit = SCAN_PAGE_ROWS_MAX + 1;
    rows[15].op.position.partition = PARTITIONS_MAX;
    rows[16].op.map = bytes_of_text("");
    wrong_check(rows, sizeof rows / sizeof rows[0]);
}

// What an operation with a key whose value is this object is answered.
static enum error value_of(enum op_kind kind, struct bytes object)
{
    struct buffer buffer = {0};
    struct frame_header header = {.kind = (uint8_t)(FRAME_OPERATION + (unsigned)kind)};
    size_t mark = frame_begin(&buffer, &header);
    write_array(&buffer, 3);
    write_text(&buffer, "map");
    write_object(&buffer, KEY);
    write_object(&buffer, object);
    frame_end(&buffer, mark);
    struct frame frame = frame_of(&buffer);
    struct op op;
    const char *what;
    enum error error = op_decode(&frame, &op, &what);
    buffer_deinit(&buffer);
    return error;
}

Test(op_codec, values_are_checked_on_the_way_in)
{
    struct buffer object = {0};
    for (int i = 0; i <= VALUE_DEPTH_MAX; i++)
        write_array(&object, 1);
    write_nil(&object);
    cr_assert_eq(value_of(OP_PUT, buffer_bytes(&object)), ERROR_MALFORMED_VALUE);
    buffer_consume(&object, 1);
    cr_assert_eq(value_of(OP_PUT, buffer_bytes(&object)), ERROR_NONE);
    buffer_clear(&object);
    uint8_t *payload = memory_new(VALUE_BYTES_MAX);
    write_bin(&object, bytes_of(payload, VALUE_BYTES_MAX - 4));
    cr_assert_eq(value_of(OP_PUT, buffer_bytes(&object)), ERROR_TOO_LARGE);
    buffer_clear(&object);
    write_bin(&object, bytes_of(payload, VALUE_BYTES_MAX - 5));
    cr_assert_eq(value_of(OP_PUT, buffer_bytes(&object)), ERROR_NONE);
    free(payload);
    buffer_deinit(&object);
    cr_assert_eq(value_of(OP_REMOVE, VALUE), ERROR_INVALID_ARGUMENT);
}
