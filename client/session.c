// SPDX-License-Identifier: Apache-2.0
#include "client/session.h"

#include "client/id.h"
#include "client/operation.h"
#include "cluster/wire/message_codec.h"

#include <event2/event.h>

// ---- The view ----

static void scout_start(struct grid *grid)
{
    if (!grid->scout)
        grid->scout = client_link_new(&grid->host, NULL, HELLO_ANY_WORKER, grid->options.seeds,
                                      grid->options.seed_count);
}

static void view_answered(void *context, const struct op_reply *reply)
{
    struct grid *grid = context;
    grid->view_fetch = VIEW_FETCH_IDLE;
    if (grid->is_closing)
        return;
    if (reply->error == ERROR_DISCONNECTED || reply->error == ERROR_TIMEOUT) {
        client_session_want_view(grid);
        return;
    }
    grid->view_count++;
    grid->is_route_due = true;
    view_deinit(&grid->new_view);
    grid->has_new_view =
        reply->error == ERROR_NONE && view_decode(reply->value, &grid->new_view) == ERROR_NONE;
    if (!grid->has_new_view)
        grid->view_fetch = VIEW_FETCH_FAILED;
    client_session_want_turn(grid);
}

static void view_ask(struct grid *grid)
{
    struct client_link *link = client_topology_any(&grid->topology);
    if (!link && grid->scout && grid->scout->state == LINK_READY)
        link = grid->scout;
    if (!link) {
        scout_start(grid);
        return;
    }
    struct op view = {.kind = OP_NONE};
    if (client_operation_send(grid, link, &view, view_answered, grid) == ERROR_NONE)
        grid->view_fetch = VIEW_FETCH_UNDER_WAY;
}

static void scout_drop(struct grid *grid)
{
    if (!grid->scout)
        return;
    client_operations_detach(grid, grid->scout, true);
    client_link_free(grid->scout);
    grid->scout = NULL;
}

// A node that has no view to give: the next seed may. A view that is known stays.
static void view_give_up(struct grid *grid)
{
    grid->view_fetch = VIEW_FETCH_IDLE;
    if (grid->topology.is_known) {
        scout_drop(grid);
        return;
    }
    if (grid->scout)
        client_link_fail(grid->scout, ERROR_MALFORMED_FRAME, "the node's view is malformed");
    client_session_want_view(grid);
}

void client_session_want_view(struct grid *grid)
{
    if (grid->view_fetch != VIEW_FETCH_IDLE)
        return;
    grid->view_fetch = VIEW_FETCH_WANTED;
    client_session_want_turn(grid);
}

// ---- Links ----

static const char *on_ready(void *owner, struct client_link *link, const struct hello_reply *reply)
{
    struct grid *grid = owner;
    struct client_member *member = link->member;
    grid->is_route_due = true;
    client_session_want_turn(grid);
    if (!member)
        return NULL;
    if (reply->partition_count != grid->topology.view.partition_count) {
        client_session_want_view(grid);
        return "the node's number of partitions is not the one of the view";
    }
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
    if (client_id_is_operation(id))
        return client_operations_answer(grid, link, frame);
    if (id == CLIENT_ID_PING) {
        link->pinged_ms = 0;
        return NULL;
    }
    return client_subscriptions_take(grid, link, frame);
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
    client_operations_detach(grid, link, true);
    client_subscriptions_detach(grid, link);
    client_session_want_turn(grid);
}

static void on_lost(void *owner, struct client_link *link)
{
    struct grid *grid = owner;
    client_operations_detach(grid, link, false);
    client_subscriptions_detach(grid, link);
    // With no member left to ask, the seeds may know others.
    if (link->member && grid->view_fetch == VIEW_FETCH_IDLE &&
        !client_topology_any(&grid->topology))
        client_session_want_view(grid);
    client_operations_settle(grid);
    client_subscriptions_settle(grid);
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
    if (!grid->has_new_view)
        return;
    grid->has_new_view = false;
    if (client_topology_apply(&grid->topology, &grid->host, &grid->new_view, on_end))
        client_subscriptions_topology_changed(grid);
    scout_drop(grid);
    grid->is_route_due = true;
}

static void workers_adjust(struct grid *grid)
{
    if (!grid->is_adjust_due)
        return;
    grid->is_adjust_due = false;
    grid->is_route_due = true;
    if (client_topology_adjust(&grid->topology, on_end))
        client_subscriptions_topology_changed(grid);
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
    client_subscriptions_settle(grid);
    if (grid->view_fetch == VIEW_FETCH_FAILED)
        view_give_up(grid);
    if (grid->view_fetch == VIEW_FETCH_WANTED)
        view_ask(grid);
    if (grid->is_route_due)
        client_operations_route(grid);
    client_subscriptions_join(grid);
    links_flush(grid);
}

void client_session_want_turn(struct grid *grid)
{
    if (grid->is_turn_due || grid->is_closing)
        return;
    grid->is_turn_due = true;
    event_active(grid->turn, EV_TIMEOUT, 1);
}

void client_session_start(struct grid *grid)
{
    grid->host.events = &link_events;
    grid->host.owner = grid;
    list_init(&grid->dirty);
    grid->turn = event_new(grid->base, -1, 0, on_turn, grid);
    CHECK(grid->turn != NULL);
    client_session_want_view(grid);
}

void client_session_stop(struct grid *grid)
{
    client_link_free(grid->scout);
    grid->scout = NULL;
    client_topology_deinit(&grid->topology);
    view_deinit(&grid->new_view);
    if (grid->turn)
        event_free(grid->turn);
    grid->turn = NULL;
}

const char *client_session_failure(const struct grid *grid)
{
    if (grid->scout && grid->scout->failure[0] != '\0')
        return grid->scout->failure;
    if (!grid->topology.is_known)
        return "";
    const struct client_link *missing = client_topology_missing(&grid->topology);
    return missing ? missing->failure : "";
}
