// SPDX-License-Identifier: Apache-2.0
#include "client/sync.h"

#include "client/clock.h"
#include "client/operation.h"
#include "client/session.h"
#include "cluster/base/buffer.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

#include <event2/event.h>
#include <stdio.h>

enum grid_error client_sync_fail(struct grid *grid, enum grid_error error, const char *text)
{
    snprintf(grid->error_text, sizeof grid->error_text, "%s", text);
    return error;
}

enum grid_error client_sync_begin(struct grid *grid)
{
    if (!grid->owns_base)
        return client_sync_fail(grid, GRID_INVALID_ARGUMENT,
                                "synchronous calls need a client of its own event base");
    if (grid->is_in_callback)
        return client_sync_fail(grid, GRID_INVALID_ARGUMENT,
                                "synchronous calls are not allowed in callbacks");
    client_keep_clear(&grid->keep);
    grid->error_text[0] = '\0';
    return GRID_OK;
}

void client_sync_wait(struct grid *grid, const bool *flag)
{
    while (!*flag)
        event_base_loop(grid->base, EVLOOP_ONCE);
}

static void on_wait_timeout(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    bool *is_over = context;
    *is_over = true;
}

static bool members_are_known(const struct grid *grid)
{
    for (uint32_t i = 0; i < grid->topology.view.member_count; i++) {
        const struct client_member *member = grid->topology.members[i];
        if (member && member->primary_count > 0 && member->worker_count == 0)
            return false;
    }
    return grid->topology.is_known;
}

enum grid_error client_sync_wait_members(struct grid *grid)
{
    if (members_are_known(grid))
        return GRID_OK;
    bool is_over = false;
    struct timeval delay = {.tv_sec = (time_t)(grid->options.timeout_ms / MS_PER_S),
                            .tv_usec =
                                (suseconds_t)(grid->options.timeout_ms % MS_PER_S) * US_PER_MS};
    struct event *timer = evtimer_new(grid->base, on_wait_timeout, &is_over);
    CHECK(timer != NULL && evtimer_add(timer, &delay) == 0);
    while (!is_over && !members_are_known(grid))
        event_base_loop(grid->base, EVLOOP_ONCE);
    event_free(timer);
    if (members_are_known(grid))
        return GRID_OK;
    const char *failure = client_session_failure(grid);
    return client_sync_fail(grid, GRID_DISCONNECTED,
                            failure[0] != '\0' ? failure : "not all members could be reached");
}

void client_sync_pause(struct grid *grid)
{
    static const struct timeval pause = {.tv_usec = CLIENT_SYNC_PAUSE_MS * US_PER_MS};
    bool is_over = false;
    struct event *timer = evtimer_new(grid->base, on_wait_timeout, &is_over);
    CHECK(timer != NULL && evtimer_add(timer, &pause) == 0);
    client_view_want(grid, CLIENT_VIEW_INTERVAL_MS, NULL);
    while (!is_over)
        event_base_loop(grid->base, EVLOOP_ONCE);
    event_free(timer);
}

bool client_sync_may_retry(const struct grid *grid, enum error error, int64_t start_ms)
{
    int64_t spent_ms = client_clock_ms() - start_ms;
    if (error == ERROR_NO_QUORUM && spent_ms >= grid->options.no_quorum_ms)
        return false;
    return spent_ms < grid->options.timeout_ms &&
           (error == ERROR_MOVED || error == ERROR_NOT_OWNER || error == ERROR_NO_QUORUM ||
            error == ERROR_DISCONNECTED || error == ERROR_TOO_FEW_COPIES);
}

bool client_sync_is_steady(struct grid *grid, uint64_t first, uint64_t last, int64_t start_ms)
{
    while (grid->topology.view.version < last &&
           client_clock_ms() - start_ms < grid->options.timeout_ms)
        client_sync_pause(grid);
    return grid->topology.view.version >= last && grid->topology.steady_since <= first;
}

const char *grid_error_text(const struct grid *grid)
{
    return grid->error_text;
}

// ---- One operation ----

struct wait {
    struct grid *grid;
    struct grid_reply *reply;
    bool is_done;
};

