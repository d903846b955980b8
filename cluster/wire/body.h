// SPDX-License-Identifier: Apache-2.0
// What every decoder of a frame body needs, inside cluster/wire.
#pragma once

#include "cluster/model/limits.h"
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

// An id of a node, client or grid: random, never 0.
static inline bool id_read(struct cursor *cursor, uint64_t *id)
{
    return cursor_read_uint(cursor, id) && *id != 0;
}

static inline bool name_read(struct cursor *cursor, struct bytes *name)
{
    return cursor_read_str(cursor, name) && name->size <= NODE_NAME_BYTES_MAX;
}
