// SPDX-License-Identifier: Apache-2.0
// Synchronous questions to one member: figures of a worker, commands of the operator; and what
// nodes know of continuous queries.
#include "client/clock.h"
#include "client/operation.h"
#include "client/session.h"
#include "client/sync.h"
#include "cluster/wire/cursor.h"

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

// ---- Continuous queries ----

static struct client_link *leader_link(const struct grid *grid)
{
    const struct client_topology *topology = &grid->topology;
    for (uint32_t i = 0; i < topology->link_count; i++) {
        struct client_link *link = client_topology_link(topology, i);
        if (link->state == LINK_READY && link->member->primary_count > 0)
            return link;
    }
    return NULL;
}

enum grid_error grid_explain(struct grid *grid, const char *query, struct grid_bytes *explanation)
{
    *explanation = (struct grid_bytes){0};
    enum grid_error error = client_sync_begin(grid);
    if (error != GRID_OK)
        return error;
    size_t query_bytes = query ? strnlen(query, QUERY_TEXT_BYTES_MAX + 1) : 0;
    if (!query || query_bytes > QUERY_TEXT_BYTES_MAX)
        return client_sync_fail(grid, GRID_INVALID_ARGUMENT, "query");
    int64_t start_ms = client_clock_ms();
    while (!leader_link(grid) && client_clock_ms() - start_ms < grid->options.timeout_ms)
        client_sync_pause(grid);
    struct client_link *link = leader_link(grid);
    if (!link) {
        const char *failure = client_session_failure(grid);
        return client_sync_fail(grid, GRID_DISCONNECTED,
                                failure[0] != '\0' ? failure : "no node could be reached");
    }
    struct object_wait wait = {.grid = grid, .object = explanation};
    return object_await(&wait,
                        client_operation_send_explain(grid, link, bytes_of(query, query_bytes),
                                                      object_answered, &wait));
}

enum { PAGE_SUBSCRIPTIONS = 4096 };

struct subscription_page {
    uint32_t skip;
    uint32_t left; // wanted still
    bool has_more;
};

// The map with who said it: a worker does not know the name of its member.
static void member_add(struct grid_builder *builder, const char *member, struct bytes map)
{
    struct cursor cursor = cursor_of(map);
    struct bytes object;
    uint32_t pair_count = 0;
    grid_builder_clear(builder);
    if (!cursor_read_map(&cursor, &pair_count) || pair_count == UINT32_MAX)
        pair_count = 0;
    grid_build_map(builder, pair_count + 1);
    grid_build_str(builder, "member");
    grid_build_str(builder, member);
    for (uint64_t i = 0; i < (uint64_t)pair_count * 2 && cursor_read_object(&cursor, &object); i++)
        grid_build_object(builder, (struct grid_bytes){object.data, object.size});
}

// [total, [map ...]].
static enum grid_error page_visit(struct grid *grid, const char *member, struct grid_bytes answer,
                                  struct subscription_page *page, grid_subscription_fn *visit,
                                  void *context)
{
    struct cursor cursor = cursor_of(bytes_of(answer.data, answer.size));
    uint32_t fields, count;
    uint64_t total;
    struct bytes map;
    if (!cursor_read_array(&cursor, &fields) || fields != 2 || !cursor_read_uint(&cursor, &total) ||
        !cursor_read_array(&cursor, &count) || count > page->left)
        return client_sync_fail(grid, GRID_MALFORMED_FRAME,
                                "the list of subscriptions is malformed");
    struct grid_builder *builder = grid_builder_new();
    bool was_in_callback = client_callback_begin(grid);
    for (uint32_t i = 0; i < count && cursor_read_object(&cursor, &map); i++) {
        member_add(builder, member, map);
        visit(context, grid_builder_bytes(builder));
    }
    client_callback_end(grid, was_in_callback);
    grid_builder_free(builder);
    page->skip += count;
    page->left -= count;
    page->has_more = count > 0 && page->left > 0 && page->skip < total;
    return GRID_OK;
}

static enum grid_error worker_visit(struct grid *grid, struct client_link *link, uint32_t limit,
                                    grid_subscription_fn *visit, void *context)
{
    struct subscription_page page = {.left = limit, .has_more = true};
    uint32_t generation = grid->topology.generation;
    while (page.has_more) {
        uint32_t asked = page.left < PAGE_SUBSCRIPTIONS ? page.left : PAGE_SUBSCRIPTIONS;
        struct grid_bytes answer = {0};
        struct object_wait wait = {.grid = grid, .object = &answer};
        enum grid_error error =
            object_await(&wait, client_operation_send_subscriptions(grid, link, page.skip, asked,
                                                                    object_answered, &wait));
        // The link may be gone.
        if (error == GRID_OK && grid->topology.generation != generation)
            error = client_sync_fail(grid, GRID_MOVED, "members came or went meanwhile");
        if (error == GRID_OK)
            error = page_visit(grid, link->member->name, answer, &page, visit, context);
        if (error != GRID_OK)
            return error;
    }
    return GRID_OK;
}

enum grid_error grid_subscriptions(struct grid *grid, uint32_t limit, grid_subscription_fn *visit,
                                   void *context)
{
    enum { LIMIT_DEFAULT = 1000 };
    enum grid_error error = client_sync_begin(grid);
    if (error == GRID_OK)
        error = client_sync_wait_members(grid);
    const struct client_topology *topology = &grid->topology;
    uint32_t generation = topology->generation;
    for (uint32_t i = 0; error == GRID_OK && i < topology->link_count; i++) {
        struct client_link *link = client_topology_link(topology, i);
        if (link->member->worker_count > 0 && link->standing.standing)
            error = worker_visit(grid, link, limit ? limit : LIMIT_DEFAULT, visit, context);
        if (error == GRID_OK && topology->generation != generation)
            error = client_sync_fail(grid, GRID_MOVED, "members came or went meanwhile");
    }
    return error;
}
