// SPDX-License-Identifier: Apache-2.0
// What feeds read: a partition's table and log, and how far the log is committed.
#pragma once

#include "node/store/store.h"

struct source {
    struct partition *partition; // borrowed from the store
    uint16_t number;             // of the partition
    uint16_t slot;               // dense number among the partitions of this worker
    uint64_t epoch;
    uint64_t committed_seq; // effects up to here may be shown to anybody
};
