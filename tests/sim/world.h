// SPDX-License-Identifier: Apache-2.0
// One run: a grid of machines, its clients, the faults that a seed chooses, and what is observed.
#pragma once

#include "tests/sim/bugs.h"
#include "tests/sim/client.h"
#include "tests/sim/faults.h"
#include "tests/sim/history.h"
#include "tests/sim/machine.h"
#include "tests/sim/observer.h"
#include "tests/sim/subscriber.h"

enum {
    CLIENTS_MAX = 6,
    SUBSCRIBERS_MAX = 3,
    SUBSCRIBER_HOST = MACHINES_MAX + CLIENTS_MAX,
};

// What the seed has chosen for the whole run.
struct plan {
    uint32_t founder_count;
    uint32_t machine_count; // founders, and those that may join later
    uint32_t shard_count;   // of each machine
    uint32_t partition_count;
    uint32_t backups;
    uint32_t min_in_sync;
    uint32_t voters_max;
    uint32_t client_count;
    uint32_t key_count;
    uint32_t heartbeat_ms;
    uint32_t lease_ms;
    uint32_t suspect_ms;
    uint32_t remove_ms;
    uint32_t election_ms;
    uint32_t drift_per_mille;
    uint32_t drop_ms;
    uint32_t answer_timeout_ms;
    uint64_t log_bytes;          // of all logs of a shard: small ones force fills and resets
    uint32_t expiring_per_mille; // of what is put
    uint32_t clears_per_mille;   // of operations
    uint32_t subscriber_count;
    size_t outlet_bytes;    // limit of a connection's outlet
    size_t outlets_bytes;   // of all subscribers of a worker together; 0: none
    size_t window_bytes;    // of a subscriber's connections: what its socket buffers hold
    uint32_t read_rest_us;  // at most, after each look of a subscriber at its sockets; 0: none
    uint64_t faults_end_us; // virtual; then everything heals
};

enum phase {
    PHASE_FAULTS = 0,
    PHASE_HEALED, // the grid must become whole
    PHASE_WHOLE,  // operations must succeed
    PHASE_LAST,   // no new operations; each key is read once more
    PHASE_QUIET,  // everything must be equal
    PHASE_OVER,
};

// What happened, to be seen at the end of many runs.
struct tally {
    uint64_t virtual_us;
    uint64_t events;
    uint64_t operations; // answered
    uint64_t unknown;
    uint64_t refused; // given up, certainly without effect
    uint64_t retries;
    uint64_t crashes;
    uint64_t pauses;
    uint64_t naps; // in the middle of a turn
    uint64_t cuts;
    uint64_t slow_paths;
    uint64_t joins;
    uint64_t leaves;
    uint64_t clock_jumps;
    uint64_t views;
    uint64_t leaderships;
    uint64_t failovers; // moves of a primary
    uint64_t lost_partitions;
    uint64_t subscribed_rows;
    uint64_t subscribed_events;
    uint64_t resumes;     // of subscriptions, by token
    uint64_t resets;      // that connections were told of
    uint64_t catch_ups;   // of subscriptions that were live
    uint64_t slow_ends;   // of subscriptions that are not to be slow
    uint64_t heal_us;     // from the last fault until the grid was whole
    uint64_t heal_max_us; // of all runs
};

struct world {
    uint64_t seed;
    enum bug bug;
    bool has_orphans;
    struct plan plan;
    struct random random;
    struct timeline timeline;
    struct trace trace;
    struct network network;
    struct machine machines[MACHINES_MAX];
    struct client clients[CLIENTS_MAX];
    struct subscriber subscribers[SUBSCRIBERS_MAX];
    struct token tokens[TOKENS_MAX];
    struct faults faults;
    struct observer observer;
    struct history history;
    struct tally tally;
    enum phase phase;
    uint64_t phase_since_us;
    uint32_t last_key; // PHASE_LAST: read up to here
    bool has_failed;
    char failure[1024];
};

struct world_options {
    uint64_t seed;
    enum bug bug;
    bool has_orphans; // what clients have written outlives their connections, as close() does it
    FILE *trace;      // borrowed; NULL: none
};

// Runs a whole life of a grid. True: nothing was violated; else world->failure says what.
bool world_run(struct world *world, const struct world_options *options);
void world_deinit(struct world *world);

// The first violation ends the run.
void world_fail(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

uint64_t world_new_id(struct world *world);
static inline uint64_t world_now_us(const struct world *world)
{
    return world->timeline.now_us;
}
