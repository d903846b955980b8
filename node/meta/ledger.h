// SPDX-License-Identifier: Apache-2.0
// The view as the state machine of raft, and the view as the leader tells it to those that are no
// servers of the consensus. What counts is whichever is newer: versions are indexes of one log.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/model/command.h"
#include "cluster/model/raft_message.h"

struct ledger {
    struct view applied; // by raft alone; owned. Only it may be the base of raft's next entry
    struct view told;    // by a leader; owned; its grid is that of `applied` where both have one
};

void ledger_deinit(struct ledger *ledger);

// The newest view; of grid_id 0 while there is none. Valid until the ledger changes.
const struct view *ledger_view(const struct ledger *ledger);

// ---- For raft ----

// A committed entry of any kind.
void ledger_apply(struct ledger *ledger, const struct raft_entry *entry);
void ledger_restore(struct ledger *ledger, const struct raft_snapshot *snapshot);
void ledger_save(const struct ledger *ledger, struct buffer *out);

// ---- For the rest ----

// A view that a leader sent. False: it is no newer, of another grid than `grid_id`, or invalid;
// then nothing has changed.
bool ledger_accept(struct ledger *ledger, struct bytes encoded, uint64_t grid_id);

// Whether this is a valid view, and nothing else.
bool ledger_is_readable(struct bytes encoded);

// Drops everything: another grid begins.
void ledger_clear(struct ledger *ledger);
