// SPDX-License-Identifier: Apache-2.0
#include "node/worker/answer.h"

#include "cluster/wire/op_codec.h"

struct buffer *answer_begin(struct answer *answer, const struct worker *worker,
                            const struct request *request, struct replica *replica, uint64_t seq)
{
    *answer = (struct answer){.request = request};
    if (!replica || seq <= replica->readable_seq)
        return &request->outlet->out;
    uint64_t timeout_us = (uint64_t)worker->options.replication_timeout_ms * US_PER_MS;
    answer->replica = replica;
    answer->mark = pending_begin(&replica->pending, request->outlet, seq,
                                 worker_now_us() + timeout_us, op_is_write(request->op.kind));
    return &replica->pending.queue;
}

void answer_end(const struct answer *answer)
{
    if (answer->replica)
        pending_end(&answer->replica->pending, answer->mark);
    else
        outlet_changed(answer->request->outlet);
}

void answer_refuse(struct worker *worker, const struct request *request, enum error error,
                   const char *text, uint64_t version)
{
    worker->counters.errors++;
    error_encode(&request->outlet->out, FRAME_ERROR, request->id, request->op.partition, error,
                 text, version);
    outlet_changed(request->outlet);
}
