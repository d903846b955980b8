// SPDX-License-Identifier: Apache-2.0
#include "node/worker/hop.h"

#include "cluster/base/memory.h"
#include "cluster/wire/op_codec.h"

struct hop {
    struct letter letter;
    struct worker *origin;
    struct worker *owner;
    struct outlet *asker;   // of the origin; held
    struct outlet answer;   // lives with the owner while the hop is there
    struct buffer question; // the frame
};

static void hop_end(struct worker *worker, struct letter *letter)
{
    struct hop *hop = (struct hop *)letter;
    CHECK(worker == hop->origin);
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

static void hop_arrive(struct worker *worker, struct letter *letter)
{
    struct hop *hop = (struct hop *)letter;
    CHECK(worker == hop->owner);
    struct frame frame;
    enum error error;
    const char *what;
    struct request request = {.outlet = &hop->answer};
    CHECK(frame_parse(buffer_bytes(&hop->question), UINT32_MAX, &frame, &error) == FRAME_COMPLETE);
    CHECK(op_decode(&frame, &request.op, &what) == ERROR_NONE);
    request.id = frame.header.request_id;
    worker->counters.hops++;
    execute_prepare(worker, &request);
    outlet_hold(&hop->answer);
    execute_batch(worker, &request, 1);
    outlet_let_go(&hop->answer);
}

void hop_send(struct worker *worker, const struct request *request)
{
    struct hop *hop = memory_new(sizeof *hop);
    hop->origin = worker;
    hop->owner =
        worker->options.siblings[router_worker(worker->options.router, request->op.partition)];
    hop->asker = request->outlet;
    outlet_hold(hop->asker);
    // Closed from the start, so that the last holder's letting go sends it home.
    hop->answer.limit_bytes = SIZE_MAX;
    hop->answer.is_closed = true;
    hop->answer.changed = hop_changed;
    hop->answer.released = hop_released;
    op_encode(&hop->question, request->id, &request->op);
    hop->letter.deliver = hop_arrive;
    worker_post(hop->owner, &hop->letter);
}
