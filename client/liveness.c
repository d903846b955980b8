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
    CHECK(evtimer_add(grid->subscriptions.check, &interval) == 0);
}

static void waiting_expire(struct grid *grid, int64_t now_ms)
{
    struct list *waiting = &grid->subscriptions.waiting;
    while (!list_is_empty(waiting)) {
        struct grid_subscription *first =
            LIST_ENTRY(waiting->next, struct grid_subscription, order);
        if (first->deadline_ms > now_ms)
            return;
        if (first->state == SUBSCRIPTION_JOINING) {
            client_subscription_end(first, ERROR_TIMEOUT,
                                    bytes_of_text("not all workers answered SUBSCRIBE in time"));
            continue;
        }
        if (first->rejoin_ms != 0) {
            client_subscription_end(
                first, ERROR_MOVED,
                bytes_of_text("some partitions had no primary, or were moving, all the time"));
            continue;
        }
        const char *failure = client_session_failure(grid);
        client_subscription_end(
            first, ERROR_DISCONNECTED,
            bytes_of_text(failure[0] != '\0' ? failure : "not all members could be reached"));
    }
}

static void link_check(struct grid *grid, struct client_link *link, int64_t now_ms)
{
    if (link->state != LINK_READY)
        return;
    if (link->pinged_ms != 0) {
        if (now_ms - link->pinged_ms > grid->options.timeout_ms)
            client_link_fail(link, ERROR_DISCONNECTED, "the node does not answer PING");
    } else if (now_ms - link->stream.received_ms >= CLIENT_CHECK_INTERVAL_MS) {
        link->pinged_ms = now_ms;
        request_encode_empty(&link->stream.out, FRAME_PING, CLIENT_ID_PING);
        client_session_dirty(grid, link);
    }
}

static void on_check(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct grid *grid = context;
    int64_t now_ms = client_clock_ms();
    waiting_expire(grid, now_ms);
    for (uint32_t i = 0; i < grid->topology.link_count; i++)
        link_check(grid, client_topology_link(&grid->topology, i), now_ms);
    if (grid->subscriptions.count > 0)
        check_schedule(grid);
}

void client_liveness_start(struct grid *grid)
{
    struct client_subscriptions *all = &grid->subscriptions;
    if (!all->check) {
        all->check = evtimer_new(grid->base, on_check, grid);
        CHECK(all->check != NULL);
    }
    if (!evtimer_pending(all->check, NULL))
        check_schedule(grid);
}

void client_liveness_stop(struct grid *grid)
{
    if (grid->subscriptions.check)
        event_free(grid->subscriptions.check);
    grid->subscriptions.check = NULL;
}
