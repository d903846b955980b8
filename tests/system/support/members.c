// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/members.h"

#include "cluster/base/check.h"
#include "tests/system/support/nodes.h"

#include <string.h>

enum { STILL_MS = 500 }; // so long nothing moves, when all has moved

uint16_t member_number(const struct grid *grid, const char *name)
{
    struct grid_member member;
    for (size_t i = 0; i < grid_member_count(grid); i++) {
        if (grid_member_get(grid, i, &member) && strcmp(member.name, name) == 0)
            return (uint16_t)i;
    }
    return GRID_NO_MEMBER;
}

bool members_are_whole(const struct grid *grid, uint32_t members)
{
    struct grid_view view;
    struct grid_member member;
    uint32_t member_count = 0;
    if (!grid_view_get(grid, &view))
        return false;
    for (size_t i = 0; i < grid_member_count(grid); i++)
        member_count += grid_member_get(grid, i, &member);
    bool is_whole = member_count == members;
    for (uint32_t i = 0; is_whole && i < view.partition_count; i++) {
        struct grid_partition partition;
        CHECK(grid_partition_get(grid, (uint16_t)i, &partition));
        is_whole = partition.in_sync_count == partition.replica_count &&
                   partition.replica_count == view.replica_count &&
                   partition.handover == GRID_NO_MEMBER;
    }
    return is_whole;
}

struct settling {
    const struct grid *grid;
    uint32_t members;
    uint64_t still_since_ms; // 0: something moves
};

static bool is_settled(void *context)
{
    struct settling *settling = context;
    if (!members_are_whole(settling->grid, settling->members))
        settling->still_since_ms = 0;
    else if (settling->still_since_ms == 0)
        settling->still_since_ms = now_ms();
    return settling->still_since_ms != 0 && now_ms() - settling->still_since_ms >= STILL_MS;
}

bool members_settle(const struct grid *grid, uint32_t members, struct pace *pace, uint32_t limit_ms)
{
    struct settling settling = {.grid = grid, .members = members};
    return pace_run_until(pace, is_settled, &settling, limit_ms);
}
