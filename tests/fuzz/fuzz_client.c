// SPDX-License-Identifier: Apache-2.0
// Input: what a node says to a client that has requests and subscriptions under way. A frame is
// taken or refused, and whoever waits is called back once.
#include "client/clock.h"
#include "client/operation.h"
#include "client/session.h"
#include "client/subscribe.h"
#include "cluster/base/memory.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTITIONS = 4, SUBSCRIPTIONS = 3 };

struct waiter {
    uint32_t submitted;
    uint32_t answered;
    struct grid *grid;
    struct grid_subscription *subscription; // NULL once it was released
    bool has_ended;
};

static void on_reply(void *context, const struct grid_reply *reply)
{
    struct waiter *waiter = context;
    waiter->answered++;
    CHECK(reply->text != NULL);
}

static void on_answer(void *context, const struct op_reply *reply, uint8_t view)
{
    (void)view;
    struct waiter *waiter = context;
    waiter->answered++;
    CHECK(reply->error < ERROR_COUNT);
}

static void on_change(void *context, const struct grid_event *event)
{
    struct waiter *waiter = context;
    CHECK(!waiter->has_ended && waiter->subscription && event->partition < PARTITIONS);
}

static void on_leave(void *context, const struct grid_event *event)
{
    struct waiter *waiter = context;
    on_change(context, event);
    grid_unsubscribe(waiter->subscription);
    waiter->subscription = NULL;
}

static void on_ready(void *context)
{
    struct waiter *waiter = context;
    CHECK(!waiter->has_ended && waiter->subscription);
}

static void on_progress(void *context, uint16_t partition, uint64_t seq)
{
    (void)partition;
    (void)seq;
    on_ready(context);
}

static void on_reset(void *context, uint16_t partition)
{
    CHECK(partition < PARTITIONS);
    on_ready(context);
}

static void on_state(void *context, enum grid_subscription_state state, uint64_t behind)
{
    (void)behind;
    CHECK(state < GRID_SUBSCRIPTION_ENDED);
    on_ready(context);
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    struct waiter *waiter = context;
    CHECK(!waiter->has_ended && error != GRID_OK && text != NULL);
    waiter->has_ended = true;
}

// A grid of one node with one worker, as if it were connected.
static struct client_link *link_make(struct grid *grid)
{
    struct view view = {.grid_id = 1,
                        .version = 1,
                        .partition_count = PARTITIONS,
                        .replica_count = 1,
                        .min_in_sync = 1,
                        .member_count = 1};
    view.members = memory_new_array(1, sizeof *view.members);
    view.partitions = memory_new_array(PARTITIONS, sizeof *view.partitions);
    view.members[0] =
        (struct view_member){.id = 1, .name = "n1", .host = "127.0.0.1", .port = 1, .weight = 1};
    for (uint32_t i = 0; i < PARTITIONS; i++)
        view.partitions[i] = (struct view_partition){
            .epoch = 1, .replica_count = 1, .in_sync_count = 1, .handover = VIEW_NO_MEMBER};
    CHECK(client_topology_apply(&grid->topology, &grid->host, &view, NULL));
    client_holds_resize(&grid->holds, PARTITIONS);
    struct client_member *member = grid->topology.members[0];
    member->worker_count = member->wanted_count = 1;
    member->links[0]->state = LINK_READY;
    client_subscribe_topology_changed(grid);
    client_subscribe_link_up(grid, member->links[0]);
    return member->links[0];
}

static void requests_make(struct waiter *waiter, struct client_link *link)
{
    static const enum op_kind kinds[] = {OP_SIZE, OP_CLEAR, OP_SCAN, OP_MAPS, OP_STATS};
    for (enum grid_op op = GRID_GET; op <= GRID_CONTAINS; op++) {
        struct grid_request request = {.op = op, .map = "m", .key = {"\1", 1}, .value = {"\2", 1}};
        waiter->submitted += grid_submit(waiter->grid, &request, on_reply, waiter) == GRID_OK;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct op op = {.kind = kinds[i], .map = bytes_of_text("m"), .limit = 1};
        waiter->submitted +=
            client_operation_send(waiter->grid, link, &op, on_answer, waiter) == ERROR_NONE;
    }
}

// Ids are generation 1 and the slots from 0 on; the subscriptions have the numbers from 1 on.
// Between frames the client says what is due.
static void frames_take(struct grid *grid, struct client_link *link, struct bytes input)
{
    struct frame frame;
    enum error error;
    uint64_t now_ms = (uint64_t)client_clock_ms();
    while (frame_parse(input, EVENT_BODY_BYTES_MAX, &frame, &error) == FRAME_COMPLETE) {
        size_t taken = FRAME_HEADER_BYTES + frame.body.size;
        if (grid->host.events->frame(grid, link, &frame))
            return;
        now_ms += 60;
        (void)client_standing_turn(grid->standing, now_ms);
        buffer_clear(&link->stream.out);
        input = bytes_of(input.data + taken, input.size - taken);
    }
}

// One that keeps its rows, one that keeps nothing, and one that only hears what is new.
static void subscriptions_make(struct waiter *waiters, struct grid *grid)
{
    static const struct grid_listener listener = {.row = on_change,
                                                  .ready = on_ready,
                                                  .enter = on_change,
                                                  .update = on_change,
                                                  .leave = on_leave,
                                                  .progress = on_progress,
                                                  .reset = on_reset,
                                                  .state = on_state,
                                                  .error = on_error};
    static const struct grid_subscribe_options options[SUBSCRIPTIONS] = {
        {.keep = GRID_KEEP_VALUES},
        {.keep = GRID_KEEP_NOTHING, .policy = GRID_POLICY_CONFLATE},
        {.start = GRID_START_LATEST, .content = GRID_CONTENT_NEW},
    };
    for (uint32_t i = 0; i < SUBSCRIPTIONS; i++) {
        waiters[i] = (struct waiter){.grid = grid};
        waiters[i].subscription = grid_subscribe(grid, "q", &options[i], &listener, &waiters[i]);
        CHECK(waiters[i].subscription != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct waiter waiter = {.grid = grid_new(NULL, NULL)};
    struct waiter waiters[SUBSCRIPTIONS];
    struct client_link *link = link_make(waiter.grid);
    requests_make(&waiter, link);
    subscriptions_make(waiters, waiter.grid);
    (void)client_standing_turn(waiter.grid->standing, (uint64_t)client_clock_ms());
    frames_take(waiter.grid, link, bytes_of(data, size));
    for (uint32_t i = 0; i < SUBSCRIPTIONS; i++)
        grid_unsubscribe(waiters[i].subscription);
    grid_free(waiter.grid);
    CHECK(waiter.answered == waiter.submitted);
    return 0;
}
