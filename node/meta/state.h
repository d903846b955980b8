// SPDX-License-Identifier: Apache-2.0
// What the files of node/meta share: the member's state, and how its parts reach each other.
#pragma once

#include "node/meta/contacts.h"
#include "node/meta/heartbeat.h"
#include "node/meta/ledger.h"
#include "node/meta/member.h"

#include "cluster/base/random.h"

struct seeking;
struct leading;

enum {
    DEPARTURES_MAX = 8, // leaves of others asked for here and not yet in the view
};

// A leave that was asked for here, repeated until the view knows of it.
struct departure {
    uint64_t subject; // id
    uint64_t due_ms;
    uint64_t until_ms;
};

struct member {
    struct member_options options;
    enum member_phase phase;
    uint64_t now_ms;    // as last told
    uint64_t ticked_ms; // when the wall clock was told last
    struct random random;
    struct raft *raft; // owned
    struct ledger ledger;
    uint64_t told_version; // of the view that the host knows
    struct contacts contacts;
    struct heartbeat heartbeat;
    struct seeking *seeking; // owned; whoever founded a grid keeps it until its founders are there
    struct leading *leading; // owned; NULL: does not lead
    uint64_t call_ms;        // when the seeds are called next
    uint64_t leave_until_ms; // DEPARTING by an own wish: then it goes as it is; 0: no limit
    uint32_t departure_count;
    struct departure departures[DEPARTURES_MAX];
};

// The grid that the member is in, or joins; 0: none.
uint64_t member_grid_id(const struct member *member);

// Its number in the newest view; VIEW_NO_MEMBER: it is not listed.
uint16_t member_number(const struct member *member);

// A message of this kind from this member: what every one carries is filled in.
struct meeting member_message(const struct member *member, enum meeting_kind kind);
void member_send(struct member *member, const struct member_address *to,
                 const struct meeting *message);
// To a node that is known by its id; nothing happens when it is not.
void member_send_to(struct member *member, uint64_t id, const struct meeting *message);
void member_refuse(struct member *member, const struct member_address *to, const char *text);

// Where the node is; false: not known.
bool member_find(const struct member *member, uint64_t id, struct member_address *address);

void member_say(const struct member *member, bool is_warning, const char *format, ...)
    PRINTF_LIKE(3, 4);

void member_set_lease(struct member *member, uint64_t until_ms);

void member_set_clock(struct member *member, uint64_t now_ms);

// It is in no grid any more, and takes part in nothing.
void member_end(struct member *member, enum member_phase phase);

// Another grid begins with this snapshot, and this node is its only voter.
void member_restart(struct member *member, const struct raft_snapshot *snapshot);
