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

static_assert((int)GRID_MEMBER_WITNESS == (int)MEMBER_WITNESS &&
                  (int)GRID_MEMBER_LEAVING == (int)MEMBER_LEAVING &&
                  GRID_NO_MEMBER == VIEW_NO_MEMBER && GRID_REPLICAS_MAX == (int)VIEW_REPLICAS_MAX,
              "the public names are those of the model");

bool grid_view_get(const struct grid *grid, struct grid_view *view)
{
    const struct view *known = &grid->topology.view;
    *view = (struct grid_view){.grid_id = known->grid_id,
                               .version = known->version,
                               .partition_count = known->partition_count,
                               .replica_count = known->replica_count,
                               .min_in_sync = known->min_in_sync};
    return grid->topology.is_known;
}

bool grid_member_get(const struct grid *grid, size_t number, struct grid_member *member)
{
    const struct view *view = &grid->topology.view;
    if (number >= view->member_count || !grid->topology.members[number])
        return false;
    const struct view_member *described = &view->members[number];
    const struct client_member *known = grid->topology.members[number];
    *member = (struct grid_member){.id = described->id,
                                   .name = described->name,
                                   .host = described->host,
                                   .zone = described->zone,
                                   .port = described->port,
                                   .weight = described->weight,
                                   .role = (enum grid_member_role)described->role,
                                   .state = (enum grid_member_state)described->state,
                                   .is_voter = described->is_voter,
                                   .connected = member_is_connected(known),
                                   .primary_count = known->primary_count};
    member->worker_count = member->connected ? known->worker_count : 0;
    for (uint32_t i = 0; i < view->partition_count; i++) {
        const struct view_partition *partition = &view->partitions[i];
        uint32_t place = view_replica_place(partition, (uint16_t)number);
        member->backup_count += place < partition->replica_count && view_primary(view, i) != number;
    }
    return true;
}

bool grid_partition_get(const struct grid *grid, uint16_t number, struct grid_partition *partition)
{
    const struct view *view = &grid->topology.view;
    *partition = (struct grid_partition){.handover = GRID_NO_MEMBER};
    if (!grid->topology.is_known || number >= view->partition_count)
        return false;
    const struct view_partition *known = &view->partitions[number];
    *partition = (struct grid_partition){.epoch = known->epoch,
                                         .version = known->version,
                                         .replica_count = known->replica_count,
                                         .in_sync_count = known->in_sync_count,
                                         .handover = known->handover};
    memcpy(partition->members, known->replicas, sizeof partition->members);
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
    const struct view_partition *known = &view->partitions[partition];
    location->replica_count = known->replica_count;
    memcpy(location->members, known->replicas, sizeof location->members);
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
