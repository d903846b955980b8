// SPDX-License-Identifier: Apache-2.0
// The clients that hold the standing queries of `cq` and `nexmark`, on a thread of their own.
#pragma once

#include "bench/histogram.h"
#include "bench/settings.h"

#include <pthread.h>
#include <stdatomic.h>

struct audience {
    const struct settings *settings; // borrowed
    const struct market *market;     // borrowed; NULL: the queries are those of NEXMark
    uint64_t query_count;
    pthread_t handle;
    bool started;
    struct event_base *base; // owned
    struct grid **clients;   // owned; settings->subscribers
    uint64_t asked_count;    // queries that were subscribed to
    uint64_t ready_count;    // of these, registered everywhere
    uint64_t begin_ns;       // of the first question
    uint64_t subscribe_ns;   // from the first question to the last answer
    uint64_t text_bytes;     // of all queries
    // Events of updates that were meant to begin earlier (NEXMark: that were made earlier) are not
    // measured. Unix time.
    _Atomic uint64_t measure_us;
    _Atomic uint64_t delivered; // ENTER and UPDATE events
    _Atomic uint64_t resets;    // partitions of which not every change could be told any more
    _Atomic bool connected;     // all clients, to all members
    _Atomic bool go;            // subscribe
    _Atomic bool ready;         // all queries stand
    _Atomic bool failed;        // `reason` says why
    _Atomic bool stop;
    char reason[REASON_BYTES];
    struct histogram from_commit;   // nanoseconds; read them after audience_stop
    struct histogram from_intended; // empty with NEXMark, whose events do not tell
};

// Starts the thread, which connects. audience_deinit must follow.
void audience_start(struct audience *audience, const struct settings *settings,
                    const struct market *market);

// Waits until all clients are connected. False when they are not in time.
MUST_USE bool audience_await_connected(const struct audience *audience, uint64_t limit_ns,
                                       char reason[static REASON_BYTES]);

// Subscribes to all queries, and waits until they stand. `limit_ns`: of the monotonic clock.
MUST_USE bool audience_subscribe(struct audience *audience, uint64_t limit_ns,
                                 char reason[static REASON_BYTES]);

// Waits until so many events were delivered. False when they do not come: not in time, or no more
// because partitions were reset.
bool audience_await_events(const struct audience *audience, uint64_t expected, uint64_t limit_ns);

// Ends the thread, and with it all subscriptions. May be called twice.
void audience_stop(struct audience *audience);
void audience_deinit(struct audience *audience);
