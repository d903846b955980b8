// SPDX-License-Identifier: Apache-2.0
// Random schedules: whatever happens, no partition is served by two nodes at a time (town.c checks
// that after each event), nodes agree on every view, and a grid that is left alone heals.
#include "tests/unit/meta/town.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { NODES = 5, EVENTS = 14, HEAL_MS = 60000 };

static uint32_t town_living(const struct town *town)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < town->node_count; i++)
        count += town->nodes[i].member != NULL &&
                 member_phase(town->nodes[i].member) == MEMBER_JOINED &&
                 town->nodes[i].resumes_ms <= town->now_ms;
    return count;
}

static bool town_is_whole(const struct town *town)
{
    return town_living(town) == NODES && town_is_settled(town);
}

// Whether a grid that loses one more node keeps a majority of its voters: all of them are there,
// and they are three at least.
static bool town_may_lose_one(const struct town *town)
{
    if (!town_has_leader(town) || town_living(town) < NODES || town_member_count(town) < NODES)
        return false;
    uint32_t present = 0;
    for (uint32_t i = 0; i < NODES; i++)
        present += town_votes(town, i);
    return present == town_voter_count(town) && present >= 3;
}

// What an operator, or a supervisor of processes, would do.
static void town_restart_gone(struct town *town)
{
    for (uint32_t i = 0; i < town->node_count; i++) {
        struct town_node *node = &town->nodes[i];
        bool is_gone = node->member != NULL && (member_phase(node->member) == MEMBER_GONE ||
                                                member_phase(node->member) == MEMBER_REFUSED);
        if (is_gone)
            town_kill(town, i);
        if (node->member == NULL)
            town_start(town, i);
    }
}

static void town_disturb(struct town *town)
{
    uint32_t victim = (uint32_t)random_below(&town->random, NODES);
    struct town_node *node = &town->nodes[victim];
    char text[MEETING_TEXT_BYTES_MAX];
    switch (random_below(&town->random, 8)) {
    case 0:
        if (town_may_lose_one(town))
            town_kill(town, victim);
        break;
    case 1:
        town_restart_gone(town);
        break;
    case 2:
    case 3:
        town_pause(town, victim, random_below(&town->random, 3000));
        break;
    case 4:
        town_divide(town, (uint32_t)random_below(&town->random, 1U << NODES));
        break;
    case 5:
        town->cut[victim][random_below(&town->random, NODES)] = true; // one way
        break;
    case 6:
        town_divide(town, 0);
        break;
    default:
        if (town_may_lose_one(town))
            (void)member_leave(node->member, text, 0);
        break;
    }
}

static void town_print(const struct town *town)
{
    for (uint32_t i = 0; i < NODES; i++) {
        struct member_status status = {0};
        if (town->nodes[i].member != NULL)
            member_status(town->nodes[i].member, &status);
        fprintf(stderr, "n%u %lx: phase %d term %lu leader %lx view %lu servers", i,
                town_id(town, i), (int)status.phase, status.term, status.leader,
                status.view_version);
        for (uint32_t j = 0; j < status.configuration.count; j++)
            fprintf(stderr, " %lx%s", status.configuration.servers[j].id,
                    status.configuration.servers[j].is_voter ? "" : " (learner)");
        fprintf(stderr, "\n");
    }
}

static void town_settle(struct town *town, uint64_t seed)
{
    town_divide(town, 0);
    town->loss_per_mille = 0;
    town->delay_max_ms = 5;
    for (uint32_t i = 0; i < HEAL_MS / 500; i++) {
        town_restart_gone(town);
        if (town_run_until(town, town_is_whole, 500))
            return;
    }
    town_print(town);
    cr_assert(false, "META_SEEDS=%lu-%lu: the grid did not heal", seed, seed);
}

static void town_play(uint64_t seed)
{
    struct town *town = town_new(NODES, 3, NODES, seed);
    for (uint32_t i = 0; i < NODES; i++) {
        town->nodes[i].drift_per_mille = (int)random_below(&town->random, 19) - 9;
        town->nodes[i].options.voters_max = seed % 3 == 0 ? 3 : 5;
        town->nodes[i].options.settings.backups = 1 + seed % 2;
    }
    town_start_all(town);
    cr_assert(town_run_until(town, town_is_settled, 30000), "META_SEEDS=%lu-%lu: no grid", seed,
              seed);
    town->loss_per_mille = (uint32_t)random_below(&town->random, 200);
    town->repeat_per_mille = (uint32_t)random_below(&town->random, 200);
    town->delay_max_ms = 1 + (uint32_t)random_below(&town->random, 120);
    for (uint32_t i = 0; i < EVENTS; i++) {
        town_disturb(town);
        town_run(town, random_below(&town->random, 1500));
    }
    town_settle(town, seed);
    town_free(town);
}

Test(lease, no_partition_is_served_twice_whatever_happens, .timeout = 0)
{
    const char *range = getenv("META_SEEDS");
    uint64_t first = 1;
    uint64_t last = 40;
    if (range != NULL)
        cr_assert(sscanf(range, "%lu-%lu", &first, &last) == 2);
    for (uint64_t seed = first; seed <= last; seed++) {
        if (getenv("META_TRACE") || range != NULL)
            fprintf(stderr, "seed %lu\n", seed);
        town_play(seed);
    }
}
