// SPDX-License-Identifier: Apache-2.0
// LIKE patterns: % stands for any run of characters, _ for one character (a UTF-8 sequence).
#pragma once

#include "node/query/arena.h"

#include <stdint.h>

// A run of pattern characters between two %.
struct like_segment {
    uint16_t *units; // bytes to match, or LIKE_ANY for _
    uint8_t *text;   // the same as bytes, when no unit is LIKE_ANY; else NULL
    size_t size;     // units
};

struct like {
    struct like_segment *segments; // in the order of the pattern
    size_t segment_count;
    bool starts_anywhere; // % in front
    bool ends_anywhere;   // % at the end
};

enum like_error {
    LIKE_OK = 0,
    LIKE_DANGLING_ESCAPE, // the escape character must stand before %, _ or itself
    LIKE_TOO_WIDE,        // a floating segment with _ has more than LIKE_FLOATING_MAX units
};

// The pattern in the arena. `escape` is the escape character, or -1. Adjacent % are one.
enum like_error like_init(struct like *like, struct arena *arena, struct bytes pattern, int escape);

bool like_matches(const struct like *like, struct bytes text);
