// SPDX-License-Identifier: Apache-2.0
// How many partitions are in which trouble.
#pragma once

#include "client/grid.h"

struct partition_census {
    uint32_t short_count;    // fewer copies in sync than wanted, but some
    uint32_t refusing_count; // of those: fewer than min-in-sync, so writes are refused
    uint32_t lost_count;     // no copy has survived
};

void partition_census_count(struct partition_census *census, const struct grid_view *view,
                            uint32_t in_sync_count);

// Of all partitions of the view that the client knows.
struct partition_census partition_census_of(const struct grid *grid, const struct grid_view *view);

// What a member has of all partitions.
struct partition_holdings {
    uint32_t primary_count;
    uint32_t sound_count; // in sync: what was acknowledged is there
    uint32_t stale_count; // a copy that may lack acknowledged writes
    uint32_t absent_count;
};

void partition_holdings_count(struct partition_holdings *holdings,
                              const struct grid_partition *partition, size_t member);
struct partition_holdings partition_holdings_of(const struct grid *grid, size_t member);
