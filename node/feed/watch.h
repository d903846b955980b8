// SPDX-License-Identifier: Apache-2.0
// Continuous queries on one worker: each watch is one subscription, a feed of all partitions whose
// primary is here.
//
//   register (S0 per partition) --> wait until S0 is committed --> walk the table: ROWs --> READY
//                               \--> committed effects after S0: ENTER, UPDATE, LEAVE ------------>
//
// The rule that makes snapshot and deltas meet exactly (docs/architecture.md): the walk emits an
// entry iff entry.seq <= S0; a write to a key that the walk has not passed, whose old value has
// old.seq <= S0 and matches, emits ROW(old) at once, so before its own delta, which comes when it
// is committed.
#pragma once

#include "cluster/base/list.h"
#include "cluster/model/message.h"
#include "node/feed/outlet.h"
#include "node/feed/source.h"
#include "node/query/query.h"

struct watches; // all watches of one worker
struct watch;

// `sources`: the worker's primary partitions, borrowed until others are set or the registry is
// freed; source->slot is its place here.
struct watches *watches_new(struct source *const *sources, uint32_t source_count);
void watches_free(struct watches *watches); // ends what is left, without a word

// Others from now on: primaries have moved. No watch may be left, since each stands in its sources.
void watches_set_sources(struct watches *watches, struct source *const *sources,
                         uint32_t source_count);

uint64_t watches_count(const struct watches *watches);

// Some watch has not finished its snapshot: watches_appended must be called for each effect,
// watches_walk in each turn.
bool watches_are_walking(const struct watches *watches);

struct watch_options {
    uint32_t subscription; // its id on the connection
    bool snapshot;
    bool old;
};

// Registers with all sources in one step. `query` moves in; `outlet` must outlive the watch. Its
// watches are in `owner`, a list head of the connection's; the watch unlinks itself when it ends.
struct watch *watch_new(struct watches *watches, struct query *query, struct outlet *outlet,
                        const struct watch_options *options, struct list *owner);
void watch_free(struct watch *watch);

// The watch of this subscription in the owner's list, or NULL.
struct watch *watch_find(struct list *owner, uint32_t subscription);
struct watch *watch_first(struct list *owner);

// The partition has just appended the effect `seq` to its log (not yet committed).
void watches_appended(struct watches *watches, const struct source *source, uint64_t seq);

// source->committed_seq has moved; effects from_seq ... committed_seq are delivered now, in order.
void watches_committed(struct watches *watches, const struct source *source, uint64_t from_seq);

// Goes on with snapshots, a few table segments for each watch whose outlet has room. True when
// there is more that could be done at once (not: waiting for room or for a commit).
bool watches_walk(struct watches *watches);

// Ends all watches: FRAME_ENDED with this error, and `text` for people.
void watches_end_all(struct watches *watches, enum error error, const char *text);

// Ends the watches that could not keep up: FRAME_ENDED with ERROR_SLOW_CONSUMER. Once a loop turn.
void watches_reap(struct watches *watches);

// Tells every outlet that has watches how far partitions are (once a second, also when `count` is
// 0).
void watches_progress(struct watches *watches, const struct mark *marks, uint32_t count);
