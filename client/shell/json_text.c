// SPDX-License-Identifier: Apache-2.0
#include "client/shell/json_text.h"

#include "client/shell/cell_text.h"

#include <stdio.h>

static struct bytes bytes_after(struct bytes text, size_t count)
{
    return bytes_of(text.data + count, text.size - count);
}

static void append_quoted(struct buffer *out, struct bytes text, const struct cell_step *step)
{
    char escape[8];
    if (step->character == '"' || step->character == '\\')
        snprintf(escape, sizeof escape, "\\%c", (char)step->character);
    else if (step->character == '\n')
        snprintf(escape, sizeof escape, "\\n");
    else if (step->character < 0x20)
        snprintf(escape, sizeof escape, "\\u%04x", step->character & 0xffff);
    else if (step->character == 0xfffd)
        snprintf(escape, sizeof escape, "\xef\xbf\xbd");
    else {
        buffer_append(out, text.data, step->bytes);
        return;
    }
    buffer_append(out, escape, strlen(escape));
}

void json_text_quote(struct buffer *out, struct bytes text)
{
    buffer_append(out, "\"", 1);
    while (text.size > 0) {
        struct cell_step step = cell_text_step(text);
        append_quoted(out, text, &step);
        text = bytes_after(text, step.bytes);
    }
    buffer_append(out, "\"", 1);
}

static void append_utf8(struct buffer *out, uint32_t character)
{
    uint8_t bytes[4];
    size_t size = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i-- > 1; character >>= 6)
        bytes[i] = (uint8_t)(0x80 | (character & 0x3f));
    bytes[0] = (uint8_t)(leads[size] | character);
    buffer_append(out, bytes, size);
}

// The four hexadecimal digits of \uXXXX at the start of `text`; UINT32_MAX when there are none.
static uint32_t unit_read(struct bytes text)
{
    if (text.size < 6 || text.data[0] != '\\' || text.data[1] != 'u')
        return UINT32_MAX;
    uint32_t unit = 0;
    for (size_t i = 2; i < 6; i++) {
        uint8_t digit = text.data[i];
        uint32_t value = digit <= '9' ? digit - (uint32_t)'0' : (digit | 0x20U) - 'a' + 10U;
        unit = unit << 4 | (value & 0xf);
    }
    return unit;
}

// Appends what the escape at the start of `text` stands for; returns the bytes that it takes.
static size_t escape_read(struct buffer *out, struct bytes text)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    uint32_t unit = unit_read(text);
    if (unit == UINT32_MAX) {
        const char *letter = text.size > 1 ? memchr(letters, text.data[1], 5) : NULL;
        if (letter != NULL)
            buffer_append(out, &meanings[letter - letters], 1);
        else if (text.size > 1)
            buffer_append(out, &text.data[1], 1);
        return text.size > 1 ? 2 : 1;
    }
    bool high = unit >= 0xd800 && unit < 0xdc00;
    uint32_t low = high ? unit_read(bytes_after(text, 6)) : 0;
    if (high && low >= 0xdc00 && low < 0xe000) {
        append_utf8(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
        return 12;
    }
    append_utf8(out, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
    return 6;
}

void json_text_unquote(struct buffer *out, struct bytes quoted)
{
    if (quoted.size < 2)
        return;
    struct bytes text = bytes_of(quoted.data + 1, quoted.size - 2);
    while (text.size > 0) {
        const uint8_t *escape = memchr(text.data, '\\', text.size);
        size_t plain = escape != NULL ? (size_t)(escape - text.data) : text.size;
        buffer_append(out, text.data, plain);
        text = bytes_after(text, plain);
        if (text.size > 0)
            text = bytes_after(text, escape_read(out, text));
    }
}

static struct bytes skip_blanks(struct bytes text)
{
    while (text.size > 0 && (text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r')))
        text = bytes_after(text, 1);
    return text;
}

static size_t string_bytes(struct bytes text)
{
    size_t at = 1;
    while (at < text.size && text.data[at] != '"')
        at += text.data[at] == '\\' ? 2 : 1;
    return at < text.size ? at + 1 : text.size;
}

// Bytes of the value at the start of `text`.
static size_t value_bytes(struct bytes text)
{
    size_t at = 0;
    size_t depth = 0;
    while (at < text.size) {
        uint8_t byte = text.data[at];
        if (depth == 0 && (byte == ',' || byte == '}' || byte == ']'))
            break;
        if (byte == '"') {
            at += string_bytes(bytes_after(text, at));
            continue;
        }
        if (byte == '{' || byte == '[')
            depth++;
        else if (byte == '}' || byte == ']')
            depth--;
        at++;
    }
    while (at > 0 && text.data[at - 1] == ' ')
        at--;
    return at;
}

bool json_members_start(struct json_members *members, struct bytes json)
{
    json = skip_blanks(json);
    if (json.size == 0 || json.data[0] != '{')
        return false;
    members->rest = bytes_after(json, 1);
    return true;
}

bool json_members_next(struct json_members *members, struct bytes *name, struct bytes *value)
{
    struct bytes rest = skip_blanks(members->rest);
    if (rest.size > 0 && rest.data[0] == ',')
        rest = skip_blanks(bytes_after(rest, 1));
    if (rest.size == 0 || rest.data[0] != '"')
        return false;
    *name = bytes_of(rest.data, string_bytes(rest));
    rest = skip_blanks(bytes_after(rest, name->size));
    if (rest.size == 0 || rest.data[0] != ':')
        return false;
    rest = skip_blanks(bytes_after(rest, 1));
    *value = bytes_of(rest.data, value_bytes(rest));
    members->rest = bytes_after(rest, value->size);
    return value->size > 0;
}

enum json_kind json_text_kind(struct bytes json)
{
    switch (json.size > 0 ? json.data[0] : 'n') {
    case '"':
        return JSON_KIND_STRING;
    case '{':
    case '[':
        return JSON_KIND_CONTAINER;
    case 't':
    case 'f':
        return JSON_KIND_BOOL;
    case 'n':
        return JSON_KIND_NULL;
    default:
        return JSON_KIND_NUMBER;
    }
}

void json_text_plain(struct buffer *out, struct bytes json)
{
    enum json_kind kind = json_text_kind(json);
    if (kind == JSON_KIND_STRING)
        json_text_unquote(out, json);
    else if (kind != JSON_KIND_NULL)
        buffer_append(out, json.data, json.size);
}
