// SPDX-License-Identifier: Apache-2.0
// What was committed in one partition, effect by effect, for ever: what subscribers are measured
// by. Only the map "m" is written to.
#pragma once

#include "cluster/model/effect.h"
#include "tests/sim/document.h"

struct truth_effect {
    uint64_t epoch; // under which it was made; 0: nobody who told of it knew any more
    uint64_t time_us;
    uint64_t previous_seq; // effect of the same key before it; 0: none
    uint32_t key;
    enum cause cause;
    uint8_t *value; // owned; NULL: the entry is gone
    size_t value_bytes;
};

struct truth {
    struct truth_effect *effects; // owned; by seq - 1
    uint64_t last_seq;
    uint64_t capacity;
    uint64_t last_seqs[KEYS_MAX]; // of each key; 0: none
};

void truth_deinit(struct truth *truth);

// A replica has the effect as committed, made under `epoch` (0: not known). NULL, or what is wrong
// with it (static storage): it is another one than before, or one before it was never seen.
const char *truth_see(struct truth *truth, uint64_t epoch, const struct effect *effect);

// NULL: it is not committed. Borrowed until the next truth_see.
const struct truth_effect *truth_effect(const struct truth *truth, uint64_t seq);

// Of the entry after effect `at_seq`; 0: there was none.
uint64_t truth_version(const struct truth *truth, uint32_t key, uint64_t at_seq);

// The value that this version has; empty for version 0, or a removal.
struct bytes truth_value(const struct truth *truth, uint64_t version);
