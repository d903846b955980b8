// SPDX-License-Identifier: Apache-2.0
// One committed change of one entry, as it travels to backups and subscribers. Bytes are borrowed.
#pragma once

#include "cluster/base/bytes.h"

enum cause {
    CAUSE_PUT = 1, // put, replace, increment, merge
    CAUSE_REMOVE = 2,
    CAUSE_EXPIRE = 3,
    CAUSE_EVICT = 4,
    CAUSE_CLEAR = 5,
    CAUSE_TOUCH = 6,
};

struct effect {
    uint64_t seq;     // of its partition; the first is 1
    uint64_t time_us; // Unix time at which the primary applied it
    enum cause cause;
    struct bytes map;
    struct bytes key;
    struct bytes value;  // empty when the entry is gone
    int64_t expiry_ms;   // Unix time; 0: none
    int64_t max_idle_ms; // 0: none
};
