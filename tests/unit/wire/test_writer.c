// SPDX-License-Identifier: Apache-2.0
// What the writer writes is compared with msgpack-c in test_oracle.c; here are its seams.
#include "cluster/wire/writer.h"

#include "cluster/base/memory.h"
#include "cluster/wire/cursor.h"

#include <criterion/criterion.h>

Test(writer, containers_of_every_size_are_in_their_shortest_format)
{
    static const struct {
        uint32_t count;
        size_t head_bytes;
    } rows[] = {{0, 1}, {15, 1}, {16, 3}, {65535, 3}, {65536, 5}, {UINT32_MAX, 5}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer buffer = {0};
        write_array(&buffer, rows[i].count);
        cr_assert_eq(buffer_size(&buffer), rows[i].head_bytes);
        buffer_clear(&buffer);
        write_map(&buffer, rows[i].count);
        cr_assert_eq(buffer_size(&buffer), rows[i].head_bytes);
        buffer_deinit(&buffer);
    }
}

Test(writer, an_object_is_copied_as_it_is)
{
    struct buffer object = {0};
    struct buffer buffer = {0};
    write_map(&object, 1);
    write_text(&object, "a");
    write_float(&object, 2.5);
    write_array(&buffer, 2);
    write_object(&buffer, buffer_bytes(&object));
    write_object(&buffer, buffer_bytes(&object));
    cr_assert_eq(value_check(buffer_bytes(&buffer)), ERROR_NONE);
    struct cursor cursor = cursor_of(buffer_bytes(&buffer));
    uint32_t count;
    struct bytes copy;
    cr_assert(cursor_read_array(&cursor, &count));
    cr_assert(cursor_read_object(&cursor, &copy));
    cr_assert(bytes_equal(copy, buffer_bytes(&object)));
    buffer_deinit(&object);
    buffer_deinit(&buffer);
}

Test(writer, writes_on_at_the_end_of_a_buffer_in_use)
{
    struct buffer buffer = {0};
    for (uint64_t i = 0; i < 2000; i++) {
        write_uint(&buffer, i * i * i);
        write_text(&buffer, "some text that makes the buffer grow");
        if (i % 3 == 0)
            continue;
        struct cursor cursor = cursor_of(buffer_bytes(&buffer));
        cr_assert(cursor_skip(&cursor) && cursor_skip(&cursor));
        buffer_consume(&buffer, buffer_size(&buffer) - cursor_left(&cursor));
    }
    struct cursor cursor = cursor_of(buffer_bytes(&buffer));
    while (cursor_left(&cursor) > 0)
        cr_assert(cursor_skip(&cursor));
    buffer_deinit(&buffer);
}
