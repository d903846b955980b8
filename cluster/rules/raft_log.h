// SPDX-License-Identifier: Apache-2.0
// The log of one server of the consensus: the latest snapshot, the entries that are kept, and the
// configuration that they set. Part of cluster/rules/raft.h, and nobody else's business.
//
//      dropped    |   kept though in the snapshot   |  uncommitted or not yet in a snapshot
//   1 ... prefix  |  prefix + 1 ... snapshot.index  |  ... last
#pragma once

#include "cluster/model/raft_message.h"

struct raft_log {
    struct raft_snapshot snapshot; // its data is owned; index 0: there is none
    uint64_t prefix_index;         // of the last entry that is not kept; <= snapshot.index
    uint64_t prefix_term;
    struct raft_entry *entries; // owned, with their data; the first is prefix_index + 1
    uint32_t count;
    uint32_t capacity;
    struct raft_configuration configuration; // the latest one, committed or not
    uint64_t configuration_index;            // of the entry that set it; 0: the first one
};

void raft_log_deinit(struct raft_log *log);

static inline uint64_t raft_log_last_index(const struct raft_log *log)
{
    return log->prefix_index + log->count;
}

// The entry is borrowed until the next change of the log; prefix_index < index <= last.
const struct raft_entry *raft_log_at(const struct raft_log *log, uint64_t index);

// prefix_index <= index <= last.
uint64_t raft_log_term_at(const struct raft_log *log, uint64_t index);

static inline uint64_t raft_log_last_term(const struct raft_log *log)
{
    return raft_log_term_at(log, raft_log_last_index(log));
}

// The first index above the prefix from which on all entries up to `index` are of its term.
uint64_t raft_log_term_start(const struct raft_log *log, uint64_t index);

// Copies the entry, which is the one after the last.
void raft_log_append(struct raft_log *log, const struct raft_entry *entry);

// Drops that entry and all later ones; `from_index` lies above the snapshot. A configuration among
// them goes back to the one before.
void raft_log_truncate(struct raft_log *log, uint64_t from_index);

// The snapshot, which is copied, takes the place of the whole log.
void raft_log_reset(struct raft_log *log, const struct raft_snapshot *snapshot);

// The snapshot, which is copied, stands for entries of this log; those up to `drop_index`, which is
// not beyond it, are dropped.
void raft_log_compact(struct raft_log *log, const struct raft_snapshot *snapshot,
                      uint64_t drop_index);

// The configuration as of that entry, which is not before the snapshot's. Borrowed until the next
// change of the log. *set_at: index of the entry that set it.
const struct raft_configuration *raft_log_configuration_at(const struct raft_log *log,
                                                           uint64_t index, uint64_t *set_at);
