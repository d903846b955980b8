// SPDX-License-Identifier: Apache-2.0
// Reading of values. Whatever the bytes are, nothing beyond them is touched.
#include "client/grid.h"
#include "cluster/wire/cursor.h"

static struct cursor cursor_of_value(struct grid_bytes value)
{
    static const uint8_t nothing[1];
    return cursor_of(bytes_of(value.size > 0 ? value.data : nothing, value.size));
}

struct grid_bytes grid_value_field(struct grid_bytes map, const char *name)
{
    struct cursor cursor = cursor_of_value(map);
    struct bytes wanted = bytes_of_text(name);
    uint32_t pair_count;
    if (!cursor_read_map(&cursor, &pair_count))
        return (struct grid_bytes){0};
    for (uint32_t i = 0; i < pair_count; i++) {
        struct bytes key, value;
        bool is_text = cursor_peek(&cursor) == WIRE_STR;
        if (!(is_text ? cursor_read_str(&cursor, &key) : cursor_read_object(&cursor, &key)) ||
            !cursor_read_object(&cursor, &value))
            return (struct grid_bytes){0};
        if (is_text && bytes_equal(key, wanted))
            return (struct grid_bytes){value.data, value.size};
    }
    return (struct grid_bytes){0};
}

struct grid_bytes grid_value_element(struct grid_bytes array, size_t index)
{
    struct cursor cursor = cursor_of_value(array);
    uint32_t count;
    struct bytes element = {0};
    if (!cursor_read_array(&cursor, &count) || index >= count)
        return (struct grid_bytes){0};
    for (size_t i = 0; i <= index; i++) {
        if (!cursor_read_object(&cursor, &element))
            return (struct grid_bytes){0};
    }
    return (struct grid_bytes){element.data, element.size};
}

bool grid_value_int(struct grid_bytes value, int64_t *number)
{
    struct cursor cursor = cursor_of_value(value);
    return cursor_read_int(&cursor, number);
}

bool grid_value_uint(struct grid_bytes value, uint64_t *number)
{
    struct cursor cursor = cursor_of_value(value);
    return cursor_read_uint(&cursor, number);
}

bool grid_value_double(struct grid_bytes value, double *number)
{
    struct cursor cursor = cursor_of_value(value);
    uint64_t unsigned_number;
    int64_t signed_number;
    if (cursor_read_float(&cursor, number))
        return true;
    if (cursor_read_uint(&cursor, &unsigned_number)) {
        *number = (double)unsigned_number;
        return true;
    }
    if (!cursor_read_int(&cursor, &signed_number))
        return false;
    *number = (double)signed_number;
    return true;
}

bool grid_value_str(struct grid_bytes value, struct grid_bytes *text)
{
    struct cursor cursor = cursor_of_value(value);
    struct bytes read;
    if (!cursor_read_str(&cursor, &read))
        return false;
    *text = (struct grid_bytes){read.data, read.size};
    return true;
}

bool grid_value_bool(struct grid_bytes value, bool *flag)
{
    struct cursor cursor = cursor_of_value(value);
    return cursor_read_bool(&cursor, flag);
}
