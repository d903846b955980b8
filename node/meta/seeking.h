// SPDX-License-Identifier: Apache-2.0
// A node without a grid: it looks for one at its seeds, joins the first that it finds, or founds
// one together with others that look for one too (founding.c).
//
// Why two grids are not founded. The first members are chosen among nodes that see each other, and
// hold most of the seeds; each promised to belong to no other grid for longer than the founding
// may take. Two sets of founders have a seed in common, and that one promises to one of them.
#pragma once

#include "node/meta/state.h"

enum {
    // A promise binds for so long; a founder uses it only for the second one, from when it asked.
    PROMISE_MS = 10000,
    FOUNDING_MS = 5000,
    // Silence after which a node is taken for gone.
    // Members of a grid that stands call their seeds with every heartbeat.
    LISTEN_HEARTBEATS = 4,
    SEEKER_SILENT_HEARTBEATS = 10,
    GRID_SILENT_HEARTBEATS = 25,
    SEEKERS_MAX = MEETING_SEEN_MAX - 1, // and this node itself
};

// Another node without a grid.
struct seeker {
    struct view_member member;
    struct meeting_settings settings;
    uint64_t heard_ms;
    bool is_alike; // its settings are those of this node
    uint32_t seen_count;
    uint64_t seen[MEETING_SEEN_MAX]; // whom it has seen
};

// One that was asked to be among the first members.
struct founder {
    uint64_t id;
    bool has_promised;
    bool is_there; // after the founding: it was heard of as a member
};

struct seeking {
    uint64_t began_ms;
    uint64_t due_ms;
    uint64_t tell_ms; // when to say what it waits for
    uint32_t seeker_count;
    struct seeker seekers[SEEKERS_MAX];
    // Joining.
    uint64_t grid_id; // that it wants into; 0: none found
    uint64_t door;    // id of the member that opened
    uint64_t welcomed_ms;
    // A promise given, to itself while it asks others; 0: none.
    uint64_t promised_to;
    uint64_t promised_until_ms;
    // Founding, this node first among the founders; count 0: not under way.
    uint64_t asked_ms;
    uint32_t founder_count;
    struct founder founders[MEETING_SEEN_MAX];
    struct buffer creation; // the first snapshot, encoded; empty: not founded by this node
    uint64_t created_ms;
    bool has_warned_seeds;
};

struct seeking *seeking_new(const struct member *member);
void seeking_free(struct seeking *seeking);

void seeking_tick(struct member *member);
uint64_t seeking_deadline_ms(const struct member *member);

void seeking_seek(struct member *member, const struct meeting *message);
void seeking_seen(struct member *member, const struct meeting *message);
void seeking_welcome(struct member *member, const struct meeting *message);

// ---- founding.c ----

void founding_tick(struct member *member);
void founding_asked(struct member *member, const struct meeting *message);
void founding_promised(struct member *member, const struct meeting *message);
void founding_created(struct member *member, const struct meeting *message);
// A message of a member of this node's grid: that founder needs no CREATE any more.
void founding_heard(struct member *member, uint64_t id);
// Repeats CREATE for those that are not there yet.
void founding_repeat(struct member *member);
bool founding_is_over(const struct seeking *seeking, uint64_t now_ms);

// Between the two files.
bool seeking_is_bound(const struct seeking *seeking, uint64_t now_ms);
bool seeker_has_seen(const struct seeker *seeker, uint64_t id);
