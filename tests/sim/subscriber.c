// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/subscriber.h"

#include "client/id.h"
#include "cluster/base/units.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/view_codec.h"
#include "tests/sim/world.h"

enum {
    LOOK_US = 300 * US_PER_MS,
    SILENCE_US = 3 * US_PER_S, // a client that misses three PROGRESS gives the connection up
    VIEW_EVERY_US = 100 * US_PER_MS,
    BACK_OFF_FIRST_US = 10 * US_PER_MS,
    BACK_OFF_MAX_US = 500 * US_PER_MS,
    SHOWN_BYTES = 40,     // of a body, in a transcript
    OUT_BYTES_MAX = 4096, // waiting to be written on one link
    SUBSCRIPTIONS_MAX = 64,
};

static uint64_t now_us(const struct subscriber *subscriber)
{
    return world_now_us(subscriber->world);
}

uint64_t subscriber_now_ms(const struct subscriber *subscriber)
{
    return now_us(subscriber) / US_PER_MS;
}

static struct subscriber_link *link_of(struct port *port)
{
    return LIST_ENTRY(port, struct subscriber_link, port);
}

static bool is_scout(const struct subscriber_link *link)
{
    return link == &link->subscriber->scout;
}

// ---- Turns ----

static void turn_run(void *context, uint64_t argument);

static void turn_plan(struct subscriber *subscriber, uint64_t at_us)
{
    if (at_us >= subscriber->turn_at_us)
        return;
    subscriber->turn_at_us = at_us;
    timeline_plan(&subscriber->world->timeline, at_us, turn_run, subscriber, at_us);
}

static void links_flush(struct subscriber *subscriber)
{
    for (uint32_t i = 0; i < MACHINES_MAX * SHARDS_MAX; i++) {
        struct subscriber_link *link = &subscriber->links[i / SHARDS_MAX][i % SHARDS_MAX];
        if (link->is_up)
            buffer_consume(&link->out, stream_write(&link->port, buffer_bytes(&link->out)));
    }
}

static void turn_run(void *context, uint64_t at_us)
{
    struct subscriber *subscriber = context;
    struct network *network = &subscriber->world->network;
    if (subscriber->turn_at_us != at_us ||
        network_postpone(network, subscriber->host, turn_run, context, at_us))
        return;
    subscriber->turn_at_us = UINT64_MAX;
    uint64_t again_ms = client_standing_turn(subscriber->standing, subscriber_now_ms(subscriber));
    links_flush(subscriber);
    if (again_ms < UINT64_MAX / US_PER_MS)
        turn_plan(subscriber, again_ms * US_PER_MS > now_us(subscriber)
                                  ? again_ms * US_PER_MS
                                  : now_us(subscriber) + US_PER_MS);
}

// ---- The host of the standing queries ----

static struct buffer *host_out(void *context, struct client_standing_link *standing)
{
    (void)context;
    struct subscriber_link *link = LIST_ENTRY(standing, struct subscriber_link, standing);
    return link->is_up && buffer_size(&link->out) < OUT_BYTES_MAX ? &link->out : NULL;
}

static void host_want_turn(void *context)
{
    struct subscriber *subscriber = context;
    turn_plan(subscriber, now_us(subscriber) + 1);
}

static void host_callback(void *context)
{
    (void)context;
}

// ---- Links ----

static void link_drop(struct subscriber_link *link)
{
    struct subscriber *subscriber = link->subscriber;
    stream_close(&link->port);
    link->is_up = false;
    buffer_clear(&link->in);
    buffer_clear(&link->out);
    link->not_before_us = now_us(subscriber) + link->back_off_us +
                          random_below(&subscriber->random, link->back_off_us);
    link->back_off_us =
        2 * link->back_off_us > BACK_OFF_MAX_US ? BACK_OFF_MAX_US : 2 * link->back_off_us;
    if (!link->standing.standing)
        return;
    for (uint32_t i = 0; i < WATCHERS_MAX; i++)
        checker_see_loss(&subscriber->watchers[i].checker);
    client_standing_link_down(subscriber->standing, &link->standing);
}

static void link_open(struct subscriber_link *link, uint64_t member_id)
{
    struct world *world = link->subscriber->world;
    struct greeting greeting = {.role = STREAM_CLIENT,
                                .host = link->subscriber->host,
                                .worker = link->worker,
                                .id = 1,
                                .wanted_id = member_id,
                                .window_bytes = world->plan.window_bytes};
    link->member_id = member_id;
    stream_open(&world->network, link->slot, &link->port, &greeting);
}

