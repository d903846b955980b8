// SPDX-License-Identifier: Apache-2.0
// A request that is being executed, and its one answer: at once, or when what it tells of is
// committed.
#pragma once

#include "cluster/model/op.h"
#include "node/shard/shard.h"

struct request {
    struct op op; // decoded, borrowed from the input
    uint32_t id;
    struct outlet *outlet;   // where the answer goes
    struct replica *replica; // of its key's partition; NULL: none, or not of this worker
};

// Where an answer is encoded: its outlet, or the replica's queue until `seq` is committed there.
struct answer {
    const struct request *request;
    const struct shard *shard;
    struct replica *replica; // whose queue it waits in; NULL: it leaves at once
    size_t mark;
};

// Returns the buffer for exactly one frame. `replica` may be NULL when nothing is to be waited for.
struct buffer *answer_begin(struct answer *answer, struct shard *shard,
                            const struct request *request, struct replica *replica, uint64_t seq);
void answer_end(const struct answer *answer);

// Answers with an error, at once.
void answer_refuse(struct shard *shard, const struct request *request, enum error error,
                   const char *text, uint64_t version);
