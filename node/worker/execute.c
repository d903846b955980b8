// SPDX-License-Identifier: Apache-2.0
#include "node/worker/execute.h"

#include "cluster/model/key.h"
#include "cluster/wire/op_codec.h"
#include "node/worker/hop.h"
#include "node/worker/whole.h"

#include <stdio.h>

static void refuse_not_owner(struct worker *worker, const struct request *request)
{
    const struct view *view = worker->options.router->view;
    char text[384];
    const struct view_member *owner = &view->members[view_owner(view, request->op.partition, 0)];
    snprintf(text, sizeof text, "partition %u: its primary is on %s (%s:%u)", request->op.partition,
             owner->name, owner->host, owner->port);
    answer_refuse(worker, request, ERROR_NOT_OWNER, text, 0);
}

// Whether this worker is to execute it; else it was answered or sent on.
static bool route(struct worker *worker, const struct request *request)
{
    const struct router *router = worker->options.router;
    const struct op *op = &request->op;
    if (op->partition != key_partition(op->hash, router->view->partition_count)) {
        answer_refuse(worker, request, ERROR_INVALID_ARGUMENT,
                      "the header's partition is not the key's", 0);
        return false;
    }
    if (request->replica && request->replica->is_primary)
        return true;
    if (router_is_primary(router, op->partition))
        hop_send(worker, request);
    else
        refuse_not_owner(worker, request);
    return false;
}

static void answer_entry(struct worker *worker, const struct request *request,
                         const struct op_result *result)
{
    struct answer answer;
    struct buffer *out = answer_begin(&answer, worker, request, request->replica, result->seq);
    if (result->error != ERROR_NONE)
        error_encode(out, FRAME_ERROR, request->id, request->op.partition, result->error,
                     result->text, result->version);
    else
        reply_encode_entry(out, request->id, request->op.partition, result->found, result->version,
                           result->value);
    answer_end(&answer);
}

static bool write_is_refused(struct worker *worker, const struct request *request)
{
    char text[384];
    if (request->op.value.size > worker->options.max_value_bytes) {
        snprintf(text, sizeof text, "value of %zu bytes: max-value-bytes is %lu",
                 request->op.value.size, (unsigned long)worker->options.max_value_bytes);
        answer_refuse(worker, request, ERROR_TOO_LARGE, text, 0);
        return true;
    }
    enum error error =
        replica_write_refusal(request->replica, worker->options.router, text, sizeof text);
    if (error != ERROR_NONE)
        answer_refuse(worker, request, error, text, 0);
    return error != ERROR_NONE;
}

static void execute_one(struct worker *worker, const struct request *request, uint64_t now_us)
{
    struct replica *replica = request->replica;
    bool is_write = op_is_write(request->op.kind);
    worker->counters.operations++;
    if (is_write) {
        worker->counters.writes++;
        if (write_is_refused(worker, request))
            return;
    } else {
        worker->counters.reads++;
    }
    struct op_result result;
    partition_execute(replica->source.partition, &request->op, (int64_t)now_us,
                      replica->readable_seq, &result);
    worker->counters.errors += result.error != ERROR_NONE;
    // A read has no effect, and the log's end is another cache line.
    if (is_write)
        worker_note_effects(worker, replica);
    answer_entry(worker, request, &result);
}

void execute_prepare(const struct worker *worker, struct request *request)
{
    request->replica =
        op_has_key(request->op.kind) ? worker_replica(worker, request->op.partition) : NULL;
    if (!request->replica)
        return;
    __builtin_prefetch(request->replica);
    if (op_is_write(request->op.kind))
        __builtin_prefetch(&request->replica->rules);
}

// What each operation will touch, one step of the way for all of them at a time.
static void batch_prefetch(const struct request *requests, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (requests[i].replica)
            partition_prefetch(requests[i].replica->source.partition, &requests[i].op);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (requests[i].replica)
            partition_prefetch_index(requests[i].replica->source.partition, &requests[i].op);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (requests[i].replica)
            partition_prefetch_record(requests[i].replica->source.partition, &requests[i].op);
    }
}

uint32_t execute_batch(struct worker *worker, struct request *requests, uint32_t count)
{
    batch_prefetch(requests, count);
    uint64_t now_us = worker_now_us();
    uint32_t executed = 0;
    while (executed < count) {
        struct request *request = &requests[executed++];
        if (!op_has_key(request->op.kind)) {
            whole_execute(worker, request);
        } else {
            if (route(worker, request))
                execute_one(worker, request, now_us);
        }
        if (outlet_wants_pause(request->outlet))
            break;
    }
    worker_advance_touched(worker);
    return executed;
}
