// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/cursor.h"

#include "cluster/base/memory.h"
#include "cluster/model/limits.h"
#include "cluster/wire/writer.h"

#include <criterion/criterion.h>

#define BYTES(...)                                                                                 \
    {                                                                                              \
        (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})                     \
    }

// Whether the bytes start with an object of the type that this reads; nothing else may move.
static enum wire_type type_read(struct bytes bytes)
{
    struct cursor start = cursor_of(bytes);
    enum wire_type type = WIRE_END;
    bool truth;
    uint64_t number;
    int64_t integer;
    double real;
    struct bytes payload;
    uint32_t count;
    for (enum wire_type tried = WIRE_NIL; tried < WIRE_EXT; tried++) {
        struct cursor cursor = start;
        bool done = (tried == WIRE_NIL && cursor_read_nil(&cursor)) ||
                    (tried == WIRE_BOOL && cursor_read_bool(&cursor, &truth)) ||
                    (tried == WIRE_UINT && cursor_read_uint(&cursor, &number)) ||
                    (tried == WIRE_INT && cursor_read_int(&cursor, &integer) && integer < 0) ||
                    (tried == WIRE_FLOAT && cursor_read_float(&cursor, &real)) ||
                    (tried == WIRE_STR && cursor_read_str(&cursor, &payload)) ||
                    (tried == WIRE_BIN && cursor_read_bin(&cursor, &payload)) ||
                    (tried == WIRE_ARRAY && cursor_read_array(&cursor, &count)) ||
                    (tried == WIRE_MAP && cursor_read_map(&cursor, &count));
        if (done)
            type = tried;
        if (!done && tried != WIRE_INT)
            cr_assert_eq(cursor.at, start.at, "a reader that fails must not move");
    }
    return type;
}

static const struct {
    struct bytes bytes; // one object
    enum wire_type type;
} objects[] = {
    {BYTES(0x00), WIRE_UINT},
    {BYTES(0x7f), WIRE_UINT},
    {BYTES(0x80), WIRE_MAP},
    {BYTES(0x81, 0x01, 0x02), WIRE_MAP},
    {BYTES(0x90), WIRE_ARRAY},
    {BYTES(0x92, 0xc0, 0x91, 0x01), WIRE_ARRAY},
    {BYTES(0xa0), WIRE_STR},
    {BYTES(0xa2, 'h', 'i'), WIRE_STR},
    {BYTES(0xc0), WIRE_NIL},
    {BYTES(0xc2), WIRE_BOOL},
    {BYTES(0xc3), WIRE_BOOL},
    {BYTES(0xc4, 0x01, 9), WIRE_BIN},
    {BYTES(0xc5, 0x00, 0x01, 9), WIRE_BIN},
    {BYTES(0xc6, 0, 0, 0, 1, 9), WIRE_BIN},
    {BYTES(0xc7, 0x02, 5, 1, 2), WIRE_EXT},
    {BYTES(0xc8, 0x00, 0x01, 5, 1), WIRE_EXT},
    {BYTES(0xc9, 0, 0, 0, 1, 5, 1), WIRE_EXT},
    {BYTES(0xca, 0x3f, 0x80, 0, 0), WIRE_FLOAT},
    {BYTES(0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0), WIRE_FLOAT},
    {BYTES(0xcc, 0x01), WIRE_UINT},
    {BYTES(0xcd, 0x00, 0x01), WIRE_UINT},
    {BYTES(0xce, 0, 0, 0, 1), WIRE_UINT},
    {BYTES(0xcf, 0xff, 0, 0, 0, 0, 0, 0, 1), WIRE_UINT},
    {BYTES(0xd0, 0x01), WIRE_UINT},
    {BYTES(0xd0, 0xff), WIRE_INT},
    {BYTES(0xd1, 0xff, 0xfe), WIRE_INT},
    {BYTES(0xd2, 0xff, 0xff, 0xff, 0xfd), WIRE_INT},
    {BYTES(0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0), WIRE_INT},
    {BYTES(0xd4, 5, 1), WIRE_EXT},
    {BYTES(0xd5, 5, 1, 2), WIRE_EXT},
    {BYTES(0xd6, 5, 1, 2, 3, 4), WIRE_EXT},
    {BYTES(0xd7, 5, 1, 2, 3, 4, 5, 6, 7, 8), WIRE_EXT},
    {BYTES(0xd8, 5, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8), WIRE_EXT},
    {BYTES(0xd9, 0x01, 'a'), WIRE_STR},
    {BYTES(0xda, 0x00, 0x01, 'a'), WIRE_STR},
    {BYTES(0xdb, 0, 0, 0, 1, 'a'), WIRE_STR},
    {BYTES(0xdc, 0x00, 0x01, 0xc0), WIRE_ARRAY},
    {BYTES(0xdd, 0, 0, 0, 1, 0xc0), WIRE_ARRAY},
    {BYTES(0xde, 0x00, 0x01, 0xc0, 0xc0), WIRE_MAP},
    {BYTES(0xdf, 0, 0, 0, 1, 0xc0, 0xc0), WIRE_MAP},
    {BYTES(0xe0), WIRE_INT},
    {BYTES(0xff), WIRE_INT},
};

