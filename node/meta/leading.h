// SPDX-License-Identifier: Apache-2.0
// What the leader of the consensus does beside leading it: it answers heartbeats, grants leases,
// and proposes what the view shall become. It lives from election to the end of the leadership, and
// does nothing before the own no-op is applied.
//
//   leading.c    one leadership: heartbeats answered, one command under way at a time
//   roster.c     which command about members comes next: joins, removals, leaves
//   rebalance.c  which changes of partitions come next: fail-over, wishes, migration
//   voters.c     who are the servers of the consensus
//
// Why leases exclude each other. A partition changes its primary by a fail-over, after the silence
// that SUSPECT stands for (longer than any lease, cluster/rules/suspicion.h), or because the old
// one said that it serves no more. What an earlier leader granted, it granted before this one could
// be elected (raft_lease_until_ms), and this one counts everybody as heard when it began. A member
// from which something was taken could still have the old view when it is heard again: it gets no
// lease before its view is as new as the taking (floor_version).
#pragma once

#include "cluster/model/command.h"
#include "cluster/rules/migration.h"
#include "cluster/rules/suspicion.h"
#include "node/meta/state.h"

enum {
    JOINERS_MAX = 64,
    // Wishes held until they are granted, of all members together; the others ask again.
    WISHES_HELD_MAX = 2 * PARTITIONS_MAX,
};

// What the leader knows of one member.
struct follower {
    uint64_t id;            // 0: the place is empty
    uint64_t heard_ms;      // 0: not in this leadership
    uint64_t sent_ms;       // of its latest heartbeat, on its clock
    uint64_t view_version;  // that it is known to have
    uint64_t floor_version; // it gets no lease with an older view
    bool is_struck;         // the command under way takes something from it
    bool is_suspect;        // verdict, as of the last look
    uint64_t dead_since_ms; // 0: it is not
    bool leave_due;         // asked to go, not yet LEAVING
    struct wish *wishes;    // owned; as of its last heartbeat
    uint32_t wish_count;
};

struct joiner {
    struct view_member member;
    uint64_t since_ms;
    uint64_t heard_ms;
};

struct leading {
    uint64_t term;
    uint64_t ran_ms;  // last look at the clock: a gap says that we slept, not that others did
    uint64_t beat_ms; // when the leader hears itself next
    bool is_settled;
    uint64_t floor_version; // of all: what was taken from anybody before this leadership
    struct suspicion *suspicion;
    struct follower *followers; // MEMBERS_MAX; by member number
    uint64_t seen_version;      // of the view as `followers` and `target` know it
    uint64_t proposal_index;    // the one command under way; 0: none
    uint64_t judge_ms;          // no verdict changes before, unless somebody is forgiven
    bool roster_due;            // the roster or the voters may have something to do
    bool plan_due;              // the partitions may have something to do
    uint16_t *target;           // owned; wanted replicas; NULL: nobody can hold data
    struct view_member *placed; // owned; the members that `target` was made for
    uint32_t placed_count;
    uint32_t wishes_held;
    uint32_t joiner_count;
    struct joiner joiners[JOINERS_MAX];
    bool learner_was_late;            // the last one did not catch up
    uint64_t learner_since_ms;        // the learner that is to become a voter was added
    struct partition_change *changes; // scratch: partition_count
    bool *is_touched;                 // scratch: partition_count; has a change in `changes`
    bool *is_suspect;                 // MEMBERS_MAX; by member number
    struct buffer encoded_view;       // as sent in MEETING_VIEW
    uint64_t encoded_version;         // 0: none
};

struct leading *leading_new(struct member *member);
void leading_free(struct leading *leading);

// Whatever is due; called after everything that happens.
void leading_run(struct member *member);
uint64_t leading_deadline_ms(const struct member *member);
// The leader hears itself now.
void leading_hurry(struct leading *leading);

void leading_heard(struct member *member, const struct meeting *message);
void leading_join(struct member *member, const struct meeting *message);
void leading_leave(struct member *member, uint64_t subject);

// ---- Between the files of the leader ----

// Proposes the command and releases it; the one before it has been applied. False: not now.
bool leading_propose(struct member *member, struct command *command);
// The command that is about to be proposed takes something from the member.
void leading_strike(struct leading *leading, uint16_t number);
void leading_send_view(struct member *member, uint64_t id);
bool leading_has_server(const struct member *member, uint64_t id);
void follower_drop_wishes(struct leading *leading, struct follower *follower);

// Proposes the next command about members, if there is one.
bool roster_propose(struct member *member);
// Proposes the next changes of partitions, if there are any.
bool rebalance_propose(struct member *member);
// The members have changed, or not: then the target stands.
void rebalance_aim(struct member *member);
