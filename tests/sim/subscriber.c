// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/subscriber.h"

#include "cluster/base/units.h"
#include "cluster/wire/event_codec.h"
#include "tests/sim/world.h"

#include <inttypes.h>

enum {
    AGAIN_US = 400 * US_PER_MS, // at most, until it subscribes again
    LOOK_US = 1 * US_PER_S,
    SILENCE_US = 3 * US_PER_S, // a subscriber that misses three PROGRESS gives the connection up
};

static struct subscription *subscription_of(struct port *port)
{
    return LIST_ENTRY(port, struct subscription, port);
}

static struct world *world_of(const struct subscription *subscription)
{
    return subscription->subscriber->world;
}

static void again_run(void *context, uint64_t argument);

static void subscription_over(struct subscription *subscription)
{
    struct world *world = world_of(subscription);
    subscription->is_subscribed = false;
    memset(subscription->has_mark, 0, sizeof subscription->has_mark);
    if (subscription->is_again_planned)
        return;
    subscription->is_again_planned = true;
    timeline_plan(&world->timeline, world_now_us(world) + random_below(&world->random, AGAIN_US),
                  again_run, subscription, 0);
}

static void subscribe(struct subscription *subscription)
{
    const struct subscribe wanted = {.query = bytes_of_text("SELECT * FROM m"),
                                     .snapshot = subscription->request_id % 2 == 0};
    struct buffer out = {0};
    subscribe_encode(&out, ++subscription->request_id, &wanted);
    stream_write(&subscription->port, buffer_bytes(&out));
    buffer_deinit(&out);
}

static void again_run(void *context, uint64_t argument)
{
    (void)argument;
    struct subscription *subscription = context;
    struct world *world = world_of(subscription);
    subscription->is_again_planned = false;
    if (subscription->port.stream) {
        subscribe(subscription);
        return;
    }
    buffer_clear(&subscription->in);
    struct greeting greeting = {
        .role = STREAM_CLIENT, .host = SUBSCRIBER_HOST, .worker = subscription->worker, .id = 1};
    stream_open(&world->network, subscription->slot, &subscription->port, &greeting);
}

static void on_opened(struct port *port)
{
    subscribe(subscription_of(port));
}

static void on_closed(struct port *port)
{
    subscription_over(subscription_of(port));
}

// ---- What comes ----

static void marks_see(struct subscription *subscription, const struct frame *frame, bool is_first)
{
    struct bytes marks;
    struct mark mark;
    if (marks_decode(frame->body, &marks) != ERROR_NONE) {
        world_fail(world_of(subscription), "marks of a subscription cannot be decoded");
        return;
    }
    while (mark_next(&marks, &mark)) {
        CHECK(mark.partition < SIM_PARTITIONS_MAX);
        uint64_t *seq = &subscription->seqs[mark.partition];
        if (is_first) {
            subscription->has_mark[mark.partition] = true;
            subscription->first_seqs[mark.partition] = *seq = mark.seq;
        } else if (mark.seq > *seq ||
                   (mark.seq > subscription->first_seqs[mark.partition] && mark.seq < *seq)) {
            world_fail(world_of(subscription),
                       "m%u says that events of partition %u up to %" PRIu64
                       " have come, the last one was %" PRIu64,
                       subscription->slot, mark.partition, mark.seq, *seq);
        }
    }
}

static void event_see(struct subscription *subscription, const struct frame *frame)
{
    struct world *world = world_of(subscription);
    struct event event;
    if (event_decode(frame, &event) != ERROR_NONE || event.partition >= SIM_PARTITIONS_MAX) {
        world_fail(world, "an event cannot be decoded");
        return;
    }
    uint64_t committed = observer_effect(&world->observer, event.partition, event.seq);
    bool is_right =
        committed == 0 ||
        committed == effect_hash(event.key, event.has_new ? event.new_value : bytes_of(NULL, 0));
    world->tally.subscribed_events++;
    if (event.kind == FRAME_ROW) {
        if (!is_right || event.seq > subscription->first_seqs[event.partition])
            world_fail(world,
                       "m%u sends a row of partition %u that is not what effect %" PRIu64 " made",
                       subscription->slot, event.partition, event.seq);
        return;
    }
    uint64_t *seq = &subscription->seqs[event.partition];
    if (!subscription->has_mark[event.partition] || event.seq != *seq + 1)
        world_fail(world, "m%u sends event %" PRIu64 " of partition %u after %" PRIu64,
                   subscription->slot, event.seq, event.partition, *seq);
    else if (committed == 0 && !world->observer.partitions[event.partition].is_lost)
        world_fail(world, "m%u sends event %" PRIu64 " of partition %u, which is not committed",
                   subscription->slot, event.seq, event.partition);
    else if (!is_right)
        world_fail(world, "m%u sends event %" PRIu64 " of partition %u, which was another one",
                   subscription->slot, event.seq, event.partition);
    *seq = event.seq;
}

