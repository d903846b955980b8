// SPDX-License-Identifier: Apache-2.0
// How many copies each member should hold, by weight: the bounds of its load, and the load that it
// should have after as few moves as bring all members within their bounds.
#pragma once

#include "cluster/base/check.h"
#include "cluster/model/limits.h"

#include <stdint.h>

struct quota {
    uint32_t low;  // floor(0.95 x fair share): with less, it is given more
    uint32_t high; // ceil(1.05 x fair share)
    uint32_t want; // low to high; the sum over all members is the number of copies
};

// `copies` of each partition are shared out by weight; a member can hold only one of a partition,
// so one whose share would be more holds all, and the rest is shared out among the others. Weight
// 0: holds nothing. At least `copies` members must have weight. `loads`: what they hold now; the
// sum is at most partition_count x copies, and less where copies are missing.
void quotas_make(const uint32_t *weights, uint32_t member_count, uint32_t partition_count,
                 uint32_t copies, const uint32_t *loads, struct quota *quotas);
