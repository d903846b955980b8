// SPDX-License-Identifier: Apache-2.0
// Runs of tests/unit/rules/replication_world.h. REPLICATION_SEEDS=a-b runs others than the usual
// ones; REPLICATION_TRACE=1 tells what happens.
#include "tests/unit/rules/replication_world.h"

enum { STEPS = 4000, SEEDS = 600, PAUSE_STEPS = 20, HEALING_ROUNDS = 3000 };

// ---- Faults ----

static void world_crash(struct world *world, uint32_t index)
{
    struct node *node = &world->nodes[index];
    if (!node->is_alive || !leader_may_lose(world, node->id))
        return;
    WORLD_SAY(world, "%lu crashes", node->id);
    for (uint32_t i = 0; i < world->node_count; i++) {
        link_down_at_primary(world, i, index);
        link_down_at_backup(world, i, index);
        world->links[index][i].is_up_at_primary = false;
        world->links[index][i].is_scanning = false;
    }
    *node = (struct node){.attached_to = NO_NODE};
}

static void world_fault(struct world *world, uint32_t index, uint32_t primary)
{
    uint64_t dice = random_below(&world->random, 100);
    if (dice < 4)
        world_crash(world, index);
    else if (dice < 24 && !world->nodes[index].is_alive)
        replica_start(world, index);
    else if (dice < 50)
        world->nodes[index].is_paused = true;
    else if (dice < 75)
        link_down_at_primary(world, primary, index);
    else if (dice < 90)
        link_down_at_backup(world, primary, index);
}

// ---- A run ----

// Mostly the newest view, or some on the way there, or that which it knows, again.
static void world_learn(struct world *world, uint32_t index)
{
    const struct node *node = &world->nodes[index];
    if (!node_is_awake(node))
        return;
    uint64_t version = world->view_count;
    if (random_below(&world->random, 4) == 0)
        version = node->known + random_below(&world->random, version - node->known + 1);
    if (version > 0)
        node_learn(world, index, version);
}

// Some message that is under way, if there is any.
static void world_deliver(struct world *world)
{
    uint32_t count = world->node_count * world->node_count;
    uint32_t first = (uint32_t)random_below(&world->random, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t pair = (first + i) % count;
        if (link_deliver(world, pair / world->node_count, pair % world->node_count))
            return;
    }
}

// Some node that takes itself for the primary, if there is any.
static uint32_t world_some_primary(struct world *world)
{
    uint32_t first = (uint32_t)random_below(&world->random, world->node_count);
    for (uint32_t i = 0; i < world->node_count; i++) {
        uint32_t index = (first + i) % world->node_count;
        if (world->nodes[index].is_primary)
            return index;
    }
    return first;
}

static void world_scan(struct world *world, uint32_t primary)
{
    for (uint32_t i = 0; i < world->node_count; i++)
        link_scan(world, primary, i);
}

static void world_step(struct world *world)
{
    uint32_t index = (uint32_t)random_below(&world->random, world->node_count);
    uint32_t primary = world_some_primary(world);
    uint64_t dice = random_below(&world->random, 1000);
    world->now_ms += random_below(&world->random, 4);
    if (random_below(&world->random, PAUSE_STEPS) == 0)
        world->nodes[index].is_paused = false;
    if (dice < 100)
        node_write(world, primary);
    else if (dice < 550)
        world_deliver(world);
    else if (dice < 650)
        world_scan(world, primary);
    else if (dice < 740)
        link_connect(world, primary, index);
    else if (dice < 770)
        node_announce(world, primary, index);
    else if (dice < 800)
        node_trim(world, index);
    else if (dice < 870)
        world_learn(world, index);
    else if (dice < 910)
        node_wish(world, primary);
    else if (dice < 980)
        leader_step(world);
    else
        world_fault(world, index, primary);
    world_check(world);
}

// One round of a world without faults: everybody learns, connects, and hears.
static void world_round(struct world *world)
{
    world->now_ms += 5;
    leader_clear(world);
    (void)leader_add(world);
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (world->nodes[i].known < world->view_count)
            node_learn(world, i, world->view_count);
        node_wish(world, i);
        for (uint32_t k = 0; k < world->node_count; k++) {
            link_connect(world, i, k);
            link_scan(world, i, k);
            (void)link_deliver(world, i, k);
            if (random_below(&world->random, 20) == 0)
                node_announce(world, i, k);
        }
    }
    for (uint32_t i = 0; i < WISHES_MAX; i++)
        leader_grant(world, &world->wishes[i]);
    world_check(world);
}

