// SPDX-License-Identifier: Apache-2.0
// What the files of the consensus share; everybody else includes cluster/rules/raft.h.
//
//                 time-out             majority             majority
//   FOLLOWER ----------------> PRE_ ------------> CANDIDATE ----------> LEADER
//      ^   \    (voters only)  CANDIDATE            ^                      |
//      |    \--------------TIMEOUT_NOW-------------/                       |
//      \-- a higher term, a leader, no quorum, a store that fails ---------/
//
//   raft.c              what comes in, time, commitment and snapshots
//   raft_election.c     pre-votes and votes
//   raft_follower.c     what a leader sends: entries, snapshots
//   raft_leader.c       what a leader does: appends, heartbeats, quorum, lease, transfer
//   raft_replication.c  what each server is sent, and what its answers mean
//   raft_membership.c   who takes part
//   raft_log.c          entries and the snapshot
//
// Times are of this server's own clock.
#pragma once

#include "cluster/base/random.h"
#include "cluster/rules/raft.h"
#include "cluster/rules/raft_log.h"

enum {
    RAFT_WINDOW_ENTRIES = 4 * RAFT_APPEND_ENTRIES_MAX, // sent to one server, not answered
    RAFT_APPEND_BYTES_MAX = 1024 * 1024, // of data in one APPEND, unless a single entry has more
    RAFT_UNCOMMITTED_ENTRIES_MAX = 1024, // proposals beyond are refused
    RAFT_LAG_ENTRIES_MAX = 64,           // a learner further behind is not made a voter
    RAFT_TAIL_SHARE = 4, // 1 / share of log_entries_max stays in the log after a compaction
};

// How the leader finds out where a server's log ends (sections 3.5 and 10.2.2).
enum raft_peer_state {
    RAFT_PROBE = 0, // one APPEND at a time, until one is accepted
    RAFT_REPLICATE, // entries are sent as they come, a window of them
    RAFT_SNAPSHOT,  // an INSTALL is under way
};

// One per server of the configuration, at the same place; the leader's own is not used.
// match_index < next_index <= last index + 1.
struct raft_peer {
    uint64_t id;
    enum raft_peer_state state;
    uint64_t match_index; // the log is known to be shared up to here; never falls in a term
    uint64_t next_index;  // to be sent next
    uint64_t sent_ms;     // when the last INSTALL left
    uint64_t round;       // of the latest stamp that it answered; 0: none in this term
};

struct raft {
    struct raft_options options;
    struct random random;
    uint64_t now_ms;
    uint64_t term;
    uint64_t voted_for; // in this term; 0: nobody
    enum raft_role role;
    uint64_t leader; // of this term; 0: unknown
    struct raft_log log;
    uint64_t commit_index;
    uint64_t applied_index;         // = commit_index between two calls
    uint64_t election_deadline_ms;  // >= sticky_until_ms
    uint64_t sticky_until_ms;       // heard a leader: no votes until then, in whatever term
    bool granted[RAFT_SERVERS_MAX]; // candidates: by whom, places as in the configuration
    // Leader:
    struct raft_peer peers[RAFT_SERVERS_MAX];
    uint64_t term_start_index; // of the no-op
    uint64_t heartbeat_deadline_ms;
    uint64_t quorum_since_ms; // of the election: check-quorum does not look further back
    uint64_t transfer_to;     // 0: no transfer
    uint64_t transfer_deadline_ms;
    bool transfer_is_sent;      // TIMEOUT_NOW has left
    uint64_t lease_floor_index; // only servers that have this entry count for the lease
    struct raft_message out;    // scratch: it is large
};

// ---- raft.c ----
// Never backwards, whatever the host says: deadlines and stamps rely on it.
void raft_set_clock(struct raft *raft, uint64_t now_ms);
// A message to be completed and sent; borrowed until the next one.
struct raft_message *raft_compose(struct raft *raft, enum raft_message_kind kind, uint64_t to);
void raft_send(struct raft *raft);
void raft_reset_election_deadline(struct raft *raft);
// Follower of nobody, in the same term.
void raft_step_down(struct raft *raft);
// Follower in a later term. False: the store failed, and nothing but the role has changed.
MUST_USE bool raft_advance_term(struct raft *raft, uint64_t term);
MUST_USE bool raft_save_term(struct raft *raft, uint64_t term, uint64_t voted_for);
// Applies what is committed by that, and compacts the log if it is time.
void raft_commit(struct raft *raft, uint64_t index);

// ---- raft_election.c ----
void raft_campaign(struct raft *raft, bool is_transfer);
void raft_receive_pre_vote(struct raft *raft, const struct raft_message *message);
void raft_receive_vote(struct raft *raft, const struct raft_message *message);
void raft_receive_vote_reply(struct raft *raft, const struct raft_message *message);
void raft_receive_timeout_now(struct raft *raft, const struct raft_message *message);
bool raft_is_sticky(const struct raft *raft);

// ---- raft_follower.c ----
void raft_receive_append(struct raft *raft, const struct raft_message *message);
void raft_receive_install(struct raft *raft, const struct raft_message *message);

// ---- raft_leader.c ----
void raft_lead(struct raft *raft);
void raft_leader_tick(struct raft *raft);
uint64_t raft_leader_deadline_ms(const struct raft *raft);
// Appends an entry of its own. False: the store failed, and the leader has stepped down.
MUST_USE bool raft_leader_append(struct raft *raft, struct raft_entry *entry);
// Commits what a majority has, and sends what there is to send.
void raft_leader_advance(struct raft *raft);
// TIMEOUT_NOW if the transfer's target has all entries.
void raft_leader_transfer(struct raft *raft);

// ---- raft_replication.c ----
// At the beginning of a term, and when the configuration has changed.
void raft_peers_begin(struct raft *raft);
void raft_peers_follow_configuration(struct raft *raft);
void raft_send_heartbeats(struct raft *raft);
// What is new: entries, and to all that follow the commit index if `is_committed`.
void raft_send_news(struct raft *raft, bool is_committed);
void raft_receive_append_reply(struct raft *raft, const struct raft_message *message);
void raft_receive_install_reply(struct raft *raft, const struct raft_message *message);

// ---- raft_membership.c ----
// Its place in the configuration, or its count.
uint32_t raft_configuration_place(const struct raft_configuration *configuration, uint64_t id);
bool raft_configuration_has_voter(const struct raft_configuration *configuration, uint64_t id);
bool raft_configuration_is_valid(const struct raft_configuration *configuration);
// The greatest value that a majority of the voters reaches; values stand at the servers' places.
uint64_t raft_quorum_value(const struct raft_configuration *configuration, const uint64_t *values);
bool raft_may_campaign(const struct raft *raft);

// A broken invariant stops the process here; after each call.
void raft_check(const struct raft *raft);