// The link to the worker that leads the partition, as the view says; NULL: it is not up.
static struct subscriber_link *link_route(struct subscriber *subscriber, uint16_t partition)
{
    uint16_t number = view_primary(&subscriber->view, partition);
    if (number == VIEW_NO_MEMBER)
        return NULL;
    const struct view_member *member = &subscriber->view.members[number];
    struct subscriber_link *link =
        &subscriber->links[member->name[1] - '0'][partition % subscriber->world->plan.shard_count];
    return link->standing.standing && link->member_id == member->id ? link : NULL;
}

static void routes_tell(struct subscriber *subscriber)
{
    for (uint32_t p = 0; p < subscriber->view.partition_count; p++) {
        struct subscriber_link *link = link_route(subscriber, (uint16_t)p);
        client_standing_route(subscriber->standing, (uint16_t)p, link ? &link->standing : NULL);
    }
}

// The id of the member at this machine; 0: there is none.
static uint64_t member_at(const struct subscriber *subscriber, uint32_t slot)
{
    const struct view *view = &subscriber->view;
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (view->members[i].id != 0 && view->members[i].name[1] - '0' == (int)slot)
            return view->members[i].id;
    }
    return 0;
}

// A link to each worker of each member, and no other.
static void links_arrange(struct subscriber *subscriber)
{
    const struct plan *plan = &subscriber->world->plan;
    for (uint32_t slot = 0; slot < plan->machine_count; slot++) {
        uint64_t member_id = member_at(subscriber, slot);
        for (uint32_t worker = 0; worker < plan->shard_count; worker++) {
            struct subscriber_link *link = &subscriber->links[slot][worker];
            if (link->port.stream && link->member_id != member_id)
                link_drop(link);
            if (!link->port.stream && member_id != 0 && link->not_before_us <= now_us(subscriber))
                link_open(link, member_id);
        }
    }
}

// ---- The view ----

static void view_ask_by(struct subscriber_link *link)
{
    struct buffer out = {0};
    request_encode_empty(&out, FRAME_VIEW, CLIENT_ID_VIEW);
    if (buffer_size(&link->out) == 0)
        buffer_append(&link->out, out.data + out.start, buffer_size(&out));
    buffer_deinit(&out);
    buffer_consume(&link->out, stream_write(&link->port, buffer_bytes(&link->out)));
}

static void view_ask(struct subscriber *subscriber)
{
    const struct plan *plan = &subscriber->world->plan;
    if (subscriber->view_asked_us != 0 &&
        now_us(subscriber) - subscriber->view_asked_us < VIEW_EVERY_US)
        return;
    subscriber->view_asked_us = now_us(subscriber);
    uint32_t slot = (uint32_t)random_below(&subscriber->random, plan->machine_count);
    struct subscriber_link *link = &subscriber->links[slot][0];
    if (link->is_up) {
        view_ask_by(link);
    } else if (!subscriber->scout.port.stream) {
        subscriber->scout.slot = slot;
        link_open(&subscriber->scout, 0);
    }
}

static void host_want_view(void *context)
{
    view_ask(context);
}

static void view_take(struct subscriber *subscriber, const struct frame *frame)
{
    struct view view;
    if (frame->header.kind != FRAME_REPLY)
        return;
    if (view_decode(frame->body, &view) != ERROR_NONE) {
        world_fail(subscriber->world, "a view cannot be decoded");
        return;
    }
    if (view.version <= subscriber->view.version) {
        view_deinit(&view);
        return;
    }
    bool is_first = subscriber->view.version == 0;
    view_deinit(&subscriber->view);
    subscriber->view = view;
    if (is_first)
        client_standing_set_grid(subscriber->standing, view.grid_id, view.partition_count);
    links_arrange(subscriber);
    routes_tell(subscriber);
    turn_plan(subscriber, now_us(subscriber) + 1);
}

// ---- What comes ----

static void reset_see(struct subscriber *subscriber, const struct frame *frame)
{
    struct milestone milestone;
    struct mark mark;
    if (milestone_decode(frame, &milestone) != ERROR_NONE) {
        world_fail(subscriber->world, "a RESET cannot be decoded");
        return;
    }
    subscriber->world->tally.resets++;
    while (mark_next(&milestone.marks, &mark)) {
        for (uint32_t i = 0; i < WATCHERS_MAX; i++)
            checker_see_reset(&subscriber->watchers[i].checker, mark.partition);
    }
}