static bool world_is_whole(const struct world *world)
{
    const struct view_state *view = world_view(world);
    uint32_t primary = world_find(world, view->ids[0]);
    if (primary == NO_NODE || view->in_sync_count != world->node_count || view->handover != 0)
        return false;
    const struct node *node = &world->nodes[primary];
    if (node->known != view->version || !primary_is_quiet(&node->primary))
        return false;
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (i != primary && world->nodes[i].backup.committed_seq != node->replica.last_seq)
            return false;
    }
    return true;
}

static void world_heal(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        world->nodes[i].is_paused = false;
        if (!world->nodes[i].is_alive)
            replica_start(world, i);
        for (uint32_t k = 0; k < world->node_count; k++) {
            link_down_at_primary(world, i, k);
            link_down_at_backup(world, i, k);
        }
    }
    world->is_healed = true;
    for (uint32_t round = 0; !world_is_whole(world); round++) {
        WORLD_CHECK(world, round < HEALING_ROUNDS);
        world_round(world);
    }
    for (uint32_t i = 0; i < world->node_count; i++) {
        WORLD_CHECK(world, world->nodes[i].replica.last_seq == world->truth_last_seq);
        world_check_exact(world, &world->nodes[i]);
    }
}

static void counts_add(struct counts *sum, const struct counts *counts)
{
    sum->commits += counts->commits;
    sum->fills += counts->fills;
    sum->cuts += counts->cuts;
    sum->fail_overs += counts->fail_overs;
    sum->handovers += counts->handovers;
    sum->adds += counts->adds;
    sum->drops += counts->drops;
    sum->losses += counts->losses;
    sum->stale_writes += counts->stale_writes;
}

static void world_run(struct world *world, uint64_t seed)
{
    *world = (struct world){.seed = seed, .random.state = seed, .now_ms = 1};
    world->is_traced = getenv("REPLICATION_TRACE") != NULL;
    WORLD_SAY(world, "seed %lu", seed);
    world->is_restless = random_below(&world->random, 8) == 0;
    world->node_count = 3 + (uint32_t)random_below(&world->random, NODES_MAX - 2);
    for (uint32_t i = 0; i < world->node_count; i++)
        replica_start(world, i);
    leader_found(world);
    for (uint32_t i = 0; i < world->node_count; i++)
        node_learn(world, i, 1);
    for (uint32_t i = 0; i < STEPS; i++)
        world_step(world);
    world_heal(world);
}

Test(replication, what_was_acknowledged_is_on_every_copy_in_sync_and_all_are_after_healing,
     .timeout = 3600)
{
    unsigned long first = 1;
    unsigned long last = SEEDS;
    const char *range = getenv("REPLICATION_SEEDS");
    if (range)
        cr_assert_eq(sscanf(range, "%lu-%lu", &first, &last), 2);
    struct counts sum = {0};
    struct world *world = memory_new(sizeof *world);
    for (unsigned long seed = first; seed <= last; seed++) {
        world_run(world, seed);
        counts_add(&sum, &world->counts);
    }
    free(world);
    // The faults must not keep the runs from doing anything.
    unsigned long count = last - first + 1;
    cr_assert(range || (sum.commits > 100 * count && sum.fills > count && sum.cuts > count / 2 &&
                        sum.fail_overs > count && sum.handovers > 0 && sum.adds > count &&
                        sum.drops > count && sum.losses > 0 && sum.stale_writes > count));
    if (range)
        fprintf(stderr,
                "%lu seeds: %lu commits, %lu fills, %lu cuts, %lu fail-overs, %lu handovers, "
                "%lu adds, %lu drops, %lu lost, %lu writes of old primaries\n",
                count, sum.commits, sum.fills, sum.cuts, sum.fail_overs, sum.handovers, sum.adds,
                sum.drops, sum.losses, sum.stale_writes);
}
