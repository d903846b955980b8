// SPDX-License-Identifier: Apache-2.0
#include "node/shard/answer.h"

#include "cluster/wire/op_codec.h"
#include "node/shard/core.h"

struct buffer *answer_begin(struct answer *answer, struct shard *shard,
                            const struct request *request, struct replica *replica, uint64_t seq)
{
    *answer = (struct answer){.request = request, .shard = shard};
    if (!replica || seq <= replica->readable_seq) {
        answer->mark = buffer_size(&request->outlet->out);
        return &request->outlet->out;
    }
    uint64_t timeout_us = (uint64_t)shard->options.answer_timeout_ms * US_PER_MS;
    answer->replica = replica;
    answer->mark = pending_begin(&replica->pending, request->outlet, seq,
                                 shard->time.now_us + timeout_us, op_is_write(request->op.kind));
    return &replica->pending.queue;
}

void answer_end(const struct answer *answer)
{
    uint8_t view = shard_view_byte(answer->shard);
    if (answer->replica) {
        pending_end(&answer->replica->pending, answer->mark, view);
    } else {
        frame_set_view(&answer->request->outlet->out, answer->mark, view);
        outlet_changed(answer->request->outlet);
    }
}

void answer_refuse(struct shard *shard, const struct request *request, enum error error,
                   const char *text, uint64_t version)
{
    shard->counters.errors++;
    size_t mark = buffer_size(&request->outlet->out);
    error_encode(&request->outlet->out, FRAME_ERROR, request->id, request->op.partition, error,
                 text, version);
    frame_set_view(&request->outlet->out, mark, shard_view_byte(shard));
    outlet_changed(request->outlet);
}
