// SPDX-License-Identifier: Apache-2.0
// The entries of one map in one partition: extendible hashing (Fagin, Nievergelt, Pippenger,
// Strong, TODS 1979) over segments, so that the table grows by one small segment at a time.
//
// The directory goes by the top bits of the hash: a segment holds a contiguous range of hashes.
// A young table is one segment of 1, 2, 4 ... buckets; at full size it splits. A table without
// entries holds no memory.
#pragma once

#include "node/store/segment.h"

struct table {
    uint32_t root; // handle of the segment (depth 0) or the directory; 0: no entries
    uint32_t entry_count;
    uint32_t segment_count;
    uint32_t deepest_count; // segments whose depth is the directory's; used when depth > 0
    uint8_t depth;          // the directory has 2^depth segment handles
    uint8_t bucket_bits;    // segments have 2^bucket_bits buckets
};

// The segment that covers `hash`, its number of buckets minus 1, and its range of hashes.
struct table_segment {
    struct bucket *buckets;
    uint32_t mask;
    uint64_t first_hash;
    uint64_t last_hash;
};

// The segment that covers the hash. Only for a table with entries.
struct table_segment table_segment_at(const struct table *table, const struct slab *slab,
                                      uint64_t hash);

static inline struct bucket *table_buckets(const struct table *table, const struct slab *slab,
                                           uint64_t hash)
{
    uint32_t segment = table->root;
    if (table->depth > 0)
        segment = ((const uint32_t *)slab_at(slab, segment))[hash >> (64 - table->depth)];
    return slab_at(slab, segment);
}

static inline uint32_t table_mask(const struct table *table)
{
    return (1U << table->bucket_bits) - 1;
}

static inline struct place table_find(const struct table *table, const struct slab *slab,
                                      uint64_t hash, struct bytes key)
{
    if (table->root == 0)
        return (struct place){NULL, 0};
    return segment_find(table_buckets(table, slab, hash), table_mask(table), slab, hash, key);
}

// Adds a record whose key is not there yet; the table owns it on success. False when the slab is
// exhausted, or when a whole segment of keys share their hash's top bits: nothing has changed then.
MUST_USE bool table_insert(struct table *table, struct slab *slab, uint64_t hash, uint32_t handle);

// Takes the entry out; the record becomes the caller's. Places found before are void.
void table_remove(struct table *table, struct slab *slab, uint64_t hash, struct place place);

// Releases segments and directory, not the records.
void table_clear(struct table *table, struct slab *slab);
