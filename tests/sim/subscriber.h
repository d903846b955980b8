// SPDX-License-Identifier: Apache-2.0
// A subscriber to everything, on each worker of each machine: events of a partition come in the
// order of their effects, once, without a gap, and only committed ones, until it is told that the
// subscription is over.
#pragma once

#include "tests/sim/machine.h"
#include "tests/sim/observer.h"

struct subscription {
    struct subscriber *subscriber; // borrowed
    struct port port;
    uint32_t slot;
    uint16_t worker;
    uint32_t request_id; // of the last SUBSCRIBE; each is a new one
    bool is_subscribed;
    bool is_again_planned; // to subscribe
    uint64_t heard_us;     // last
    struct buffer in;
    bool has_mark[SIM_PARTITIONS_MAX];
    uint64_t first_seqs[SIM_PARTITIONS_MAX]; // S0
    uint64_t seqs[SIM_PARTITIONS_MAX];       // of the last event
};

struct subscriber {
    struct world *world; // borrowed
    struct subscription subscriptions[MACHINES_MAX][SHARDS_MAX];
};

void subscriber_start(struct subscriber *subscriber, struct world *world);
void subscriber_deinit(struct subscriber *subscriber);

// At the end: every committed effect has come to who was subscribed.
void subscriber_check_quiet(const struct subscriber *subscriber);
