// SPDX-License-Identifier: Apache-2.0
#include "node/query/arena.h"

#include "cluster/base/memory.h"

#include <stdalign.h>

// A chunk has twice the size of the one before, so that a short query stays small.
enum { CHUNK_BYTES_MIN = 512, CHUNK_BYTES_MAX = 32 * 1024, ALIGNMENT = alignof(max_align_t) };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    alignas(ALIGNMENT) uint8_t data[];
};

void arena_deinit(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk);
    }
    arena->left_bytes = 0;
}

static void chunk_add(struct arena *arena, size_t at_least)
{
    size_t size = arena->chunks != NULL ? arena->chunks->size * 2 : CHUNK_BYTES_MIN;
    if (size > CHUNK_BYTES_MAX)
        size = CHUNK_BYTES_MAX;
    if (size < at_least)
        size = at_least;
    struct arena_chunk *chunk = memory_new(sizeof *chunk + size);
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->left_bytes = size;
}

void *arena_take(struct arena *arena, size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    CHECK(rounded >= size);
    if (arena->chunks == NULL || arena->left_bytes < rounded)
        chunk_add(arena, rounded);
    uint8_t *taken = arena->chunks->data + (arena->chunks->size - arena->left_bytes);
    arena->left_bytes -= rounded;
    return taken;
}

void *arena_take_array(struct arena *arena, size_t count, size_t element_size)
{
    size_t size;
    CHECK(!__builtin_mul_overflow(count, element_size, &size));
    return arena_take(arena, size);
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes)
{
    if (bytes.size == 0)
        return bytes_of("", 0);
    void *copy = arena_take(arena, bytes.size);
    memcpy(copy, bytes.data, bytes.size);
    return bytes_of(copy, bytes.size);
}
