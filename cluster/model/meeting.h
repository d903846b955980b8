// SPDX-License-Identifier: Apache-2.0
// What control threads say to each other about who is a member and who is alive, as plain data.
// Every message may be lost, delayed, repeated or reordered. Bytes are borrowed.
#pragma once

#include "cluster/base/bytes.h"
#include "cluster/model/view.h"
#include "cluster/model/wish.h"

enum meeting_kind {
    // Nodes without a grid, with their seeds and with each other.
    MEETING_SEEK = 1,    // here I am, I want into the grid
    MEETING_SEEN,        // answer of a node that is in no grid either: who I am, whom I have seen
    MEETING_PROMISE_ASK, // I have seen bootstrap-expect nodes and have the lowest id: promise to be
                         // one of the first members of the grid that I make, and of no other
    MEETING_PROMISE,     // answer: promised (or not: refusal says why)
    MEETING_CREATE,      // to all that promised: the first snapshot of the consensus
    // Joining.
    MEETING_JOIN,    // to the leader (or to whoever may know it)
    MEETING_WELCOME, // answer of any member: who leads; the joiner is in the view already, or not
                     // yet
    MEETING_REFUSE,  // answer: never like this (refusal says why and what to do)
    // Members and their leader.
    MEETING_HEARTBEAT,       // member -> leader, with wishes
    MEETING_HEARTBEAT_REPLY, // lease, version of the view
    MEETING_VIEW,            // leader -> a member that is no server of the consensus and is behind
    MEETING_LEAVE,           // member -> leader: I am going; an operator may name another one
};

enum { MEETING_WISHES_MAX = 4096, MEETING_SEEN_MAX = 64, MEETING_TEXT_BYTES_MAX = 512 };

// What all nodes of a grid must agree on before they meet.
struct meeting_settings {
    uint32_t protocol_version;
    uint32_t partition_count;
    uint32_t backups;
    uint32_t min_in_sync;
    uint32_t bootstrap_expect; // 0: joins only
    uint32_t lease_ms;         // a leader waits out the leases of others by its own suspect_ms
    uint32_t suspect_ms;
    uint64_t wall_ms; // Unix time of the sender now
};

struct meeting {
    enum meeting_kind kind;
    uint64_t from;             // id of the sender
    uint64_t grid_id;          // of the sender; 0: none
    uint64_t term;             // of the consensus, as far as the sender knows
    uint64_t leader;           // id; 0: not known
    struct view_member sender; // SEEK, SEEN, JOIN, WELCOME, REFUSE: how to reach it, name, zone ...
    struct view_member leader_member; // WELCOME, HEARTBEAT_REPLY of a node that does not lead: how
                                      // to reach the leader; id 0: not known. SEEN: another node
                                      // that looks for a grid
    struct meeting_settings settings; // SEEK, SEEN, JOIN
    uint32_t seen_count;              // SEEN, PROMISE_ASK
    uint64_t seen[MEETING_SEEN_MAX];  // ids of nodes without a grid, its own too
    bool granted;                     // PROMISE; HEARTBEAT_REPLY: a lease from sent_ms on
    struct bytes text;                // REFUSE, PROMISE: why not; may be empty
    uint64_t sent_ms;                 // HEARTBEAT: the sender's clock; HEARTBEAT_REPLY: repeated
    uint32_t stalled_ms;   // HEARTBEAT: its slowest worker has made no progress for so long
    uint64_t view_version; // HEARTBEAT: that it has; HEARTBEAT_REPLY: the leader's
    uint64_t subject;      // LEAVE: id of the member that shall leave
    uint32_t wish_count;   // HEARTBEAT
    struct wish *wishes;   // owned by who decodes; borrowed in sending
    struct bytes snapshot; // CREATE: raft_snapshot, encoded; VIEW: a view, encoded
};
