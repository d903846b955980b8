// SPDX-License-Identifier: Apache-2.0
#include "client/subscribe.h"

#include "client/clock.h"
#include "client/liveness.h"
#include "client/session.h"

// ---- What the core asks for ----

static struct buffer *on_out(void *context, struct client_standing_link *standing_link)
{
    struct client_link *link = LIST_ENTRY(standing_link, struct client_link, standing);
    if (!client_link_can_take(link))
        return NULL;
    client_session_dirty(context, link);
    return &link->stream.out;
}

static void on_want_view(void *context)
{
    client_view_want(context, CLIENT_VIEW_URGENT_MS, NULL);
}

static void on_want_turn(void *context)
{
    client_session_want_turn(context);
}

// Callbacks of the user do not nest here: the core is not entered from one.
static void on_callback_begin(void *context)
{
    (void)client_callback_begin(context);
}

static void on_callback_end(void *context)
{
    client_callback_end(context, false);
}

static const char *on_failure(void *context)
{
    return client_session_failure(context);
}

// ---- Life ----

void client_subscribe_start(struct grid *grid)
{
    const struct client_standing_host host = {
        .context = grid,
        .out = on_out,
        .want_view = on_want_view,
        .want_turn = on_want_turn,
        .callback_begin = on_callback_begin,
        .callback_end = on_callback_end,
        .failure = on_failure,
    };
    const struct client_standing_limits limits = {
        .subscriptions_max = CLIENT_SUBSCRIPTIONS_MAX,
        .start_timeout_ms = grid->options.timeout_ms,
    };
    grid->standing = client_standing_new(&host, &limits);
}

void client_subscribe_stop(struct grid *grid)
{
    client_standing_free(grid->standing);
    grid->standing = NULL;
}

// ---- Links and routes ----

static bool is_data_member(const struct grid *grid, const struct client_link *link)
{
    const struct view *view = &grid->topology.view;
    uint16_t number = link->member ? view_find_member(view, link->member->id) : VIEW_NO_MEMBER;
    return number != VIEW_NO_MEMBER && view->members[number].role == MEMBER_DATA;
}

static void routes_tell(struct grid *grid)
{
    const struct client_topology *topology = &grid->topology;
    for (uint32_t i = 0; i < topology->view.partition_count; i++) {
        struct client_link *link = client_topology_route(topology, (uint16_t)i);
        bool is_up = link && link->standing.standing != NULL;
        client_standing_route(grid->standing, (uint16_t)i, is_up ? &link->standing : NULL);
    }
}

void client_subscribe_link_up(struct grid *grid, struct client_link *link)
{
    if (!is_data_member(grid, link))
        return;
    client_standing_link_up(grid->standing, &link->standing);
    routes_tell(grid);
}

void client_subscribe_link_down(struct grid *grid, struct client_link *link)
{
    client_standing_link_down(grid->standing, &link->standing);
}

// What the sessions know of subscriptions is of the grid that was.
static void links_fail(struct grid *grid)
{
    for (uint32_t i = 0; i < grid->topology.link_count; i++) {
        struct client_link *link = client_topology_link(&grid->topology, i);
        if (link->standing.standing)
            client_link_fail(link, ERROR_WRONG_GRID, "the grid is another one now");
    }
}

void client_subscribe_topology_changed(struct grid *grid)
{
    const struct view *view = &grid->topology.view;
    if (!client_standing_is_of(grid->standing, view->grid_id, view->partition_count)) {
        links_fail(grid);
        client_standing_set_grid(grid->standing, view->grid_id, view->partition_count);
    }
    routes_tell(grid);
}

// ---- What happens ----

const char *client_subscribe_take(struct grid *grid, struct client_link *link,
                                  const struct frame *frame)
{
    if (!link->standing.standing)
        return "the node spoke of a subscription that was not made";
    return client_standing_take(grid->standing, &link->standing, frame,
                                (uint64_t)client_clock_ms());
}

void client_subscribe_turn(struct grid *grid)
{
    uint64_t wake_ms = client_standing_turn(grid->standing, (uint64_t)client_clock_ms());
    if (wake_ms != UINT64_MAX)
        client_session_turn_at(grid, (int64_t)wake_ms);
}

// ---- For the caller ----

struct grid_subscription *grid_subscribe(struct grid *grid, const char *query,
                                         const struct grid_subscribe_options *options,
                                         const struct grid_listener *listener, void *context)
{
    if (grid->is_closing)
        return NULL;
    struct grid_subscription *subscription = client_standing_subscribe(
        grid->standing, query, options, listener, context, (uint64_t)client_clock_ms());
    if (subscription)
        client_liveness_start(grid);
    return subscription;
}

void grid_unsubscribe(struct grid_subscription *subscription)
{
    client_standing_unsubscribe(subscription);
}

void grid_result_position(const struct grid_subscription *subscription, struct grid_bytes key,
                          struct grid_result_position *position)
{
    client_standing_position(subscription, key, (uint64_t)client_clock_ms(), position);
}
