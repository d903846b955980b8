// SPDX-License-Identifier: Apache-2.0
#include "client/liveness.h"

#include "client/clock.h"
#include "client/id.h"
#include "client/session.h"
#include "cluster/wire/message_codec.h"

#include <event2/event.h>

static void check_schedule(struct grid *grid)
{
    uint32_t interval_ms = grid->options.timeout_ms / 4 + 1;
    if (interval_ms > CLIENT_CHECK_INTERVAL_MS)
        interval_ms = CLIENT_CHECK_INTERVAL_MS;
    struct timeval interval = {.tv_sec = (time_t)(interval_ms / MS_PER_S),
                               .tv_usec = (suseconds_t)(interval_ms % MS_PER_S) * US_PER_MS};
    CHECK(evtimer_add(grid->check, &interval) == 0);
}

// PROGRESS comes once a second on a link that feeds partitions. Looks are counted as well: a client
// that was stopped reads what has come meanwhile before it looks again.
static bool link_is_silent(struct client_link *link, int64_t now_ms)
{
    const struct client_standing_link *standing = &link->standing;
    link->silent_count = standing->feed_count > 0 && standing->heard_ms == link->heard_ms
                             ? link->silent_count + 1
                             : 0;
    link->heard_ms = standing->heard_ms;
    return link->silent_count >= CLIENT_PROGRESS_MISSED_MAX &&
           (uint64_t)now_ms >=
               standing->heard_ms + CLIENT_PROGRESS_MISSED_MAX * (uint64_t)CLIENT_PROGRESS_MS;
}

static void link_check(struct grid *grid, struct client_link *link, int64_t now_ms)
{
    if (link->state != LINK_READY)
        return;
    if (link_is_silent(link, now_ms)) {
        client_link_fail(link, ERROR_DISCONNECTED, "the node does not say how far it is");
        return;
    }
    if (link->pinged_ms != 0) {
        if (now_ms - link->pinged_ms > grid->options.timeout_ms)
            client_link_fail(link, ERROR_DISCONNECTED, "the node does not answer PING");
    } else if (now_ms - link->stream.received_ms >= CLIENT_CHECK_INTERVAL_MS) {
        link->pinged_ms = now_ms;
        request_encode_empty(&link->stream.out, FRAME_PING, CLIENT_ID_PING);
        client_session_dirty(grid, link);
    }
}

// Operations ask for a newer view when they find nobody; subscriptions wait until one comes.
static void view_check(struct grid *grid)
{
    const struct client_topology *topology = &grid->topology;
    for (uint32_t i = 0; i < topology->view.partition_count; i++) {
        const struct client_link *link = client_topology_route(topology, (uint16_t)i);
        if (link && link->state == LINK_READY)
            continue;
        client_view_want(grid, CLIENT_VIEW_INTERVAL_MS, NULL);
        return;
    }
}

static void on_check(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct grid *grid = context;
    int64_t now_ms = client_clock_ms();
    for (uint32_t i = 0; i < grid->topology.link_count; i++)
        link_check(grid, client_topology_link(&grid->topology, i), now_ms);
    view_check(grid);
    if (client_standing_count(grid->standing) > 0)
        check_schedule(grid);
}

void client_liveness_start(struct grid *grid)
{
    if (!grid->check) {
        grid->check = evtimer_new(grid->base, on_check, grid);
        CHECK(grid->check != NULL);
    }
    if (!evtimer_pending(grid->check, NULL))
        check_schedule(grid);
}

void client_liveness_stop(struct grid *grid)
{
    if (grid->check)
        event_free(grid->check);
    grid->check = NULL;
}
