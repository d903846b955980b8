// SPDX-License-Identifier: Apache-2.0
// One thread of a load: its connections, its share of the operations, what it measured.
#pragma once

#include "bench/backlog.h"
#include "bench/histogram.h"
#include "bench/lane.h"
#include "bench/pacer.h"
#include "bench/workload.h"

#include <pthread.h>

// After the end of a run, replies are awaited this long; what has not come then is unfinished.
enum { LOAD_GRACE_S = 2 };

// Where all threads of a load stand; written by the thread that started them.
struct load_signal {
    _Atomic bool go;     // the times below are set: begin the run
    _Atomic bool stop;   // end early
    uint64_t begin_ns;   // of the warm-up; monotonic clock
    uint64_t measure_ns; // operations that begin from here on are counted
    uint64_t end_ns;     // none begins from here on; UINT64_MAX: an operation count ends the run
    uint64_t
        realtime_offset_ns; // Unix time minus the monotonic clock; set before the threads start
};

// What others may read while the thread runs; all only grow, and count from its start.
struct load_counters {
    _Atomic uint64_t operations;
    _Atomic uint64_t requests;
    _Atomic uint64_t misses;  // reads of records that are not there
    _Atomic uint64_t errors;  // operations that the server refused
    _Atomic uint64_t matches; // standing queries that select what was written, summed up
    _Atomic bool loaded;      // its share of the records is there
    _Atomic bool finished;
    _Atomic bool failed; // finished because of `reason`
};

struct load_thread {
    const struct settings *settings; // borrowed, as the next three
    const struct destinations *destinations;
    const struct load_signal *signal;
    struct inserts *inserts;
    uint32_t number; // 0 ... settings->threads - 1
    pthread_t handle;
    struct load_counters counters;
    char reason[REASON_BYTES];
    char first_error[REASON_BYTES]; // what the server said when it refused first

    uint32_t lane_count;
    struct lane *lanes;       // owned
    struct lane **touched;    // owned; lanes to fill and flush in this turn
    uint32_t touched_count;   // <= lane_count
    uint32_t next_lane;       // open loop: where the search for room goes on
    struct backlog *backlogs; // owned; one for each group
    struct operation held;    // drawn, but its group's backlog is full
    bool holds;
    bool starved;     // a lane has room that could not be filled
    uint8_t *scratch; // owned
    int epoll_fd;

    struct workload workload;
    struct pacer pacer;
    bool loading;         // the operations are those of the load phase
    uint64_t next_record; // of the load phase
    uint64_t quota;       // operations still to begin; UINT64_MAX: until end_ns
    uint64_t in_flight;   // of all lanes
    uint64_t now_ns;      // of this turn

    struct histogram histograms[CLASS_COUNT]; // nanoseconds
    uint64_t unfinished; // operations that should have ended and did not; in the histograms with
                         // the time that they have waited
};

// Opens the thread's connections. `market`: of PAYLOAD_QUOTE, else NULL. load_thread_deinit must
// follow in any case.
MUST_USE bool load_thread_init(struct load_thread *thread, const struct settings *settings,
                               const struct market *market, const struct destinations *destinations,
                               const struct load_signal *signal, struct inserts *inserts,
                               uint32_t number);
void load_thread_deinit(struct load_thread *thread);

// Starts it: it loads its share of the records, waits for signal->go, runs, and finishes.
void load_thread_start(struct load_thread *thread);

// Waits for its end; afterwards the histograms may be read.
void load_thread_join(struct load_thread *thread);
