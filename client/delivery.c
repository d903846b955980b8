// SPDX-License-Identifier: Apache-2.0
// What workers say to a subscription, turned into calls of its listener.
#include "client/core.h"
#include "client/subscription.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"

#define LISTENER_CALL(subscription, callback, ...)                                                 \
    do {                                                                                           \
        if ((subscription)->listener.callback) {                                                   \
            struct grid *called_grid = (subscription)->grid;                                       \
            bool was_in_callback = client_callback_begin(called_grid);                             \
            (subscription)->listener.callback(__VA_ARGS__);                                        \
            client_callback_end(called_grid, was_in_callback);                                     \
        }                                                                                          \
    } while (0)

// A listener may have released its subscription: no callback comes after that.
static bool is_over(const struct grid_subscription *subscription)
{
    return subscription->state == SUBSCRIPTION_ENDED;
}

// All workers have answered: is each partition fed by exactly one of them? False when the
// subscription has ended or starts again.
static bool coverage_check(struct grid_subscription *subscription)
{
    struct client_joins *joins = &subscription->joins;
    if (joins->asked_count > 0 || subscription->state != SUBSCRIPTION_JOINING)
        return true;
    if (subscription->is_disputed || joins->listed_count != joins->partition_count) {
        if (!client_subscription_rejoin(subscription))
            client_subscription_end(
                subscription, ERROR_MOVED,
                bytes_of_text("some partitions have no primary, or are moving"));
        return false;
    }
    list_remove(&subscription->order);
    subscription->state = SUBSCRIPTION_LIVE;
    free(subscription->query);
    subscription->query = NULL;
    return true;
}

static void readiness_check(struct grid_subscription *subscription)
{
    if (!coverage_check(subscription) || subscription->is_ready ||
        !client_joins_are_ready(&subscription->joins))
        return;
    subscription->is_ready = true;
    LISTENER_CALL(subscription, ready, subscription->context);
}

static const char *joined(struct grid_subscription *subscription, struct client_join *join,
                          const struct frame *frame)
{
    struct bytes marks;
    struct mark mark;
    if (join->state != JOIN_ASKED || marks_decode(frame->body, &marks) != ERROR_NONE)
        return "the node's answer to SUBSCRIBE is malformed";
    while (mark_next(&marks, &mark)) {
        enum client_listing listing = client_joins_list(&subscription->joins, join, mark.partition,
                                                        !subscription->options.without_snapshot);
        if (listing == LISTING_REPEATED)
            return "the node subscribed to a partition twice";
        subscription->is_disputed |= listing == LISTING_DISPUTED;
    }
    client_joins_set(&subscription->joins, join, JOIN_LIVE);
    readiness_check(subscription);
    return NULL;
}

static const char *refused(struct grid_subscription *subscription, struct client_join *join,
                           const struct frame *frame)
{
    struct op_reply reply;
    if (reply_decode(OP_NONE, frame, &reply) != ERROR_NONE)
        return "the node's error for a subscription is malformed";
    client_joins_set(&subscription->joins, join, JOIN_NONE);
    bool may_pass = reply.error == ERROR_MOVED || reply.error == ERROR_NOT_OWNER ||
                    reply.error == ERROR_NO_QUORUM;
    if (!may_pass || !client_subscription_rejoin(subscription))
        client_subscription_end(subscription, reply.error, reply.text);
    return NULL;
}

static struct grid_bytes optional_bytes(bool present, struct bytes bytes)
{
    return present ? (struct grid_bytes){bytes.data, bytes.size} : (struct grid_bytes){0};
}

static const char *changed(struct grid_subscription *subscription, const struct client_join *join,
                           const struct frame *frame)
{
    struct event event;
    if (event_decode(frame, &event) != ERROR_NONE ||
        event.partition >= subscription->joins.partition_count)
        return "the node sent a malformed event";
    // Of two workers that feed a partition one is heard: nothing is told twice before it ends.
    if (subscription->is_disputed &&
        client_joins_feeder(&subscription->joins, event.partition) != join->link)
        return NULL;
    struct grid_event delivered = {.partition = event.partition,
                                   .epoch = event.epoch,
                                   .seq = event.seq,
                                   .time_us = event.time_us,
                                   .cause = (enum grid_cause)event.cause,
                                   .key = {event.key.data, event.key.size},
                                   .new_value = optional_bytes(event.has_new, event.new_value),
                                   .old_value = optional_bytes(event.has_old, event.old_value)};
    void *context = subscription->context;
    subscription->was_told = true;
    if (event.kind == FRAME_ENTER)
        LISTENER_CALL(subscription, enter, context, &delivered);
    else if (event.kind == FRAME_UPDATE)
        LISTENER_CALL(subscription, update, context, &delivered);
    else if (event.kind == FRAME_LEAVE)
        LISTENER_CALL(subscription, leave, context, &delivered);
    else
        LISTENER_CALL(subscription, row, context, &delivered);
    return NULL;
}

static const char *partition_ready(struct grid_subscription *subscription,
                                   const struct frame *frame)
{
    struct mark mark;
    if (ready_decode(frame, &mark) != ERROR_NONE ||
        (!client_joins_ready(&subscription->joins, mark.partition) && !subscription->is_disputed))
        return "the node said READY for a partition that owes nothing";
    readiness_check(subscription);
    return NULL;
}

static const char *progressed(struct grid_subscription *subscription, const struct frame *frame)
{
    struct bytes marks;
    struct mark mark;
    if (marks_decode(frame->body, &marks) != ERROR_NONE)
        return "the node sent a malformed PROGRESS";
    if (!client_joins_are_ready(&subscription->joins))
        return NULL; // rows are still to come: a position would promise too much
    while (!is_over(subscription) && mark_next(&marks, &mark))
        LISTENER_CALL(subscription, progress, subscription->context, mark.partition, mark.seq);
    return NULL;
}

// Whatever a listener does, the subscription stays while this worker is in it: see JOIN_LEAVING.
const char *client_delivery_take(struct grid_subscription *subscription, struct client_join *join,
                                 const struct frame *frame)
{
    uint8_t kind = frame->header.kind;
    if (kind == FRAME_REPLY)
        return joined(subscription, join, frame);
    if (kind == FRAME_ERROR || kind == FRAME_ENDED)
        return refused(subscription, join, frame);
    if (join->state != JOIN_LIVE)
        return "the node sent an event before it answered SUBSCRIBE";
    switch (kind) {
    case FRAME_ROW:
    case FRAME_ENTER:
    case FRAME_UPDATE:
    case FRAME_LEAVE:
        return changed(subscription, join, frame);
    case FRAME_READY:
        return partition_ready(subscription, frame);
    case FRAME_PROGRESS:
        return progressed(subscription, frame);
    default:
        return "the node sent a frame that no subscription knows";
    }
}
