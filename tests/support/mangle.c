// SPDX-License-Identifier: Apache-2.0
#include "tests/support/mangle.h"

#include "cluster/base/memory.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

#include <criterion/criterion.h>

static enum error copy_decode(mangle_decode *decode, const void *context, struct bytes body)
{
    uint8_t *copy = memory_new_array(body.size, 1);
    if (body.size)
        memcpy(copy, body.data, body.size);
    enum error error = decode(context, bytes_of(copy, body.size));
    free(copy);
    return error;
}

void mangle_lengths(mangle_decode *decode, const void *context, struct bytes body)
{
    cr_assert_eq(copy_decode(decode, context, body), ERROR_NONE);
    for (size_t size = 0; size < body.size; size++)
        cr_assert_neq(copy_decode(decode, context, bytes_of(body.data, size)), ERROR_NONE,
                      "cut to %zu of %zu bytes", size, body.size);
    struct buffer longer = {0};
    write_object(&longer, body);
    write_nil(&longer);
    cr_assert_neq(copy_decode(decode, context, buffer_bytes(&longer)), ERROR_NONE);
    buffer_deinit(&longer);
}

void mangle_bytes(mangle_decode *decode, const void *context, struct bytes body)
{
    uint8_t *copy = memory_new_array(body.size, 1);
    memcpy(copy, body.data, body.size);
    for (size_t i = 0; i < body.size; i++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            copy[i] = (uint8_t)byte;
            (void)copy_decode(decode, context, bytes_of(copy, body.size));
        }
        copy[i] = body.data[i];
    }
    free(copy);
}

void mangle_types(mangle_decode *decode, const void *context, struct bytes body)
{
    static const uint8_t ext[] = {0xd4, 0x01, 0x02};
    struct cursor cursor = cursor_of(body);
    uint32_t count;
    cr_assert(cursor_read_array(&cursor, &count));
    for (uint32_t i = 0; i < count; i++) {
        struct bytes object;
        struct buffer changed = {0};
        buffer_append(&changed, body.data, (size_t)(cursor.at - body.data));
        cr_assert(cursor_read_object(&cursor, &object));
        buffer_append(&changed, ext, sizeof ext);
        buffer_append(&changed, cursor.at, cursor_left(&cursor));
        cr_assert_neq(copy_decode(decode, context, buffer_bytes(&changed)), ERROR_NONE,
                      "element %u", i);
        buffer_deinit(&changed);
    }
}
