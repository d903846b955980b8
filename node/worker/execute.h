// SPDX-License-Identifier: Apache-2.0
// Operations that came in together are executed together: index lines are prefetched for all, then
// records for all, then each is executed and answered (docs/architecture.md has the figures).
#pragma once

#include "node/worker/worker.h"

enum { BATCH_OPERATIONS_MAX = 32 };

struct request {
    struct op op; // decoded, borrowed from the input
    uint32_t id;
    struct outlet *outlet;   // where the answer goes
    struct replica *replica; // set by execute_prepare
};

// To be called when a request has been decoded: finds its replica, so that it is on its way to the
// cache while the others are decoded.
void execute_prepare(const struct worker *worker, struct request *request);

// Executes requests in order until one has filled its outlet. Returns how many were executed, at
// least 1 (of count >= 1); the others are untouched.
uint32_t execute_batch(struct worker *worker, struct request *requests, uint32_t count);

// Operations about all partitions of this worker: SIZE, CLEAR, SCAN, MAPS, STATS.
void execute_whole(struct worker *worker, const struct request *request);

// Answers with an error.
void execute_refuse(struct worker *worker, const struct request *request, enum error error,
                    const char *text, uint64_t version);

// Where an answer is encoded: its outlet, or the replica's queue until `seq` is committed there.
struct answer {
    const struct request *request;
    struct replica *replica; // whose queue it waits in; NULL: it leaves at once
    size_t mark;
};

// Returns the buffer for exactly one frame. `replica` may be NULL when nothing is to be waited for.
struct buffer *answer_begin(struct answer *answer, const struct worker *worker,
                            const struct request *request, struct replica *replica, uint64_t seq);
void answer_end(const struct answer *answer);
