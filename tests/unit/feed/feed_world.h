// SPDX-License-Identifier: Apache-2.0
// A worker's partitions with a truth beside them: every value that every key ever had.
#pragma once

#include "cluster/base/random.h"
#include "cluster/rules/epochs.h"
#include "node/feed/watches.h"

enum {
    FEED_PARTITIONS = 3,
    FEED_KEYS = 150,
    FEED_VALUES = 100, // values are 0 to 99
    FEED_NONE = -1,    // no entry
    FEED_EFFECTS_MAX = 1 << 14,
};

// What effect seq did.
struct feed_effect {
    uint64_t epoch;
    uint16_t key;
    int16_t old_value;
    int16_t new_value;
};

struct feed_partition {
    struct source source;
    struct epochs epochs;
    bool is_led;
    uint64_t noted_seq;
    struct feed_effect *effects; // owned; by seq, from 1
};

struct feed_world {
    struct random random;
    struct store *store;
    struct watches *watches;
    struct feed_partition partitions[FEED_PARTITIONS];
    uint16_t partition_of[FEED_KEYS];
};

void feed_world_init(struct feed_world *world, uint64_t seed, uint64_t log_bytes);
void feed_world_deinit(struct feed_world *world);

// A put or a remove of a random key, not committed yet.
void feed_world_write(struct feed_world *world);
// Some of what a partition has uncommitted, or all of it.
void feed_world_commit(struct feed_world *world, uint16_t number, bool all);
// The partition has another primary, or this one again.
void feed_world_yield(struct feed_world *world, uint16_t number);
void feed_world_lead(struct feed_world *world, uint16_t number);

// The value of the key after effect seq of its partition.
int feed_value_at(const struct feed_world *world, uint32_t key, uint64_t seq);
