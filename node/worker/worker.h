// SPDX-License-Identifier: Apache-2.0
// A worker: one thread, one event loop, the partitions it owns, and everything that happens to
// them.
//
//   loop turn: letters -> sockets (connections read, execute in batches) -> snapshots and fills ->
//   flush
//
// The sockets are node/net's; a worker knows outlets. Unless said otherwise functions belong to the
// worker's thread.
#pragma once

#include "node/log.h"
#include "node/worker/mailbox.h"
#include "node/worker/replica.h"
#include "node/worker/router.h"

#include <stdatomic.h>

struct event_base;

struct worker_options {
    uint16_t number;                // among the node's workers
    const struct router *router;    // borrowed, as all pointers here
    struct worker *const *siblings; // all workers of the node, for letters; router->worker_count
    struct logger *log;
    uint64_t log_bytes_max;    // of all partition logs of this worker together
    uint64_t memory_bytes_max; // of the node; 0: no limit
    uint64_t max_value_bytes;
    uint32_t replication_timeout_ms; // how long an answer waits for its commit
};

// Figures since the start. Written by the worker, read by its STATS.
struct worker_counters {
    uint64_t operations;
    uint64_t reads;
    uint64_t writes;
    uint64_t errors;
    uint64_t hops; // operations that came by another worker
    uint64_t connections_opened;
    uint64_t connections_closed;
    uint64_t turns;
};

struct worker {
    struct worker_options options;
    struct event_base *base;
    struct mailbox *mailbox;
    struct store *store;
    struct replica *replicas; // partitions of this worker that this node holds
    uint32_t replica_count;
    struct replica **by_partition; // by partition number; NULL: not held by this worker
    struct source **sources;       // of the primaries, by slot
    uint32_t source_count;
    struct watches *watches;
    struct list touched; // replicas whose log has grown in this batch
    struct list filling; // replicas with an active fill
    struct worker_counters counters;
    size_t link_bytes; // waiting on links to backups, as of this turn's start
    // node/net's part, set before the thread starts: the worker calls it and knows no more of it.
    void *host;
    void *connections;                        // borrowed: where sockets for this worker are sent
    bool (*flush)(struct worker *worker);     // writes what outlets hold, once a turn; true: call
                                              // again soon
    size_t (*backlog)(struct worker *worker); // bytes waiting on links to backups
    struct buffer scratch;                    // rows of a scan
    uint64_t tick_count;
    atomic_uint_fast64_t used_bytes; // of the store; read by the siblings
    atomic_uint out_of_sync_count;   // primaries that lack a backup; read by the control thread
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

// Unix time in microseconds, for effects and expiry.
uint64_t worker_now_us(void);

// The replica of this partition, or NULL when this node or this worker does not hold it.
static inline struct replica *worker_replica(const struct worker *worker, uint16_t partition)
{
    return partition < worker->options.router->view->partition_count
               ? worker->by_partition[partition]
               : NULL;
}

// More waits for backups than may: node/net stops reading from clients.
bool worker_is_congested(const struct worker *worker);

// After whatever may have appended effects: tells walking watches of them before anything else
// happens to the partition, and has the replica advance at the end of the batch.
void worker_note_effects(struct worker *worker, struct replica *replica);
void worker_advance_touched(struct worker *worker);

// Compiles a query; NULL: it was answered with an error.
struct query *worker_compile(struct worker *worker, struct bytes text, struct outlet *outlet,
                             uint32_t request_id);

// ---- Links to backups, from node/net ----

// A link to worker `remote_worker` (of `remote_worker_count`) of member `member` is up, or down.
void worker_link_up(struct worker *worker, uint16_t member, uint16_t remote_worker,
                    uint16_t remote_worker_count, struct outlet *link);
void worker_link_down(struct worker *worker, const struct outlet *link);

// The connection by which a primary sent is gone.
void worker_primary_gone(struct worker *worker, const struct outlet *link);

// ---- Continuous queries ----

// Registers a SUBSCRIBE on all primaries of this worker and answers with their marks, or with an
// error.
void worker_subscribe(struct worker *worker, struct outlet *outlet, uint32_t request_id,
                      struct bytes body, struct list *owner);
void worker_unsubscribe(struct worker *worker, struct outlet *outlet, uint32_t request_id,
                        struct bytes body, struct list *owner);
