// SPDX-License-Identifier: Apache-2.0
#include "client/shell/cell_text.h"

#include <stdio.h>
#include <wchar.h>

#define REPLACEMENT 0xFFFDU

// Length and lead bits by the first byte of a character (RFC 3629); 0: no first byte.
static uint32_t sequence_bytes(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

static uint32_t decode(struct bytes text, uint32_t *used)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t size = sequence_bytes(text.data[0]);
    *used = 1;
    if (size == 0 || size > text.size)
        return REPLACEMENT;
    if (size == 1)
        return text.data[0];
    uint32_t character = text.data[0] & (0x7fU >> size);
    for (uint32_t i = 1; i < size; i++) {
        if ((text.data[i] & 0xc0) != 0x80)
            return REPLACEMENT;
        character = character << 6 | (text.data[i] & 0x3fU);
    }
    bool surrogate = character >= 0xd800 && character <= 0xdfff;
    if (character < smallest[size] || character > 0x10ffff || surrogate)
        return REPLACEMENT;
    *used = size;
    return character;
}

// Besides C0 and C1: the line separators and the marks that change the direction of what follows.
static bool is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

struct cell_step cell_text_step(struct bytes text)
{
    struct cell_step step = {0};
    step.character = decode(text, &step.bytes);
    step.control = is_control(step.character);
    if (step.control)
        return step;
    int width = step.character < 0x80 ? 1 : wcwidth((wchar_t)step.character);
    step.width = width < 0 ? 1 : (uint32_t)width;
    return step;
}

static struct bytes bytes_after(struct bytes text, size_t count)
{
    return bytes_of(text.data + count, text.size - count);
}

size_t cell_text_width(struct bytes text)
{
    size_t width = 0;
    while (text.size > 0) {
        struct cell_step step = cell_text_step(text);
        width += step.control ? 1 : step.width;
        text = bytes_after(text, step.bytes);
    }
    return width;
}

static void append_character(struct buffer *out, struct bytes text, const struct cell_step *step)
{
    if (step->character == REPLACEMENT)
        buffer_append(out, "\xef\xbf\xbd", 3);
    else
        buffer_append(out, text.data, step->bytes);
}

static void append_escape(struct buffer *out, uint32_t character)
{
    char escape[8];
    if (character == '\n' || character == '\t' || character == '\r')
        snprintf(escape, sizeof escape, "\\%c",
                 character == '\n'   ? 'n'
                 : character == '\t' ? 't'
                                     : 'r');
    else
        snprintf(escape, sizeof escape, "\\u%04x", character & 0xffff);
    buffer_append(out, escape, strlen(escape));
}

void cell_text_clean(struct buffer *out, struct bytes text)
{
    while (text.size > 0) {
        struct cell_step step = cell_text_step(text);
        if (step.control)
            append_escape(out, step.character);
        else
            append_character(out, text, &step);
        text = bytes_after(text, step.bytes);
    }
}

size_t cell_text_cut(struct buffer *out, struct bytes text, size_t width)
{
    size_t used = 0;
    size_t ellipsis_at = out->end; // where the ellipsis would go
    size_t ellipsis_used = 0;
    while (text.size > 0) {
        struct cell_step step = cell_text_step(text);
        if (used + step.width > width) {
            if (width == 0)
                return 0;
            out->end = ellipsis_at;
            buffer_append(out, "\xe2\x80\xa6", 3);
            return ellipsis_used + 1;
        }
        append_character(out, text, &step);
        used += step.width;
        if (used < width) {
            ellipsis_at = out->end;
            ellipsis_used = used;
        }
        text = bytes_after(text, step.bytes);
    }
    return used;
}

size_t cell_text_blank(struct buffer *out, struct bytes text, size_t width)
{
    size_t used = 0;
    while (text.size > 0) {
        struct cell_step step = cell_text_step(text);
        size_t step_width = step.control ? 1 : step.width;
        if (used + step_width > width)
            break;
        if (step.control)
            buffer_append(out, " ", 1);
        else
            append_character(out, text, &step);
        used += step_width;
        text = bytes_after(text, step.bytes);
    }
    return used;
}
