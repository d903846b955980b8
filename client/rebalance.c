// SPDX-License-Identifier: Apache-2.0
// What would move, by the rules that the grid's leader follows, on a copy of the view.
#include "client/core.h"
#include "client/sync.h"
#include "cluster/base/memory.h"
#include "cluster/rules/migration.h"
#include "cluster/rules/ring.h"

#include <stdio.h>

struct rehearsal {
    struct grid *grid;       // borrowed
    struct view view;        // owned: as it would be
    uint32_t standing_count; // places of members that there are; the added ones are behind them
    bool is_removed[MEMBERS_MAX];
    struct grid_share *shares; // owned; by member number
};

static enum grid_error change_refuse(struct grid *grid, const char *name, const char *why)
{
    char text[ERROR_TEXT_BYTES_MAX];
    snprintf(text, sizeof text, "%.128s: %s", name, why);
    return client_sync_fail(grid, GRID_INVALID_ARGUMENT, text);
}

static uint16_t member_find(const struct view *view, const char *name)
{
    for (uint16_t i = 0; i < view->member_count; i++) {
        if (view->members[i].id != 0 && strcmp(view->members[i].name, name) == 0)
            return i;
    }
    return VIEW_NO_MEMBER;
}

// Any id that no member has.
static uint64_t id_unused(const struct view *view)
{
    uint64_t id = 1;
    while (view_find_member(view, id) != VIEW_NO_MEMBER)
        id++;
    return id;
}

static enum grid_error member_add(struct rehearsal *rehearsal,
                                  const struct grid_member_change *change)
{
    struct view *view = &rehearsal->view;
    struct view_member joiner = {.id = id_unused(view), .weight = change->weight};
    if (member_find(view, change->name) != VIEW_NO_MEMBER)
        return change_refuse(rehearsal->grid, change->name, "this is a member already");
    if (strlen(change->name) > NODE_NAME_BYTES_MAX)
        return change_refuse(rehearsal->grid, change->name, "a name has at most 63 bytes");
    if (change->weight > RING_WEIGHT_MAX)
        return change_refuse(rehearsal->grid, change->name, "a weight is 1 to 100");
    if (view->member_count == MEMBERS_MAX)
        return change_refuse(rehearsal->grid, change->name, "a grid has at most 1024 members");
    snprintf(joiner.name, sizeof joiner.name, "%s", change->name);
    view->members =
        memory_resize_array(view->members, view->member_count + 1, sizeof *view->members);
    view->members[view->member_count++] = joiner;
    return GRID_OK;
}

static enum grid_error member_remove(struct rehearsal *rehearsal, const char *name)
{
    uint16_t number = member_find(&rehearsal->view, name);
    if (number == VIEW_NO_MEMBER)
        return change_refuse(rehearsal->grid, name, "no member has this name");
    if (number >= rehearsal->standing_count)
        return change_refuse(rehearsal->grid, name, "it cannot be both added and removed");
    rehearsal->view.members[number].state = MEMBER_LEAVING;
    rehearsal->is_removed[number] = true;
    return GRID_OK;
}

static enum grid_error changes_apply(struct rehearsal *rehearsal,
                                     const struct grid_member_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!changes[i].name || changes[i].name[0] == '\0')
            return client_sync_fail(rehearsal->grid, GRID_INVALID_ARGUMENT, "a member has no name");
        enum grid_error error = changes[i].weight > 0 ? member_add(rehearsal, &changes[i])
                                                      : member_remove(rehearsal, changes[i].name);
        if (error != GRID_OK)
            return error;
    }
    return GRID_OK;
}

static bool is_wanted(const uint16_t *wanted, uint32_t count, uint16_t member)
{
    for (uint32_t i = 0; i < count; i++) {
        if (wanted[i] == member)
            return true;
    }
    return false;
}

// A partition without any copy in sync stays as it is: nothing can be moved.
static void partition_count_moves(struct rehearsal *rehearsal, uint32_t number,
                                  const uint16_t *wanted)
{
    const struct view *view = &rehearsal->view;
    const struct view_partition *partition = &view->partitions[number];
    struct grid_share *shares = rehearsal->shares;
    uint16_t primary = view_primary(view, number);
    if (primary == VIEW_NO_MEMBER)
        return;
    for (uint32_t i = 0; i < view->replica_count && wanted[i] != VIEW_NO_MEMBER; i++) {
        shares[wanted[i]].fill_count +=
            view_replica_place(partition, wanted[i]) >= partition->in_sync_count;
        shares[wanted[i]].take_over_count += i == 0 && wanted[i] != primary;
    }
    for (uint32_t i = 0; i < partition->replica_count; i++)
        shares[partition->replicas[i]].drop_count +=
            !is_wanted(wanted, view->replica_count, partition->replicas[i]);
}

static void partition_count_shares(struct rehearsal *rehearsal, uint32_t number,
                                   const uint16_t *wanted)
{
    const struct view *view = &rehearsal->view;
    const struct view_partition *partition = &view->partitions[number];
    struct grid_share *shares = rehearsal->shares;
    uint16_t primary = view_primary(view, number);
    if (primary != VIEW_NO_MEMBER)
        shares[primary].primary_count++;
    for (uint32_t i = 0; i < partition->replica_count; i++)
        shares[partition->replicas[i]].backup_count += partition->replicas[i] != primary;
    for (uint32_t i = 0; i < view->replica_count && wanted[i] != VIEW_NO_MEMBER; i++) {
        shares[wanted[i]].primary_count_after += i == 0;
        shares[wanted[i]].backup_count_after += i > 0;
    }
}

static void shares_visit(const struct rehearsal *rehearsal, grid_share_fn *visit, void *context)
{
    const struct view *view = &rehearsal->view;
    for (uint32_t i = 0; i < view->member_count; i++) {
        struct grid_share *share = &rehearsal->shares[i];
        if (view->members[i].id == 0)
            continue;
        share->name = view->members[i].name;
        share->weight = view->members[i].weight;
        share->is_added = i >= rehearsal->standing_count;
        share->is_removed = rehearsal->is_removed[i];
        visit(context, share);
    }
}

static enum grid_error rehearse(struct rehearsal *rehearsal, grid_share_fn *visit, void *context)
{
    const struct view *view = &rehearsal->view;
    uint16_t *target = migration_target(view);
    if (!target)
        return client_sync_fail(rehearsal->grid, GRID_INVALID_ARGUMENT,
                                "no member would be left that holds data");
    rehearsal->shares = memory_new_array(view->member_count, sizeof *rehearsal->shares);
    for (uint32_t i = 0; i < view->partition_count; i++) {
        const uint16_t *wanted = target + (size_t)i * view->replica_count;
        partition_count_shares(rehearsal, i, wanted);
        partition_count_moves(rehearsal, i, wanted);
    }
    shares_visit(rehearsal, visit, context);
    free(rehearsal->shares);
    free(target);
    return GRID_OK;
}

enum grid_error grid_rebalance_simulate(struct grid *grid, const struct grid_member_change *changes,
                                        size_t count, grid_share_fn *visit, void *context)
{
    enum grid_error error = client_sync_begin(grid);
    if (error == GRID_OK && !grid->topology.is_known)
        error = client_sync_wait_members(grid);
    if (error != GRID_OK)
        return error;
    struct rehearsal rehearsal = {.grid = grid, .standing_count = grid->topology.view.member_count};
    view_copy(&rehearsal.view, &grid->topology.view);
    error = changes_apply(&rehearsal, changes, count);
    if (error == GRID_OK)
        error = rehearse(&rehearsal, visit, context);
    view_deinit(&rehearsal.view);
    return error;
}
