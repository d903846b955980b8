// SPDX-License-Identifier: Apache-2.0
// Inside the store: what a partition and a store are made of, and the one way to change an entry.
#pragma once

#include "cluster/base/buffer.h"
#include "node/store/log.h"
#include "node/store/map.h"
#include "node/store/results.h"
#include "node/store/store.h"

struct partition {
    // What operations need comes first, in two cache lines.
    struct store *store; // borrowed: its owner
    uint32_t index;      // dense, in order of creation: of its tables in each map
    uint16_t number;
    bool is_primary;
    bool is_expired_noted; // in the list of those that store_expire changed
    struct log log;
    // Max idle counts from here at the earliest: accesses before were noted by another node.
    int64_t active_since_ms;        // 0: not known yet
    struct partition *next_expired; // in the list of those that store_expire changed
    struct results *results;        // owned; NULL: nothing is remembered or forgotten
};

struct store {
    struct slab slab;
    struct map_list maps;
    struct store_options options;
    struct partition **partitions; // owned, by number; NULL: not created
    struct partition **created;    // owned, by index
    uint32_t created_count;
    uint32_t expire_next;  // map whose timers are run first by the next store_expire
    uint64_t limit_bytes;  // 0: none
    uint64_t heap_bytes;   // partitions, their results, and arrays
    struct buffer scratch; // new values under construction; results point into it
};

// One entry in the eyes of an operation.
struct target {
    struct partition *partition;
    struct map *map;
    struct bytes key;
    uint64_t hash;
    struct place place; // of the entry; no bucket: there is none
};

// What an entry becomes.
struct replacement {
    struct bytes value;
    int64_t expiry_ms;   // 0: none
    int64_t max_idle_ms; // 0: none
};

// Finds the entry under target->key.
void target_find(struct target *target);

static inline struct record *target_record(const struct target *target)
{
    return record_at(&target->partition->store->slab, place_handle(target->place));
}

// Changes table, log, timers and counts in one step; the effect is last_seq + 1. Returns the new
// record, or NULL with nothing changed when the address range is exhausted.
MUST_USE struct record *target_put(struct target *target, const struct replacement *content,
                                   enum cause cause, int64_t time_us);
void target_remove(struct target *target, enum cause cause, int64_t time_us);

// On a backup, an effect that removes an entry which it does not have: only the log changes.
void target_note_removal(struct target *target, enum cause cause, int64_t time_us);

// Stores without an effect, as version `seq`. No entry must be there.
void target_load(struct target *target, const struct replacement *content, uint64_t seq,
                 int64_t access_ms);

// Takes an entry out without an effect.
void target_drop(struct target *target);

// Takes the last effect of the log back.
void partition_undo(struct partition *partition);

// Remembers the answer to the operation that has just made the last effect of the log. `old`: the
// entry as it was, NULL: none.
void partition_remember(struct partition *partition, const struct origin *origin,
                        const struct record *old, struct bytes new_value, uint64_t time_us);

// The operation was executed, without an effect.
void partition_note_attempt(struct partition *partition, const struct op *op);

// Answers an operation that may have been applied before: a retry, or an attempt that comes late.
// False: it was not.
bool partition_answer_retry(const struct partition *partition, const struct op *op, int64_t now_us,
                            struct op_result *result);

void partition_cut_results(struct partition *partition, uint64_t seq);

// Forgets all. Of effects up to `seq` it is then not known whether they are remembered elsewhere.
void partition_reset_results(struct partition *partition, uint64_t seq);

// Whether the entry's time is over and this node decides about it.
bool partition_is_due(const struct partition *partition, const struct record *record,
                      int64_t now_ms);

// Keeps active_since_ms: to be called with the time before anything else happens.
static inline void partition_note_time(struct partition *partition, int64_t now_ms)
{
    if (__builtin_expect(partition->active_since_ms == 0, 0))
        partition->active_since_ms = now_ms;
}

void partition_drop_entries(struct partition *partition);

// Bytes that the store's limit is about.
uint64_t store_used_bytes(const struct store *store);

// Whether `more_bytes` of records fit into the limit and into the address range.
bool store_has_room(const struct store *store, size_t more_bytes);
