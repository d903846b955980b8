// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/buffer.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"

#include <criterion/criterion.h>

static void assert_holds(const struct buffer *buffer, const char *expected)
{
    cr_assert(bytes_equal(buffer_bytes(buffer), bytes_of_text(expected)));
    cr_assert_eq(buffer_size(buffer), strlen(expected));
}

Test(buffer, starts_empty_without_memory)
{
    struct buffer buffer = {0};
    cr_assert_eq(buffer_size(&buffer), 0);
    cr_assert_null(buffer.data);
    assert_holds(&buffer, "");
    buffer_append(&buffer, NULL, 0);
    cr_assert_null(buffer.data);
    buffer_deinit(&buffer);
}

Test(buffer, what_is_appended_is_consumed_in_order)
{
    struct buffer buffer = {0};
    buffer_append(&buffer, "hello ", 6);
    buffer_append(&buffer, "world", 5);
    assert_holds(&buffer, "hello world");
    buffer_consume(&buffer, 6);
    assert_holds(&buffer, "world");
    buffer_consume(&buffer, 5);
    assert_holds(&buffer, "");
    cr_assert_eq(buffer.start, 0, "an emptied buffer starts over");
    buffer_deinit(&buffer);
}

Test(buffer, reserved_bytes_count_once_they_are_advanced_over)
{
    struct buffer buffer = {0};
    memcpy(buffer_reserve(&buffer, 1000), "abc", 3);
    assert_holds(&buffer, "");
    buffer_advance(&buffer, 3);
    assert_holds(&buffer, "abc");
    buffer_clear(&buffer);
    assert_holds(&buffer, "");
    buffer_deinit(&buffer);
}

Test(buffer, consumed_room_is_used_again_before_it_grows)
{
    struct buffer buffer = {0};
    char bytes[200] = {0};
    buffer_append(&buffer, bytes, sizeof bytes);
    buffer_append(&buffer, "rest", 4);
    size_t capacity = buffer.capacity;
    buffer_consume(&buffer, sizeof bytes);
    buffer_append(&buffer, bytes, 100);
    cr_assert_eq(buffer.capacity, capacity);
    cr_assert_eq(buffer.start, 0);
    cr_assert_eq(memcmp(buffer.data, "rest", 4), 0);
    buffer_deinit(&buffer);
}

Test(buffer, trim_gives_back_what_is_empty_and_large)
{
    struct buffer buffer = {0};
    char bytes[5000] = {0};
    buffer_append(&buffer, bytes, sizeof bytes);
    buffer_trim(&buffer, 100);
    cr_assert_not_null(buffer.data);
    buffer_consume(&buffer, sizeof bytes);
    buffer_trim(&buffer, 100000);
    cr_assert_not_null(buffer.data);
    buffer_trim(&buffer, 100);
    cr_assert_null(buffer.data);
    cr_assert_eq(buffer.capacity, 0);
}

Test(buffer, is_a_queue_of_bytes_whatever_the_sizes)
{
    struct random random = {.state = 1};
    struct buffer buffer = {0};
    uint8_t written = 0;
    uint8_t read = 0;
    for (int i = 0; i < 20000; i++) {
        size_t count = random_below(&random, 2) ? random_below(&random, 700) : 0;
        uint8_t *at = buffer_reserve(&buffer, count);
        for (size_t j = 0; j < count; j++)
            at[j] = written++;
        buffer_advance(&buffer, count);
        size_t taken = random_below(&random, buffer_size(&buffer) + 1);
        for (size_t j = 0; j < taken; j++)
            cr_assert_eq(buffer_bytes(&buffer).data[j], read++);
        buffer_consume(&buffer, taken);
        cr_assert_leq(buffer.end, buffer.capacity);
    }
    buffer_deinit(&buffer);
}

Test(bytes, equality_is_of_size_and_content)
{
    cr_assert(bytes_equal(bytes_of_text("ab"), bytes_of("abc", 2)));
    cr_assert_not(bytes_equal(bytes_of_text("ab"), bytes_of_text("abc")));
    cr_assert_not(bytes_equal(bytes_of_text("ab"), bytes_of_text("ac")));
    cr_assert(bytes_equal(bytes_of(NULL, 0), bytes_of_text("")));
}

Test(memory, new_memory_is_zero_and_resizing_keeps_it)
{
    uint32_t *numbers = memory_new_array(4, sizeof *numbers);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(numbers[i], 0);
        numbers[i] = i;
    }
    numbers = memory_resize_array(numbers, 1000, sizeof *numbers);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(numbers[i], i);
    free(numbers);
    char *text = memory_copy_text("hello", 4);
    cr_assert_str_eq(text, "hell");
    free(text);
}
