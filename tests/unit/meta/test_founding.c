// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/meta/town.h"

#include <criterion/criterion.h>

enum { SOON_MS = 10000 };

static uint32_t town_grids(const struct town *town)
{
    uint64_t grids[TOWN_NODES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < town->node_count; i++) {
        if (town->nodes[i].member == NULL || town->nodes[i].view.grid_id == 0)
            continue;
        bool is_known = false;
        for (uint32_t j = 0; j < count; j++)
            is_known = is_known || grids[j] == town->nodes[i].view.grid_id;
        if (!is_known)
            grids[count++] = town->nodes[i].view.grid_id;
    }
    return count;
}

Test(founding, a_node_without_seeds_founds_a_grid_of_its_own)
{
    struct town *town = town_new(1, 0, 1, 1);
    town_start_all(town);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    cr_expect(town_member_count(town) == 1);
    cr_expect(town_voter_count(town) == 1);
    cr_expect(member_lease_until_ms(town->nodes[0].member) == UINT64_MAX);
    town_free(town);
}

Test(founding, the_expected_number_of_nodes_found_one_grid)
{
    static const uint32_t rows[][2] = {{2, 1}, {3, 3}, {5, 5}, {8, 5}}; // nodes, voters
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct town *town = town_new(rows[i][0], rows[i][0] < 3 ? 2 : 3, rows[i][0], i);
        town_start_all(town);
        cr_assert(town_run_until(town, town_is_settled, SOON_MS), "%u nodes", rows[i][0]);
        cr_expect(town_grids(town) == 1);
        cr_expect(town_member_count(town) == rows[i][0]);
        cr_expect(town_voter_count(town) == rows[i][1]);
        town_free(town);
    }
}

Test(founding, fewer_nodes_than_expected_wait)
{
    struct town *town = town_new(3, 3, 3, 7);
    town_start(town, 0);
    town_start(town, 2);
    town_run(town, 30000);
    cr_expect(town_grids(town) == 0);
    town_start(town, 1);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    cr_expect(town_member_count(town) == 3);
    town_free(town);
}

Test(founding, more_nodes_than_expected_found_one_grid_and_the_others_join)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct town *town = town_new(6, 3, 3, seed);
        town->loss_per_mille = seed % 2 ? 150 : 0;
        town->repeat_per_mille = 100;
        town->delay_max_ms = 1 + 10 * (uint32_t)seed;
        town_start_all(town);
        cr_assert(town_run_until(town, town_is_settled, 6 * SOON_MS), "seed %lu", seed);
        cr_expect(town_grids(town) == 1, "seed %lu", seed);
        cr_expect(town_member_count(town) == 6);
        town_free(town);
    }
}

Test(founding, halves_that_do_not_see_each_other_found_no_two_grids)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct town *town = town_new(6, 6, 3, seed);
        town_divide(town, 0x07);
        town_start_all(town);
        town_run(town, 20000);
        cr_expect(town_grids(town) == 0, "neither half has most of the seeds");
        town_divide(town, 0);
        // Four seeds are most of six, and three founders are expected: there must be more.
        town_run(town, 5000);
        cr_expect(town_grids(town) == 0);
        town_free(town);
    }
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct town *town = town_new(6, 3, 3, seed);
        town_divide(town, 0x19); // one seed of three among them
        town_start_all(town);
        town_run(town, 20000);
        cr_expect(town_grids(town) <= 1);
        town_divide(town, 0);
        cr_assert(town_run_until(town, town_is_settled, 3 * SOON_MS), "seed %lu", seed);
        cr_expect(town_grids(town) == 1);
        town_free(town);
    }
}

Test(founding, seeds_under_other_names_than_advertised_are_warned_of)
{
    struct town *town = town_new(2, 2, 2, 3);
    strcpy(town->seeds[1].host, "alias");
    town_start_all(town);
    town_run(town, 3000);
    cr_expect(town_grids(town) == 0);
    bool is_warned = strstr(town->nodes[0].warning, "only 1 of 2 seeds") != NULL ||
                     strstr(town->nodes[1].warning, "only 1 of 2 seeds") != NULL;
    cr_expect(is_warned);
    town_free(town);
}

Test(founding, a_node_that_expects_nobody_only_joins)
{
    struct town *town = town_new(3, 2, 2, 5);
    town->nodes[2].options.settings.bootstrap_expect = 0;
    town_start(town, 0);
    town_start(town, 2);
    town_run(town, 5000);
    cr_expect(town_grids(town) == 0);
    town_start(town, 1);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    cr_expect(town_member_count(town) == 3);
    town_free(town);
}

Test(founding, a_node_with_other_settings_is_no_founder_and_hears_why)
{
    struct town *town = town_new(4, 3, 3, 9);
    town->nodes[3].options.settings.partition_count = 16;
    town_start(town, 0);
    town_start(town, 1);
    town_start(town, 3);
    town_run(town, 5000);
    cr_expect(town_grids(town) == 0);
    cr_expect(strstr(town->nodes[0].warning, "its option partitions is 16, not 8"));
    town_start(town, 2);
    town_run(town, SOON_MS);
    cr_expect(town_phase(town, 3) == MEMBER_REFUSED);
    cr_expect(strstr(town->nodes[3].warning, "set it to 8 and start again"));
    cr_expect(town_member_count(town) == 3);
    town_free(town);
}

Test(founding, a_lonely_node_waits_for_its_seeds)
{
    struct town *town = town_new(2, 1, 1, 13);
    town_start(town, 1);
    town_run(town, 5000);
    cr_expect(town_grids(town) == 0);
    town_start(town, 0);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    cr_expect(town_member_count(town) == 2);
    town_free(town);
}

Test(founding, seeds_that_all_start_again_come_back_to_the_grid_that_is_left)
{
    struct town *town = town_new(4, 2, 2, 19);
    town_start(town, 0);
    town_start(town, 1);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    town_start(town, 2);
    town_start(town, 3);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    town_kill(town, 0);
    town_kill(town, 1);
    town_start(town, 0);
    town_start(town, 1);
    town_run(town, 30000);
    cr_expect(town_grids(town) == 1);
    town_free(town);
}

Test(founding, a_witness_alone_founds_nothing)
{
    struct town *town = town_new(1, 0, 1, 1);
    town->nodes[0].options.self.role = MEMBER_WITNESS;
    town_start_all(town);
    town_run(town, 5000);
    cr_expect(town_grids(town) == 0);
    town_free(town);
}

Test(founding, a_founder_that_missed_the_founding_comes_in_all_the_same)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct town *town = town_new(3, 3, 3, seed);
        town_start_all(town);
        while (town_grids(town) == 0)
            town_run(town, 1);
        uint32_t lost = 0; // some node that has not heard of it yet
        while (lost < 2 && town->nodes[lost].view.grid_id != 0)
            lost++;
        town_divide(town, 1U << lost);
        town_run(town, 15000);
        town_divide(town, 0);
        cr_assert(town_run_until(town, town_is_settled, 3 * SOON_MS), "seed %lu", seed);
        cr_expect(town_grids(town) == 1);
        town_free(town);
    }
}
