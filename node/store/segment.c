// SPDX-License-Identifier: Apache-2.0
#include "node/store/segment.h"

static_assert(SEGMENT_BUCKETS_MAX <= UINT8_MAX, "a reach fits in a byte");

bool segment_insert(struct bucket *buckets, uint32_t mask, uint32_t window, uint64_t hash,
                    uint32_t handle)
{
    uint32_t home = segment_home(hash, mask);
    for (uint32_t step = 0; step <= mask && step < window; step++) {
        struct bucket *bucket = &buckets[(home + step) & mask];
        uint32_t free_slots = bucket_match(bucket, 0);
        if (free_slots == 0)
            continue;
        unsigned slot = (unsigned)__builtin_ctz(free_slots);
        bucket->fingerprints[slot] = bucket_fingerprint(hash);
        bucket->handles[slot] = handle;
        if (step > 0) {
            buckets[home].overflow++;
            if (step > buckets[home].reach)
                buckets[home].reach = (uint8_t)step;
        }
        return true;
    }
    return false;
}

void segment_remove(struct bucket *buckets, uint32_t mask, uint64_t hash, struct place place)
{
    struct bucket *home = &buckets[segment_home(hash, mask)];
    place.bucket->fingerprints[place.slot] = 0;
    if (place.bucket == home)
        return;
    CHECK(home->overflow > 0);
    if (--home->overflow == 0)
        home->reach = 0;
}

uint32_t segment_collect(const struct bucket *buckets, uint32_t mask, const struct slab *slab,
                         uint32_t handles[SEGMENT_SLOTS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i <= mask; i++) {
        uint32_t taken = ~bucket_match(&buckets[i], 0) & ((1U << BUCKET_SLOTS) - 1);
        for (; taken; taken &= taken - 1) {
            uint32_t handle = buckets[i].handles[__builtin_ctz(taken)];
            __builtin_prefetch(record_at(slab, handle));
            handles[count++] = handle;
        }
    }
    return count;
}

uint32_t segment_count(const struct bucket *buckets, uint32_t mask)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i <= mask; i++)
        count += BUCKET_SLOTS - (uint32_t)__builtin_popcount(bucket_match(&buckets[i], 0));
    return count;
}
