// SPDX-License-Identifier: Apache-2.0
#include "client/subscription.h"

#include "client/clock.h"
#include "client/id.h"
#include "client/liveness.h"
#include "client/session.h"
#include "cluster/base/memory.h"
#include "cluster/wire/event_codec.h"

#include <event2/event.h>
#include <stdio.h>

// ---- The table ----

static void table_add(struct client_subscriptions *all, struct grid_subscription *subscription)
{
    uint32_t id = all->free_hint;
    while (id < all->table_size && all->table[id])
        id++;
    if (id >= all->table_size) {
        uint32_t size = all->table_size ? all->table_size * 2 : 16;
        all->table = memory_resize_array(all->table, size, sizeof(struct grid_subscription *));
        for (uint32_t i = all->table_size; i < size; i++)
            all->table[i] = NULL;
        all->table_size = size;
    }
    all->table[id] = subscription;
    all->free_hint = id + 1;
    all->count++;
    subscription->id = id;
}

static void subscription_free(struct grid_subscription *subscription)
{
    struct client_subscriptions *all = &subscription->grid->subscriptions;
    list_remove(&subscription->order);
    all->table[subscription->id] = NULL;
    if (subscription->id < all->free_hint)
        all->free_hint = subscription->id;
    all->count--;
    client_joins_deinit(&subscription->joins);
    free(subscription->query);
    free(subscription->failure);
    free(subscription);
}

void client_subscription_drop(struct grid_subscription *subscription)
{
    if (subscription->joins.leaving_count > 0)
        return;
    if (subscription->is_released)
        subscription_free(subscription);
    else if (subscription->state == SUBSCRIPTION_WAITING)
        client_session_want_turn(subscription->grid);
}

// ---- Ending ----

static void leave_all(struct grid_subscription *subscription)
{
    struct client_joins *joins = &subscription->joins;
    for (uint32_t i = 0; i < joins->count; i++) {
        struct client_join *join = &joins->array[i];
        if (join->state != JOIN_ASKED && join->state != JOIN_LIVE)
            continue;
        unsubscribe_encode(&join->link->stream.out, CLIENT_ID_UNSUBSCRIBE + subscription->id,
                           subscription->id);
        client_session_dirty(subscription->grid, join->link);
        client_joins_set(joins, join, JOIN_LEAVING);
    }
}

void client_subscription_end(struct grid_subscription *subscription, enum error error,
                             struct bytes text)
{
    struct grid *grid = subscription->grid;
    char copy[ERROR_TEXT_BYTES_MAX + 1];
    CHECK(subscription->state != SUBSCRIPTION_ENDED);
    subscription->state = SUBSCRIPTION_ENDED;
    list_remove(&subscription->order);
    leave_all(subscription);
    // Whoever subscribes again wants to know where.
    if (error == ERROR_MOVED)
        client_view_want(grid, CLIENT_VIEW_URGENT_MS, NULL);
    size_t size = text.size < sizeof copy ? text.size : sizeof copy - 1;
    if (size > 0)
        memcpy(copy, text.data, size);
    copy[size] = '\0';
    if (!subscription->listener.error)
        return;
    bool was_in_callback = client_callback_begin(grid);
    subscription->listener.error(subscription->context, (enum grid_error)error, copy);
    client_callback_end(grid, was_in_callback);
}

void grid_unsubscribe(struct grid_subscription *subscription)
{
    if (!subscription)
        return;
    CHECK(!subscription->is_released);
    subscription->is_released = true;
    list_remove(&subscription->order);
    if (subscription->state != SUBSCRIPTION_ENDED) {
        subscription->state = SUBSCRIPTION_ENDED;
        leave_all(subscription);
    }
    client_subscription_drop(subscription);
}

// ---- Joining ----

static void subscription_join(struct grid_subscription *subscription)
{
    struct client_topology *topology = &subscription->grid->topology;
    struct client_joins *joins = &subscription->joins;
    struct subscribe subscribe = {.query = bytes_of(subscription->query, subscription->query_bytes),
                                  .snapshot = !subscription->options.without_snapshot,
                                  .old = !subscription->options.without_old};
    client_joins_deinit(joins);
    client_joins_init(joins, topology->link_count, topology->view.partition_count);
    subscription->is_disputed = false;
    for (uint32_t i = 0; i < joins->count; i++) {
        struct client_link *link = client_topology_link(topology, i);
        if (link->member->primary_count == 0)
            continue;
        joins->array[i].link = link;
        client_joins_set(joins, &joins->array[i], JOIN_ASKED);
        subscribe_encode(&link->stream.out, subscription->id, &subscribe);
        client_session_dirty(subscription->grid, link);
    }
    subscription->state = SUBSCRIPTION_JOINING;
}