// For who reads a transcript.
static void frame_tell(const struct subscriber_link *link, const struct frame *frame, bool is_inner)
{
    FILE *out = link->subscriber->world->trace.out;
    struct bytes frames;
    struct frame inner;
    enum error error;
    if (!out)
        return;
    fprintf(out, "            %ssubscriber %u <- m%u.%u: 0x%02x id %x partition %u:",
            is_inner ? "  in a batch: " : "", link->subscriber->number, link->slot, link->worker,
            frame->header.kind, frame->header.request_id, frame->header.partition);
    for (size_t i = 0; i < frame->body.size && i < SHOWN_BYTES; i++)
        fprintf(out, " %02x", frame->body.data[i]);
    fprintf(out, "\n");
    if (frame->header.kind != FRAME_BATCH || batch_decode(frame->body, &frames) != ERROR_NONE)
        return;
    while (frame_parse(frames, EVENT_BODY_BYTES_MAX, &inner, &error) == FRAME_COMPLETE) {
        size_t size = FRAME_HEADER_BYTES + inner.body.size;
        frame_tell(link, &inner, true);
        frames = bytes_of(frames.data + size, frames.size - size);
    }
}

// Before the frame is taken: what its listeners may be told of is known then.
static void frame_see(struct subscriber *subscriber, const struct frame *frame)
{
    struct bytes frames;
    struct frame inner;
    enum error error;
    if (frame->header.kind == FRAME_RESET)
        reset_see(subscriber, frame);
    if (frame->header.kind != FRAME_BATCH)
        return;
    if (batch_decode(frame->body, &frames) != ERROR_NONE) {
        world_fail(subscriber->world, "a BATCH cannot be decoded");
        return;
    }
    while (frame_parse(frames, EVENT_BODY_BYTES_MAX, &inner, &error) == FRAME_COMPLETE) {
        size_t size = FRAME_HEADER_BYTES + inner.body.size;
        frame_see(subscriber, &inner);
        frames = bytes_of(frames.data + size, frames.size - size);
    }
}

static void frame_take(struct subscriber_link *link, const struct frame *frame)
{
    struct subscriber *subscriber = link->subscriber;
    frame_tell(link, frame, false);
    if (frame->header.request_id == CLIENT_ID_VIEW) {
        view_take(subscriber, frame);
        if (is_scout(link))
            link_drop(link);
        return;
    }
    if (!client_standing_owns_frame(&frame->header)) {
        world_fail(subscriber->world, "m%u sends a frame of kind 0x%02x to nobody", link->slot,
                   frame->header.kind);
        return;
    }
    frame_see(subscriber, frame);
    const char *fault = client_standing_take(subscriber->standing, &link->standing, frame,
                                             subscriber_now_ms(subscriber));
    if (fault)
        world_fail(subscriber->world, "subscriber %u gives m%u up: %s (frame of kind 0x%02x)",
                   subscriber->number, link->slot, fault, frame->header.kind);
}

// A slow client looks at nothing more for a while.
static void read_rest(struct subscriber *subscriber)
{
    struct world *world = subscriber->world;
    uint64_t *until_us = &world->network.hosts[subscriber->host].paused_until_us;
    if (world->plan.read_rest_us == 0 || world->faults.is_over)
        return;
    uint64_t at_us =
        now_us(subscriber) + random_below(&subscriber->random, world->plan.read_rest_us);
    if (at_us > *until_us)
        *until_us = at_us;
}

static void on_received(struct port *port, struct bytes data)
{
    struct subscriber_link *link = link_of(port);
    struct frame frame;
    enum error error;
    link->heard_us = now_us(link->subscriber);
    buffer_append(&link->in, data.data, data.size);
    while (frame_parse(buffer_bytes(&link->in), EVENT_BODY_BYTES_MAX, &frame, &error) ==
           FRAME_COMPLETE) {
        size_t size = FRAME_HEADER_BYTES + frame.body.size;
        frame_take(link, &frame);
        if (buffer_size(&link->in) < size)
            break; // the link was dropped
        buffer_consume(&link->in, size);
    }
    read_rest(link->subscriber);
}

static void on_opened(struct port *port)
{
    struct subscriber_link *link = link_of(port);
    struct subscriber *subscriber = link->subscriber;
    link->is_up = true;
    link->heard_us = now_us(subscriber);
    if (is_scout(link)) {
        view_ask_by(link);
        return;
    }
    link->back_off_us = BACK_OFF_FIRST_US;
    client_standing_link_up(subscriber->standing, &link->standing);
    routes_tell(subscriber);
    turn_plan(subscriber, now_us(subscriber) + 1);
}

