// SPDX-License-Identifier: Apache-2.0
// One server of the consensus on a desk: messages are handed to it one by one, and what it sends,
// applies and restores is read as text.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/rules/raft.h"

enum { DESK_ELECTION_MS = 100, DESK_HEARTBEAT_MS = 20, DESK_DRIFT_PER_MILLE = 50 };

struct raft_desk {
    struct raft *raft;
    uint64_t id;
    struct raft_message message; // the next one to be received
    uint64_t now_ms;
    struct buffer said;
    char text[4096]; // what desk_said returned
    uint64_t round;  // of the last APPEND or INSTALL that was sent
    uint64_t install_index;
    struct raft_configuration install_configuration;
    bool store_fails;
};

// Bootstrapped with these servers, "1 2 3L": 3 is a learner; "": not bootstrapped. The clock shows
// 1000 ms. Applied entries beyond `log_entries_max` are compacted.
struct raft_desk *desk_new(uint64_t id, const char *servers, uint32_t log_entries_max);
void desk_free(struct raft_desk *desk);

struct raft_configuration configuration_of(const char *servers);

// What was said since the last time, one clause after the other, each ended by "; ":
//   pre-vote>2 term 2 last 1/1     vote>2 term 2 last 1/1 transfer
//   pre-vote-reply>2 term 1 yes    vote-reply>2 term 1 no
//   append>2 term 2 prev 1/1 +1 commit 1
//   append-reply>2 term 2 yes 3    install-reply>2 term 2 yes 3
//   install>2 term 2 of 7/2        timeout-now>2 term 2 last 4/2
//   apply 2/2                      restore 7/2
// Valid until the next call.
const char *desk_said(struct raft_desk *desk);

// Begins a message; more fields are set in desk->message.
struct raft_message *desk_begin(struct raft_desk *desk, enum raft_message_kind kind, uint64_t from,
                                uint64_t term);
void desk_receive(struct raft_desk *desk);
const char *desk_receive_said(struct raft_desk *desk);

// An APPEND of these entries ("2 2 3": their terms, "": none), received; what it makes the server
// say.
const char *desk_append(struct raft_desk *desk, uint64_t from, uint64_t term, uint64_t previous,
                        uint64_t previous_term, const char *entries, uint64_t commit);
// The same of one entry of the term, which sets the configuration.
const char *desk_append_configuration(struct raft_desk *desk, uint64_t from, uint64_t term,
                                      uint64_t previous, uint64_t previous_term,
                                      const char *servers);
// VOTE or PRE_VOTE of a candidate with that last entry.
const char *desk_vote(struct raft_desk *desk, enum raft_message_kind kind, uint64_t from,
                      uint64_t term, uint64_t last_index, uint64_t last_term);
// A reply to what was sent last.
const char *desk_reply(struct raft_desk *desk, enum raft_message_kind kind, uint64_t from,
                       bool granted, uint64_t index);

void desk_wait(struct raft_desk *desk, uint64_t ms); // and ticks
// Ticks at the deadline until the server leads, with the votes of all other voters.
void desk_elect(struct raft_desk *desk);
MUST_USE enum error desk_propose(struct raft_desk *desk);
MUST_USE enum error desk_configure(struct raft_desk *desk, const char *servers);
