// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/rules/replication_world.h"

static uint32_t view_place(const struct view_state *view, uint64_t id)
{
    uint32_t place = 0;
    while (place < view->count && view->ids[place] != id)
        place++;
    return place;
}

static void view_take_out(struct view_state *view, uint32_t place)
{
    view->count--;
    view->in_sync_count -= place < view->in_sync_count;
    memmove(&view->ids[place], &view->ids[place + 1], (view->count - place) * sizeof view->ids[0]);
}

static void view_put_in(struct view_state *view, uint32_t place, uint64_t id)
{
    memmove(&view->ids[place + 1], &view->ids[place], (view->count - place) * sizeof view->ids[0]);
    view->ids[place] = id;
    view->count++;
}

static uint32_t world_live_count(const struct world *world, const struct view_state *view)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->in_sync_count; i++)
        count += world_find(world, view->ids[i]) != NO_NODE;
    return count;
}

bool leader_may_lose(const struct world *world, uint64_t id)
{
    struct view_state view = *world_view(world);
    uint32_t place = view_place(&view, id);
    if (place < view.count)
        view_take_out(&view, place);
    return world_live_count(world, &view) > 0;
}

// Commits a changed view, unless no copy would survive.
static bool leader_commit(struct world *world, struct view_state *view)
{
    if (world->view_count == VIEWS_MAX || world_live_count(world, view) == 0)
        return false;
    if (view_place(view, view->handover) >= view->in_sync_count || view->ids[0] == view->handover)
        view->handover = 0;
    view->version++;
    world->views[world->view_count++] = *view;
    WORLD_SAY(world, "view %lu epoch %lu: %lu %lu %lu %lu %lu, %u in sync, handover %lu",
              view->version, view->epoch, view->ids[0], view->ids[1], view->ids[2], view->ids[3],
              view->ids[4], view->in_sync_count, view->handover);
    return true;
}

void leader_found(struct world *world)
{
    struct view_state *view = &world->views[world->view_count++];
    view->version = 1;
    view->epoch = 1;
    view->count = 1 + (uint32_t)random_below(&world->random, world->node_count);
    view->in_sync_count = view->count;
    for (uint32_t i = 0; i < view->count; i++)
        view->ids[i] = world->nodes[i].id;
}

// ---- Wishes ----

static void leader_move_primary(struct world *world, struct view_state *view, uint32_t place)
{
    uint64_t id = view->ids[place];
    view_take_out(view, place);
    view_put_in(view, 0, id);
    view->in_sync_count++;
    view->epoch++;
    WORLD_SAY(world, "primary moves to %lu", id);
}

void leader_grant(struct world *world, struct pending_wish *pending)
{
    struct view_state view = *world_view(world);
    const struct wish *wish = &pending->wish;
    uint32_t place = view_place(&view, wish->member_id);
    bool is_in_sync = place < view.in_sync_count;
    if (wish->based_on != view.version || pending->from_id != view.ids[0] || place == view.count)
        return;
    if (wish->kind == WISH_YIELD) {
        if (view.handover != wish->member_id || !is_in_sync)
            return;
        leader_move_primary(world, &view, place);
        world->counts.handovers += leader_commit(world, &view);
        return;
    }
    view_take_out(&view, place);
    view_put_in(&view, view.in_sync_count, wish->member_id);
    if (wish->kind == WISH_ADD) {
        view.in_sync_count++;
        uint32_t index = world_find(world, wish->member_id);
        if (index != NO_NODE)
            world_check_exact(world, &world->nodes[index]);
        world->counts.adds += leader_commit(world, &view);
    } else {
        world->counts.drops += leader_commit(world, &view);
    }
}

// ---- The leader's own doing ----

// Another copy in sync takes over; the old primary's goes on to count, or has to catch up.
static void leader_fail_over(struct world *world)
{
    struct view_state view = *world_view(world);
    if (view.in_sync_count < 2)
        return;
    uint64_t old_id = view.ids[0];
    leader_move_primary(world, &view,
                        1 + (uint32_t)random_below(&world->random, view.in_sync_count - 1));
    if (!world->is_restless && random_below(&world->random, 4) > 0) {
        view_take_out(&view, view_place(&view, old_id));
        view_put_in(&view, view.in_sync_count, old_id);
    }
    world->counts.fail_overs += leader_commit(world, &view);
}

static void leader_suspect_backup(struct world *world)
{
    struct view_state view = *world_view(world);
    if (view.in_sync_count < 2)
        return;
    uint32_t place = 1 + (uint32_t)random_below(&world->random, view.in_sync_count - 1);
    uint64_t id = view.ids[place];
    view_take_out(&view, place);
    view_put_in(&view, view.in_sync_count, id);
    (void)leader_commit(world, &view);
}

static void leader_remove_backup(struct world *world)
{
    struct view_state view = *world_view(world);
    if (view.count < 2)
        return;
    view_take_out(&view, 1 + (uint32_t)random_below(&world->random, view.count - 1));
    (void)leader_commit(world, &view);
}

// A member that was a replica before may still have to learn that it is none, and would then forget
// what it was sent since; or the primary may have to, and would take what it heard of the old copy
// for the new one. So both know the view as it stands before it is a replica again.
bool leader_add(struct world *world)
{
    struct view_state view = *world_view(world);
    uint32_t primary = world_find(world, view.ids[0]);
    if (primary == NO_NODE || world->nodes[primary].known < view.version)
        return false;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct node *node = &world->nodes[i];
        if (!node->is_alive || node->known < view.version ||
            view_place(&view, node->id) < view.count || view.count == NODES_MAX)
            continue;
        view_put_in(&view, view.count, node->id);
        return leader_commit(world, &view);
    }
    return false;
}

void leader_clear(struct world *world)
{
    struct view_state view = *world_view(world);
    if (world_find(world, view.ids[0]) == NO_NODE) {
        for (uint32_t i = 1; i < view.in_sync_count; i++) {
            if (world_find(world, view.ids[i]) != NO_NODE) {
                leader_move_primary(world, &view, i);
                break;
            }
        }
    }
    uint32_t count = view.count;
    for (uint32_t i = view.count; i-- > 0;) {
        if (world_find(world, view.ids[i]) == NO_NODE)
            view_take_out(&view, i);
    }
    if (count != view.count)
        (void)leader_commit(world, &view);
}

static void leader_hand_over(struct world *world)
{
    struct view_state view = *world_view(world);
    if (view.in_sync_count < 2)
        return;
    uint64_t next = view.ids[1 + random_below(&world->random, view.in_sync_count - 1)];
    view.handover = view.handover == 0 ? next : 0;
    (void)leader_commit(world, &view);
}

void leader_step(struct world *world)
{
    uint64_t dice = random_below(&world->random, 100);
    if (world->is_restless && dice < 30)
        leader_fail_over(world);
    else if (dice < 75)
        leader_grant(world, &world->wishes[random_below(&world->random, WISHES_MAX)]);
    else if (dice < 80)
        leader_fail_over(world);
    else if (dice < 81)
        leader_suspect_backup(world);
    else if (dice < 82)
        leader_remove_backup(world);
    else if (dice < 94)
        (void)leader_add(world);
    else if (dice < 97)
        leader_clear(world);
    else
        leader_hand_over(world);
}
