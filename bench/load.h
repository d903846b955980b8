// SPDX-License-Identifier: Apache-2.0
// A whole load: connect, load the records, warm up, measure, and what came of it.
#pragma once

#include "bench/load_thread.h"
#include "bench/server_usage.h"

// Usage of the settings' servers at one moment.
struct load_sample {
    uint64_t time_ns; // monotonic clock
    uint64_t operations;
    uint64_t requests;
    uint64_t misses;
    uint64_t errors;
    uint64_t client_cpu_ns; // of this process
    struct server_usage servers[SERVERS_MAX];
};

struct load_result {
    struct load_sample before; // the connections are open, nothing was sent
    struct load_sample loaded; // all records are there
    struct load_sample begin;  // the measurement began
    struct load_sample end;
    struct histogram histograms[CLASS_COUNT]; // nanoseconds
    struct histogram all;
    uint64_t unfinished; // see load_thread.h
    char first_error[REASON_BYTES];
};

void load_result_init(struct load_result *result);
void load_result_deinit(struct load_result *result);

struct load {
    const struct settings *settings; // borrowed
    struct destinations destinations;
    struct load_signal signal;
    struct inserts inserts;
    struct load_thread *threads; // owned; settings->threads
    uint32_t thread_count;       // those that were initialised
    uint32_t started_count;
    bool shows_progress;
};

// Connects. `market`: of PAYLOAD_QUOTE, else NULL. load_deinit must follow in any case.
MUST_USE bool load_init(struct load *load, const struct settings *settings,
                        const struct market *market, char reason[static REASON_BYTES]);
void load_deinit(struct load *load);

// Starts the threads and waits until the records are there. The server refusing one is a failure.
MUST_USE bool load_records(struct load *load, struct load_result *result,
                           char reason[static REASON_BYTES]);

// Standing queries that select what was written so far, summed up over all writes.
uint64_t load_matches(const struct load *load);

// Warms up, measures, and waits for the threads' ends. To be called once, after load_records.
MUST_USE bool load_measure(struct load *load, struct load_result *result,
                           char reason[static REASON_BYTES]);
