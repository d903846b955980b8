// SPDX-License-Identifier: Apache-2.0
// Requests that take long: told at their deadline; before that, somebody else may know of another
// owner, or the connection may be dead.
#include "client/clock.h"
#include "client/operation.h"
#include "client/session.h"

#include <event2/event.h>

// ---- Deadlines ----

static void deadline_set(struct grid *grid, int64_t delay_ms)
{
    struct timeval delay = {.tv_sec = (time_t)(delay_ms / MS_PER_S),
                            .tv_usec = (suseconds_t)(delay_ms % MS_PER_S) * US_PER_MS};
    CHECK(evtimer_add(grid->deadline, &delay) == 0);
    grid->is_deadline_set = true;
}

void client_operation_await(struct grid *grid, struct client_request *request)
{
    int64_t now_ms = client_clock_ms();
    request->deadline_ms = now_ms + grid->options.timeout_ms;
    if (!grid->is_deadline_set)
        deadline_set(grid, grid->options.timeout_ms);
    if (grid->watch_ms != 0)
        return;
    grid->watch_ms = now_ms + CLIENT_WATCH_MS;
    client_session_turn_at(grid, grid->watch_ms);
}

static const char *refusal_text(enum error refusal)
{
    switch ((int)refusal) {
    case ERROR_NO_QUORUM:
        return "the partition's owner has no contact to a majority of the grid";
    case ERROR_NOT_OWNER:
        return "no member took the partition in time";
    case ERROR_TOO_FEW_COPIES:
        return "the partition had too few copies in sync all the time";
    case ERROR_BACKUP_UNAVAILABLE:
        return "a backup of the partition did not answer all the time";
    default:
        return "refused until the time-out";
    }
}

static void queued_expire(struct grid *grid, struct client_request *request)
{
    if (request->is_uncertain) {
        client_operation_fail(grid, request, ERROR_INDETERMINATE,
                              "no answer in time; an attempt may have been applied", false);
        return;
    }
    if (request->refusal != ERROR_NONE) {
        client_operation_fail(grid, request, request->refusal, refusal_text(request->refusal),
                              false);
        return;
    }
    const struct client_link *link = request->link;
    if (!link && grid->topology.is_known)
        link = client_topology_route(&grid->topology, client_operation_partition(grid, request));
    const char *why =
        link && link->failure[0] != '\0' ? link->failure : client_session_failure(grid);
    client_operation_fail(grid, request, ERROR_DISCONNECTED,
                          why[0] != '\0' ? why : "no connection to the partition's owner", false);
}

static void sent_expire(struct grid *grid, struct client_request *request)
{
    struct client_link *link = request->link;
    bool is_silent = link->stream.received_ms < request->deadline_ms - grid->options.timeout_ms;
    // What has not left yet still may: the frame stays where it is.
    if (op_is_write(request->kind) || request->kind == OP_NONE)
        client_operation_fail(grid, request, ERROR_INDETERMINATE,
                              "no answer in time; it may have been applied", true);
    else
        client_operation_fail(grid, request, ERROR_TIMEOUT, "no answer in time", true);
    // Nothing at all has come since: rather a dead connection than a slow answer.
    if (is_silent && link->state == LINK_READY)
        client_link_fail(link, ERROR_DISCONNECTED, "the node does not answer");
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct grid *grid = context;
    int64_t now_ms = client_clock_ms();
    grid->is_deadline_set = false;
    // Callbacks may submit and links may fail: look at the head afresh each time.
    while (!list_is_empty(&grid->requests.timed)) {
        struct client_request *request =
            LIST_ENTRY(grid->requests.timed.next, struct client_request, order);
        if (request->deadline_ms > now_ms) {
            // Also where a callback has set it: that was for a younger request.
            deadline_set(grid, request->deadline_ms - now_ms);
            return;
        }
        if (request->state == REQUEST_QUEUED)
            queued_expire(grid, request);
        else
            sent_expire(grid, request);
    }
}

// ---- Before the deadline ----

// The node says nothing, and the partition has another owner by now: asks that one. An answer that
// still comes is dropped.
static void sent_move(struct grid *grid, struct client_request *request)
{
    const struct client_link *route =
        client_topology_route(&grid->topology, client_operation_partition(grid, request));
    if (!route || route == request->link)
        return;
    struct client_request *fresh = client_requests_replace(&grid->requests, request);
    if (!fresh)
        return;
    // What has not left yet may still do so.
    fresh->was_sent = true;
    fresh->is_uncertain |= op_is_write(fresh->kind);
    grid->is_route_due = true;
}

// Whether it is stuck.
static bool request_watch(struct grid *grid, struct client_request *request, int64_t now_ms)
{
    if (request->is_pinned)
        return request->state == REQUEST_QUEUED && request->link->state != LINK_READY;
    if (request->state == REQUEST_SENT) {
        if (now_ms - request->link->stream.received_ms < CLIENT_SILENCE_MS)
            return false;
        sent_move(grid, request);
        return true;
    }
    if (!grid->topology.is_known)
        return true;
    uint16_t partition = client_operation_partition(grid, request);
    const struct client_link *route = client_topology_route(&grid->topology, partition);
    return !route || route->state != LINK_READY || client_holds_is_held(&grid->holds, partition);
}

void client_operations_watch(struct grid *grid)
{
    int64_t now_ms = client_clock_ms();
    if (grid->watch_ms == 0)
        return;
    if (grid->watch_ms > now_ms) {
        client_session_turn_at(grid, grid->watch_ms);
        return;
    }
    struct list *timed = &grid->requests.timed;
    bool is_stuck = false;
    for (struct list *at = timed->next, *next; at != timed; at = next) {
        next = at->next;
        struct client_request *request = LIST_ENTRY(at, struct client_request, order);
        if (request->deadline_ms - grid->options.timeout_ms + CLIENT_WATCH_MS > now_ms)
            break;
        is_stuck |= request_watch(grid, request, now_ms);
    }
    if (is_stuck)
        client_view_want_badly(grid);
    else
        grid->view_fetch.trouble = 0;
    grid->watch_ms = list_is_empty(timed) ? 0 : now_ms + CLIENT_WATCH_MS;
    if (grid->watch_ms != 0)
        client_session_turn_at(grid, grid->watch_ms);
}

// ---- Life ----

void client_operations_start(struct grid *grid)
{
    client_requests_init(&grid->requests);
    list_init(&grid->doomed);
    grid->deadline = evtimer_new(grid->base, on_deadline, grid);
    CHECK(grid->deadline != NULL);
}

static void cancel_all(struct grid *grid, struct list *list)
{
    while (!list_is_empty(list)) {
        struct client_request *request = LIST_ENTRY(list->next, struct client_request, order);
        client_operation_fail(grid, request, ERROR_CANCELLED, "the client was freed", false);
    }
}

void client_operations_cancel(struct grid *grid)
{
    client_operations_settle(grid);
    cancel_all(grid, &grid->requests.timed);
}

void client_operations_stop(struct grid *grid)
{
    client_requests_deinit(&grid->requests);
    if (grid->deadline)
        event_free(grid->deadline);
    grid->deadline = NULL;
}
