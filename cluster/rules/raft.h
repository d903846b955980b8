// SPDX-License-Identifier: Apache-2.0
// Consensus on the view: Raft, after Diego Ongaro, "Consensus: Bridging Theory and Practice"
// (dissertation, Stanford 2014; chapters and sections are cited at each rule). No clock, socket,
// thread or randomness: time is handed in, messages leave by the host, the generator is seeded.
//
//   raft_receive, raft_tick, raft_propose ... --> host.send (messages)
//                                             \-> host.apply (committed entries, in order, once)
//                                             \-> host.restore (a snapshot replaces the state)
//
// The host's functions are called from inside the call that causes them and must not call back into
// the same raft.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/error.h"
#include "cluster/model/raft_message.h"

struct raft;

enum raft_role {
    RAFT_FOLLOWER = 0, // learners too
    RAFT_PRE_CANDIDATE,
    RAFT_CANDIDATE,
    RAFT_LEADER,
};

// Where term, vote and log survive a crash. A store whose function fails makes the server step down
// and refuse to go on in that step. NULL functions: volatile (a server that restarts has a new id).
struct raft_store {
    void *context;
    bool (*save_term)(void *context, uint64_t term, uint64_t voted_for);
    bool (*append)(void *context, const struct raft_entry *entries, uint32_t count);
    bool (*truncate)(void *context, uint64_t from_index); // that entry and all later ones
    bool (*save_snapshot)(void *context, const struct raft_snapshot *snapshot);
};

struct raft_host {
    void *context;
    // The message is borrowed until return. It may be lost, delayed, repeated, reordered.
    void (*send)(void *context, const struct raft_message *message);
    // A committed entry of any kind. Borrowed until return.
    void (*apply)(void *context, const struct raft_entry *entry);
    // The state machine becomes what the snapshot says. Borrowed until return.
    void (*restore)(void *context, const struct raft_snapshot *snapshot);
    // The state machine as of the last applied entry: appends it to `out`, for a snapshot.
    void (*save)(void *context, struct buffer *out);
    struct raft_store store;
};

struct raft_options {
    uint64_t id; // not 0
    uint32_t heartbeat_ms;
    uint32_t election_ms;     // a follower that hears nothing campaigns after election_ms to 2 x
                              // election_ms; it votes for nobody while it has heard a leader within
                              // election_ms (section 4.2.3, 6.4)
    uint32_t drift_per_mille; // how much faster another clock may run, for leases
    uint32_t log_entries_max; // applied entries kept before the log is compacted into a snapshot
    uint64_t seed;
    struct raft_host host; // copied
};

// A server that knows nothing: no log, no configuration. It waits for a leader's INSTALL or APPEND,
// or for raft_bootstrap. Never campaigns before it finds itself among the voters.
struct raft *raft_new(const struct raft_options *options, uint64_t now_ms);
void raft_free(struct raft *raft);

// The first state of a grid: the same snapshot (index 1, term 1) on every one of its first servers.
// Calls host.restore.
void raft_bootstrap(struct raft *raft, const struct raft_snapshot *snapshot, uint64_t now_ms);

void raft_receive(struct raft *raft, const struct raft_message *message, uint64_t now_ms);
void raft_tick(struct raft *raft, uint64_t now_ms); // at raft_deadline_ms, or more often
uint64_t raft_deadline_ms(const struct raft *raft);

// Leader only: ERROR_NO_QUORUM otherwise, and while leadership is being transferred.
// ERROR_OVERLOADED when too many entries are uncommitted. `data` is copied. *index: where it
// stands; it is committed if and when an entry of the same term is applied at that index.
MUST_USE enum error raft_propose(struct raft *raft, struct bytes data, uint64_t now_ms,
                                 uint64_t *index);

// Leader only. One change at a time, none before an entry of the own term is committed
// (ERROR_OVERLOADED: not yet). The new configuration differs from the present one by one server
// added as a learner, one learner made a voter (refused with ERROR_OVERLOADED while it lags), or
// one server removed; else ERROR_INVALID_ARGUMENT. ERROR_OVERLOADED too while a majority of the new
// voters has not been heard within election_ms: they could not commit it. A leader that removes
// itself steps down when the change is committed (section 4.2.2).
MUST_USE enum error raft_configure(struct raft *raft, const struct raft_configuration *next,
                                   uint64_t now_ms);

// Leader only: hands leadership over to a voter (section 3.10). Proposals are refused until it is
// done or has taken longer than an election time-out.
MUST_USE enum error raft_transfer(struct raft *raft, uint64_t to, uint64_t now_ms);

enum raft_role raft_role(const struct raft *raft);
uint64_t raft_term(const struct raft *raft);
uint64_t raft_leader(const struct raft *raft); // id; 0: not known
uint64_t raft_commit_index(const struct raft *raft);
uint64_t raft_applied_index(const struct raft *raft);
uint64_t raft_last_index(const struct raft *raft);
// Leader whose own no-op is applied: what it has applied is everything that was ever committed.
bool raft_is_settled(const struct raft *raft);
const struct raft_configuration *raft_configuration(const struct raft *raft); // latest in the log
bool raft_is_voter(const struct raft *raft);

// Leader: until when no other leader can have been elected, since a majority of the voters has
// answered what was sent at the latest at (this - election_ms), less the drift (section 6.4.1).
// Not a leader, transferring: 0. Alone as voter: UINT64_MAX.
uint64_t raft_lease_until_ms(const struct raft *raft);

// Leader: the last entry that the server's log is known to share. 0: unknown.
uint64_t raft_match_index(const struct raft *raft, uint64_t id);
