// SPDX-License-Identifier: Apache-2.0
// The clients that hold the standing queries of `cq`, on a thread of their own.
#pragma once

#include "bench/histogram.h"
#include "bench/settings.h"

#include <pthread.h>
#include <stdatomic.h>

struct audience {
    const struct settings *settings; // borrowed
    pthread_t handle;
    bool started;
    struct event_base *base; // owned
    struct grid **clients;   // owned; settings->subscribers
    uint64_t asked_count;    // queries that were subscribed to
    uint64_t ready_count;    // of these, answered
    uint64_t begin_ns;       // of the first question
    uint64_t subscribe_ns;   // from the first question to the last answer
    // Events of updates that were meant to begin earlier (Unix time) are not measured.
    _Atomic uint64_t measure_us;
    _Atomic uint64_t delivered; // ENTER and UPDATE events
    _Atomic bool ready;         // all queries stand
    _Atomic bool failed;        // `reason` says why
    _Atomic bool stop;
    char reason[REASON_BYTES];
    struct histogram from_commit; // nanoseconds; read them after audience_stop
    struct histogram from_intended;
};

// Starts the thread, which connects and subscribes. audience_deinit must follow.
void audience_start(struct audience *audience, const struct settings *settings);

// Ends the thread, and with it all subscriptions. May be called twice.
void audience_stop(struct audience *audience);
void audience_deinit(struct audience *audience);
