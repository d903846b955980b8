// SPDX-License-Identifier: Apache-2.0
// One thread's stream of operations, and the requests that they are made of.
#pragma once

#include "bench/driver.h"
#include "bench/inserts.h"
#include "bench/settings.h"

struct workload {
    const struct settings *settings; // borrowed
    const struct market *market;     // borrowed; of PAYLOAD_QUOTE, else NULL
    struct inserts *inserts;         // borrowed
    struct random random;
    struct key_chooser keys;
    struct payload payload;
    struct buffer value;         // of the request that was made last
    uint64_t next_event;         // NEXMark: the number of the next event to draw
    uint64_t realtime_offset_ns; // Unix time minus the monotonic clock
};

// `number`: of the thread, 0 ... settings->threads - 1.
void workload_init(struct workload *workload, const struct settings *settings,
                   const struct market *market, struct inserts *inserts, uint32_t number,
                   uint64_t realtime_offset_ns);
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

// How many standing queries select what the operation writes.
uint64_t workload_match_count(const struct workload *workload, const struct operation *operation);
