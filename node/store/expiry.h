// SPDX-License-Identifier: Apache-2.0
// When entries of one map are due: a hierarchical timing wheel (Varghese and Lauck, Hashed and
// Hierarchical Timing Wheels, SOSP 1987) of 6 levels with 64 buckets, in ticks of 16 ms.
//
// A record with a deadline is filed once. When it is replaced or removed its timer stays, stale: it
// is recognised later by what its handle then finds. Stale timers are bounded: when they outnumber
// the live ones, each filing purges some. Removal thus costs nothing, and a timer 5.3 bytes.
#pragma once

#include "node/store/record.h"

enum {
    EXPIRY_TICK_MS = 16,
    EXPIRY_LEVELS = 6, // 36 bits of ticks: 34 years
    EXPIRY_LEVEL_BITS = 6,
    EXPIRY_BUCKETS = 1 << EXPIRY_LEVEL_BITS,
};

struct expiry {
    uint64_t tick;                                   // nothing is filed before it
    uint64_t timer_count;                            // stale ones included
    uint64_t occupied[EXPIRY_LEVELS];                // one bit per bucket
    uint32_t buckets[EXPIRY_LEVELS][EXPIRY_BUCKETS]; // first chunk of timers; 0: empty
    uint32_t purge_list;                             // chunks being purged, out of their buckets
    unsigned purge_next; // bucket to be purged next: level * EXPIRY_BUCKETS + index
};

struct expiry *expiry_new(int64_t now_ms);
void expiry_free(struct expiry *expiry, struct slab *slab);

// Files a new record, whose deadline is record_deadline_ms(record, 0). `live_count`: records of the
// map that have a deadline. False when the slab is exhausted.
MUST_USE bool expiry_file(struct expiry *expiry, struct slab *slab, uint32_t handle,
                          uint64_t live_count);

// What to do with a record whose deadline has come, by the record's state alone: returns when to
// ask again (Unix ms, later than now), or 0 when its timer is no longer needed.
typedef int64_t expiry_judge(void *context, uint32_t handle);

// Hands due records to `judge`, working on at most `budget` timers (rounded up to a chunk of 12).
// True when more work is due now. `judge` may free records but must not file any.
bool expiry_run(struct expiry *expiry, struct slab *slab, int64_t now_ms, uint32_t *budget,
                expiry_judge *judge, void *context);
