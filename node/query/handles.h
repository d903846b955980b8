// SPDX-License-Identifier: Apache-2.0
// A hash table of objects in a slab, chained by handles of 4 bytes. It grows by one bucket
// with each object and shrinks by two (linear hashing: Litwin, VLDB 1980): no step waits for a
// rehash.
#pragma once

#include "node/store/slab.h"

// What a table holds begins with this.
struct handle_item {
    uint32_t next; // in its bucket; 0: the last
    uint32_t hash; // set by who adds it
};

struct handles {
    uint32_t **segments; // owned; HANDLES_SEGMENT heads each
    uint32_t segment_count;
    uint32_t bucket_count;
    uint32_t item_count;
};

enum { HANDLES_SEGMENT = 256 };

void handles_init(struct handles *handles);
void handles_deinit(struct handles *handles); // CHECKs that it is empty

void handles_add(struct handles *handles, struct slab *slab, uint32_t handle);
void handles_remove(struct handles *handles, struct slab *slab, uint32_t handle);

size_t handles_bytes(const struct handles *handles);

static inline struct handle_item *handle_item_at(const struct slab *slab, uint32_t handle)
{
    return slab_at(slab, handle);
}

static inline uint32_t handles_bucket_of(const struct handles *handles, uint32_t hash)
{
    uint32_t mask = UINT32_MAX >> __builtin_clz(handles->bucket_count);
    uint32_t bucket = hash & mask;
    return bucket < handles->bucket_count ? bucket : hash & (mask >> 1);
}

static inline uint32_t *handles_head(const struct handles *handles, uint32_t bucket)
{
    return &handles->segments[bucket / HANDLES_SEGMENT][bucket % HANDLES_SEGMENT];
}

// The first of the objects among which those with this hash are; go on with `next`. 0: none.
static inline uint32_t handles_first(const struct handles *handles, uint32_t hash)
{
    return *handles_head(handles, handles_bucket_of(handles, hash));
}
