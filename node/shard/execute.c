// SPDX-License-Identifier: Apache-2.0
#include "node/shard/execute.h"

#include "cluster/model/key.h"
#include "cluster/wire/op_codec.h"
#include "node/shard/core.h"
#include "node/shard/whole.h"

#include <stdio.h>

enum { ERROR_TEXT_BYTES = 384 };

static void refuse_moving(struct shard *shard, const struct request *request)
{
    char text[128];
    snprintf(text, sizeof text, "partition %u: its primary is about to move",
             request->op.partition);
    answer_refuse(shard, request, ERROR_NOT_OWNER, text, 0);
}

static void refuse_not_owner(struct shard *shard, const struct request *request)
{
    const struct view *view = shard->view;
    uint16_t number = view_primary(view, request->op.partition);
    char text[ERROR_TEXT_BYTES];
    if (number == VIEW_NO_MEMBER) {
        snprintf(text, sizeof text, "partition %u: no copy of it has survived",
                 request->op.partition);
        answer_refuse(shard, request, ERROR_PARTITION_LOST, text, 0);
        return;
    }
    const struct view_member *owner = &view->members[number];
    snprintf(text, sizeof text, "partition %u: its primary is on %s (%s:%u)", request->op.partition,
             owner->name, owner->host, owner->port);
    answer_refuse(shard, request, ERROR_NOT_OWNER, text, 0);
}

// Whether this shard is to execute it; else it was answered or sent on.
static bool route(struct shard *shard, const struct request *request)
{
    const struct op *op = &request->op;
    if (op->partition != key_partition(op->hash, shard->view->partition_count)) {
        answer_refuse(shard, request, ERROR_INVALID_ARGUMENT,
                      "the header's partition is not the key's", 0);
        return false;
    }
    const struct replica *replica = request->replica;
    if (replica && replica->is_serving)
        return true;
    if (replica && replica->role == REPLICA_PRIMARY)
        refuse_moving(shard, request);
    else if (!replica && view_primary(shard->view, op->partition) == shard->self &&
             shard->self != VIEW_NO_MEMBER)
        shard->options.host.hop(shard->options.host.context, request);
    else
        refuse_not_owner(shard, request);
    return false;
}

// A minority serves nothing: what it would read may be stale, what it would write may be lost.
static bool refuse_without_lease(struct shard *shard, const struct request *request)
{
    if (shard->view && shard_has_lease(shard)) {
        shard->has_served = true;
        return false;
    }
    answer_refuse(shard, request, ERROR_NO_QUORUM,
                  shard->view ? "this node has no contact to a majority of the grid"
                              : "this node is in no grid yet",
                  0);
    return true;
}

static void answer_entry(struct shard *shard, const struct request *request,
                         const struct op_result *result)
{
    struct answer answer;
    struct buffer *out = answer_begin(&answer, shard, request, request->replica, result->seq);
    if (result->error != ERROR_NONE)
        error_encode(out, FRAME_ERROR, request->id, request->op.partition, result->error,
                     result->text, result->version);
    else
        reply_encode_entry(out, request->id, request->op.partition, result->found, result->version,
                           result->value);
    answer_end(&answer);
}

static bool write_is_refused(struct shard *shard, const struct request *request)
{
    char text[ERROR_TEXT_BYTES];
    if (request->op.value.size > shard->options.value_bytes_max) {
        snprintf(text, sizeof text, "value of %zu bytes: max-value-bytes is %lu",
                 request->op.value.size, (unsigned long)shard->options.value_bytes_max);
        answer_refuse(shard, request, ERROR_TOO_LARGE, text, 0);
        return true;
    }
    enum error error = replica_write_refusal(request->replica, shard->view, text, sizeof text);
    if (error != ERROR_NONE)
        answer_refuse(shard, request, error, text, 0);
    return error != ERROR_NONE;
}

static void execute_one(struct shard *shard, const struct request *request)
{
    struct replica *replica = request->replica;
    bool is_write = op_is_write(request->op.kind);
    shard->counters.operations++;
    if (is_write) {
        shard->counters.writes++;
        if (write_is_refused(shard, request))
            return;
    } else {
        shard->counters.reads++;
    }
    struct op_result result;
    partition_execute(replica->source.partition, &request->op, (int64_t)shard->time.unix_us,
                      replica->readable_seq, &result);
    shard->counters.retries += request->op.is_retry;
    shard->counters.errors += result.error != ERROR_NONE;
    // A read has no effect, and the log's end is another cache line.
    if (is_write)
        shard_note_effects(shard, replica);
    answer_entry(shard, request, &result);
}

void execute_prepare(const struct shard *shard, struct request *request)
{
    request->replica =
        op_has_key(request->op.kind) ? shard_replica(shard, request->op.partition) : NULL;
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

uint32_t execute_batch(struct shard *shard, struct request *requests, uint32_t count)
{
    batch_prefetch(requests, count);
    uint32_t executed = 0;
    while (executed < count) {
        struct request *request = &requests[executed++];
        if (request->op.kind == OP_STATS) {
            whole_execute(shard, request);
        } else if (!refuse_without_lease(shard, request)) {
            if (!op_has_key(request->op.kind))
                whole_execute(shard, request);
            else if (route(shard, request))
                execute_one(shard, request);
        }
        if (outlet_wants_pause(request->outlet))
            break;
    }
    shard_advance(shard);
    return executed;
}
