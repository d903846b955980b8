// SPDX-License-Identifier: Apache-2.0
#include "client/shell/partition_census.h"

void partition_census_count(struct partition_census *census, const struct grid_view *view,
                            uint32_t in_sync_count)
{
    census->lost_count += in_sync_count == 0;
    census->short_count += in_sync_count > 0 && in_sync_count < view->replica_count;
    census->refusing_count += in_sync_count > 0 && in_sync_count < view->min_in_sync;
}

struct partition_census partition_census_of(const struct grid *grid, const struct grid_view *view)
{
    struct partition_census census = {0};
    struct grid_partition partition;
    for (uint32_t i = 0; i < view->partition_count; i++)
        if (grid_partition_get(grid, (uint16_t)i, &partition))
            partition_census_count(&census, view, partition.in_sync_count);
    return census;
}

static uint32_t replica_place(const struct grid_partition *partition, size_t member)
{
    uint32_t place = 0;
    while (place < partition->replica_count && partition->members[place] != member)
        place++;
    return place;
}

void partition_holdings_count(struct partition_holdings *holdings,
                              const struct grid_partition *partition, size_t member)
{
    uint32_t place = replica_place(partition, member);
    if (place == partition->replica_count) {
        holdings->absent_count++;
    } else if (place >= partition->in_sync_count) {
        holdings->stale_count++;
    } else {
        holdings->sound_count++;
        holdings->primary_count += place == 0;
    }
}

struct partition_holdings partition_holdings_of(const struct grid *grid, size_t member)
{
    struct partition_holdings holdings = {0};
    struct grid_partition partition;
    uint32_t count = grid_partition_count(grid);
    for (uint32_t i = 0; i < count && grid_partition_get(grid, (uint16_t)i, &partition); i++)
        partition_holdings_count(&holdings, &partition, member);
    return holdings;
}
