// SPDX-License-Identifier: Apache-2.0
// One partition on three to five nodes, from a seed: the real rules of primary and backup, replicas
// as plain arrays, a leader that commits changes of the view, and a network that is bad inside
// sessions. Nodes crash and come back as other members, sleep, and learn of views late.
#pragma once

#include "cluster/model/wish.h"
#include "cluster/rules/backup.h"
#include "cluster/rules/primary.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    NODES_MAX = 5,
    KEYS = 8,
    SEQ_MAX = 400,
    VALUES_MAX = 2000, // each write makes another one; 0: none
    VIEWS_MAX = 1000,
    WISHES_MAX = 12,
    LINK_MAX = 24,     // messages in one direction of a bad link; more are lost
    QUEUE_MAX = 200,   // of a good one, which loses nothing
    FRAME_EFFECTS = 4, // at most, in one APPEND
    LOSS_PERCENT = 6,  // of APPEND, ACK, GAP
    REPEAT_PERCENT = 6,
    DROP_MS = 150,
    NO_NODE = NODES_MAX,
};

// ---- The view, and who wants to change it ----

struct view_state {
    uint64_t version; // its place in `views`, plus one
    uint64_t epoch;
    uint64_t ids[NODES_MAX]; // in sync ones first, of those the primary first
    uint32_t count;
    uint32_t in_sync_count;
    uint64_t handover; // id; 0: none
};

struct pending_wish {
    uint64_t from_id; // 0: none
    struct wish wish;
};

// ---- Links ----

// Up to APPEND: may be lost, repeated, reordered. The others come in order.
enum message_kind { ACK, GAP, APPEND, ATTACH, POSITION, CUT, FILL_BEGIN, FILL_ENTRY, FILL_END };

struct message {
    enum message_kind kind;
    uint32_t count; // APPEND
    uint64_t epoch;
    uint64_t seq;        // APPEND: the first
    uint64_t commit_seq; // APPEND
    uint64_t made_epoch; // APPEND
    union {
        uint64_t values[FRAME_EFFECTS]; // APPEND
        struct epochs epochs;           // POSITION, FILL_BEGIN
        struct {
            uint32_t key;
            uint64_t value;
        } entry; // FILL_ENTRY
    };
};

struct queue {
    uint32_t count;
    struct message messages[QUEUE_MAX];
};

// The two ends learn of a session's end at different times.
struct link {
    bool is_up_at_primary;
    bool is_up_at_backup;
    bool is_scanning;
    uint32_t scan_key; // the next one to send
    struct queue to_backup;
    struct queue to_primary;
};

// ---- Nodes ----

struct replica {
    uint64_t first_seq; // of the log
    uint64_t last_seq;
    uint64_t log[SEQ_MAX + 1];        // values
    uint64_t old_values[SEQ_MAX + 1]; // what the table had before the effect
    uint64_t table[KEYS];
    uint64_t history[SEQ_MAX + 1]; // as `log`, but whole: for the checks alone
};

struct node {
    uint64_t id; // of the member; another one after a crash
    bool is_alive;
    bool is_paused;
    bool is_listed;  // by the view it knows
    bool is_primary; // in its own eyes
    bool is_stopped; // a primary that waits for its handover
    uint64_t known;  // version of the view; 0: none
    uint32_t attached_to;
    uint64_t needed_seq;
    struct primary primary; // while is_primary
    struct backup backup;   // else
    struct replica replica;
};

struct counts {
    uint64_t commits, fills, cuts, fail_overs, handovers, adds, drops, losses, stale_writes;
};

struct world {
    uint64_t seed;
    struct random random;
    bool is_healed;
    bool is_traced;
    bool is_restless; // primaries move so often that runs of epochs are forgotten
    uint64_t now_ms;
    uint64_t next_id;
    uint32_t node_count;
    struct node nodes[NODES_MAX];
    struct link links[NODES_MAX][NODES_MAX]; // from primary to backup
    uint64_t view_count;
    struct view_state views[VIEWS_MAX]; // committed
    struct pending_wish wishes[WISHES_MAX];
    uint64_t truth[SEQ_MAX + 1]; // values that some primary called committed
    uint64_t truth_last_seq;
    uint64_t value_count;
    uint64_t made_epochs[VALUES_MAX];
    uint32_t keys[VALUES_MAX];
    bool is_fenced[VALUES_MAX]; // written when a copy in sync obeyed a later epoch already
    struct counts counts;
};

#define WORLD_CHECK(world, condition)                                                              \
    cr_assert(condition, "seed %lu, %lu ms: " #condition, (world)->seed, (world)->now_ms)

#define WORLD_SAY(world, ...)                                                                      \
    do {                                                                                           \
        if ((world)->is_traced) {                                                                  \
            fprintf(stderr, "%6lu ", (world)->now_ms);                                             \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
        }                                                                                          \
    } while (0)

static inline bool world_chance(struct world *world, uint32_t percent)
{
    return !world->is_healed && random_below(&world->random, 100) < percent;
}

// A live node with this id, or NO_NODE.
static inline uint32_t world_find(const struct world *world, uint64_t id)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (world->nodes[i].is_alive && world->nodes[i].id == id)
            return i;
    }
    return NO_NODE;
}

static inline const struct view_state *world_view(const struct world *world)
{
    return &world->views[world->view_count - 1];
}

static inline bool node_is_awake(const struct node *node)
{
    return node->is_alive && !node->is_paused;
}

// replication_node.c: what a node does.
void replica_start(struct world *world, uint32_t index);
void node_learn(struct world *world, uint32_t index, uint64_t version);
void node_step_down(struct world *world, uint32_t index, uint64_t epoch);
void node_step(struct world *world, uint32_t index, struct primary_event event);
void node_write(struct world *world, uint32_t index);
void node_trim(struct world *world, uint32_t index);
void node_wish(struct world *world, uint32_t index);
void node_announce(struct world *world, uint32_t index, uint32_t backup);
void node_take(struct world *world, uint32_t primary, uint32_t index,
               const struct message *message);

// replication_link.c: how messages travel.
void link_push(struct world *world, struct queue *queue, const struct message *message);
void link_connect(struct world *world, uint32_t primary, uint32_t backup);
void link_down_at_primary(struct world *world, uint32_t primary, uint32_t backup);
void link_down_at_backup(struct world *world, uint32_t primary, uint32_t backup);
bool link_deliver(struct world *world, uint32_t primary, uint32_t backup);
void link_scan(struct world *world, uint32_t primary, uint32_t backup);

// replication_leader.c: who changes the view.
void leader_found(struct world *world);
void leader_step(struct world *world);
void leader_grant(struct world *world, struct pending_wish *pending);
void leader_clear(struct world *world); // the dead out
bool leader_add(struct world *world);   // one live node that is no replica; false: none
bool leader_may_lose(const struct world *world, uint64_t id);

// replication_check.c: what must hold.
void world_commit(struct world *world, const struct node *node, uint64_t from_seq);
void world_check(const struct world *world);
void world_check_exact(const struct world *world, const struct node *node);
