// SPDX-License-Identifier: Apache-2.0
// Memory that is given back all at once: what the compilation of one query needs, and what the
// compiled query keeps.
#pragma once

#include "cluster/base/bytes.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; // owned; the newest first
    size_t left_bytes;          // at the end of the newest
};

void arena_deinit(struct arena *arena);

// Zeroed, aligned for any type, owned by the arena.
void *arena_take(struct arena *arena, size_t size);
void *arena_take_array(struct arena *arena, size_t count, size_t element_size);

// A copy owned by the arena.
struct bytes arena_copy(struct arena *arena, struct bytes bytes);
