// SPDX-License-Identifier: Apache-2.0
// Which records exist while several threads insert: those below the first index whose insert was
// not answered yet, as YCSB's acknowledged counter.
#pragma once

#include "cluster/base/check.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// Inserts under way at most.
enum { INSERTS_WINDOW = 1 << 20 };

struct inserts {
    _Atomic uint64_t next_index;
    _Atomic uint64_t existing_count; // <= next_index
    _Atomic bool *answered;          // owned; INSERTS_WINDOW: of the indexes from existing_count on
};

void inserts_init(struct inserts *inserts, uint64_t existing_count);
void inserts_deinit(struct inserts *inserts);

// The index of a new record. False when too many are under way.
MUST_USE bool inserts_begin(struct inserts *inserts, uint64_t *index);

// The insert that began with this index was answered.
void inserts_end(struct inserts *inserts, uint64_t index);

static inline uint64_t inserts_existing(const struct inserts *inserts)
{
    return atomic_load(&inserts->existing_count);
}
