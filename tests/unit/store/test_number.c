// SPDX-License-Identifier: Apache-2.0
#include "node/store/number.h"

#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

#include <criterion/criterion.h>

struct row {
    int64_t value;
    int64_t delta;
    int64_t sum;
};

static enum error add_ints(int64_t value, int64_t delta, struct buffer *out)
{
    struct buffer a = {0}, b = {0};
    write_int(&a, value);
    write_int(&b, delta);
    enum error error = number_add(buffer_bytes(&a), buffer_bytes(&b), out);
    buffer_deinit(&a);
    buffer_deinit(&b);
    return error;
}

Test(number, ints_add_up_to_ints)
{
    static const struct row rows[] = {
        {0, 0, 0},
        {1, 2, 3},
        {-1, 1, 0},
        {100, -300, -200},
        {INT64_MAX, INT64_MIN, -1},
        {-5, -5, -10},
        {127, 1, 128},
        {65535, 1, 65536},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer out = {0};
        int64_t sum;
        cr_assert_eq(add_ints(rows[i].value, rows[i].delta, &out), ERROR_NONE);
        struct cursor cursor = cursor_of(buffer_bytes(&out));
        cr_assert(cursor_read_int(&cursor, &sum));
        cr_assert_eq(sum, rows[i].sum, "row %zu", i);
        buffer_deinit(&out);
    }
}

Test(number, the_range_is_that_of_signed_and_unsigned_64_bits)
{
    struct buffer out = {0}, max = {0}, one = {0};
    uint64_t sum;
    cr_assert_eq(add_ints(INT64_MAX, 1, &out), ERROR_NONE);
    struct cursor cursor = cursor_of(buffer_bytes(&out));
    cr_assert(cursor_read_uint(&cursor, &sum));
    cr_assert_eq(sum, (uint64_t)INT64_MAX + 1);
    buffer_clear(&out);
    cr_assert_eq(add_ints(INT64_MIN, -1, &out), ERROR_OVERFLOW);
    write_uint(&max, UINT64_MAX);
    write_uint(&one, 1);
    cr_assert_eq(number_add(buffer_bytes(&max), buffer_bytes(&one), &out), ERROR_OVERFLOW);
    cr_assert_eq(buffer_size(&out), 0);
    buffer_deinit(&out);
    buffer_deinit(&max);
    buffer_deinit(&one);
}

Test(number, a_float_on_either_side_makes_a_float)
{
    struct buffer out = {0}, whole = {0}, part = {0};
    write_int(&whole, -2);
    write_float(&part, 0.5);
    for (int swapped = 0; swapped < 2; swapped++) {
        struct bytes a = buffer_bytes(swapped ? &part : &whole);
        struct bytes b = buffer_bytes(swapped ? &whole : &part);
        double sum;
        buffer_clear(&out);
        cr_assert_eq(number_add(a, b, &out), ERROR_NONE);
        struct cursor cursor = cursor_of(buffer_bytes(&out));
        cr_assert(cursor_read_float(&cursor, &sum));
        cr_assert_eq(sum, -1.5);
    }
    buffer_deinit(&out);
    buffer_deinit(&whole);
    buffer_deinit(&part);
}

Test(number, anything_else_is_of_the_wrong_type)
{
    struct buffer out = {0}, text = {0}, one = {0};
    write_text(&text, "1");
    write_int(&one, 1);
    cr_assert_eq(number_add(buffer_bytes(&text), buffer_bytes(&one), &out), ERROR_WRONG_TYPE);
    cr_assert_eq(number_add(buffer_bytes(&one), buffer_bytes(&text), &out), ERROR_WRONG_TYPE);
    cr_assert_eq(buffer_size(&out), 0);
    buffer_deinit(&text);
    buffer_deinit(&one);
}
