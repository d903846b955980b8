// SPDX-License-Identifier: Apache-2.0
// What feeds read: a partition's table and log, and how far the log is committed.
#pragma once

#include "cluster/model/epochs.h"
#include "node/store/store.h"

struct source {
    struct partition *partition; // borrowed from the store
    uint16_t number;             // of the partition
    uint16_t place;              // its dense number among the partitions of this worker, for life
    uint64_t epoch;
    uint64_t committed_seq; // effects up to here may be shown to anybody
    uint64_t exact_seq; // the old values of effects up to here may be wrong: the copy was filled
    const struct epochs *epochs; // of a primary's log: under which epochs its effects were made
};
