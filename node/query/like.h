// SPDX-License-Identifier: Apache-2.0
// LIKE patterns: % stands for any run of characters, _ for one character (a UTF-8 sequence).
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/check.h"

enum like_error {
    LIKE_OK = 0,
    LIKE_DANGLING_ESCAPE, // the escape character must stand before %, _ or itself
    LIKE_TOO_WIDE,        // a floating segment with _ has more than LIKE_FLOATING_MAX units
};

// Whether this is a pattern. `escape` is the escape character, or -1.
enum like_error like_check(struct bytes pattern, int escape);

// Appends the compiled form of a pattern that was checked: position-independent bytes that tell
// their own size. Adjacent % are one.
void like_write(struct buffer *out, struct bytes pattern, int escape);

// The size of the compiled form that begins there.
size_t like_bytes(const uint8_t *like);

bool like_matches(const uint8_t *like, struct bytes text);

// ---- The parts of a compiled pattern, for who derives conditions from it ----

enum { LIKE_ANY = 256 };

// A run of pattern characters between two %.
struct like_segment {
    const uint8_t *units; // bytes to match; with has_any two bytes each, where LIKE_ANY is a _
    uint32_t size;        // units
    bool has_any;
};

struct like {
    uint32_t segment_count;
    bool starts_anywhere; // % in front
    bool ends_anywhere;   // % at the end
    const uint8_t *at;    // the next segment
};

struct like like_open(const uint8_t *like);

// The next segment; to be called segment_count times.
struct like_segment like_next(struct like *like);

// A byte or LIKE_ANY.
uint16_t like_unit(const struct like_segment *segment, size_t at);