Test(cursor, every_format_is_read_as_its_type_and_no_other)
{
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        struct cursor cursor = cursor_of(objects[i].bytes);
        cr_assert_eq(cursor_peek(&cursor), objects[i].type, "row %zu", i);
        enum wire_type readable = objects[i].type == WIRE_EXT ? WIRE_END : objects[i].type;
        cr_assert_eq(type_read(objects[i].bytes), readable, "row %zu", i);
        cr_assert_eq(value_check(objects[i].bytes), ERROR_NONE, "row %zu", i);
    }
}

Test(cursor, every_format_cut_short_is_refused)
{
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        for (size_t size = 0; size < objects[i].bytes.size; size++) {
            uint8_t *copy = memory_new_array(size, 1);
            if (size)
                memcpy(copy, objects[i].bytes.data, size);
            struct cursor cursor = cursor_of(bytes_of(copy, size));
            struct bytes object;
            cr_assert_not(cursor_read_object(&cursor, &object), "row %zu to %zu", i, size);
            cr_assert_eq(cursor.at, copy);
            cr_assert_eq(value_check(bytes_of(copy, size)), ERROR_MALFORMED_VALUE);
            (void)type_read(bytes_of(copy, size));
            free(copy);
        }
    }
}

Test(cursor, a_byte_too_many_is_no_value)
{
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        uint8_t longer[32];
        size_t size = objects[i].bytes.size;
        memcpy(longer, objects[i].bytes.data, size);
        longer[size] = 0xc0;
        cr_assert_eq(value_check(bytes_of(longer, size + 1)), ERROR_MALFORMED_VALUE, "row %zu", i);
        struct cursor cursor = cursor_of(bytes_of(longer, size + 1));
        struct bytes object;
        cr_assert(cursor_read_object(&cursor, &object));
        cr_assert(bytes_equal(object, objects[i].bytes));
        cr_assert(cursor_read_nil(&cursor));
    }
}

