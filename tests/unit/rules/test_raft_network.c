// SPDX-License-Identifier: Apache-2.0
// Seeded runs of whole groups of servers under faults. RAFT_SEEDS=a-b runs others than the usual
// ones; a seed that fails is printed, and runs again with RAFT_SEEDS=n-n.
#include "tests/support/raft_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STEP_US = 20 * 1000, // between two deeds
    FAULTS_US = 5 * 1000 * 1000,
    HEALED_US_MAX = 60 * WORLD_ELECTION_MS * 1000, // until all must have caught up
    SEEDS = 300,
};

static bool chance(struct world *world, uint32_t per_mille)
{
    return random_below(&world->random, 1000) < per_mille;
}

static struct world_server *any_server(struct world *world)
{
    struct world_server *server =
        &world->servers[random_below(&world->random, world->server_count)];
    return server->raft ? server : NULL;
}

// ---- Faults ----

static void network_cut(struct world *world)
{
    bool is_one_way = chance(world, 400);
    bool side[WORLD_SERVERS_MAX];
    for (uint32_t i = 0; i < WORLD_SERVERS_MAX; i++)
        side[i] = chance(world, 400);
    for (uint32_t i = 0; i < WORLD_SERVERS_MAX; i++)
        for (uint32_t j = 0; j < WORLD_SERVERS_MAX; j++)
            world->is_blocked[i][j] = side[i] != side[j] && (!is_one_way || side[i]);
}

// Single links, so that two who do not hear each other are both heard by a third.
static void network_cut_links(struct world *world)
{
    uint32_t share_per_mille = 50 + (uint32_t)random_below(&world->random, 400);
    bool is_one_way = chance(world, 400);
    for (uint32_t i = 0; i < WORLD_SERVERS_MAX; i++) {
        for (uint32_t j = 0; j < i; j++) {
            bool is_cut = chance(world, share_per_mille);
            world->is_blocked[i][j] = is_cut;
            world->is_blocked[j][i] = is_one_way ? chance(world, share_per_mille) : is_cut;
        }
    }
}

static void network_heal(struct world *world)
{
    memset(world->is_blocked, 0, sizeof world->is_blocked);
}

static void network_worsen(struct world *world)
{
    world->loss_per_mille = chance(world, 500) ? (uint32_t)random_below(&world->random, 300) : 0;
    world->repeat_per_mille = (uint32_t)random_below(&world->random, 200);
    world->late_per_mille = chance(world, 500) ? (uint32_t)random_below(&world->random, 200) : 0;
    world->late_ms = 20 + (uint32_t)random_below(&world->random, 2000);
}

// `rate` 1: a fault of each kind every two seconds.
static void faults_step(struct world *world, uint32_t rate)
{
    if (chance(world, 10 * rate))
        network_cut(world);
    if (chance(world, 10 * rate))
        network_cut_links(world);
    if (chance(world, 20 * rate))
        network_heal(world);
    if (chance(world, 10 * rate))
        network_worsen(world);
    struct world_server *server = any_server(world);
    if (server && chance(world, 20 * rate))
        server->is_paused = true;
    server = any_server(world);
    if (server && chance(world, 100))
        server->is_paused = false;
    server = any_server(world);
    if (server && chance(world, 10) && world_may_crash(world, server))
        world_crash(server);
}

static void faults_end(struct world *world)
{
    network_heal(world);
    world->loss_per_mille = world->repeat_per_mille = world->late_per_mille = 0;
    for (uint32_t i = 0; i < world->server_count; i++)
        world->servers[i].is_paused = false;
}

// ---- Who takes part: replaces the crashed, and now and then a living one ----

static void configure(struct world_server *leader, const struct raft_configuration *next)
{
    // Nobody can go on after losing a majority, and the leader cannot know who died just now.
    if (!world_survives(leader->world, next))
        return;
    (void)!raft_configure(leader->raft, next, world_clock_ms(leader));
    raft_world_check(leader->world, leader);
}

static void configuration_remove(struct raft_configuration *configuration, uint32_t place)
{
    configuration->count--;
    memmove(&configuration->servers[place], &configuration->servers[place + 1],
            (configuration->count - place) * sizeof configuration->servers[0]);
}

// A server that nobody has added yet: of an attempt that was refused, or a fresh one.
static struct world_server *spare_server(struct world *world)
{
    struct world_server *last = &world->servers[world->server_count - 1];
    return last->raft && raft_term(last->raft) == 0 ? last : world_add(world);
}

// One attempt at one change; true: there was something to do.
static bool membership_repair(struct world *world, struct world_server *leader, uint32_t voters_max)
{
    struct raft_configuration next = *raft_configuration(leader->raft);
    uint32_t voters = 0;
    for (uint32_t i = 0; i < next.count; i++) {
        if (world->servers[next.servers[i].id - 1].raft == NULL) {
            configuration_remove(&next, i);
            configure(leader, &next);
            return true;
        }
        voters += next.servers[i].is_voter;
    }
    if (voters >= voters_max)
        return false;
    if (next.count > voters) {
        for (uint32_t i = 0; i < next.count; i++) {
            if (!next.servers[i].is_voter) {
                next.servers[i].is_voter = true;
                break;
            }
        }
    } else {
        next.servers[next.count++] = (struct raft_server){.id = spare_server(world)->id};
    }
    configure(leader, &next);
    return true;
}

