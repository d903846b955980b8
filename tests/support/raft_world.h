// SPDX-License-Identifier: Apache-2.0
// Servers of the consensus on a virtual clock and a network that loses, repeats and reorders; what
// must always hold is checked after each event. The same seed gives the same run.
#pragma once

#include "cluster/base/random.h"
#include "cluster/rules/raft.h"

enum {
    WORLD_SERVERS_MAX = 64, // that ever were in a run
    WORLD_LETTERS_MAX = 4096,
    WORLD_ENTRIES_MAX = 16384,
    WORLD_TERMS_MAX = 4096,
    WORLD_ELECTION_MS = 200,
    WORLD_HEARTBEAT_MS = 40,
    WORLD_DRIFT_PER_MILLE = 50,
};

struct world;

struct world_server {
    struct world *world;
    struct raft *raft; // NULL: crashed, for good
    uint64_t id;       // its place + 1
    bool is_paused;
    uint64_t clock_offset_ms;
    uint64_t clock_per_mille; // of true time
    uint64_t applied_index;
    uint64_t state; // a hash of all that was applied
};

struct world_letter {
    uint64_t due_us;
    uint64_t number;              // breaks ties
    struct raft_message *message; // cut off after its entries
    struct raft_snapshot snapshot;
};

struct world_entry {
    uint64_t term;
    uint64_t committed_term; // in which it was committed, at the latest
    enum raft_entry_kind kind;
    uint64_t state; // after it
};

struct world {
    struct random random;
    uint64_t now_us;
    struct world_server servers[WORLD_SERVERS_MAX];
    uint32_t server_count;
    bool is_blocked[WORLD_SERVERS_MAX][WORLD_SERVERS_MAX]; // from, to
    uint32_t loss_per_mille;
    uint32_t repeat_per_mille;
    uint32_t late_per_mille; // delayed by up to late_ms instead of up to 10 ms
    uint32_t late_ms;
    uint32_t log_entries_max;
    struct world_letter letters[WORLD_LETTERS_MAX];
    uint32_t letter_count;
    uint64_t letter_number;
    struct world_entry entries[WORLD_ENTRIES_MAX]; // committed, by index
    uint64_t committed_index;                      // by anybody
    uint64_t configured_index;                     // of the last committed configuration
    struct raft_configuration configuration;       // that one
    uint64_t leaders[WORLD_TERMS_MAX];
    uint64_t command_number;
    struct raft_message scratch;
    uint32_t leader_count; // statistics
    uint32_t restore_count;
    uint32_t change_count;
    char failure[256]; // "": none
};

// `count` first servers, all of them voters.
struct world *world_new(uint64_t seed, uint32_t count, uint32_t log_entries_max);
void world_free(struct world *world);

// Delivers and ticks until then, or until something has failed.
void world_run(struct world *world, uint64_t until_us);

uint64_t world_clock_ms(const struct world_server *server);
// Knows nothing and is in no configuration.
struct world_server *world_add(struct world *world);
void world_crash(struct world_server *server);
// Whether a majority of its voters lives.
bool world_survives(const struct world *world, const struct raft_configuration *configuration);
// Whether every configuration in use keeps a majority without it: what is lost with more was
// promised to nobody.
bool world_may_crash(const struct world *world, const struct world_server *server);
// The settled leader of the latest term among those that run; NULL: there is none.
struct world_server *world_leader(struct world *world);
struct world_server *world_find(struct world *world, uint64_t id);
// ERROR_NONE and the index, as raft_propose.
enum error world_propose(struct world_server *leader, uint64_t *index);
// After something was done to a server directly.
void raft_world_check(struct world *world, struct world_server *server);

void world_fail(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

// The living servers, one per line, to stderr.
void world_print(const struct world *world);
