// SPDX-License-Identifier: Apache-2.0
// MessagePack to JSON text, straight from the bytes: a tree would lose the order of keys, keys that
// are no text, and integers beyond 63 bits.
#include "client/grid.h"
#include "cluster/base/buffer.h"
#include "cluster/base/memory.h"
#include "cluster/wire/cursor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void text_write(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void json_write(struct buffer *out, struct cursor *cursor);

// ---- Numbers ----

// The shortest of three that reads back as the same number, and never looks like an integer.
static void float_write(struct buffer *out, double number)
{
    char text[40];
    if (!isfinite(number)) {
        text_write(out, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    text_write(out, text);
    if (!strpbrk(text, ".e"))
        text_write(out, ".0");
}

// ---- Text ----

// Bytes of the UTF-8 character (RFC 3629) at the start of `text`; 0 when it is none.
static size_t utf8_bytes(struct bytes text)
{
    const uint8_t *at = text.data;
    if (at[0] < 0x80)
        return 1;
    size_t size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || text.size < size)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    bool is_overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool is_surrogate = at[0] == 0xed && at[1] > 0x9f;
    bool is_beyond = at[0] == 0xf4 && at[1] > 0x8f;
    return is_overlong || is_surrogate || is_beyond ? 0 : size;
}

static void escape_write(struct buffer *out, uint8_t byte)
{
    static const char named[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    for (const char *at = named; *at != '\0'; at += 2) {
        if ((uint8_t)at[0] == byte) {
            char escaped[2] = {'\\', at[1]};
            buffer_append(out, escaped, sizeof escaped);
            return;
        }
    }
    char text[8];
    snprintf(text, sizeof text, "\\u%04x", byte);
    text_write(out, text);
}

// What is no UTF-8 becomes U+FFFD.
static void string_write(struct buffer *out, struct bytes text)
{
    CHECK(text.data != NULL || text.size == 0);
    text_write(out, "\"");
    while (text.size > 0) {
        size_t size = utf8_bytes(text);
        uint8_t byte = text.data[0];
        if (size == 0)
            text_write(out, "\xef\xbf\xbd");
        else if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f)
            escape_write(out, byte);
        else
            buffer_append(out, text.data, size);
        size_t taken = size > 0 ? size : 1;
        text = bytes_of(text.data + taken, text.size - taken);
    }
    text_write(out, "\"");
}

static void base64_write(struct buffer *out, struct bytes data)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text_write(out, "\"");
    for (size_t i = 0; i < data.size; i += 3) {
        size_t left = data.size - i;
        uint32_t bits = (uint32_t)data.data[i] << 16;
        bits |= left > 1 ? (uint32_t)data.data[i + 1] << 8 : 0;
        bits |= left > 2 ? data.data[i + 2] : 0;
        char group[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                         left > 1 ? digits[bits >> 6 & 63] : '=',
                         left > 2 ? digits[bits & 63] : '='};
        buffer_append(out, group, sizeof group);
    }
    text_write(out, "\"");
}

// ---- Containers ----

static void array_write(struct buffer *out, struct cursor *cursor)
{
    uint32_t count;
    CHECK(cursor_read_array(cursor, &count));
    text_write(out, "[");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            text_write(out, ",");
        json_write(out, cursor);
    }
    text_write(out, "]");
}

static void key_write(struct buffer *out, struct cursor *cursor)
{
    if (cursor_peek(cursor) == WIRE_STR) {
        json_write(out, cursor);
        return;
    }
    struct buffer text = {0};
    json_write(&text, cursor);
    string_write(out, buffer_bytes(&text));
    buffer_deinit(&text);
}

static void map_write(struct buffer *out, struct cursor *cursor)
{
    uint32_t pair_count;
    CHECK(cursor_read_map(cursor, &pair_count));
    text_write(out, "{");
    for (uint32_t i = 0; i < pair_count; i++) {
        if (i > 0)
            text_write(out, ",");
        key_write(out, cursor);
        text_write(out, ":");
        json_write(out, cursor);
    }
    text_write(out, "}");
}

// ---- Any object ----

// The payload of an ext object, after its head and type (MessagePack specification, ext format).
static struct bytes ext_payload(struct bytes object)
{
    uint8_t first = object.data[0];
    size_t head = first == 0xc7 ? 3 : first == 0xc8 ? 4 : first == 0xc9 ? 6 : 2;
    return bytes_of(object.data + head, object.size - head);
}

static void scalar_write(struct buffer *out, struct cursor *cursor, enum wire_type type)
{
    bool flag;
    uint64_t number;
    int64_t negative;
    double real;
    char text[24];
    if (type == WIRE_BOOL && cursor_read_bool(cursor, &flag)) {
        text_write(out, flag ? "true" : "false");
    } else if (type == WIRE_UINT && cursor_read_uint(cursor, &number)) {
        snprintf(text, sizeof text, "%" PRIu64, number);
        text_write(out, text);
    } else if (type == WIRE_INT && cursor_read_int(cursor, &negative)) {
        snprintf(text, sizeof text, "%" PRId64, negative);
        text_write(out, text);
    } else if (type == WIRE_FLOAT && cursor_read_float(cursor, &real)) {
        float_write(out, real);
    } else {
        CHECK(cursor_read_nil(cursor));
        text_write(out, "null");
    }
}

// The object at the cursor is well-formed: grid_value_to_json has walked it.
static void json_write(struct buffer *out, struct cursor *cursor)
{
    struct bytes payload;
    enum wire_type type = cursor_peek(cursor);
    if (type == WIRE_MAP) {
        map_write(out, cursor);
    } else if (type == WIRE_ARRAY) {
        array_write(out, cursor);
    } else if (type == WIRE_STR) {
        CHECK(cursor_read_str(cursor, &payload));
        string_write(out, payload);
    } else if (type == WIRE_BIN) {
        CHECK(cursor_read_bin(cursor, &payload));
        base64_write(out, payload);
    } else if (type == WIRE_EXT) {
        CHECK(cursor_read_object(cursor, &payload));
        base64_write(out, ext_payload(payload));
    } else {
        scalar_write(out, cursor, type);
    }
}

char *grid_value_to_json(struct grid_bytes value)
{
    if (value.size == 0)
        return NULL;
    struct cursor walk = cursor_of(bytes_of(value.data, value.size));
    struct cursor cursor = walk;
    if (!cursor_skip(&walk))
        return NULL;
    struct buffer out = {0};
    json_write(&out, &cursor);
    buffer_append(&out, "", 1);
    return (char *)out.data;
}