static void on_closed(struct port *port)
{
    struct subscriber_link *link = link_of(port);
    link_drop(link);
    routes_tell(link->subscriber);
    view_ask(link->subscriber);
    turn_plan(link->subscriber, now_us(link->subscriber) + 1);
}

static void on_drained(struct port *port)
{
    turn_plan(link_of(port)->subscriber, now_us(link_of(port)->subscriber) + 1);
}

// ---- Now and then ----

static void look_run(void *context, uint64_t argument)
{
    struct subscriber *subscriber = context;
    struct world *world = subscriber->world;
    if (network_postpone(&world->network, subscriber->host, look_run, context, argument))
        return;
    timeline_plan(&world->timeline, now_us(subscriber) + LOOK_US, look_run, context, argument);
    for (uint32_t i = 0; i < MACHINES_MAX * SHARDS_MAX; i++) {
        struct subscriber_link *link = &subscriber->links[i / SHARDS_MAX][i % SHARDS_MAX];
        bool is_silent = now_us(subscriber) - link->heard_us > SILENCE_US;
        if (link->is_up && is_silent && link->standing.feed_count > 0)
            link_drop(link);
    }
    view_ask(subscriber);
    links_arrange(subscriber);
    routes_tell(subscriber);
    turn_plan(subscriber, now_us(subscriber) + 1);
}

static void link_init(struct subscriber_link *link, struct subscriber *subscriber, uint32_t slot,
                      uint32_t worker)
{
    *link = (struct subscriber_link){.subscriber = subscriber,
                                     .slot = slot,
                                     .worker = (uint16_t)worker,
                                     .back_off_us = BACK_OFF_FIRST_US};
    link->port.opened = on_opened;
    link->port.received = on_received;
    link->port.closed = on_closed;
    link->port.drained = on_drained;
}

void subscriber_start(struct subscriber *subscriber, struct world *world, uint32_t number)
{
    *subscriber = (struct subscriber){.world = world,
                                      .number = number,
                                      .host = SUBSCRIBER_HOST + number,
                                      .random = {.state = random_next(&world->random)},
                                      .turn_at_us = UINT64_MAX};
    world->network.hosts[subscriber->host].is_up = true;
    const struct client_standing_host host = {.context = subscriber,
                                              .out = host_out,
                                              .want_view = host_want_view,
                                              .want_turn = host_want_turn,
                                              .callback_begin = host_callback,
                                              .callback_end = host_callback};
    const struct client_standing_limits limits = {.subscriptions_max = SUBSCRIPTIONS_MAX,
                                                  .start_timeout_ms = SUBSCRIBER_START_MS};
    subscriber->standing = client_standing_new(&host, &limits);
    link_init(&subscriber->scout, subscriber, 0, 0);
    for (uint32_t i = 0; i < MACHINES_MAX * SHARDS_MAX; i++)
        link_init(&subscriber->links[i / SHARDS_MAX][i % SHARDS_MAX], subscriber, i / SHARDS_MAX,
                  i % SHARDS_MAX);
    for (uint32_t i = 0; i < WATCHERS_MAX; i++)
        watcher_start(&subscriber->watchers[i], subscriber, i);
    look_run(subscriber, 0);
}

static void link_deinit(struct subscriber_link *link)
{
    buffer_deinit(&link->in);
    buffer_deinit(&link->out);
}

void subscriber_deinit(struct subscriber *subscriber)
{
    client_standing_free(subscriber->standing);
    link_deinit(&subscriber->scout);
    for (uint32_t i = 0; i < MACHINES_MAX * SHARDS_MAX; i++)
        link_deinit(&subscriber->links[i / SHARDS_MAX][i % SHARDS_MAX]);
    view_deinit(&subscriber->view);
}

// ---- The end ----

const char *subscriber_lack(const struct subscriber *subscriber)
{
    const char *lack = NULL;
    for (uint32_t i = 0; i < WATCHERS_MAX && !lack; i++)
        lack = watcher_lack(&subscriber->watchers[i]);
    return lack;
}

void subscriber_check_quiet(struct subscriber *subscriber)
{
    for (uint32_t i = 0; i < WATCHERS_MAX; i++)
        watcher_check_quiet(&subscriber->watchers[i]);
}
