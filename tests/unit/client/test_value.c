// SPDX-License-Identifier: Apache-2.0
#include "client/grid.h"
#include "cluster/model/key.h"

#include <criterion/criterion.h>
#include <string.h>

static struct grid_builder *builder;

static void setup(void)
{
    builder = grid_builder_new();
}

static void teardown(void)
{
    grid_builder_free(builder);
}

TestSuite(value, .init = setup, .fini = teardown);

#define CHECK_BUILT(...)                                                                           \
    do {                                                                                           \
        static const uint8_t expected[] = {__VA_ARGS__};                                           \
        struct grid_bytes built = grid_builder_bytes(builder);                                     \
        cr_assert_eq(built.size, sizeof expected);                                                 \
        cr_assert_arr_eq(built.data, expected, sizeof expected);                                   \
    } while (0)

Test(value, builders_append_one_object_after_the_other)
{
    grid_build_array(builder, 2);
    grid_build_nil(builder);
    grid_build_bool(builder, true);
    grid_build_map(builder, 1);
    grid_build_str(builder, "k");
    grid_build_int(builder, -1);
    grid_build_uint(builder, 200);
    grid_build_double(builder, 1.5);
    grid_build_bin(builder, "\0", 1);
    grid_build_object(builder, (struct grid_bytes){"\xc2", 1});
    CHECK_BUILT(0x92, 0xc0, 0xc3, 0x81, 0xa1, 'k', 0xff, 0xcc, 200, 0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0,
                0, 0xc4, 1, 0, 0xc2);
    grid_builder_clear(builder);
    cr_assert_eq(grid_builder_bytes(builder).size, 0);
}

Test(value, what_builders_write_is_a_canonical_key)
{
    static const int64_t ints[] = {0,
                                   1,
                                   127,
                                   128,
                                   255,
                                   256,
                                   65535,
                                   65536,
                                   UINT32_MAX,
                                   INT64_MAX,
                                   -1,
                                   -32,
                                   -33,
                                   -128,
                                   -129,
                                   -32768,
                                   -32769,
                                   INT32_MIN,
                                   INT32_MIN - INT64_C(1),
                                   INT64_MIN};
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        grid_builder_clear(builder);
        grid_build_int(builder, ints[i]);
        struct grid_bytes key = grid_builder_bytes(builder);
        cr_assert_eq(key_check(bytes_of(key.data, key.size)), ERROR_NONE, "%ld", ints[i]);
    }
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 60000};
    char *text = calloc(60000, 1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int is_bin = 0; is_bin < 2; is_bin++) {
            grid_builder_clear(builder);
            if (is_bin)
                grid_build_bin(builder, text, sizes[i]);
            else
                grid_build_str_n(builder, text, sizes[i]);
            struct grid_bytes key = grid_builder_bytes(builder);
            cr_assert_eq(key_check(bytes_of(key.data, key.size)), ERROR_NONE, "%zu", sizes[i]);
        }
    }
    free(text);
}

Test(value, fields_are_found_by_name)
{
    static const char json[] = "{\"a\": 1, \"b\": {\"c\": \"text\"}, \"d\": 2.5, \"e\": true}";
    cr_assert_eq(grid_build_json(builder, json, strlen(json), NULL, 0), GRID_OK);
    struct grid_bytes map = grid_builder_bytes(builder);
    int64_t number;
    double real;
    bool flag;
    struct grid_bytes text;
    cr_assert(grid_value_int(grid_value_field(map, "a"), &number));
    cr_assert_eq(number, 1);
    cr_assert(grid_value_str(grid_value_field(grid_value_field(map, "b"), "c"), &text));
    cr_assert_eq(text.size, 4);
    cr_assert_arr_eq(text.data, "text", 4);
    cr_assert(grid_value_double(grid_value_field(map, "d"), &real));
    cr_assert_eq(real, 2.5);
    cr_assert(grid_value_bool(grid_value_field(map, "e"), &flag));
    cr_assert(flag);
    cr_assert_null(grid_value_field(map, "f").data);
    cr_assert_null(grid_value_field(grid_value_field(map, "a"), "a").data);
}

Test(value, other_types_are_told_apart)
{
    int64_t number;
    double real;
    bool flag;
    struct grid_bytes text;
    grid_build_uint(builder, UINT64_MAX);
    struct grid_bytes value = grid_builder_bytes(builder);
    cr_assert_not(grid_value_int(value, &number), "beyond int64");
    cr_assert(grid_value_double(value, &real));
    cr_assert_eq(real, 0x1p64);
    cr_assert_not(grid_value_str(value, &text));
    cr_assert_not(grid_value_bool(value, &flag));
    grid_builder_clear(builder);
    grid_build_int(builder, -5);
    value = grid_builder_bytes(builder);
    cr_assert(grid_value_double(value, &real));
    cr_assert_eq(real, -5.0);
    cr_assert_not(grid_value_int((struct grid_bytes){0}, &number));
    cr_assert_not(grid_value_double((struct grid_bytes){0}, &real));
}

Test(value, fields_of_broken_maps_are_not_there)
{
    static const uint8_t broken[] = {0x82, 0xa1, 'a', 0x01, 0xa1, 'b'};
    struct grid_bytes map = {broken, sizeof broken};
    cr_assert_not_null(grid_value_field(map, "a").data);
    cr_assert_null(grid_value_field(map, "b").data);
    cr_assert_null(grid_value_field((struct grid_bytes){broken, 1}, "a").data);
}

Test(value, keys_of_other_types_are_passed_over)
{
    grid_build_map(builder, 2);
    grid_build_int(builder, 7);
    grid_build_int(builder, 8);
    grid_build_str(builder, "a");
    grid_build_int(builder, 9);
    int64_t number;
    cr_assert(grid_value_int(grid_value_field(grid_builder_bytes(builder), "a"), &number));
    cr_assert_eq(number, 9);
}

Test(value, elements_are_numbered)
{
    static const uint8_t broken[] = {0x93, 0x01, 0xa1, 'b', 0xa1};
    struct grid_bytes array = {broken, sizeof broken};
    struct grid_bytes text;
    int64_t number;
    cr_assert(grid_value_int(grid_value_element(array, 0), &number));
    cr_assert_eq(number, 1);
    cr_assert(grid_value_str(grid_value_element(array, 1), &text));
    cr_assert_eq(text.size, 1);
    cr_assert_null(grid_value_element(array, 2).data);
    cr_assert_null(grid_value_element(array, 3).data);
    cr_assert_null(grid_value_element((struct grid_bytes){0}, 0).data);
    cr_assert_null(grid_value_element(grid_value_element(array, 0), 0).data);
}

Test(value, unsigned_numbers_have_64_bits)
{
    uint64_t number;
    grid_build_uint(builder, UINT64_MAX);
    cr_assert(grid_value_uint(grid_builder_bytes(builder), &number));
    cr_assert_eq(number, UINT64_MAX);
    grid_builder_clear(builder);
    grid_build_int(builder, -1);
    cr_assert_not(grid_value_uint(grid_builder_bytes(builder), &number));
    cr_assert_not(grid_value_uint((struct grid_bytes){0}, &number));
}

Test(value, errors_have_the_protocols_names)
{
    cr_assert_str_eq(grid_error_name(GRID_OK), "OK");
    cr_assert_str_eq(grid_error_name(GRID_NOT_OWNER), "NOT_OWNER");
    cr_assert_str_eq(grid_error_name((enum grid_error)9999), "UNKNOWN");
    cr_assert_str_eq(grid_version(), GRID_VERSION);
}
