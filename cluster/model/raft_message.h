// SPDX-License-Identifier: Apache-2.0
// What the servers of the consensus say to each other, as plain data. Bytes are borrowed.
#pragma once

#include "cluster/base/bytes.h"
#include "cluster/model/limits.h"

#include <stdbool.h>

enum raft_entry_kind {
    RAFT_NOOP = 1,          // of a new leader
    RAFT_COMMAND = 2,       // of the state machine
    RAFT_CONFIGURATION = 3, // takes effect when it is appended, not when it is committed
};

enum { RAFT_LEARNERS_MAX = 2, RAFT_SERVERS_MAX = VOTERS_MAX + RAFT_LEARNERS_MAX };

struct raft_server {
    uint64_t id;
    bool is_voter; // else a learner: receives the log, is not counted
};

struct raft_configuration {
    uint32_t count; // <= RAFT_SERVERS_MAX
    struct raft_server servers[RAFT_SERVERS_MAX];
};

struct raft_entry {
    uint64_t index; // 1 and up
    uint64_t term;
    enum raft_entry_kind kind;
    struct bytes data;                       // COMMAND
    struct raft_configuration configuration; // CONFIGURATION
};

struct raft_snapshot {
    uint64_t index;                          // of the last entry that it stands for; 0: none
    uint64_t term;                           // of that entry
    struct raft_configuration configuration; // as of that entry
    uint64_t configuration_index;            // of the entry that set it; 0: the first one
    struct bytes data;                       // the state machine
};

enum raft_message_kind {
    RAFT_PRE_VOTE = 1,
    RAFT_PRE_VOTE_REPLY,
    RAFT_VOTE,
    RAFT_VOTE_REPLY,
    RAFT_APPEND, // a heartbeat when it has no entries
    RAFT_APPEND_REPLY,
    RAFT_INSTALL, // a snapshot
    RAFT_INSTALL_REPLY,
    RAFT_TIMEOUT_NOW, // leadership transfer
};

enum { RAFT_APPEND_ENTRIES_MAX = 64 };

struct raft_message {
    enum raft_message_kind kind;
    uint64_t from;
    uint64_t to;
    uint64_t term; // of the sender; in PRE_VOTE: the one it would campaign in
    // PRE_VOTE, VOTE: of the last entry. APPEND: of the entry before the first one sent.
    uint64_t log_index;
    uint64_t log_term;
    bool is_transfer; // VOTE: by TIMEOUT_NOW, so a leader's presence is no objection
    bool granted;     // *_VOTE_REPLY; APPEND_REPLY: accepted
    // APPEND: commit index. APPEND_REPLY, INSTALL_REPLY: granted: the follower's log is the
    // leader's up to here, at most prev + n of the request; refused: a hint where to try next.
    uint64_t index;
    uint64_t round; // APPEND, INSTALL: a stamp that the reply repeats (leases, check-quorum)
    uint32_t entry_count;
    struct raft_entry entries[RAFT_APPEND_ENTRIES_MAX]; // APPEND
    struct raft_snapshot snapshot;                      // INSTALL
};
