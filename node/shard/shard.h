// SPDX-License-Identifier: Apache-2.0
// A shard: all partitions of one worker, with everything that happens to them, but no thread, no
// socket and no clock: time is handed in, frames leave by outlets. A worker runs one shard; the
// simulator runs whole grids of them.
//
//   operations --> shard_execute --> partition { table + log } --> shard_advance --> APPEND frames,
//                                                                  answers, deltas
//   views      --> shard_apply_view: replicas made, promoted, demoted, dropped; links wanted
//   links      --> shard_link_up / _report (to backups), shard_receive (from primaries)
#pragma once

#include "cluster/base/list.h"
#include "cluster/model/wish.h"
#include "node/shard/replica.h"

struct shard;
struct request;

struct shard_host {
    void *context;
    // For the log: refused frames, partitions lost.
    void (*say)(void *context, bool is_warning, const char *text);
    // An operation whose partition's primary is on another worker of this node; borrowed.
    void (*hop)(void *context, const struct request *request);
    // The figures of the worker as one MessagePack map, for STATS.
    void (*stats)(void *context, struct buffer *out);
};

struct shard_options {
    uint16_t number;        // of the worker
    uint16_t worker_count;  // of the node: partition p belongs to worker p mod worker_count
    uint64_t member_id;     // of this node
    uint64_t log_bytes_max; // of all partition logs of this shard together
    uint64_t value_bytes_max;
    uint32_t answer_timeout_ms;            // how long an answer waits for its commit
    uint32_t drop_ms;                      // how long a backup may hold up commitment
    uint64_t fill_bytes_per_s;             // sent to fill backups, of this shard; 0: no limit
    uint64_t subscribers_output_bytes_max; // waiting for all subscribers; 0: no limit
    uint32_t always_evaluated_max;         // standing queries without an access key; 0: no limit
    struct shard_host host;                // copied
};

struct shard_counters {
    uint64_t operations;
    uint64_t reads;
    uint64_t writes;
    uint64_t errors;
    uint64_t filled_bytes; // sent to fill backups
    uint64_t retries;      // operations that came again
};

// Time as the shard sees it: set before anything else is called in a loop turn.
struct shard_time {
    uint64_t now_us;  // monotonic, suspended time included: time-outs, leases
    uint64_t unix_us; // for effects and expiry
};

struct shard *shard_new(const struct shard_options *options);
void shard_free(struct shard *shard);
void shard_set_time(struct shard *shard, struct shard_time time);

// ---- The view ----

// The view must stay as it is until the next one is applied or the shard is freed. The first one
// makes the store.
void shard_apply_view(struct shard *shard, const struct view *view);
const struct view *shard_view(const struct shard *shard); // NULL: none yet

// Until when (now_us's clock) this node may serve; 0: not at all. UINT64_MAX: no limit.
void shard_set_lease(struct shard *shard, uint64_t until_us);
// To be called with a fresh time after operations were executed: false: the lease ended meanwhile,
// so what was answered since shard_execute may be stale and must not leave.
bool shard_lease_holds(struct shard *shard, uint64_t now_us);
// An answer of another shard of this node was executed under the same lease.
void shard_note_served(struct shard *shard);

// What this shard's primaries wish now: appends to `wishes`, at most `capacity`; returns the count.
uint32_t shard_wishes(struct shard *shard, struct wish *wishes, uint32_t capacity);

// ---- Links to backups ----

// Whether a primary here has a replica on worker `remote_worker` (of remote_worker_count; 1: on
// any) of that member.
bool shard_wants_link(const struct shard *shard, uint64_t member_id, uint16_t remote_worker,
                      uint16_t remote_worker_count);
void shard_link_up(struct shard *shard, uint64_t member_id, uint16_t remote_worker,
                   uint16_t remote_worker_count, struct outlet *link);
void shard_link_down(struct shard *shard, const struct outlet *link);
// A frame that came back by the link. ERROR_NONE, or why the link is to be given up.
MUST_USE enum error shard_report(struct shard *shard, const struct outlet *link,
                                 const struct frame *frame);

// ---- Connections of primaries ----

// A frame of replication that came by the connection; answers go to its outlet. ERROR_NONE, or why
// the connection is to be given up.
MUST_USE enum error shard_receive(struct shard *shard, struct outlet *link,
                                  const struct frame *frame);
void shard_primary_gone(struct shard *shard, const struct outlet *link);

// Operations: node/shard/execute.h; continuous queries: node/shard/subscriptions.h.

// ---- Once a loop turn, and now and then ----

void shard_advance(struct shard *shard); // what was appended: sends, commits, delivers
bool shard_work(struct shard *shard);    // snapshots and fills go on; true: more to do at once
void shard_tick(struct shard *shard);    // each 20 ms or so: expiry, time-outs, stale links
void shard_tell_progress(struct shard *shard); // once a second: commit points and subscribers
void shard_drop_pending(struct shard *shard);  // before it is freed: outlets lose their holders

// ---- For figures and checks ----

struct shard_figures {
    struct shard_counters counters;
    struct store_memory memory;
    uint32_t primary_count;
    uint32_t backup_count;      // replicas that are not primary
    uint32_t lacking_count;     // primaries with fewer copies in sync than wanted, or not serving
    uint64_t uncommitted_count; // effects
};

void shard_figures(const struct shard *shard, struct shard_figures *figures);
void shard_watches_figures(const struct shard *shard, struct watches_figures *figures);
void shard_set_memory_limit(struct shard *shard, uint64_t bytes);

// The replica of this partition, or NULL when this shard does not hold it.
struct replica *shard_replica(const struct shard *shard, uint16_t partition);
void shard_check(const struct shard *shard); // every invariant
