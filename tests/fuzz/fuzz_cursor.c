// SPDX-License-Identifier: Apache-2.0
// Input: any bytes. Every object that cursor_skip steps over is read by the typed readers too, and
// they end at the same place; what is written again in shortest formats is well-formed.
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void object_copy(struct cursor *cursor, struct buffer *out);

static void container_copy(struct cursor *cursor, struct buffer *out)
{
    uint32_t count;
    if (cursor_peek(cursor) == WIRE_ARRAY) {
        CHECK(cursor_read_array(cursor, &count));
        write_array(out, count);
        for (uint32_t i = 0; i < count; i++)
            object_copy(cursor, out);
    } else {
        CHECK(cursor_read_map(cursor, &count));
        write_map(out, count);
        for (uint32_t i = 0; i < count; i++) {
            object_copy(cursor, out);
            object_copy(cursor, out);
        }
    }
}

static void number_copy(struct cursor *cursor, struct buffer *out)
{
    uint64_t number;
    int64_t integer;
    double real;
    if (cursor_read_uint(cursor, &number)) {
        write_uint(out, number);
    } else if (cursor_read_int(cursor, &integer)) {
        CHECK(integer < 0);
        write_int(out, integer);
    } else {
        CHECK(cursor_read_float(cursor, &real));
        write_float(out, real);
    }
}

static void scalar_copy(struct cursor *cursor, struct buffer *out)
{
    bool truth;
    struct bytes payload;
    if (cursor_read_nil(cursor)) {
        write_nil(out);
    } else if (cursor_read_bool(cursor, &truth)) {
        write_bool(out, truth);
    } else if (cursor_read_str(cursor, &payload)) {
        write_str(out, payload);
    } else if (cursor_read_bin(cursor, &payload)) {
        write_bin(out, payload);
    } else if (cursor_peek(cursor) == WIRE_EXT) {
        CHECK(cursor_read_object(cursor, &payload));
        write_object(out, payload);
    } else {
        number_copy(cursor, out);
    }
}

// The object is known to be well-formed.
static void object_copy(struct cursor *cursor, struct buffer *out)
{
    enum wire_type type = cursor_peek(cursor);
    CHECK(type != WIRE_END);
    if (type == WIRE_ARRAY || type == WIRE_MAP)
        container_copy(cursor, out);
    else
        scalar_copy(cursor, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor cursor = cursor_of(bytes_of(data, size));
    struct bytes object;
    struct buffer copy = {0};
    while (cursor_read_object(&cursor, &object)) {
        CHECK(value_check(object) == ERROR_NONE);
        struct cursor inside = cursor_of(object);
        object_copy(&inside, &copy);
        CHECK(cursor_left(&inside) == 0);
        CHECK(value_check(buffer_bytes(&copy)) == ERROR_NONE);
        buffer_clear(&copy);
    }
    buffer_deinit(&copy);
    return 0;
}
