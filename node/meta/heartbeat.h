// SPDX-License-Identifier: Apache-2.0
// A member's heartbeats to the leader, and the lease that their answers grant. A lease runs on this
// node's clock from the moment at which the heartbeat was sent, so the leader, which counts from
// its arrival, always ends it later.
#pragma once

#include "cluster/model/meeting.h"

struct member;

struct heartbeat {
    uint64_t due_ms;
    uint64_t sent_ms; // the last one; 0: none
    uint64_t lease_until_ms;
    uint64_t lease_term;  // of the leader that granted it
    bool is_refused;      // the last answer of a leader granted nothing
    uint64_t leader;      // id; 0: not known
    uint64_t leader_term; // in which it leads, or led
    uint64_t answered_ms; // when a leader answered last, or became known
    uint32_t ask_next;    // number of the member to ask next who leads
    struct wish *wishes;  // owned
    uint32_t wish_count;  // <= MEETING_WISHES_MAX
    uint32_t stalled_ms;
};

void heartbeat_deinit(struct heartbeat *heartbeat);

// Sends what is due. The leader's own heartbeats are leading.c's.
void heartbeat_tick(struct member *member);
uint64_t heartbeat_deadline_ms(const struct member *member);
// The next one leaves now.
void heartbeat_hurry(struct member *member);

void heartbeat_answered(struct member *member, const struct meeting *message);

// What a message says of who leads.
void heartbeat_note_leader(struct member *member, const struct meeting *message);

void heartbeat_set_wishes(struct member *member, const struct wish *wishes, uint32_t count,
                          uint32_t stalled_ms);
