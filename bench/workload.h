// SPDX-License-Identifier: Apache-2.0
// One thread's stream of operations, and the requests that they are made of.
#pragma once

#include "bench/driver.h"
#include "bench/settings.h"

#include <stdatomic.h>

// What the threads of a load share.
struct workload_shared {
    _Atomic uint64_t issued_count;   // records that some thread has begun to insert, the loaded too
    _Atomic uint64_t inserted_count; // records that were inserted
};

struct workload {
    const struct settings *settings; // borrowed
    struct workload_shared *shared;  // borrowed
    struct random random;
    struct key_chooser keys;
    struct payload payload;
    struct buffer value;         // of the request that was made last
    uint64_t realtime_offset_ns; // Unix time minus the monotonic clock
};

void workload_init(struct workload *workload, const struct settings *settings,
                   struct workload_shared *shared, uint64_t seed, uint64_t realtime_offset_ns);
void workload_deinit(struct workload *workload);

// The next operation of the mix; begin_ns is 0.
void workload_draw(struct workload *workload, struct operation *operation);

// The operation that loads the record `index`.
void workload_load(uint64_t index, struct operation *operation);

// The operation's first request.
enum request_kind workload_first_kind(const struct workload *workload, enum op_class class);

// What an update is on the wire: natively a merge of one field where records have fields, as YCSB
// writes one field; else a put of the whole record.
enum request_kind workload_update_kind(const struct workload *workload);

// Makes a request; its value is borrowed until the next one is made.
void workload_request(struct workload *workload, const struct operation *operation,
                      enum request_kind kind, struct request *request);

// Standing query that a record of `cq` matches: 0 ... query_count - 1, or -1 for none.
int64_t workload_tag(const struct settings *settings, uint64_t index);
