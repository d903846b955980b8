// SPDX-License-Identifier: Apache-2.0
// Calls of listeners; what is kept of a result follows what they are told.
#include "client/standing_core.h"
#include "cluster/base/memory.h"

#define LISTENER_CALL(subscription, callback, ...)                                                 \
    do {                                                                                           \
        if ((subscription)->listener->calls.callback) {                                            \
            const struct client_standing_host *called = &(subscription)->standing->host;           \
            called->callback_begin(called->context);                                               \
            (subscription)->listener->calls.callback(__VA_ARGS__);                                 \
            called->callback_end(called->context);                                                 \
        }                                                                                          \
    } while (0)

void standing_tell_ready(struct grid_subscription *subscription)
{
    if (!subscription->is_ended)
        LISTENER_CALL(subscription, ready, subscription->context);
}

void standing_tell_state(struct grid_subscription *subscription, enum grid_subscription_state state)
{
    LISTENER_CALL(subscription, state, subscription->context, state,
                  subscription->standing->behind);
}

void standing_tell_error(struct grid_subscription *subscription, enum error error,
                         struct bytes text)
{
    char copy[ERROR_TEXT_BYTES_MAX + 1];
    size_t size = text.size < sizeof copy ? text.size : sizeof copy - 1;
    if (size > 0)
        memcpy(copy, text.data, size);
    copy[size] = '\0';
    LISTENER_CALL(subscription, error, subscription->context, (enum grid_error)error, copy);
}

void standing_tell_progress(struct grid_subscription *subscription, uint16_t partition,
                            uint64_t seq)
{
    LISTENER_CALL(subscription, progress, subscription->context, partition, seq);
}

// ---- Events ----

static struct grid_bytes public_bytes(bool present, struct bytes bytes)
{
    return present ? (struct grid_bytes){bytes.data, bytes.size} : (struct grid_bytes){0};
}

static struct grid_event public_event(const struct event *event)
{
    return (struct grid_event){.partition = event->partition,
                               .epoch = event->epoch,
                               .seq = event->seq,
                               .time_us = event->time_us,
                               .cause = (enum grid_cause)event->cause,
                               .key = {event->key.data, event->key.size},
                               .new_value = public_bytes(event->has_new, event->new_value),
                               .old_value = public_bytes(event->has_old, event->old_value)};
}

static void event_tell(struct grid_subscription *subscription, const struct event *event)
{
    struct grid_event told = public_event(event);
    void *context = subscription->context;
    if (event->kind == FRAME_ENTER)
        LISTENER_CALL(subscription, enter, context, &told);
    else if (event->kind == FRAME_UPDATE)
        LISTENER_CALL(subscription, update, context, &told);
    else if (event->kind == FRAME_LEAVE)
        LISTENER_CALL(subscription, leave, context, &told);
    else
        LISTENER_CALL(subscription, row, context, &told);
}

// ---- What is kept ----

static bool keeps_rows(const struct grid_subscription *subscription)
{
    return subscription->keep != GRID_KEEP_NOTHING;
}

static struct standing_rows *rows_of(struct grid_subscription *subscription)
{
    if (!subscription->rows)
        subscription->rows = standing_rows_new(subscription->standing->partition_count,
                                               subscription->keep == GRID_KEEP_VALUES);
    return subscription->rows;
}

static bool is_resetting(const struct grid_subscription *subscription, uint16_t partition)
{
    return subscription->rows && standing_rows_is_resetting(subscription->rows, partition);
}

static struct standing_row *row_put(struct grid_subscription *subscription,
                                    const struct event *event)
{
    return standing_rows_put(rows_of(subscription), event->partition, event->key,
                             event->has_new ? &event->new_value : NULL, event->epoch, event->seq);
}

// As far as it is kept, and was asked for.
static void old_value_set(const struct grid_subscription *subscription,
                          const struct standing_row *old, struct event *event)
{
    event->has_old = old->has_value && subscription->content == GRID_CONTENT_OLD_AND_NEW;
    event->old_value = event->has_old ? standing_row_value(old) : (struct bytes){0};
}

// Epoch 0: the node's log does not reach back to where the row was written. A version is written
// once, unless all copies of the partition were lost meanwhile: then the value, if kept, tells.
static bool is_same_row(const struct grid_subscription *subscription,
                        const struct standing_row *old, const struct event *event)
{
    bool is_known = old->epoch != 0 && event->epoch != 0;
    bool has_values = old->has_value && event->has_new;
    bool is_same_value = has_values && bytes_equal(standing_row_value(old), event->new_value);
    if (old->seq == event->seq)
        return is_known ? old->epoch == event->epoch : !has_values || is_same_value;
    return subscription->only_changed && is_same_value;
}

// A row during a reset: told as what has become of it.
static void row_compare(struct grid_subscription *subscription, const struct event *row)
{
    struct event change = *row;
    struct standing_row *known = standing_rows_find(subscription->rows, row->partition, row->key);
    if (known && is_same_row(subscription, known, row)) {
        known->is_confirmed = true;
        return;
    }
    struct standing_row *old = row_put(subscription, row);
    change.kind = old ? FRAME_UPDATE : FRAME_ENTER;
    if (old)
        old_value_set(subscription, old, &change);
    event_tell(subscription, &change);
    free(old);
}

void standing_tell_row(struct grid_subscription *subscription, const struct event *event)
{
    if (is_resetting(subscription, event->partition)) {
        row_compare(subscription, event);
        return;
    }
    if (keeps_rows(subscription))
        free(row_put(subscription, event));
    event_tell(subscription, event);
}

// The listener knows a row of which the reset has not told yet: it has left and come back.
static void enter_compare(struct grid_subscription *subscription, const struct event *event)
{
    struct event change = *event;
    struct standing_row *old = row_put(subscription, event);
    if (old) {
        change.kind = FRAME_UPDATE;
        old_value_set(subscription, old, &change);
    }
    event_tell(subscription, &change);
    free(old);
}

void standing_tell_change(struct grid_subscription *subscription, const struct event *event)
{
    if (event->kind == FRAME_ENTER && is_resetting(subscription, event->partition)) {
        enter_compare(subscription, event);
        return;
    }
    if (keeps_rows(subscription) && event->kind == FRAME_LEAVE)
        free(standing_rows_take(rows_of(subscription), event->partition, event->key));
    else if (keeps_rows(subscription))
        free(row_put(subscription, event));
    event_tell(subscription, event);
}

// ---- Resets ----

void standing_tell_reset(struct grid_subscription *subscription, uint16_t partition)
{
    if (keeps_rows(subscription))
        standing_rows_reset(rows_of(subscription), partition);
    else
        LISTENER_CALL(subscription, reset, subscription->context, partition);
}

void standing_tell_reset_end(struct grid_subscription *subscription, uint16_t number)
{
    const struct standing_partition *partition = &subscription->standing->partitions[number];
    struct standing_row *row;
    if (!is_resetting(subscription, number))
        return;
    while (!subscription->is_ended &&
           (row = standing_rows_reset_next(subscription->rows, number)) != NULL) {
        struct event leave = {.kind = FRAME_LEAVE,
                              .partition = number,
                              .epoch = partition->position.epoch,
                              .seq = partition->position.seq,
                              .key = standing_row_key(row)};
        old_value_set(subscription, row, &leave);
        event_tell(subscription, &leave);
        free(row);
    }
}
