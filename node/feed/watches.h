// SPDX-License-Identifier: Apache-2.0
// Continuous queries on one worker.
//
//   connection --> reader: a cursor per partition into the logs of this worker, and its watches
//   commit     --> index --> watches that it concerns --> one frame per reader and effect -->
//   outlet outlet full --> the cursor stays; the log is read later (replay), or the partition is
//   reset
//
// Usually all cursors are level with the commit points, and a change is matched once for all
// readers. A watch on its way there (its snapshot, a resume token) has a course of its own.
#pragma once

#include "cluster/model/message.h"
#include "node/feed/outlet.h"
#include "node/feed/source.h"
#include "node/query/index.h"

struct watches;
struct reader;

struct watches_options {
    uint32_t place_count;        // partitions of this worker
    uint32_t worker_count;       // partition p has the place p / worker_count
    uint64_t output_bytes_max;   // waiting in the outlets of all readers together
    uint32_t watch_output_bytes; // waiting for one subscription
    uint32_t always_max;         // predicates that every update must evaluate
};

struct watches *watches_new(const struct watches_options *options);
void watches_free(struct watches *watches); // all readers must have been freed

// ---- What the worker leads ----

// The source stays as it is, but for its commit point, until it is given up.
void watches_lead(struct watches *watches, struct source *source);
// Not any more: readers are told.
void watches_yield(struct watches *watches, struct source *source);

// ---- What happens ----

// Some snapshot is not complete: watches_appended must be called for each effect.
bool watches_are_walking(const struct watches *watches);

// The partition has just appended the effect `seq` to its log (not yet committed).
void watches_appended(struct watches *watches, const struct source *source, uint64_t seq);

// source->committed_seq has moved; effects from_seq ... committed_seq are delivered now, in order.
void watches_committed(struct watches *watches, const struct source *source, uint64_t from_seq);

// Goes on with snapshots, replays and what the index has to tidy, a little of each. True when there
// is more that could be done at once (not: waiting for room or for a commit).
bool watches_work(struct watches *watches);

// Every 20 ms or so: looks how much waits to be read by all subscribers together.
void watches_tick(struct watches *watches);

// Tells every reader how far it is, also when nothing has matched: once a second.
void watches_progress(struct watches *watches);

// ---- One connection ----

// `outlet` and `client` (its name) are borrowed until the reader is freed.
struct reader *reader_new(struct watches *watches, struct outlet *outlet, const char *client);
void reader_free(struct reader *reader); // ends its subscriptions without a word

// Registers a subscription; REPLY is written once it is registered everywhere. `query` is borrowed
// until return. An error: nothing has happened, `text` says why.
MUST_USE enum error reader_subscribe(struct reader *reader, uint32_t id, const struct query *query,
                                     const struct subscribe *options, char *text, size_t capacity);
MUST_USE enum error reader_unsubscribe(struct reader *reader, uint32_t id);

// FOLLOW; marks of partitions that are not led here are copied to `refused` (room for all of them).
MUST_USE enum error reader_follow(struct reader *reader, const struct follow *follow,
                                  struct mark *refused, uint32_t *refused_count);

// Tells positions that the client does not know yet, of partitions that the reader follows: to be
// called behind the answer to FOLLOW, before which nothing counts for the client.
void reader_tell(struct reader *reader);

// ---- Figures ----

struct watches_figures {
    uint64_t watch_count;
    uint64_t reader_count;
    uint64_t lagging_count; // readers that are behind
    uint64_t behind_count;  // effects that readers have still to read
    uint64_t reset_count;   // of partitions, since the start
    uint64_t event_count;   // delivered to subscriptions, since the start
    uint64_t frame_count;   // that they took
    struct index_figures index;
};

void watches_figures(const struct watches *watches, struct watches_figures *figures);

// What EXPLAIN says about a query.
void watches_explain(struct watches *watches, const struct query *query,
                     struct explanation *explanation);

struct watch_description {
    const char *client; // borrowed, as all of it
    uint32_t id;
    const char *text; // of its query
    struct explanation explanation;
    enum policy policy;
    const char *state;
    uint64_t behind_count;
    uint64_t event_count;
};

// Calls `visit` for subscriptions from number `skip` on, `limit` at most; returns how many there
// are.
uint64_t watches_describe(struct watches *watches, uint64_t skip, uint64_t limit,
                          void (*visit)(void *context, const struct watch_description *description),
                          void *context);
