// SPDX-License-Identifier: Apache-2.0
// The store of one worker: its partitions, each a set of tables (one per map) and the log of their
// effects. Everything here belongs to one thread and knows no clock, socket or lock.
//
//   operation --> partition_execute --> table (changed in place)
//                                   \-> log (one effect appended, in the same step)
//
// Feeds (replication, continuous queries) read the log with cursors of their own.
#pragma once

#include "cluster/model/effect.h"
#include "cluster/model/message.h"
#include "cluster/model/op.h"

struct store;
struct partition;

struct store_options {
    uint32_t partition_count; // of the grid, 1 to PARTITIONS_MAX
    uint64_t
        log_bytes_per_partition; // bound of a log: its oldest committed effects are dropped beyond
    uint64_t value_bytes_max;    // of what a merge makes; 0: VALUE_BYTES_MAX alone
};

struct store_memory {
    uint64_t record_bytes; // slots handed out to live records, rounding included
    uint64_t slab_bytes;   // held for records, free slots included: record_bytes and more. With
                           // the three below this is all that the store holds
    uint64_t table_bytes;  // segments, directories, table and map structures, results
    uint64_t log_bytes;    // log blocks, and old values that only the logs keep alive
    uint64_t expiry_bytes; // timer structure
    uint64_t entry_count;
};

struct store *store_new(const struct store_options *options);
void store_free(struct store *store);

// Bytes that all of this store may hold (records, tables, logs, expiry). Writes that would need
// more are refused with ERROR_OUT_OF_MEMORY; removals, expiry and replicated effects are not. 0: no
// limit.
void store_set_memory_limit(struct store *store, uint64_t bytes);
struct store_memory store_memory(const struct store *store);

// The partition, created empty at its first use. Valid until store_free.
struct partition *store_partition(struct store *store, uint16_t number);

// The partition if it exists, else NULL.
struct partition *store_find_partition(struct store *store, uint16_t number);

// Removes entries that are past their expiry from primary partitions, with an EXPIRE effect each,
// at most `budget` entries. `on_expired` is called once for each partition that got new effects.
// True when more are due.
bool store_expire(struct store *store, int64_t now_us, uint32_t budget,
                  void (*on_expired)(void *context, struct partition *partition), void *context);

// Calls `visit` for each map that has at least one entry or had one since the start of this node.
void store_each_map(const struct store *store,
                    void (*visit)(void *context, struct bytes name, uint64_t entry_count),
                    void *context);

// ---- One partition ----

uint16_t partition_number(const struct partition *partition);

// Only a primary expires entries by itself. A new partition is not a primary.
void partition_set_primary(struct partition *partition, bool is_primary);
bool partition_is_primary(const struct partition *partition);

// What an operation answers. Bytes are borrowed until the next call that changes the store.
struct op_result {
    enum error error;
    bool found;       // get, contains, remove, touch, get-and-put: there was an entry
    uint64_t version; // of the entry read or written; of an existing entry on EXISTS and
                      // VERSION_MISMATCH; 0: none
    uint64_t seq;     // the answer may leave once the partition has committed this seq; 0: at once
    struct bytes value; // get, get-and-put (old value), increment and merge (new value)
    uint64_t count;     // size; clear: entries removed by this call
    bool more;          // clear: call again with `position` to go on
    struct scan_position position;
    char text[192]; // with an error: what and where, for people; else empty. Not initialised
                    // unless error != ERROR_NONE
};

// Three stages of prefetch for a batch of operations with keys: for all of them the partition, then
// for all _index, then for all _record, then all partition_execute. They only warm the cache;
// leaving them out changes nothing.
void partition_prefetch(const struct partition *partition, const struct op *op);
void partition_prefetch_index(struct partition *partition, const struct op *op);
void partition_prefetch_record(struct partition *partition, const struct op *op);

// Executes one of OP_GET ... OP_CONTAINS (op->key canonical, op->hash set, op->value well-formed)
// or OP_SIZE or OP_CLEAR (of this partition; at most one segment of entries per call, see `more`).
// `now_us`: Unix time; a write appends an effect with it.
// `commit_seq`: reads of entries newer than this set result->seq.
void partition_execute(struct partition *partition, const struct op *op, int64_t now_us,
                       uint64_t commit_seq, struct op_result *result);

