// SPDX-License-Identifier: Apache-2.0
#include "node/meta/voters.h"

#include "tests/unit/meta/town.h"

#include <criterion/criterion.h>

enum { SOON_MS = 20000 };

Test(voters, are_an_odd_number)
{
    static const uint32_t rows[][3] = {// able, at most, wanted
                                       {0, 5, 1}, {1, 5, 1}, {2, 5, 1}, {3, 5, 3}, {4, 5, 3},
                                       {5, 5, 5}, {6, 5, 5}, {9, 5, 5}, {9, 7, 7}, {9, 3, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect(voters_wanted(rows[i][0], rows[i][1]) == rows[i][2], "row %zu", i);
}

Test(voters, of_a_new_grid_are_spread_over_zones_and_witnesses_make_the_number_full)
{
    struct view_member members[6] = {
        {.id = 1, .zone = "a"}, {.id = 2, .zone = "a"},
        {.id = 3, .zone = "a"}, {.id = 4, .zone = "b", .role = MEMBER_WITNESS},
        {.id = 5, .zone = "b"}, {.id = 6, .zone = "c", .role = MEMBER_WITNESS},
    };
    struct view view = {.members = members, .member_count = 6};
    struct raft_configuration configuration;
    voters_first(&view, 3, &configuration);
    cr_assert(configuration.count == 3);
    cr_expect(configuration.servers[0].id == 1);
    cr_expect(configuration.servers[1].id == 5);
    cr_expect(configuration.servers[2].id == 6);
}

Test(voters, witnesses_without_zones_come_last)
{
    struct view_member members[4] = {
        {.id = 1, .role = MEMBER_WITNESS}, {.id = 2}, {.id = 3}, {.id = 4}};
    struct view view = {.members = members, .member_count = 4};
    struct raft_configuration configuration;
    voters_first(&view, 3, &configuration);
    for (uint32_t i = 0; i < configuration.count; i++)
        cr_expect(configuration.servers[i].id != 1);
}

static struct town *town_of(uint32_t count, uint32_t room, uint32_t voters_max)
{
    struct town *town = town_new(room, 3, count, 17);
    for (uint32_t i = 0; i < room; i++)
        town->nodes[i].options.voters_max = voters_max;
    for (uint32_t i = 0; i < count; i++)
        town_start(town, i);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    return town;
}

Test(voters, dead_ones_are_replaced)
{
    struct town *town = town_of(5, 5, 3);
    cr_assert(town_voter_count(town) == 3);
    for (uint32_t round = 0; round < 2; round++) {
        uint32_t victim = 0;
        while (town->nodes[victim].member == NULL || !town_votes(town, victim))
            victim++;
        town_kill(town, victim);
        town_run(town, 6000);
        cr_assert(town_has_leader(town));
        cr_expect(town_voter_count(town) == 3, "round %u", round);
        cr_expect(!town_votes(town, victim));
    }
    town_free(town);
}

Test(voters, become_more_as_members_join)
{
    struct town *town = town_of(3, 5, 5);
    cr_assert(town_voter_count(town) == 3);
    town_start(town, 3);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    town_run(town, 2000);
    cr_expect(town_voter_count(town) == 3);
    town_start(town, 4);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    town_run(town, 2000);
    cr_expect(town_voter_count(town) == 5);
    town_free(town);
}

Test(voters, move_to_a_zone_that_had_none)
{
    struct town *town = town_new(4, 3, 3, 23);
    for (uint32_t i = 0; i < 4; i++)
        strcpy(town->nodes[i].options.self.zone, i < 3 ? "a" : "b");
    for (uint32_t i = 0; i < 3; i++)
        town_start(town, i);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    town_start(town, 3);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    town_run(town, 3000);
    cr_expect(town_votes(town, 3));
    cr_expect(town_voter_count(town) == 3);
    town_free(town);
}

Test(voters, two_data_members_and_a_witness_survive_either_of_the_two)
{
    for (uint32_t victim = 0; victim < 2; victim++) {
        struct town *town = town_new(3, 3, 3, 29);
        town->nodes[2].options.self.role = MEMBER_WITNESS;
        town_start_all(town);
        cr_assert(town_run_until(town, town_is_settled, SOON_MS));
        cr_expect(town_votes(town, 2));
        for (uint32_t p = 0; p < TOWN_PARTITIONS; p++)
            cr_expect(!town_serves(town, 2, p));
        town_kill(town, victim);
        cr_expect(town_run_until(town, town_is_served, 3000));
        town_free(town);
    }
}

// A server that never heard of the new leader cannot answer it before it is introduced.
Test(voters, one_that_lags_behind_learns_who_leads)
{
    struct town *town = town_of(3, 4, 3);
    uint32_t leader = town_leader(town);
    uint32_t other = leader == 0 ? 1 : 0;
    uint32_t lagging = 3 - leader - other;
    town_divide(town, 1U << lagging);
    for (uint32_t i = 0; i < 4; i++)
        town->nodes[i].options.remove_ms = 1000;
    town_start(town, 3);
    town_run(town, 5000); // the lagging one is replaced by the newcomer
    cr_expect(town_votes(town, 3));
    town_kill(town, leader);
    town_kill(town, other);
    town_divide(town, 0);
    town_run(town, 2000);
    cr_expect(town_phase(town, lagging) == MEMBER_JOINED || //
              town_phase(town, lagging) == MEMBER_GONE);
    town_free(town);
}
