// SPDX-License-Identifier: Apache-2.0
// By which access keys a conjunction is found: the most selective one or two of its conditions as
// key, one more as threshold by which the predicates under a key are sorted.
#pragma once

#include "node/query/access_stats.h"

enum access_bound {
    BOUND_NONE = 0,
    BOUND_LOW,  // field > constant
    BOUND_HIGH, // field < constant
};

// What the keys of one kind are made of; what is not used is zero.
struct access_form {
    struct part first;  // POINT or NONE
    struct part second; // of any kind or NONE
    struct part bound;  // kind: enum access_bound
};

struct access {
    struct access_form form;
    const struct condition *first; // borrowed from the conditions, as are the others; NULL: none
    const struct condition *second;
    const struct condition *bound;
    uint32_t first_count; // keys of each part; 1 where there is none
    uint32_t second_count;
    const uint8_t *piece; // of CONTAINS
    uint32_t threshold;
    double share;         // of updates that are expected to find it
    bool is_exact;        // what is found and is strictly beyond the threshold is TRUE
    bool has_exact_bound; // the bound as `bound_real` and `is_open` loses nothing
    bool is_open;         // the bound itself is outside
    double bound_real;
};

enum { ACCESS_KEYS_MAX = 4096, ACCESS_PAIRS_MAX = 64 };

// What it costs every update to look for keys of this form, in predicates that could be verified
// instead; 0 where that is done already, and infinity where it must not be.
typedef double access_cost_fn(const void *context, const struct access_form *form);

// The best access of the conjunction. False: none of its conditions helps.
bool access_choose(struct access *access, const struct conjunction *conjunction,
                   struct access_stats *stats, access_cost_fn *cost, const void *context);

static inline uint32_t access_key_count(const struct access *access)
{
    return access->first_count * access->second_count;
}

// The key with this number. `grain`: of its CELL, PREFIX or SUFFIX.
void access_key_at(const struct access *access, uint32_t number, struct access_key *key,
                   unsigned *grain);

// The threshold of a value on the side of documents: predicates up to it are candidates. False: the
// value has no place in the order of this bound.
bool access_threshold(const struct part *bound, const struct value *value, uint32_t *threshold);
