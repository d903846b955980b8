// SPDX-License-Identifier: Apache-2.0
#include "node/worker/hop.h"

#include "cluster/base/memory.h"
#include "cluster/wire/op_codec.h"
#include "node/shard/execute.h"

struct hop {
    struct letter letter;
    struct worker *origin;
    struct worker *owner;
    struct outlet *asker;   // of the origin; held
    struct outlet answer;   // lives with the owner while the hop is there
    struct buffer question; // the frame
    uint64_t client;        // of the session
    size_t reserved_bytes;  // of the asker's waiting_bytes
};

// How large an answer will be shows when it comes home: as the largest of the last ones, at least
// this. It limits how many a connection may have under way.
enum { ANSWER_BYTES_MIN = 4096, ANSWER_DECAY = 8 };

static void answer_size_note(struct outlet *asker, size_t bytes)
{
    size_t decayed = asker->hop_answer_bytes - asker->hop_answer_bytes / ANSWER_DECAY;
    asker->hop_answer_bytes = bytes > decayed ? bytes : decayed;
}

static void hop_end(void *receiver, struct letter *letter)
{
    struct hop *hop = (struct hop *)letter;
    CHECK(receiver == hop->origin);
    shard_note_served(hop->origin->shard);
    hop->asker->waiting_bytes -= hop->reserved_bytes;
    answer_size_note(hop->asker, buffer_size(&hop->answer.out));
    buffer_append(&hop->asker->out, hop->answer.out.data + hop->answer.out.start,
                  buffer_size(&hop->answer.out));
    outlet_changed(hop->asker);
    outlet_let_go(hop->asker);
    buffer_deinit(&hop->answer.out);
    buffer_deinit(&hop->question);
    free(hop);
}

// The answer leaves when its last holder lets go, not when it is written.
static void hop_changed(struct outlet *outlet)
{
    (void)outlet;
}

static void hop_released(struct outlet *outlet)
{
    struct hop *hop = LIST_ENTRY(outlet, struct hop, answer);
    hop->letter.deliver = hop_end;
    worker_post(hop->origin, &hop->letter);
}

static void hop_arrive(void *receiver, struct letter *letter)
{
    struct worker *worker = receiver;
    struct hop *hop = (struct hop *)letter;
    CHECK(worker == hop->owner);
    if (worker->is_stopping) {
        hop_released(&hop->answer);
        return;
    }
    struct frame frame;
    enum error error;
    const char *what;
    struct request request = {.outlet = &hop->answer};
    CHECK(frame_parse(buffer_bytes(&hop->question), UINT32_MAX, &frame, &error) == FRAME_COMPLETE);
    CHECK(op_decode(&frame, &request.op, &what) == ERROR_NONE);
    request.id = frame.header.request_id;
    request.op.client = hop->client;
    worker->counters.hops++;
    worker_refresh(worker);
    execute_prepare(worker->shard, &request);
    outlet_hold(&hop->answer);
    execute_batch(worker->shard, &request, 1);
    outlet_let_go(&hop->answer);
}

void hop_send(struct worker *worker, const struct request *request)
{
    struct hop *hop = memory_new(sizeof *hop);
    hop->origin = worker;
    hop->owner = worker->options.siblings[request->op.partition % worker->options.worker_count];
    hop->client = request->op.client;
    hop->asker = request->outlet;
    outlet_hold(hop->asker);
    // Closed from the start, so that the last holder's letting go sends it home.
    hop->answer.limit_bytes = SIZE_MAX;
    hop->answer.is_closed = true;
    hop->answer.changed = hop_changed;
    hop->answer.released = hop_released;
    op_encode(&hop->question, request->id, &request->op);
    size_t answer_bytes = hop->asker->hop_answer_bytes;
    hop->reserved_bytes = buffer_size(&hop->question) +
                          (answer_bytes > ANSWER_BYTES_MIN ? answer_bytes : ANSWER_BYTES_MIN);
    hop->asker->waiting_bytes += hop->reserved_bytes;
    hop->letter.deliver = hop_arrive;
    worker_post(hop->owner, &hop->letter);
}