Test(cursor, numbers_come_out_as_they_are)
{
    const struct {
        struct bytes bytes;
        int64_t number;
    } rows[] = {
        {BYTES(0x7f), 127},
        {BYTES(0xcc, 0xff), 255},
        {BYTES(0xcd, 0x12, 0x34), 0x1234},
        {BYTES(0xce, 0xff, 0, 0, 0), 0xff000000},
        {BYTES(0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), INT64_MAX},
        {BYTES(0xd0, 0x80), INT8_MIN},
        {BYTES(0xd1, 0x80, 0x00), INT16_MIN},
        {BYTES(0xd1, 0x7f, 0xff), INT16_MAX},
        {BYTES(0xd2, 0x80, 0, 0, 0), INT32_MIN},
        {BYTES(0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0), INT64_MIN},
        {BYTES(0xe0), -32},
        {BYTES(0xff), -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cursor cursor = cursor_of(rows[i].bytes);
        int64_t number;
        cr_assert(cursor_read_int(&cursor, &number));
        cr_assert_eq(number, rows[i].number, "row %zu", i);
        cr_assert_eq(cursor_left(&cursor), 0);
    }
    struct cursor beyond = cursor_of((struct bytes)BYTES(0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0));
    int64_t unused;
    uint64_t number;
    cr_assert_not(cursor_read_int(&beyond, &unused));
    cr_assert(cursor_read_uint(&beyond, &number));
    cr_assert_eq(number, UINT64_C(1) << 63);
}

Test(cursor, bools_and_floats_come_out_as_they_are)
{
    struct cursor cursor = cursor_of((struct bytes)BYTES(
        0xc2, 0xc3, 0xca, 0xbf, 0x80, 0, 0, 0xcb, 0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18));
    bool truth = true;
    double real;
    cr_assert(cursor_read_bool(&cursor, &truth) && !truth);
    cr_assert(cursor_read_bool(&cursor, &truth) && truth);
    cr_assert(cursor_read_float(&cursor, &real));
    cr_assert_float_eq(real, -1.0, 0);
    cr_assert(cursor_read_float(&cursor, &real));
    cr_assert_float_eq(real, 3.141592653589793, 0);
}

// Else a caller would allocate, or loop, for what never comes.
Test(cursor, a_container_that_claims_more_than_there_is_is_refused)
{
    const struct bytes rows[] = {
        BYTES(0x91),
        BYTES(0x9f, 0, 0),
        BYTES(0xdc, 0xff, 0xff, 0),
        BYTES(0xdd, 0xff, 0xff, 0xff, 0xff, 0),
        BYTES(0x81, 0),
        BYTES(0xde, 0x00, 0x02, 0, 0, 0),
        BYTES(0xdf, 0xff, 0xff, 0xff, 0xff, 0, 0),
        BYTES(0xdb, 0xff, 0xff, 0xff, 0xff, 'a'),
        BYTES(0xc6, 0xff, 0xff, 0xff, 0xff, 'a'),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(type_read(rows[i]), WIRE_END, "row %zu", i);
        cr_assert_eq(value_check(rows[i]), ERROR_MALFORMED_VALUE, "row %zu", i);
    }
}

static enum error nested_check(uint32_t depth, bool in_maps)
{
    struct buffer buffer = {0};
    for (uint32_t i = 0; i < depth; i++) {
        if (in_maps) {
            write_map(&buffer, 1);
            write_nil(&buffer);
        } else {
            write_array(&buffer, 1);
        }
    }
    write_nil(&buffer);
    enum error error = value_check(buffer_bytes(&buffer));
    buffer_deinit(&buffer);
    return error;
}

Test(cursor, values_nest_up_to_the_limit)
{
    for (int in_maps = 0; in_maps < 2; in_maps++) {
        cr_assert_eq(nested_check(VALUE_DEPTH_MAX, in_maps), ERROR_NONE);
        cr_assert_eq(nested_check(VALUE_DEPTH_MAX + 1, in_maps), ERROR_MALFORMED_VALUE);
        cr_assert_eq(nested_check(100000, in_maps), ERROR_MALFORMED_VALUE);
    }
}

Test(cursor, values_grow_up_to_the_limit)
{
    struct buffer buffer = {0};
    uint8_t *payload = memory_new(VALUE_BYTES_MAX);
    write_bin(&buffer, bytes_of(payload, VALUE_BYTES_MAX - 5));
    cr_assert_eq(value_check(buffer_bytes(&buffer)), ERROR_NONE);
    buffer_clear(&buffer);
    write_bin(&buffer, bytes_of(payload, VALUE_BYTES_MAX - 4));
    cr_assert_eq(value_check(buffer_bytes(&buffer)), ERROR_TOO_LARGE);
    free(payload);
    buffer_deinit(&buffer);
}

Test(cursor, nothing_is_nothing)
{
    cr_assert_eq(type_read(bytes_of(NULL, 0)), WIRE_END);
    cr_assert_eq(value_check(bytes_of(NULL, 0)), ERROR_MALFORMED_VALUE);
    cr_assert_eq(type_read((struct bytes)BYTES(0xc1)), WIRE_END);
    cr_assert_eq(value_check((struct bytes)BYTES(0xc1)), ERROR_MALFORMED_VALUE);
    cr_assert_eq(value_check((struct bytes)BYTES(0x91, 0xc1)), ERROR_MALFORMED_VALUE);
}