// ---- Walking a map: an order that survives resizing ----

struct entry {
    struct bytes key;
    struct bytes value;
    uint64_t seq;        // version
    int64_t expiry_ms;   // Unix time; 0: none
    int64_t max_idle_ms; // 0: none
};

// Visits, in one step, all entries whose hash lies in the table segment that holds *position, or as
// many of them as make 256 KiB (at least one), and moves *position to the first hash beyond them.
// Start with 0. Returns false when the walk is over (nothing lies beyond). Entries that stay for
// the whole walk are visited exactly once, however much the table grows meanwhile. A key has been
// passed if and only if its hash < *position. Expired entries are visited too. Borrowed until the
// next change of the store; `visit` must not change the store.
bool partition_walk(struct partition *partition, struct bytes map, uint64_t *position,
                    void (*visit)(void *context, const struct entry *entry), void *context);

uint64_t partition_map_size(struct partition *partition, struct bytes map);

// Maps are numbered in the order in which this store met them; numbers stay. Those of a walk over
// all maps go from 0 up to the count, which may grow meanwhile.
uint32_t partition_map_count(const struct partition *partition);
struct bytes partition_map_name(const struct partition *partition, uint32_t number);
uint32_t partition_map_number(struct partition *partition, struct bytes name); // of a known map

// Calls `visit` for each map that has a table in this partition.
void partition_each_map(struct partition *partition,
                        void (*visit)(void *context, struct bytes name), void *context);

// ---- The log ----

uint64_t partition_last_seq(const struct partition *partition); // 0: nothing was ever written
uint64_t
partition_first_seq(const struct partition *partition); // oldest effect kept; last + 1 if none

// The effect with this seq and the value that it replaced (old_value->size 0: none; old_seq 0:
// none). first_seq <= seq <= last_seq. Borrowed until the next change of the store.
void partition_effect(const struct partition *partition, uint64_t seq, struct effect *effect,
                      struct bytes *old_value, uint64_t *old_seq);

// Effects from `seq` on are kept whatever the bound says (a feed still needs them); those before
// may be dropped. Starts at 1: nothing is dropped until the first call.
void partition_retain_from(struct partition *partition, uint64_t seq);

// On a backup: applies an effect of the primary to table and log, in one step.
// effect->seq must be partition_last_seq + 1. Bytes of `effect` are copied.
void partition_append(struct partition *partition, const struct effect *effect);

// Takes the effects beyond `seq` back: table, timers and results are as they were after effect
// `seq`, which is the last one of the log now. first_seq - 1 <= seq <= last_seq. Loaded entries
// must not be newer than `seq`.
void partition_cut(struct partition *partition, uint64_t seq);

// ---- Results: what is remembered of operations that must not be applied twice ----
// partition_execute looks a retry up and answers as the first time (result->seq: that effect's), or
// with ERROR_INDETERMINATE where it may have been forgotten. After Lee et al., "Implementing
// Linearizability at Large Scale and Low Latency" (RIFL), SOSP 2015. Bounds: node/store/results.h.

// Calls `visit` for each result that is remembered, in the order of their effects; before them,
// once and with seq 1, for what is not remembered any more (ORIGIN_FORGOTTEN). Bytes borrowed until
// the next change.
void partition_each_result(struct partition *partition,
                           void (*visit)(void *context, const struct fill_result *result),
                           void *context);

// On a backup that is filled by a scan, after partition_reset: remembers what partition_each_result
// has given, in the same order. What is loaded of effects that are appended later stays: the table
// is not yet such that an append could tell what was answered.
void partition_load_result(struct partition *partition, const struct fill_result *result);

// On a backup that is filled by a scan: drops all entries, results and the log; the next effect is
// `seq` + 1.
void partition_reset(struct partition *partition, uint64_t seq);

// On a backup that is filled by a scan: stores an entry as it stands, without an effect.
void partition_load(struct partition *partition, struct bytes map, const struct entry *entry);