static bool all_can_take(const struct client_topology *topology)
{
    for (uint32_t i = 0; i < topology->link_count; i++) {
        struct client_link *link = client_topology_link(topology, i);
        if (link->member->primary_count > 0 && !client_link_can_take(link))
            return false;
    }
    return true;
}

void client_subscriptions_join(struct grid *grid)
{
    struct list *waiting = &grid->subscriptions.waiting;
    if (list_is_empty(waiting) || !grid->topology.is_known ||
        client_topology_missing(&grid->topology))
        return;
    int64_t now_ms = client_clock_ms();
    for (struct list *at = waiting->next; at != waiting; at = at->next) {
        struct grid_subscription *subscription = LIST_ENTRY(at, struct grid_subscription, order);
        if (subscription->state != SUBSCRIPTION_WAITING || subscription->joins.leaving_count > 0)
            continue;
        if (subscription->rejoin_ms > now_ms) {
            client_session_turn_at(grid, subscription->rejoin_ms);
            continue;
        }
        if (!all_can_take(&grid->topology))
            return;
        subscription_join(subscription);
    }
}

struct grid_subscription *grid_subscribe(struct grid *grid, const char *query,
                                         const struct grid_subscribe_options *options,
                                         const struct grid_listener *listener, void *context)
{
    struct client_subscriptions *all = &grid->subscriptions;
    size_t query_bytes = query ? strnlen(query, QUERY_TEXT_BYTES_MAX + 1) : 0;
    if (!listener || !query || query_bytes > QUERY_TEXT_BYTES_MAX || grid->is_closing ||
        all->count >= CLIENT_SUBSCRIPTIONS_MAX)
        return NULL;
    struct grid_subscription *subscription = memory_new(sizeof *subscription);
    subscription->grid = grid;
    subscription->listener = *listener;
    subscription->context = context;
    if (options)
        subscription->options = *options;
    subscription->query = memory_copy_text(query, query_bytes);
    subscription->query_bytes = query_bytes;
    subscription->deadline_ms = client_clock_ms() + grid->options.timeout_ms;
    table_add(all, subscription);
    list_append(&all->waiting, &subscription->order);
    client_liveness_start(grid);
    client_session_want_turn(grid);
    return subscription;
}

// ---- Frames ----

static const char *leaving_take(struct grid_subscription *subscription, struct client_join *join,
                                const struct frame *frame)
{
    if (join->state != JOIN_LEAVING ||
        (frame->header.kind != FRAME_REPLY && frame->header.kind != FRAME_ERROR))
        return "the node confirmed an UNSUBSCRIBE that was not sent";
    client_joins_set(&subscription->joins, join, JOIN_NONE);
    client_subscription_drop(subscription);
    return NULL;
}

// Told to all subscriptions that have joined there. Listeners may add and release some on the way.
static const char *progress_take(struct grid *grid, struct client_link *link,
                                 const struct frame *frame)
{
    const struct client_subscriptions *all = &grid->subscriptions;
    const char *why = NULL;
    for (uint32_t id = 0; id < all->table_size && !why; id++) {
        struct grid_subscription *subscription = all->table[id];
        struct client_join *join =
            subscription ? client_joins_find(&subscription->joins, link, link->number) : NULL;
        if (join && join->state == JOIN_LIVE)
            why = client_delivery_take(subscription, join, frame);
    }
    return why;
}

const char *client_subscriptions_take(struct grid *grid, struct client_link *link,
                                      const struct frame *frame)
{
    const struct client_subscriptions *all = &grid->subscriptions;
    uint32_t id = frame->header.request_id;
    if (frame->header.kind == FRAME_PROGRESS && id == PROGRESS_REQUEST_ID)
        return progress_take(grid, link, frame);
    bool is_unsubscribe = id > CLIENT_ID_UNSUBSCRIBE;
    if (is_unsubscribe)
        id -= CLIENT_ID_UNSUBSCRIBE;
    struct grid_subscription *subscription = id < all->table_size ? all->table[id] : NULL;
    struct client_join *join =
        subscription ? client_joins_find(&subscription->joins, link, link->number) : NULL;
    if (!join || join->state == JOIN_NONE)
        return "the node spoke of a subscription that was not made";
    if (is_unsubscribe)
        return leaving_take(subscription, join, frame);
    if (join->state == JOIN_LEAVING)
        return NULL;
    return client_delivery_take(subscription, join, frame);
}

