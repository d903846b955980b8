// SPDX-License-Identifier: Apache-2.0
// The grid as the client sees it, for its caller.
#include "client/core.h"
#include "cluster/model/key.h"

uint32_t grid_partition_count(const struct grid *grid)
{
    return grid->topology.is_known ? grid->topology.view.partition_count : 0;
}

size_t grid_member_count(const struct grid *grid)
{
    return grid->topology.view.member_count;
}

static bool member_is_connected(const struct client_member *member)
{
    for (uint16_t worker = 0; worker < member->link_count; worker++) {
        if (member->links[worker]->state != LINK_READY)
            return false;
    }
    return true;
}

bool grid_member_get(const struct grid *grid, size_t number, struct grid_member *member)
{
    const struct view *view = &grid->topology.view;
    if (number >= view->member_count)
        return false;
    const struct client_member *known = grid->topology.members[number];
    *member = (struct grid_member){.name = known->name,
                                   .host = known->endpoint.host,
                                   .port = known->endpoint.port,
                                   .connected = member_is_connected(known)};
    member->worker_count = member->connected ? known->worker_count : 0;
    for (uint32_t partition = 0; partition < view->partition_count; partition++) {
        member->primary_count += view_owner(view, partition, 0) == number;
        for (uint32_t replica = 1; replica < view->replica_count; replica++)
            member->backup_count += view_owner(view, partition, replica) == number;
    }
    return true;
}

enum grid_error grid_locate_partition(const struct grid *grid, uint16_t partition,
                                      struct grid_location *location)
{
    const struct view *view = &grid->topology.view;
    *location = (struct grid_location){.partition = partition};
    if (!grid->topology.is_known)
        return GRID_DISCONNECTED;
    if (partition >= view->partition_count)
        return GRID_INVALID_ARGUMENT;
    static_assert(sizeof location->members / sizeof *location->members >= REPLICAS_MAX,
                  "all replicas fit");
    for (uint32_t replica = 0; replica < view->replica_count; replica++) {
        uint16_t owner = view_owner(view, partition, replica);
        if (owner != VIEW_NO_MEMBER)
            location->members[location->replica_count++] = owner;
    }
    return GRID_OK;
}

enum grid_error grid_locate_key(const struct grid *grid, struct grid_bytes key,
                                struct grid_location *location)
{
    struct bytes bytes = bytes_of(key.data, key.size);
    *location = (struct grid_location){0};
    enum error error = key_check(bytes);
    if (error != ERROR_NONE)
        return (enum grid_error)error;
    if (!grid->topology.is_known)
        return GRID_DISCONNECTED;
    uint16_t partition = key_partition(key_hash(bytes), grid->topology.view.partition_count);
    return grid_locate_partition(grid, partition, location);
}
