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

// The client of an effect or a result whose origin is not remembered any more: an operation that
// was first sent before it may be one of those. No client has this id.
#define ORIGIN_FORGOTTEN UINT64_MAX

// Which operation of which client caused an effect, so that a retry of it is recognised.
struct origin {
    uint64_t client; // random id of the client; 0: it does not want to be remembered
    uint64_t number; // of the operation: 1 and up, each used once
    uint64_t floor;  // the client knows the result of all its operations below this one
    uint8_t kind;    // enum op_kind
};

struct effect {
    uint64_t seq;     // of its partition; the first is 1
    uint64_t time_us; // Unix time at which the primary applied it
    enum cause cause;
    struct bytes map;
    struct bytes key;
    struct bytes value;   // empty when the entry is gone
    int64_t expiry_ms;    // Unix time; 0: none
    int64_t max_idle_ms;  // 0: none
    struct origin origin; // client 0: none, or its client knows the answer
};