static void frame_see(struct subscription *subscription, const struct frame *frame)
{
    switch (frame->header.kind) {
    case FRAME_REPLY:
        marks_see(subscription, frame, true);
        subscription->is_subscribed = true;
        break;
    case FRAME_PROGRESS:
        if (subscription->is_subscribed)
            marks_see(subscription, frame, false);
        break;
    case FRAME_READY:
        break;
    case FRAME_ROW:
    case FRAME_ENTER:
    case FRAME_UPDATE:
    case FRAME_LEAVE:
        if (!subscription->is_subscribed || frame->header.request_id != subscription->request_id)
            world_fail(world_of(subscription), "m%u sends events of a subscription that is over",
                       subscription->slot);
        event_see(subscription, frame);
        break;
    default: // FRAME_ENDED, FRAME_ERROR
        trace_note(&world_of(subscription)->trace, world_now_us(world_of(subscription)),
                   "subscription over", subscription->slot, subscription->worker,
                   frame->header.kind);
        subscription_over(subscription);
        break;
    }
}

static void on_received(struct port *port, struct bytes data)
{
    struct subscription *subscription = subscription_of(port);
    struct frame frame;
    enum error error;
    subscription->heard_us = world_now_us(world_of(subscription));
    buffer_append(&subscription->in, data.data, data.size);
    while (frame_parse(buffer_bytes(&subscription->in), EVENT_BODY_BYTES_MAX, &frame, &error) ==
           FRAME_COMPLETE) {
        frame_see(subscription, &frame);
        buffer_consume(&subscription->in, FRAME_HEADER_BYTES + frame.body.size);
    }
}

static void look_run(void *context, uint64_t argument)
{
    struct subscriber *subscriber = context;
    struct world *world = subscriber->world;
    uint64_t now_us = world_now_us(world);
    timeline_plan(&world->timeline, now_us + LOOK_US, look_run, subscriber, argument);
    for (uint32_t i = 0; i < MACHINES_MAX * SHARDS_MAX; i++) {
        struct subscription *subscription =
            &subscriber->subscriptions[i / SHARDS_MAX][i % SHARDS_MAX];
        if (subscription->is_subscribed && now_us - subscription->heard_us > SILENCE_US) {
            stream_close(&subscription->port);
            subscription_over(subscription);
        }
    }
}

void subscriber_start(struct subscriber *subscriber, struct world *world)
{
    subscriber->world = world;
    world->network.hosts[SUBSCRIBER_HOST].is_up = true;
    for (uint32_t slot = 0; slot < world->plan.machine_count; slot++) {
        for (uint32_t worker = 0; worker < world->plan.shard_count; worker++) {
            struct subscription *subscription = &subscriber->subscriptions[slot][worker];
            *subscription = (struct subscription){
                .subscriber = subscriber, .slot = slot, .worker = (uint16_t)worker};
            subscription->port.opened = on_opened;
            subscription->port.received = on_received;
            subscription->port.closed = on_closed;
            subscription_over(subscription);
        }
    }
    look_run(subscriber, 0);
}

void subscriber_deinit(struct subscriber *subscriber)
{
    for (uint32_t slot = 0; slot < MACHINES_MAX; slot++) {
        for (uint32_t worker = 0; worker < SHARDS_MAX; worker++)
            buffer_deinit(&subscriber->subscriptions[slot][worker].in);
    }
}

static void subscription_check_quiet(const struct subscription *subscription)
{
    const struct world *world = world_of(subscription);
    for (uint32_t p = 0; p < world->plan.partition_count; p++) {
        uint64_t committed_count = world->observer.partitions[p].effect_count;
        if (subscription->has_mark[p] && !world->observer.partitions[p].is_lost &&
            subscription->seqs[p] + 1 < committed_count)
            world_fail(world_of(subscription),
                       "partition %u has %" PRIu64 " effects, and m%u sent events up to %" PRIu64
                       " only",
                       p, committed_count - 1, subscription->slot, subscription->seqs[p]);
    }
}

void subscriber_check_quiet(const struct subscriber *subscriber)
{
    const struct world *world = subscriber->world;
    for (uint32_t slot = 0; slot < world->plan.machine_count; slot++) {
        for (uint32_t worker = 0; worker < world->plan.shard_count; worker++) {
            const struct subscription *subscription = &subscriber->subscriptions[slot][worker];
            bool is_alive = world_now_us(world) - subscription->heard_us < SILENCE_US;
            if (subscription->is_subscribed && is_alive)
                subscription_check_quiet(subscription);
        }
    }
}
