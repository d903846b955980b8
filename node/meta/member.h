// SPDX-License-Identifier: Apache-2.0
// This node's part in the agreement, without I/O: it finds the grid or founds it, takes part in the
// consensus, sends heartbeats, holds its lease, and leads when it is elected.
//
//             SEEK, promises                  in the view
//   SEEKING ------------------> (founded) --> MEMBER --LEAVE--> LEAVING --out of the view--> GONE
//      \------ JOIN, WELCOME ---------------->
//
// The same code runs in the node's control thread and in the simulator: time comes in, messages
// leave by the host. Sending is like a datagram: addressed by host:port, and it may get lost.
//
//   member.c    the states above, what comes in, what is due
//   operator.c  what is asked of it: leaving, recovery, status
//   heartbeat.c heartbeats to the leader, and the lease
//   seeking.c   how nodes find each other; founding.c: and found a grid
//   leading.c   the leader; roster.c, rebalance.c, voters.c: what it decides
//   ledger.c    the view as the state machine of raft: commands encoded, applied, saved
#pragma once

#include "cluster/model/meeting.h"
#include "cluster/model/raft_message.h"
#include "cluster/rules/raft.h"

struct member;

struct member_address {
    char host[256];
    uint16_t port;
};

enum member_phase {
    MEMBER_SEEKING = 0, // in no grid
    MEMBER_JOINED,      // the view lists it
    MEMBER_DEPARTING,   // asked to leave; its partitions are being moved away
    MEMBER_GONE,    // the view does not list it any more: it left, or was removed as dead. A node
                    // that did not want to go starts over with a new id
    MEMBER_REFUSED, // the grid will not have it: wrong settings, name taken ...
};

// Called from inside member_*; must not call back.
struct member_host {
    void *context;
    // To all: encoded by cluster/wire. The message is borrowed until return.
    void (*send_meeting)(void *context, const struct member_address *to,
                         const struct meeting *message);
    void (*send_raft)(void *context, const struct member_address *to,
                      const struct raft_message *message);
    // A newer view; borrowed until return (copy what is to stay).
    void (*view_changed)(void *context, const struct view *view);
    // Reads and writes may be served until then (now_ms's clock); may go back to 0.
    void (*lease_changed)(void *context, uint64_t until_ms);
    // For the log: what an operator wants to know.
    void (*say)(void *context, bool is_warning, const char *text);
};

struct member_options {
    struct view_member self;          // id not 0; is_voter false
    const char *grid_name;            // borrowed, as all pointers here
    struct meeting_settings settings; // wall_ms is set by member_tick
    const struct member_address *seeds;
    uint32_t seed_count; // 0: founds a grid of its own (bootstrap_expect 1)
    uint32_t voters_max; // 3, 5 or 7
    uint32_t heartbeat_ms;
    uint32_t lease_ms;
    uint32_t suspect_ms;
    uint32_t remove_ms;
    uint32_t election_ms;
    uint32_t drift_per_mille;
    uint32_t clock_skew_max_ms; // of wall clocks, for joining
    uint32_t leave_ms;          // a leave that takes longer is given up: the member goes as it is
    uint32_t migration_parallel;
    uint64_t seed;           // of its generator
    struct member_host host; // copied
};

struct member *member_new(const struct member_options *options, uint64_t now_ms);
void member_free(struct member *member);

void member_tick(struct member *member, uint64_t now_ms, uint64_t wall_ms);
uint64_t member_deadline_ms(const struct member *member); // when the next tick is due

void member_receive_meeting(struct member *member, const struct meeting *message, uint64_t now_ms);
void member_receive_raft(struct member *member, const struct raft_message *message,
                         uint64_t now_ms);

// What the shards of this node wish now, all of them together (replaces what was told before), and
// for how long the slowest worker has made no progress. Copied. New wishes are sent at once.
void member_set_wishes(struct member *member, const struct wish *wishes, uint32_t count,
                       uint32_t stalled_ms, uint64_t now_ms);

// Graceful leave of this node; false: refused, `text` (MEETING_TEXT_BYTES_MAX) says why (the last
// copy would be lost: nobody else can hold data).
bool member_leave(struct member *member, char *text, uint64_t now_ms);
// An operator asks for the leave of another member, by name.
MUST_USE enum error member_leave_other(struct member *member, const char *name, char *text,
                                       uint64_t now_ms);

// The operator's last resort, where a majority of the voters is lost for good: this node alone
// becomes the only voter, under a new grid id, with the view that it has; what was on lost members
// is gone, and members that still live must be restarted. ERROR_INVALID_ARGUMENT while the node has
// a leader.
MUST_USE enum error member_recover(struct member *member, char *text, uint64_t now_ms);

enum member_phase member_phase(const struct member *member);
const struct view *member_view(const struct member *member); // grid_id 0: none yet
uint64_t member_lease_until_ms(const struct member *member);

// For the shell and for tests: what this node knows.
struct member_status {
    enum member_phase phase;
    uint64_t id;
    uint64_t term;
    uint64_t leader; // 0: unknown
    bool is_leader;
    uint64_t commit_index;
    uint64_t view_version;
    uint64_t lease_until_ms;
    struct raft_configuration configuration; // count 0: not a server of the consensus
    // Of the leader alone:
    uint32_t suspect_count;
    uint64_t suspects[MEETING_SEEN_MAX];              // ids
    uint32_t to_fill, filling, to_hand_over, to_drop; // as struct migration_progress
};

void member_status(const struct member *member, struct member_status *status);

// Stricter than needed to go on: called by the simulator after every event.
void member_check(const struct member *member);
