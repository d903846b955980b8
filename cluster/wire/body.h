// SPDX-License-Identifier: Apache-2.0
// What every decoder of a frame body needs, inside cluster/wire.
#pragma once

#include "cluster/wire/cursor.h"

// ERROR_NONE when all was decoded and nothing is left over.
static inline enum error body_verdict(const struct cursor *cursor, bool decoded)
{
    return decoded && cursor_left(cursor) == 0 ? ERROR_NONE : ERROR_MALFORMED_FRAME;
}

static inline bool array_read_exact(struct cursor *cursor, uint32_t wanted)
{
    uint32_t count;
    return cursor_read_array(cursor, &count) && count == wanted;
}

static inline bool uint_read_to(struct cursor *cursor, uint64_t max, uint64_t *value)
{
    return cursor_read_uint(cursor, value) && *value <= max;
}
