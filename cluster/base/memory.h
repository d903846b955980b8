// SPDX-License-Identifier: Apache-2.0
// Heap memory for everything that is not a record. Exhaustion of the process's address space is
// not an operating error that a caller could mend (the grid's own limit is max-memory-bytes), so
// these abort instead of returning NULL. What they return is released with free().
#pragma once

#include "cluster/base/check.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline void *memory_new(size_t size)
{
    void *memory = calloc(1, size);
    CHECK(memory != NULL);
    return memory;
}

static inline void *memory_new_array(size_t count, size_t element_size)
{
    void *memory = calloc(count, element_size);
    CHECK(memory != NULL || count == 0);
    return memory;
}

// Zeroed, and starting at a cache line.
static inline void *memory_new_aligned(size_t count, size_t element_size)
{
    enum { CACHE_LINE = 64 };
    size_t size = (count * element_size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    CHECK(element_size == 0 || count <= SIZE_MAX / 2 / element_size);
    void *memory = aligned_alloc(CACHE_LINE, size ? size : CACHE_LINE);
    CHECK(memory != NULL);
    return memset(memory, 0, size);
}

// Moves `memory` to a block of count elements; what is added is not initialised.
static inline void *memory_resize_array(void *memory, size_t count, size_t element_size)
{
    void *moved = reallocarray(memory, count, element_size);
    CHECK(moved != NULL || count == 0);
    return moved;
}

static inline char *memory_copy_text(const char *text, size_t size)
{
    char *copy = memory_new(size + 1);
    memcpy(copy, text, size);
    return copy;
}
