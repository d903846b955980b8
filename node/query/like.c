// SPDX-License-Identifier: Apache-2.0
#include "node/query/like.h"

#include "node/query/ast.h"

// The compiled form: flags, u32 size of all, u32 count of segments; for each u32 units with the top
// bit for has_any, then the units. In the byte order of the machine.
enum { FLAG_STARTS_ANYWHERE = 1, FLAG_ENDS_ANYWHERE = 2 };

struct form {
    uint8_t flags;
    uint32_t bytes;
    uint32_t segment_count;
} __attribute__((packed));

#define SEGMENT_HAS_ANY (UINT32_C(1) << 31)

// ---- Reading patterns ----

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

// A floating segment may be tried at every place of the text, so its width times the length of the
// text bounds the time of a match.
enum like_error like_check(struct bytes pattern, int escape)
{
    struct pattern_reader reader = {.pattern = pattern, .escape = escape};
    size_t width = 0;
    bool has_any = false;
    bool is_floating = false; // behind a %
    for (;;) {
        uint16_t unit;
        enum unit_kind kind = unit_read(&reader, &unit);
        if (kind == UNIT_BROKEN)
            return LIKE_DANGLING_ESCAPE;
        if (kind == UNIT_END)
            return LIKE_OK; // the last segment stands at the end
        if (kind == UNIT_PLAIN) {
            width++;
            has_any |= unit == LIKE_ANY;
            continue;
        }
        if (is_floating && has_any && width > LIKE_FLOATING_MAX)
            return LIKE_TOO_WIDE;
        is_floating = true;
        has_any = false;
        width = 0;
    }
}

// ---- Writing the compiled form ----

static void number_append(struct buffer *out, uint32_t number)
{
    buffer_append(out, &number, sizeof number);
}

// Units up to the next % or the end; the reader stands behind it.
static enum unit_kind segment_measure(struct pattern_reader *reader, uint32_t *size, bool *has_any)
{
    uint16_t unit;
    enum unit_kind kind;
    *size = 0;
    *has_any = false;
    while ((kind = unit_read(reader, &unit)) == UNIT_PLAIN) {
        ++*size;
        *has_any |= unit == LIKE_ANY;
    }
    CHECK(kind != UNIT_BROKEN);
    return kind;
}

static void segment_write(struct buffer *out, struct pattern_reader reader, uint32_t size,
                          bool has_any)
{
    number_append(out, size | (has_any ? SEGMENT_HAS_ANY : 0));
    for (uint32_t left = size; left > 0; left--) {
        uint16_t unit = 0;
        CHECK(unit_read(&reader, &unit) == UNIT_PLAIN);
        uint8_t byte = (uint8_t)unit;
        if (has_any)
            buffer_append(out, &unit, sizeof unit);
        else
            buffer_append(out, &byte, 1);
    }
}

void like_write(struct buffer *out, struct bytes pattern, int escape)
{
    size_t start = buffer_size(out);
    struct form form = {0};
    buffer_append(out, &form, sizeof form);
    struct pattern_reader reader = {.pattern = pattern, .escape = escape};
    enum unit_kind kind = UNIT_RUN;
    while (kind != UNIT_END) {
        struct pattern_reader segment = reader;
        uint32_t size;
        bool has_any;
        kind = segment_measure(&reader, &size, &has_any);
        if (size > 0) {
            segment_write(out, segment, size, has_any);
            form.segment_count++;
            form.flags &= (uint8_t)~FLAG_ENDS_ANYWHERE;
        }
        if (kind == UNIT_RUN && form.segment_count == 0)
            form.flags |= FLAG_STARTS_ANYWHERE;
        if (kind == UNIT_RUN)
            form.flags |= FLAG_ENDS_ANYWHERE;
    }
    form.bytes = (uint32_t)(buffer_size(out) - start);
    memcpy(out->data + out->start + start, &form, sizeof form);
}

// ---- Reading the compiled form ----

size_t like_bytes(const uint8_t *like)
{
    struct form form;
    memcpy(&form, like, sizeof form);
    return form.bytes;
}

struct like like_open(const uint8_t *like)
{
    struct form form;
    memcpy(&form, like, sizeof form);
    return (struct like){.segment_count = form.segment_count,
                         .starts_anywhere = form.flags & FLAG_STARTS_ANYWHERE,
                         .ends_anywhere = form.flags & FLAG_ENDS_ANYWHERE,
                         .at = like + sizeof form};
}

struct like_segment like_next(struct like *like)
{
    uint32_t number;
    memcpy(&number, like->at, sizeof number);
    struct like_segment segment = {.units = like->at + sizeof number,
                                   .size = number & ~SEGMENT_HAS_ANY,
                                   .has_any = number & SEGMENT_HAS_ANY};
    like->at = segment.units + (size_t)segment.size * (segment.has_any ? 2 : 1);
    return segment;
}

uint16_t like_unit(const struct like_segment *segment, size_t at)
{
    if (!segment->has_any)
        return segment->units[at];
    uint16_t unit;
    memcpy(&unit, segment->units + at * sizeof unit, sizeof unit);
    return unit;
}

// ---- Matching ----

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

// Bytes of `text` that the segment matches at its start; SIZE_MAX when it does not.
static size_t segment_match(const struct like_segment *segment, struct bytes text)
{
    if (!segment->has_any)
        return segment->size <= text.size && memcmp(segment->units, text.data, segment->size) == 0
                   ? segment->size
                   : SIZE_MAX;
    size_t at = 0;
    for (size_t unit = 0; unit < segment->size; unit++) {
        if (at == text.size)
            return SIZE_MAX;
        if (like_unit(segment, unit) != LIKE_ANY) {
            if (like_unit(segment, unit) != text.data[at++])
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
        if (like_unit(segment, unit - 1) != LIKE_ANY) {
            if (like_unit(segment, unit - 1) != text.data[at])
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
    if (!segment->has_any) {
        const uint8_t *found = run_find(*text, segment->units, segment->size);
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

bool like_matches(const uint8_t *pattern, struct bytes text)
{
    struct like like = like_open(pattern);
    if (like.segment_count == 0)
        return like.starts_anywhere || text.size == 0;
    for (uint32_t left = like.segment_count; left > 0; left--) {
        struct like_segment segment = like_next(&like);
        bool is_first = left == like.segment_count && !like.starts_anywhere;
        if (is_first) {
            size_t matched = segment_match(&segment, text);
            if (matched == SIZE_MAX)
                return false;
            text = bytes_of(text.data + matched, text.size - matched);
            if (left == 1)
                return like.ends_anywhere || text.size == 0;
        } else if (left == 1 && !like.ends_anywhere) {
            return segment_match_end(&segment, text) != SIZE_MAX;
        } else if (!segment_find(&segment, &text)) {
            return false;
        }
    }
    return true;
}
