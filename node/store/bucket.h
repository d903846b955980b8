// SPDX-License-Identifier: Apache-2.0
// A bucket: one cache line of 12 fingerprints and 12 handles, probed with one 16-byte comparison.
// -DSTORE_PORTABLE_PROBE makes every build use the portable probe.
#pragma once

#include <assert.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { BUCKET_SLOTS = 12 };

struct bucket {
    uint8_t fingerprints[BUCKET_SLOTS]; // 0: the slot is empty
    uint16_t overflow;                  // entries at home here that live in other buckets
    uint8_t reach;                      // none of them is further on than this; 0 without overflow
    uint8_t depth;                      // of the segment; only in its first bucket
    uint32_t handles[BUCKET_SLOTS];
};

static_assert(sizeof(struct bucket) == 64, "a bucket is one cache line");

// One bit per slot with this fingerprint, slot 0 lowest.
static inline uint32_t bucket_match_portable(const struct bucket *bucket, uint8_t fingerprint)
{
    uint32_t matches = 0;
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
        matches |= (uint32_t)(bucket->fingerprints[slot] == fingerprint) << slot;
    return matches;
}

#if defined(__SSE2__)
static inline uint32_t bucket_match_sse2(const struct bucket *bucket, uint8_t fingerprint)
{
    __m128i line = _mm_loadu_si128((const __m128i *)(const void *)bucket);
    __m128i same = _mm_cmpeq_epi8(line, _mm_set1_epi8((char)fingerprint));
    return (uint32_t)_mm_movemask_epi8(same) & ((1U << BUCKET_SLOTS) - 1);
}
#endif

static inline uint32_t bucket_match(const struct bucket *bucket, uint8_t fingerprint)
{
#if defined(__SSE2__) && !defined(STORE_PORTABLE_PROBE)
    return bucket_match_sse2(bucket, fingerprint);
#else
    return bucket_match_portable(bucket, fingerprint);
#endif
}

// From bits of the hash that neither the directory (top bits) nor the partition number (low bits)
// depends on.
static inline uint8_t bucket_fingerprint(uint64_t hash)
{
    uint8_t fingerprint = (uint8_t)(hash >> 24);
    return fingerprint ? fingerprint : 1;
}
