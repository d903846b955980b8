// SPDX-License-Identifier: Apache-2.0
// The predicates that one access key leads to: an ordered set of postings, in a slab. Ordered by
// threshold, so that the predicates whose one-sided range admits a value are a prefix.
//
//   1 posting    in the struct itself
//   to 512       one array of just their size
//   more         blocks of up to 512, and a directory of them
#pragma once

#include "node/store/slab.h"

// A posting: threshold in the upper half, handle of a predicate in the lower.
static inline uint64_t posting_of(uint32_t threshold, uint32_t handle)
{
    return (uint64_t)threshold << 32 | handle;
}

static inline uint32_t posting_threshold(uint64_t posting)
{
    return (uint32_t)(posting >> 32);
}

static inline uint32_t posting_handle(uint64_t posting)
{
    return (uint32_t)posting;
}

struct postings {
    uint32_t count;
    union {
        uint32_t block_count; // 2 or more postings; 0: one array
        uint32_t threshold;   // of the only posting
    };
    union {
        uint32_t array;     // of postings, or of struct postings_block
        uint32_t predicate; // of the only posting
    };
};

// The slab must have room for a block, and for the directory once more. A posting may be in the set
// more than once; it must be in it to be removed.
void postings_add(struct postings *postings, struct slab *slab, uint64_t posting);
void postings_remove(struct postings *postings, struct slab *slab, uint64_t posting);

// Consecutive postings of a set.
struct postings_run {
    const uint64_t *postings; // borrowed until the set changes
    uint32_t count;
    uint64_t only; // room for the one without an array
};

// Fills the run with this number, from 0 on, in order. False: there are no more.
bool postings_run(const struct postings *postings, const struct slab *slab, uint32_t number,
                  struct postings_run *run);
