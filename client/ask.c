// SPDX-License-Identifier: Apache-2.0
// Synchronous questions to one member: figures of a worker, commands of the operator.
#include "client/clock.h"
#include "client/operation.h"
#include "client/session.h"
#include "client/sync.h"

#include <event2/event.h>

static_assert((int)GRID_CLUSTER_STATUS == (int)CLUSTER_STATUS &&
                  (int)GRID_CLUSTER_LEAVE == (int)CLUSTER_LEAVE &&
                  (int)GRID_CLUSTER_RECOVER == (int)CLUSTER_RECOVER,
              "the public commands are those of the model");

struct object_wait {
    struct grid *grid;
    struct grid_bytes *object;
    enum grid_error error;
    bool is_done;
};

static void object_answered(void *context, const struct op_reply *reply, uint8_t view)
{
    struct object_wait *wait = context;
    (void)view;
    wait->is_done = true;
    if (reply->error == ERROR_NONE) {
        struct bytes copy = client_keep_copy(&wait->grid->keep, reply->value);
        *wait->object = (struct grid_bytes){copy.data, copy.size};
        return;
    }
    struct bytes text = client_keep_copy(&wait->grid->keep, reply->text);
    wait->error =
        client_sync_fail(wait->grid, (enum grid_error)reply->error,
                         text.size > 0 ? (const char *)text.data : error_name(reply->error));
}

static enum grid_error object_await(struct object_wait *wait, enum error error)
{
    if (error != ERROR_NONE)
        return client_sync_fail(wait->grid, (enum grid_error)error,
                                "too many operations are under way");
    client_sync_wait(wait->grid, &wait->is_done);
    return wait->error;
}

static const struct client_member *member_of(const struct grid *grid, size_t number)
{
    const struct client_topology *topology = &grid->topology;
    return number < topology->view.member_count ? topology->members[number] : NULL;
}

enum grid_error grid_stats(struct grid *grid, size_t member, uint16_t worker,
                           struct grid_bytes *stats)
{
    *stats = (struct grid_bytes){0};
    enum grid_error error = client_sync_begin(grid);
    if (error == GRID_OK && !grid->topology.is_known)
        error = client_sync_wait_members(grid);
    if (error != GRID_OK)
        return error;
    const struct client_member *asked = member_of(grid, member);
    if (!asked || worker >= asked->link_count)
        return client_sync_fail(grid, GRID_INVALID_ARGUMENT, "there is no such member or worker");
    struct object_wait wait = {.grid = grid, .object = stats};
    struct op op = {.kind = OP_STATS};
    return object_await(
        &wait, client_operation_send(grid, asked->links[worker], &op, object_answered, &wait));
}

// ---- Commands of the operator ----

// A connected node: a member, or a seed that may be in no grid; NULL: none.
static struct client_link *connected_link(const struct grid *grid)
{
    struct client_link *link = client_topology_any(&grid->topology);
    struct client_link *scout = grid->view_fetch.scout;
    if (!link && scout && scout->state == LINK_READY)
        link = scout;
    return link;
}

static struct client_link *connected_link_await(struct grid *grid)
{
    int64_t start_ms = client_clock_ms();
    while (!connected_link(grid) && client_clock_ms() - start_ms < grid->options.timeout_ms)
        client_sync_pause(grid);
    return connected_link(grid);
}

static enum grid_error command_run(struct grid *grid, size_t member,
                                   const struct cluster_request *request, struct grid_bytes *answer)
{
    struct client_link *link =
        member == GRID_ANY_MEMBER ? connected_link_await(grid) : member_of(grid, member)->links[0];
    if (!link) {
        const char *failure = client_session_failure(grid);
        return client_sync_fail(grid, GRID_DISCONNECTED,
                                failure[0] != '\0' ? failure : "no node could be reached");
    }
    struct object_wait wait = {.grid = grid, .object = answer};
    return object_await(&wait,
                        client_operation_send_cluster(grid, link, request, object_answered, &wait));
}

enum grid_error grid_cluster(struct grid *grid, size_t member, enum grid_cluster_command command,
                             const char *argument, struct grid_bytes *answer)
{
    *answer = (struct grid_bytes){0};
    enum grid_error error = client_sync_begin(grid);
    if (error != GRID_OK)
        return error;
    if (command < GRID_CLUSTER_STATUS || command > GRID_CLUSTER_RECOVER ||
        (command != GRID_CLUSTER_STATUS && (!argument || argument[0] == '\0')) ||
        (argument && strlen(argument) > NODE_NAME_BYTES_MAX))
        return client_sync_fail(grid, GRID_INVALID_ARGUMENT, "command or argument");
    if (member != GRID_ANY_MEMBER && !member_of(grid, member))
        return client_sync_fail(grid, GRID_INVALID_ARGUMENT, "there is no such member");
    struct cluster_request request = {.kind = (enum cluster_request_kind)command};
    if (command != GRID_CLUSTER_STATUS)
        request.argument = bytes_of_text(argument);
    grid->wants_any_node = true;
    error = command_run(grid, member, &request, answer);
    grid->wants_any_node = false;
    // A seed without a grid was kept for this alone.
    if (!grid->topology.is_known)
        client_view_want(grid, CLIENT_VIEW_INTERVAL_MS, NULL);
    return error;
}
