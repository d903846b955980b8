// SPDX-License-Identifier: Apache-2.0
#include "client/session.h"

#include "client/clock.h"
#include "client/id.h"
#include "client/operation.h"
#include "client/subscribe.h"
#include "cluster/wire/message_codec.h"

#include <event2/event.h>

// ---- Links ----

static const char *on_ready(void *owner, struct client_link *link, const struct hello_reply *reply)
{
    struct grid *grid = owner;
    struct client_member *member = link->member;
    client_session_want_turn(grid);
    if (reply->partition_count == 0 && !member && !grid->wants_any_node)
        return "the node is in no grid yet";
    if (!member)
        return NULL;
    if (reply->incarnation != member->id) {
        client_view_want(grid, CLIENT_VIEW_URGENT_MS, NULL);
        return "the node was started again, and is another member now";
    }
    if (reply->partition_count != grid->topology.view.partition_count) {
        client_view_want(grid, CLIENT_VIEW_URGENT_MS, NULL);
        return "the node's number of partitions is not the one of the view";
    }
    if (reply->view_version > grid->topology.view.version)
        client_view_want(grid, CLIENT_VIEW_URGENT_MS, link);
    grid->is_route_due = true;
    client_subscribe_link_up(grid, link);
    member->wanted_count = reply->worker_count;
    if (member->wanted_count == member->worker_count)
        client_operations_route(grid);
    else
        grid->is_adjust_due = true;
    return NULL;
}

static const char *on_frame(void *owner, struct client_link *link, const struct frame *frame)
{
    struct grid *grid = owner;
    uint32_t id = frame->header.request_id;
    if (client_id_is_operation(id)) {
        client_view_compare(grid, link, frame->header.view);
        return client_operations_answer(grid, link, frame);
    }
    if (client_standing_owns_frame(&frame->header))
        return client_subscribe_take(grid, link, frame);
    if (id == CLIENT_ID_PING) {
        link->pinged_ms = 0;
        client_view_compare(grid, link, frame->header.view);
        return NULL;
    }
    if (id == CLIENT_ID_VIEW)
        return client_view_answer(grid, link, frame);
    return "the node answered what was not asked";
}

static void on_drained(void *owner, struct client_link *link)
{
    (void)link;
    client_operations_route(owner);
    client_session_want_turn(owner); // subscriptions may wait for room as well
}

static void on_end(void *owner, struct client_link *link)
{
    struct grid *grid = owner;
    client_view_detach(grid, link);
    client_operations_detach(grid, link, true);
    client_subscribe_link_down(grid, link);
    client_session_want_turn(grid);
}

static void on_lost(void *owner, struct client_link *link)
{
    struct grid *grid = owner;
    client_view_detach(grid, link);
    client_operations_detach(grid, link, false);
    client_subscribe_link_down(grid, link);
    // With no member left to ask, the seeds may know others.
    if (!client_topology_any(&grid->topology))
        client_view_want(grid, CLIENT_VIEW_INTERVAL_MS, NULL);
    client_operations_settle(grid);
    client_session_want_turn(grid);
}

static const struct client_link_events link_events = {
    .ready = on_ready,
    .frame = on_frame,
    .drained = on_drained,
    .lost = on_lost,
};

// ---- The end of a turn ----

static void view_apply(struct grid *grid)
{
    if (!grid->view_fetch.has_new)
        return;
    grid->view_fetch.has_new = false;
    (void)client_topology_apply(&grid->topology, &grid->host, &grid->view_fetch.fresh, on_end);
    const struct client_topology *topology = &grid->topology;
    client_holds_resize(&grid->holds, topology->view.partition_count);
    for (uint32_t i = 0; i < topology->moved_count; i++)
        client_holds_release(&grid->holds, topology->moved[i]);
    client_subscribe_topology_changed(grid);
    grid->is_route_due = true;
}

static void workers_adjust(struct grid *grid)
{
    if (!grid->is_adjust_due)
        return;
    grid->is_adjust_due = false;
    grid->is_route_due = true;
    grid->topology.moved_count = 0;
    (void)client_topology_adjust(&grid->topology, on_end);
    // A member with one worker keeps its connection, which only now is known to lead something.
    client_subscribe_topology_changed(grid);
}

static void links_flush(struct grid *grid)
{
    struct list flushing;
    list_init(&flushing);
    for (struct list *dirty; (dirty = list_pop(&grid->dirty));)
        list_append(&flushing, dirty);
    for (struct list *dirty; (dirty = list_pop(&flushing));) {
        struct client_link *link = LIST_ENTRY(dirty, struct client_link, dirty);
        link->is_dirty = false;
        client_link_flush(link);
    }
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct grid *grid = context;
    grid->is_turn_due = false;
    view_apply(grid);
    workers_adjust(grid);
    client_operations_settle(grid);
    client_operations_watch(grid);
    client_view_turn(grid);
    if (grid->is_route_due)
        client_operations_route(grid);
    client_subscribe_turn(grid);
    links_flush(grid);
}

void client_session_want_turn(struct grid *grid)
{
    if (grid->is_turn_due || grid->is_closing)
        return;
    grid->is_turn_due = true;
    event_active(grid->turn, EV_TIMEOUT, 1);
}

static void on_pace(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct grid *grid = context;
    grid->pace_ms = 0;
    grid->is_route_due = true;
    client_session_want_turn(grid);
}

void client_session_turn_at(struct grid *grid, int64_t when_ms)
{
    if ((grid->pace_ms != 0 && grid->pace_ms <= when_ms) || grid->is_closing)
        return;
    int64_t delay_ms = when_ms - client_clock_ms();
    if (delay_ms < 1)
        delay_ms = 1;
    struct timeval delay = {.tv_sec = (time_t)(delay_ms / MS_PER_S),
                            .tv_usec = (suseconds_t)(delay_ms % MS_PER_S) * US_PER_MS};
    CHECK(evtimer_add(grid->pace, &delay) == 0);
    grid->pace_ms = when_ms;
}

void client_session_start(struct grid *grid)
{
    grid->host.events = &link_events;
    grid->host.owner = grid;
    list_init(&grid->dirty);
    grid->turn = event_new(grid->base, -1, 0, on_turn, grid);
    grid->pace = evtimer_new(grid->base, on_pace, grid);
    CHECK(grid->turn != NULL && grid->pace != NULL);
    client_view_want(grid, 0, NULL);
}

void client_session_stop(struct grid *grid)
{
    client_view_stop(grid);
    client_topology_deinit(&grid->topology);
    client_holds_deinit(&grid->holds);
    event_free(grid->turn);
    event_free(grid->pace);
    grid->turn = grid->pace = NULL;
}

const char *client_session_failure(const struct grid *grid)
{
    const struct client_link *scout = grid->view_fetch.scout;
    if (scout && scout->failure[0] != '\0')
        return scout->failure;
    if (!grid->topology.is_known)
        return "";
    const struct client_link *missing = client_topology_missing(&grid->topology);
    return missing ? missing->failure : "";
}
