// SPDX-License-Identifier: Apache-2.0
// A worker: one thread, one event loop, and the shard that it runs.
//
//   loop turn: letters -> sockets (connections read, execute in batches) -> snapshots and fills ->
//   wishes -> flush
//
// The sockets are node/net's; a worker knows outlets. Unless said otherwise functions belong to the
// worker's thread.
#pragma once

#include "node/log.h"
#include "node/shard/shard.h"
#include "node/worker/mailbox.h"
#include "node/worker/published_view.h"

struct event_base;

struct worker_options {
    uint16_t number;       // among the node's workers
    uint16_t worker_count; // of the node
    struct worker *const
        *siblings; // all workers of the node, for letters; borrowed, as all pointers
    struct logger *log;
    struct shard_options shard; // its host is the worker's to set
    uint64_t memory_bytes_max;  // of the node; 0: no limit
    // The shard's wishes have changed. Called on the worker's thread; borrowed until return.
    void (*wished)(void *context, uint16_t worker, const struct wish *wishes, uint32_t count);
    void *context;
};

// Figures since the start. Written by the worker, read by its STATS.
struct worker_counters {
    uint64_t hops; // operations that came by another worker
    uint64_t connections_opened;
    uint64_t connections_closed;
    uint64_t turns;
};

struct worker {
    struct worker_options options;
    struct event_base *base;
    struct mailbox *mailbox;
    struct shard *shard;
    struct published_view *published; // held; what the shard works with. NULL: none yet
    struct worker_counters counters;
    size_t link_bytes; // waiting on links to backups, as of this turn's start
    // node/net's part, set before the thread starts: the worker calls it and knows no more of it.
    void *host;
    void *connections;                        // borrowed: where sockets for this worker are sent
    bool (*flush)(struct worker *worker);     // writes what outlets hold, once a turn; true: call
                                              // again soon
    size_t (*backlog)(struct worker *worker); // bytes waiting on links to backups
    void (*view_changed)(struct worker *worker); // links may be wanted, or not any more
    uint64_t tick_count;
    uint64_t wished_us;      // when the wishes were looked at
    struct wish *wishes;     // owned; as last told
    struct wish *new_wishes; // owned; room for the next ones
    uint32_t wish_count;
    bool is_view_fresh;              // wishes are due at once
    atomic_uint_fast64_t used_bytes; // of the store; read by the siblings
    atomic_uint lacking_count;       // primaries without all copies; read by the control thread
    atomic_uint_fast64_t turned_us;  // the last loop turn began then; read by the control thread
    bool is_stopping;
};

// Made on the main thread, before any worker runs.
struct worker *worker_new(const struct worker_options *options);
void worker_free(struct worker *worker); // after worker_run has returned

// The thread's body: runs until worker_stop. Letters that arrive later are delivered by whoever
// drains the mailbox: operations among them are not executed, sockets are closed.
void worker_run(struct worker *worker);

// After worker_run: forgets the answers that wait for a commit, so that outlets lose their holders.
void worker_drop_pending(struct worker *worker);

// Any thread.
void worker_stop(struct worker *worker);
void worker_post(struct worker *worker, struct letter *letter);
void worker_post_view(struct worker *worker, struct published_view *published); // it is held anew
// Until when the node may serve (worker_clock_us). It travels with the views, in their order: a
// lease holds for the view that the member had when it was granted.
void worker_post_lease(struct worker *worker, uint64_t until_us);

// Any thread. Monotonic, goes on while the machine is suspended: leases and time-outs.
uint64_t worker_clock_us(void);
// Any thread. Unix time in microseconds, for effects and expiry.
uint64_t worker_unix_us(void);

// Tells the shard the time: before anything is executed or received. Returns
// worker_clock_us.
uint64_t worker_refresh(struct worker *worker);

// More waits for backups than may: node/net stops reading from clients.
bool worker_is_congested(const struct worker *worker);
