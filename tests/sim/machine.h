// SPDX-License-Identifier: Apache-2.0
// A machine of the simulation: a node's process with its clocks. It does what the real node's
// threads do around the same code: a control thread with the agreement (node/meta/member.h), one
// worker for each shard (node/shard/shard.h) with its connections, and letters between them.
#pragma once

#include "node/meta/member.h"
#include "node/shard/shard.h"
#include "tests/sim/stream.h"

enum { MACHINES_MAX = 8, SHARDS_MAX = 2 };

struct world;
struct machine;

// A worker.
struct machine_shard {
    struct machine *machine; // borrowed
    uint16_t number;
    struct shard *shard; // owned; NULL while the machine is down
    struct view *view;   // owned; that the shard works by; NULL: none yet
    struct list sessions;
    struct list closed; // sessions that only waiting answers keep
    struct list dirty;  // sessions with something to write
    bool is_turn_planned;
    struct {
        uint64_t not_before_us; // virtual
        uint32_t back_off_us;
    } attempts[MACHINES_MAX][SHARDS_MAX]; // to open a link, by machine and worker
};

struct machine {
    struct world *world; // borrowed
    uint32_t slot;       // host of the network, and what its name and address are made of
    bool is_up;
    bool is_leaving;
    bool is_founder;       // may found a grid with the others
    uint64_t life;         // counts its starts: events of an earlier one are void
    uint64_t id;           // of the member; another in each life
    struct member *member; // owned; NULL while down
    struct member_address seeds[MACHINES_MAX]; // the member borrows them
    uint64_t control_at_us; // virtual, when the next event of the control thread stands
    uint64_t letter_at_us;  // virtual, when the last letter arrives
    struct list letters;    // to the workers, in order
    struct machine_shard shards[SHARDS_MAX];
    // Clocks. They run at another rate than virtual time, and start somewhere.
    uint64_t clock_start_us; // of the monotonic clock, at virtual time 0
    int32_t rate_per_mille;  // added
    int64_t wall_offset_us;
    uint64_t lease_until_us; // as last told to the shards, on its own clock
    uint64_t view_version;   // highest that the member told
    uint64_t tick_count;
};

void machine_init(struct machine *machine, struct world *world, uint32_t slot);

// With a new id, and nothing of what it knew before.
void machine_start(struct machine *machine, bool is_founder);
// All its state is gone. `is_silent`: nobody is told.
void machine_crash(struct machine *machine, bool is_silent);
void machine_deinit(struct machine *machine);

uint64_t machine_now_us(const struct machine *machine); // its monotonic clock
uint64_t machine_wall_us(const struct machine *machine);

// Sleeps: nothing of it runs for so long, its clocks go on.
void machine_pause(struct machine *machine, uint64_t for_us);

// The machine thinks that it may serve the partition now.
bool machine_serves(const struct machine *machine, uint16_t partition);

// After whatever a worker did: what it appended is sent and committed, what it has to write is
// written.
void machine_turn(struct machine_shard *shard);
// Another one follows.
void machine_turn_soon(struct machine_shard *shard);
