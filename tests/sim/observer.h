// SPDX-License-Identifier: Apache-2.0
// Who sees all machines at once, and says when what must never be is.
//
//   one leader per term; equal views at equal versions; one grid; one primary per epoch; at most
//   one machine that serves a partition at a time; committed effects equal everywhere, for ever; at
//   the end all copies in sync equal.
#pragma once

#include "tests/sim/machine.h"
#include "tests/sim/truth.h"

enum { SIM_PARTITIONS_MAX = 32 };

struct observed_term {
    uint64_t term;
    uint64_t leader;
};

struct observed_view {
    uint64_t version;
    uint64_t hash;
};

// What all replicas must agree on, of one partition.
struct observed_partition {
    bool is_lost; // no copy in sync is alive any more, by crashes alone
    struct truth truth;
    uint64_t *primaries; // owned; id, by epoch; 0: never seen
    uint64_t primary_count;
};

struct observer {
    struct world *world;         // borrowed
    uint64_t grid_id;            // 0: none yet
    struct observed_term *terms; // owned
    uint32_t term_count;
    uint32_t term_capacity;
    struct observed_view *views; // owned
    uint32_t view_count;
    uint32_t view_capacity;
    struct view latest; // highest version of all; version 0: none
    struct observed_partition partitions[SIM_PARTITIONS_MAX];
    // By machine: up to where its committed effects were compared.
    uint64_t compared_seqs[MACHINES_MAX][SIM_PARTITIONS_MAX];
};

void observer_init(struct observer *observer, struct world *world);
void observer_deinit(struct observer *observer);

void observer_see_member(struct observer *observer, const struct machine *machine);
void observer_see_view(struct observer *observer, const struct machine *machine,
                       const struct view *view);
void observer_see_serving(struct observer *observer, const struct machine *machine);
void observer_see_shard(struct observer *observer, const struct machine_shard *shard);

// A machine has crashed: partitions whose last copy in sync it had are lost, and no fault.
void observer_see_crash(struct observer *observer);

bool observer_key_is_lost(const struct observer *observer, uint32_t key);

// The live machine with this member's id, or NULL.
struct machine *observer_machine(const struct observer *observer, uint64_t member_id);

// Everything is served by everybody who should; NULL, or what is not (static storage).
const char *observer_lack(const struct observer *observer);

// Some entry will still be removed by itself.
bool observer_is_expiring(const struct observer *observer);

// Says in the trace how each machine stands.
void observer_tell(const struct observer *observer);

// At the end, when nothing moves any more.
void observer_compare_copies(struct observer *observer);