static void membership_churn(struct world *world, struct world_server *leader)
{
    struct raft_configuration next = *raft_configuration(leader->raft);
    uint32_t place = (uint32_t)random_below(&world->random, next.count);
    if (chance(world, 500)) {
        (void)!raft_transfer(leader->raft, next.servers[place].id, world_clock_ms(leader));
        raft_world_check(world, leader);
        return;
    }
    // Who is removed goes on running, and is not told.
    configuration_remove(&next, place);
    configure(leader, &next);
}

// Whoever takes itself for the leader gets proposals: logs are to differ. But not always, or nobody
// who was cut off could ever win.
static void proposals_step(struct world *world, uint32_t busy_per_mille)
{
    uint64_t index;
    if (!chance(world, busy_per_mille))
        return;
    uint64_t count = chance(world, 2) ? 200 : random_below(&world->random, 4);
    for (uint32_t i = 0; i < world->server_count; i++) {
        struct world_server *server = &world->servers[i];
        for (uint64_t j = 0; j < count && server->raft && !server->is_paused; j++)
            (void)!world_propose(server, &index);
    }
}

static void leader_step(struct world *world, uint32_t voters_max)
{
    struct world_server *leader = world_leader(world);
    if (leader == NULL)
        return;
    if (chance(world, 100))
        membership_repair(world, leader, voters_max);
    else if (chance(world, 15))
        membership_churn(world, leader);
}

// ---- Runs ----

static bool all_have_applied(struct world *world, const struct raft *leader, uint64_t index)
{
    const struct raft_configuration *configuration = raft_configuration(leader);
    for (uint32_t i = 0; i < configuration->count; i++) {
        const struct world_server *server = world_find(world, configuration->servers[i].id);
        if (server->raft == NULL || server->applied_index < index)
            return false;
    }
    return true;
}

// On a network without faults a leader is found, the dead are replaced, and all catch up.
static void world_recover(struct world *world, uint32_t voters_max)
{
    faults_end(world);
    uint64_t limit_us = world->now_us + HEALED_US_MAX;
    uint64_t target_index = 0;
    uint64_t target_term = 0;
    while (!world->failure[0]) {
        if (world->now_us >= limit_us) {
            world_fail(world, "no progress after healing");
            world_print(world);
            return;
        }
        world_run(world, world->now_us + STEP_US);
        struct world_server *leader = world_leader(world);
        if (leader == NULL)
            continue;
        bool is_repairing = membership_repair(world, leader, voters_max);
        // What an earlier leader had proposed may be gone.
        if (target_term != raft_term(leader->raft) &&
            world_propose(leader, &target_index) == ERROR_NONE)
            target_term = raft_term(leader->raft);
        if (!is_repairing && target_term == raft_term(leader->raft) &&
            all_have_applied(world, leader->raft, target_index))
            return;
    }
}

struct totals {
    uint64_t leaders, restores, changes, entries, virtual_s;
};

static void seed_run(uint64_t seed, struct totals *totals)
{
    static const uint32_t counts[] = {1, 3, 3, 4, 5, 5, 7};
    struct random random = {.state = seed * 2 + 1};
    uint32_t count = counts[random_below(&random, sizeof counts / sizeof counts[0])];
    static const uint32_t busy_per_mille[] = {10, 50, 200, 1000};
    uint32_t busy = busy_per_mille[random_below(&random, 4)];
    uint32_t rate = 1 + (uint32_t)random_below(&random, 6);
    uint32_t voters_max = count < 3 ? 3 : count;
    struct world *world = world_new(seed, count, 4 + (uint32_t)random_below(&random, 60));
    world_run(world, 500 * 1000);
    while (world->now_us < FAULTS_US && !world->failure[0]) {
        world_run(world, world->now_us + STEP_US);
        faults_step(world, rate);
        proposals_step(world, busy);
        leader_step(world, voters_max);
    }
    world_recover(world, voters_max);
    totals->leaders += world->leader_count;
    totals->restores += world->restore_count;
    totals->changes += world->change_count;
    totals->entries += world->committed_index;
    totals->virtual_s += world->now_us / 1000000;
    cr_expect(world->failure[0] == '\0', "RAFT_SEEDS=%lu-%lu: %s", seed, seed, world->failure);
    world_free(world);
}

Test(raft_network, agrees_under_faults_and_recovers)
{
    uint64_t first = 1;
    uint64_t last = SEEDS;
    const char *range = getenv("RAFT_SEEDS");
    if (range)
        cr_assert_eq(sscanf(range, "%lu-%lu", &first, &last), 2, "RAFT_SEEDS is a-b");
    struct totals totals = {0};
    for (uint64_t seed = first; seed <= last; seed++)
        seed_run(seed, &totals);
    // A run in which nothing happens proves nothing.
    cr_assert_geq(totals.leaders, last - first + 1);
    if (range) {
        fprintf(stderr,
                "seeds %lu-%lu: %lu s, %lu leaders, %lu snapshots restored, %lu changes, "
                "%lu entries\n",
                first, last, totals.virtual_s, totals.leaders, totals.restores, totals.changes,
                totals.entries);
        return;
    }
    cr_assert_gt(totals.restores, SEEDS);
    cr_assert_gt(totals.changes, SEEDS);
}
