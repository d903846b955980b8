// SPDX-License-Identifier: Apache-2.0
// A small open-addressing hash table of 2^n buckets: linear probing from bucket to bucket. A bucket
// knows how far its overflow reaches, so that a miss mostly ends in the first cache line.
#pragma once

#include "node/store/bucket.h"
#include "node/store/record.h"

enum {
    SEGMENT_BUCKETS_MAX = 16,
    SEGMENT_SLOTS_MAX = SEGMENT_BUCKETS_MAX * BUCKET_SLOTS,
};

// Where an entry is. `bucket` is NULL when it is not there.
struct place {
    struct bucket *bucket;
    unsigned slot;
};

static inline uint32_t place_handle(struct place place)
{
    return place.bucket ? place.bucket->handles[place.slot] : 0;
}

static inline uint32_t segment_home(uint64_t hash, uint32_t mask)
{
    return (uint32_t)(hash >> 16) & mask;
}

// `mask`: the number of buckets minus 1.
static inline struct place segment_find(struct bucket *buckets, uint32_t mask,
                                        const struct slab *slab, uint64_t hash, struct bytes key)
{
    uint32_t home = segment_home(hash, mask);
    uint8_t fingerprint = bucket_fingerprint(hash);
    uint32_t reach = buckets[home].reach;
    for (uint32_t step = 0; step <= reach; step++) {
        struct bucket *bucket = &buckets[(home + step) & mask];
        uint32_t matches = bucket_match(bucket, fingerprint);
        for (; matches; matches &= matches - 1) {
            unsigned slot = (unsigned)__builtin_ctz(matches);
            if (record_has_key(record_at(slab, bucket->handles[slot]), key))
                return (struct place){bucket, slot};
        }
    }
    return (struct place){NULL, 0};
}

// The lines that a search most likely reads: entries that overflow their bucket are mostly in the
// next.
static inline void segment_prefetch(const struct bucket *buckets, uint32_t mask, uint64_t hash)
{
    uint32_t home = segment_home(hash, mask);
    __builtin_prefetch(&buckets[home]);
    __builtin_prefetch(&buckets[(home + 1) & mask]);
}

// The first handle whose fingerprint is right, without a look at its record; 0: the key is not
// there.
static inline uint32_t segment_guess(const struct bucket *buckets, uint32_t mask, uint64_t hash)
{
    uint32_t home = segment_home(hash, mask);
    uint8_t fingerprint = bucket_fingerprint(hash);
    uint32_t reach = buckets[home].reach;
    for (uint32_t step = 0; step <= reach; step++) {
        const struct bucket *bucket = &buckets[(home + step) & mask];
        uint32_t matches = bucket_match(bucket, fingerprint);
        if (matches != 0)
            return bucket->handles[__builtin_ctz(matches)];
    }
    return 0;
}

// Puts a handle that is not there yet into the first free slot among `window` buckets from its home
// on. False when these are full.
MUST_USE bool segment_insert(struct bucket *buckets, uint32_t mask, uint32_t window, uint64_t hash,
                             uint32_t handle);

void segment_remove(struct bucket *buckets, uint32_t mask, uint64_t hash, struct place place);

// Writes the handles of all entries and prefetches their records; returns how many.
uint32_t segment_collect(const struct bucket *buckets, uint32_t mask, const struct slab *slab,
                         uint32_t handles[SEGMENT_SLOTS_MAX]);

uint32_t segment_count(const struct bucket *buckets, uint32_t mask);