struct grid_reply client_sync_keep(struct grid *grid, const struct grid_reply *reply)
{
    struct grid_reply kept = *reply;
    if (reply->value.data) {
        struct bytes copy =
            client_keep_copy(&grid->keep, bytes_of(reply->value.data, reply->value.size));
        kept.value = (struct grid_bytes){copy.data, copy.size};
    }
    if (reply->text[0] != '\0')
        kept.text = (const char *)client_keep_copy(&grid->keep, bytes_of_text(reply->text)).data;
    else
        kept.text = "";
    return kept;
}

static void on_reply(void *context, const struct grid_reply *reply)
{
    struct wait *wait = context;
    *wait->reply = client_sync_keep(wait->grid, reply);
    wait->is_done = true;
}

static enum grid_error request_refused(struct grid *grid, const struct grid_request *request,
                                       enum grid_error error, struct grid_reply *reply)
{
    const char *what;
    enum error check = client_operation_check(request, &what);
    if (check == ERROR_NONE)
        what = "too many operations are under way";
    *reply = (struct grid_reply){.error = error, .text = what};
    return client_sync_fail(grid, error, what);
}

enum grid_error grid_execute(struct grid *grid, const struct grid_request *request,
                             struct grid_reply *reply)
{
    enum grid_error error = client_sync_begin(grid);
    if (error != GRID_OK) {
        *reply = (struct grid_reply){.error = error, .text = grid->error_text};
        return error;
    }
    struct wait wait = {.grid = grid, .reply = reply};
    error = grid_submit(grid, request, on_reply, &wait);
    if (error != GRID_OK)
        return request_refused(grid, request, error, reply);
    client_sync_wait(grid, &wait.is_done);
    if (reply->error != GRID_OK)
        client_sync_fail(grid, reply->error,
                         reply->text[0] != '\0' ? reply->text : grid_error_name(reply->error));
    return reply->error;
}

// ---- Shorthands ----

enum grid_error grid_get(struct grid *grid, const char *map, struct grid_bytes key,
                         struct grid_bytes *value)
{
    struct grid_request request = {.op = GRID_GET, .map = map, .key = key};
    struct grid_reply reply;
    *value = (struct grid_bytes){0};
    enum grid_error error = grid_execute(grid, &request, &reply);
    if (error != GRID_OK)
        return error;
    if (!reply.found || !reply.value.data)
        return client_sync_fail(grid, GRID_NOT_FOUND, "there is no such entry");
    *value = reply.value;
    return GRID_OK;
}

enum grid_error grid_put(struct grid *grid, const char *map, struct grid_bytes key,
                         struct grid_bytes value, int64_t ttl_ms)
{
    struct grid_request request = {
        .op = GRID_PUT, .map = map, .key = key, .value = value, .ttl_ms = ttl_ms};
    struct grid_reply reply;
    return grid_execute(grid, &request, &reply);
}

enum grid_error grid_remove(struct grid *grid, const char *map, struct grid_bytes key, bool *found)
{
    struct grid_request request = {.op = GRID_REMOVE, .map = map, .key = key};
    struct grid_reply reply;
    enum grid_error error = grid_execute(grid, &request, &reply);
    if (found)
        *found = error == GRID_OK && reply.found;
    return error;
}

enum grid_error grid_merge(struct grid *grid, const char *map, struct grid_bytes key,
                           struct grid_bytes patch)
{
    struct grid_request request = {.op = GRID_MERGE, .map = map, .key = key, .value = patch};
    struct grid_reply reply;
    return grid_execute(grid, &request, &reply);
}

enum grid_error grid_increment(struct grid *grid, const char *map, struct grid_bytes key,
                               int64_t delta, int64_t *value)
{
    struct buffer encoded = {0};
    write_int(&encoded, delta);
    struct bytes bytes = buffer_bytes(&encoded);
    struct grid_request request = {
        .op = GRID_INCREMENT, .map = map, .key = key, .value = {bytes.data, bytes.size}};
    struct grid_reply reply;
    enum grid_error error = grid_execute(grid, &request, &reply);
    buffer_deinit(&encoded);
    if (error != GRID_OK || !value)
        return error;
    if (!grid_value_int(reply.value, value))
        return client_sync_fail(grid, GRID_WRONG_TYPE, "the new value is not an integer");
    return GRID_OK;
}
