// SPDX-License-Identifier: Apache-2.0
// Zipfian ranks in constant time: Gray et al., "Quickly Generating Billion-Record Synthetic
// Databases", SIGMOD 1994, with the constant 0.99 that YCSB uses.
#pragma once

#include "cluster/base/random.h"

#define ZIPFIAN_THETA 0.99

struct zipfian {
    uint64_t item_count; // >= 1
    double zeta;         // sum of 1 / i^theta for i = 1 ... item_count
    double eta;
};

// Takes time linear in item_count.
void zipfian_init(struct zipfian *zipfian, uint64_t item_count);

// For an item_count whose zeta is known.
void zipfian_init_with_zeta(struct zipfian *zipfian, uint64_t item_count, double zeta);

// More items; time linear in what is added.
void zipfian_grow(struct zipfian *zipfian, uint64_t item_count);

// A rank in [0, item_count): 0 is the most frequent.
uint64_t zipfian_next(const struct zipfian *zipfian, struct random *random);