// ---- Lost connections, and partitions that move ----

static void subscription_fail(struct grid_subscription *subscription, enum error error,
                              const char *failure)
{
    if (subscription->state == SUBSCRIPTION_ENDED || subscription->failure)
        return;
    subscription->failure = memory_copy_text(failure, strlen(failure));
    subscription->failure_error = error;
    list_remove(&subscription->order);
    list_append(&subscription->grid->subscriptions.failed, &subscription->order);
}

bool client_subscription_rejoin(struct grid_subscription *subscription)
{
    struct grid *grid = subscription->grid;
    int64_t now_ms = client_clock_ms();
    if (subscription->state != SUBSCRIPTION_JOINING || subscription->was_told ||
        subscription->failure || subscription->deadline_ms <= now_ms)
        return false;
    leave_all(subscription);
    subscription->state = SUBSCRIPTION_WAITING;
    subscription->rejoin_ms = now_ms + CLIENT_REJOIN_MS;
    client_view_want(grid, CLIENT_VIEW_URGENT_MS, NULL);
    client_session_turn_at(grid, subscription->rejoin_ms);
    return true;
}

static void subscription_detach(struct grid_subscription *subscription, struct client_link *link)
{
    struct client_join *join = client_joins_find(&subscription->joins, link, link->number);
    if (!join)
        return;
    enum client_join_state state = join->state;
    bool is_needed = state == JOIN_ASKED || (state == JOIN_LIVE && join->listed_count > 0);
    join->link = NULL;
    client_joins_set(&subscription->joins, join, JOIN_NONE);
    if (state == JOIN_LEAVING)
        client_subscription_drop(subscription);
    else if (is_needed && link->state == LINK_PAUSED)
        subscription_fail(subscription, ERROR_DISCONNECTED, link->failure);
    else if (is_needed && !client_subscription_rejoin(subscription))
        subscription_fail(subscription, ERROR_MOVED, "a member has left the grid");
}

void client_subscriptions_detach(struct grid *grid, struct client_link *link)
{
    struct client_subscriptions *all = &grid->subscriptions;
    for (uint32_t id = 0; id < all->table_size; id++) {
        if (all->table[id])
            subscription_detach(all->table[id], link);
    }
}

static bool has_moved(const struct grid_subscription *subscription)
{
    const struct client_topology *topology = &subscription->grid->topology;
    for (uint32_t i = 0; i < topology->moved_count; i++) {
        uint16_t partition = topology->moved[i];
        const struct client_link *feeder = client_joins_feeder(&subscription->joins, partition);
        if (feeder && feeder != client_topology_route(topology, partition))
            return true;
    }
    return false;
}

void client_subscriptions_topology_changed(struct grid *grid, bool links_changed)
{
    struct client_subscriptions *all = &grid->subscriptions;
    for (uint32_t id = 0; id < all->table_size; id++) {
        struct grid_subscription *subscription = all->table[id];
        if (!subscription)
            continue;
        if (links_changed)
            client_joins_renumber(&subscription->joins, grid->topology.link_count);
        if ((subscription->state == SUBSCRIPTION_JOINING ||
             subscription->state == SUBSCRIPTION_LIVE) &&
            has_moved(subscription) && !client_subscription_rejoin(subscription))
            subscription_fail(subscription, ERROR_MOVED, "a partition has another primary now");
    }
}

void client_subscriptions_settle(struct grid *grid)
{
    for (struct list *at; (at = list_pop(&grid->subscriptions.failed));) {
        struct grid_subscription *subscription = LIST_ENTRY(at, struct grid_subscription, order);
        client_subscription_end(subscription, subscription->failure_error,
                                bytes_of_text(subscription->failure));
    }
}

// ---- Life ----

void client_subscriptions_start(struct grid *grid)
{
    struct client_subscriptions *all = &grid->subscriptions;
    list_init(&all->waiting);
    list_init(&all->failed);
    all->free_hint = 1; // 0 is the id of HELLO
}

void client_subscriptions_stop(struct grid *grid)
{
    struct client_subscriptions *all = &grid->subscriptions;
    for (uint32_t id = 0; id < all->table_size; id++) {
        if (all->table[id])
            subscription_free(all->table[id]);
    }
    free(all->table);
    all->table = NULL;
    all->table_size = 0;
}
