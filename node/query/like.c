// SPDX-License-Identifier: Apache-2.0
#include "node/query/like.h"

#include "cluster/base/check.h"
#include "node/query/ast.h"

enum { LIKE_ANY = 256 };

// ---- Compilation ----

struct pattern_reader {
    struct bytes pattern;
    size_t at;
    int escape;
};

enum unit_kind { UNIT_END, UNIT_RUN, UNIT_PLAIN, UNIT_BROKEN };

// UNIT_PLAIN sets *unit to a byte or LIKE_ANY; UNIT_RUN is a %.
static enum unit_kind unit_read(struct pattern_reader *reader, uint16_t *unit)
{
    if (reader->at == reader->pattern.size)
        return UNIT_END;
    uint8_t byte = reader->pattern.data[reader->at++];
    if ((int)byte == reader->escape) {
        if (reader->at == reader->pattern.size)
            return UNIT_BROKEN;
        uint8_t escaped = reader->pattern.data[reader->at++];
        *unit = escaped;
        bool is_special = escaped == '%' || escaped == '_' || (int)escaped == reader->escape;
        return is_special ? UNIT_PLAIN : UNIT_BROKEN;
    }
    if (byte == '%')
        return UNIT_RUN;
    *unit = byte == '_' ? LIKE_ANY : byte;
    return UNIT_PLAIN;
}

static void segment_finish(struct like_segment *segment, struct arena *arena)
{
    for (size_t at = 0; at < segment->size; at++)
        if (segment->units[at] == LIKE_ANY)
            return;
    segment->text = arena_take(arena, segment->size);
    for (size_t at = 0; at < segment->size; at++)
        segment->text[at] = (uint8_t)segment->units[at];
}

// A floating segment may be tried at every place of the text, so its width times the length of the
// text bounds the time of a match.
static enum like_error like_bound(const struct like *like)
{
    for (size_t at = 0; at < like->segment_count; at++) {
        bool is_first = at == 0 && !like->starts_anywhere;
        bool is_last = at + 1 == like->segment_count && !like->ends_anywhere;
        const struct like_segment *segment = &like->segments[at];
        if (!is_first && !is_last && segment->text == NULL && segment->size > LIKE_FLOATING_MAX)
            return LIKE_TOO_WIDE;
    }
    return LIKE_OK;
}

enum like_error like_init(struct like *like, struct arena *arena, struct bytes pattern, int escape)
{
    // At most one segment per two bytes (x%), and one unit per byte.
    *like = (struct like){
        .segments = arena_take_array(arena, pattern.size / 2 + 1, sizeof *like->segments)};
    uint16_t *units = arena_take_array(arena, pattern.size, sizeof *units);
    struct pattern_reader reader = {.pattern = pattern, .escape = escape};
    struct like_segment *segment = NULL;
    for (;;) {
        uint16_t unit;
        enum unit_kind kind = unit_read(&reader, &unit);
        if (kind == UNIT_BROKEN)
            return LIKE_DANGLING_ESCAPE;
        if (kind == UNIT_PLAIN) {
            if (segment == NULL) {
                segment = &like->segments[like->segment_count++];
                segment->units = units;
            }
            *units++ = unit;
            segment->size++;
            like->ends_anywhere = false;
            continue;
        }
        if (segment != NULL)
            segment_finish(segment, arena);
        segment = NULL;
        if (kind == UNIT_END)
            return like_bound(like);
        like->starts_anywhere |= like->segment_count == 0;
        like->ends_anywhere = true;
    }
}

// ---- Matching ----

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

// Bytes of `text` that the segment matches at its start; SIZE_MAX when it does not.
static size_t segment_match(const struct like_segment *segment, struct bytes text)
{
    if (segment->text != NULL)
        return segment->size <= text.size && memcmp(segment->text, text.data, segment->size) == 0
                   ? segment->size
                   : SIZE_MAX;
    size_t at = 0;
    for (size_t unit = 0; unit < segment->size; unit++) {
        if (at == text.size)
            return SIZE_MAX;
        if (segment->units[unit] != LIKE_ANY) {
            if (segment->units[unit] != text.data[at++])
                return SIZE_MAX;
            continue;
        }
        do {
            at++;
        } while (at < text.size && is_continuation(text.data[at]));
    }
    return at;
}

// The same at the end of `text`, backwards.
static size_t segment_match_end(const struct like_segment *segment, struct bytes text)
{
    size_t at = text.size;
    for (size_t unit = segment->size; unit > 0; unit--) {
        if (at == 0)
            return SIZE_MAX;
        at--;
        if (segment->units[unit - 1] != LIKE_ANY) {
            if (segment->units[unit - 1] != text.data[at])
                return SIZE_MAX;
            continue;
        }
        while (at > 0 && is_continuation(text.data[at]))
            at--;
    }
    return text.size - at;
}

// memmem sets up a table first, which costs more than it gains in the short strings of most
// documents; in long ones it keeps the time linear.
static const uint8_t *run_find(struct bytes text, const uint8_t *run, size_t size)
{
    enum { SHORT_BYTES = 256 };
    if (text.size > SHORT_BYTES)
        return memmem(text.data, text.size, run, size);
    const uint8_t *end = text.data + text.size;
    const uint8_t *at = text.data;
    while ((size_t)(end - at) >= size) {
        at = memchr(at, run[0], (size_t)(end - at) - size + 1);
        if (at == NULL || memcmp(at, run, size) == 0)
            return at;
        at++;
    }
    return NULL;
}

// Cuts `text` behind the first place where the segment matches.
static bool segment_find(const struct like_segment *segment, struct bytes *text)
{
    if (segment->text != NULL) {
        const uint8_t *found = run_find(*text, segment->text, segment->size);
        if (found == NULL)
            return false;
        const uint8_t *end = text->data + text->size;
        text->data = found + segment->size;
        text->size = (size_t)(end - text->data);
        return true;
    }
    for (size_t at = 0; at < text->size; at++) {
        struct bytes rest = bytes_of(text->data + at, text->size - at);
        // Not into the middle of a character, which _ would take for a whole one.
        size_t matched = is_continuation(*rest.data) ? SIZE_MAX : segment_match(segment, rest);
        if (matched != SIZE_MAX) {
            *text = bytes_of(rest.data + matched, rest.size - matched);
            return true;
        }
    }
    return false;
}

bool like_matches(const struct like *like, struct bytes text)
{
    size_t first = 0;
    size_t last = like->segment_count;
    if (like->segment_count == 0)
        return like->starts_anywhere || text.size == 0;
    if (!like->starts_anywhere) {
        size_t matched = segment_match(&like->segments[0], text);
        if (matched == SIZE_MAX)
            return false;
        text = bytes_of(text.data + matched, text.size - matched);
        first = 1;
        if (last == 1)
            return like->ends_anywhere || text.size == 0;
    }
    if (!like->ends_anywhere) {
        size_t matched = segment_match_end(&like->segments[--last], text);
        if (matched == SIZE_MAX)
            return false;
        text.size -= matched;
    }
    for (size_t at = first; at < last; at++)
        if (!segment_find(&like->segments[at], &text))
            return false;
    return true;
}
