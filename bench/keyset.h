// SPDX-License-Identifier: Apache-2.0
// Which records a load touches, and what their keys look like.
#pragma once

#include "bench/zipfian.h"

enum {
    KEY_TEXT_BYTES = 16,                    // "user" and twelve digits
    KEY_ENCODED_BYTES = 1 + KEY_TEXT_BYTES, // as a MessagePack str
};

#define KEY_INDEX_MAX UINT64_C(999999999999)

enum distribution {
    DISTRIBUTION_OF_WORKLOAD = 0, // not chosen yet
    DISTRIBUTION_ZIPFIAN,         // scrambled: the popular records lie anywhere
    DISTRIBUTION_UNIFORM,
    DISTRIBUTION_LATEST, // zipfian by age, the youngest first
};

struct key_chooser {
    enum distribution distribution;
    uint64_t record_count;
    struct zipfian zipfian;
};

// record_count: records that exist at the beginning, >= 1.
void key_chooser_init(struct key_chooser *chooser, enum distribution distribution,
                      uint64_t record_count);

// The index of an existing record. `existing_count` >= record_count never falls: records
// 0 ... existing_count - 1 exist; those that were added matter to DISTRIBUTION_LATEST alone, as in
// YCSB's workloads.
uint64_t key_chooser_next(struct key_chooser *chooser, struct random *random,
                          uint64_t existing_count);

// Writes the key of the record `index` <= KEY_INDEX_MAX as MessagePack; the text starts at
// key[1].
void key_of_index(uint64_t index, uint8_t key[static KEY_ENCODED_BYTES]);
