// SPDX-License-Identifier: Apache-2.0
// The connections of one worker: links to backups, connections of primaries, and of clients.
#pragma once

#include "node/feed/outlet.h"
#include "tests/sim/machine.h"

enum session_kind {
    SESSION_LINK = 1, // we opened it, to a backup
    SESSION_PRIMARY,  // a primary opened it
    SESSION_CLIENT,
};

struct session {
    struct outlet outlet;
    struct port port;
    struct machine_shard *shard; // borrowed
    enum session_kind kind;
    bool is_up;       // LINK: it was opened
    uint64_t peer_id; // of the member or client at the other end
    uint32_t slot;    // LINK: of the machine
    uint16_t worker;  // LINK: of it
    struct buffer in;
    struct list all_link;
    struct list dirty_link;
    struct reader *reader;  // CLIENT: owned; of its subscriptions; NULL: none
    bool is_paused;         // CLIENT: its input waits until it has read more
    size_t falsified_bytes; // CLIENT: of what is in the outlet (tests/sim/bugs.h)
};

// Opens the links that the shard wants and does not have, and closes those that it does not want.
void sessions_arrange(struct machine_shard *shard);

// A stream that another host opens. NULL: refused.
struct port *session_accept(struct machine_shard *shard, const struct greeting *greeting);

// Writes what is dirty. False: the lease has ended since operations were executed, so their answers
// were dropped with the connections.
void sessions_flush(struct machine_shard *shard);

// The machine is gone: frees all. The streams were told.
void sessions_free(struct machine_shard *shard);
