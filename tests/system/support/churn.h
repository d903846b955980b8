// SPDX-License-Identifier: Apache-2.0
// Writes at a constant rate to one map, by which entries come, change and go in the results of
// queries: puts, some with a short life, merges and removes of keys at random. Operations are due
// at intended times whatever became of earlier ones (open loop), and latency counts from there.
//
// Keys are ints below key_count. Values are maps: "n", another number with each write, "v", an int
// from 0 to 99 at random, and "padding".
#pragma once

#include "client/grid.h"
#include "cluster/base/random.h"
#include "tests/system/support/pace.h"
#include "tests/system/support/samples.h"

struct churn_options {
    const char *seeds;
    const char *map;
    uint32_t key_count;
    uint32_t value_bytes; // of the padding
    uint32_t rate;        // operations per second
    uint32_t timeout_ms;  // of an operation
    bool only_puts;
};

struct churn {
    struct churn_options options;
    struct pace pace;    // its base: for clients of subscribers too
    struct grid *writer; // owned
    struct samples latencies;
    uint64_t answered;
    uint64_t failed;      // of these, with an error
    uint64_t late_max_us; // how late an operation was submitted at most
    uint64_t under_way;
    // The rest is its own.
    struct grid_builder *builder;
    uint8_t *padding;
    struct random random;
    uint64_t number;
};

// Connects. Ends the test where that fails.
void churn_init(struct churn *churn, const struct churn_options *options);
void churn_deinit(struct churn *churn); // after the other clients of its base

// Under load for this time.
void churn_run(struct churn *churn, uint32_t duration_ms);

// Awaits the answers of all that was submitted. False: not within WAIT_MS.
bool churn_drain(struct churn *churn);
