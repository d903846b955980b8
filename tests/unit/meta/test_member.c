// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/meta/town.h"

#include <criterion/criterion.h>

enum { SOON_MS = 10000, SEED = 11 };

// `count` nodes that are a grid, all of them seeds, of `room` nodes that can be.
static struct town *town_founded(uint32_t count, uint32_t room, uint64_t seed)
{
    struct town *town = town_new(room, count, count, seed);
    for (uint32_t i = 0; i < count; i++)
        town_start(town, i);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    return town;
}

static uint32_t town_follower(const struct town *town)
{
    return town_leader(town) == 0 ? 1 : 0;
}

// ---- Joining ----

Test(member, a_node_joins_and_gets_its_share)
{
    struct town *town = town_founded(3, 4, SEED);
    town_start(town, 3);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    cr_expect(town_member_count(town) == 4);
    uint32_t primaries = 0;
    for (uint32_t p = 0; p < TOWN_PARTITIONS; p++)
        primaries += town_serves(town, 3, p);
    cr_expect(primaries >= 1 && primaries <= 3);
    town_free(town);
}

Test(member, many_nodes_join_at_once_by_any_member)
{
    struct town *town = town_founded(3, 12, SEED);
    town->loss_per_mille = 100;
    for (uint32_t i = 3; i < 12; i++)
        town_start(town, i);
    cr_assert(town_run_until(town, town_is_settled, 3 * SOON_MS));
    cr_expect(town_member_count(town) == 12);
    cr_expect(town_voter_count(town) == 5);
    town_free(town);
}

static void expect_refusal(void (*alter)(struct member_options *), const char *text)
{
    struct town *town = town_founded(3, 4, SEED);
    alter(&town->nodes[3].options);
    town_start(town, 3);
    town_run(town, SOON_MS);
    cr_expect(town_phase(town, 3) == MEMBER_REFUSED, "%s", text);
    cr_expect(strstr(town->nodes[3].warning, text) != NULL, "%s: %s", text, town->nodes[3].warning);
    cr_expect(town_member_count(town) == 3);
    town_free(town);
}

static void alter_version(struct member_options *options)
{
    options->settings.protocol_version++;
}

static void alter_partitions(struct member_options *options)
{
    options->settings.partition_count = 1024;
}

static void alter_backups(struct member_options *options)
{
    options->settings.backups = 2;
}

static void alter_min_in_sync(struct member_options *options)
{
    options->settings.min_in_sync = 2;
}

static void alter_name(struct member_options *options)
{
    strcpy(options->self.name, "n1");
}

static void alter_weight(struct member_options *options)
{
    options->self.weight = 101;
}

Test(member, a_node_that_does_not_fit_is_told_why_and_what_to_do)
{
    expect_refusal(alter_version, "install the same release");
    expect_refusal(alter_partitions, "partitions is 1024, not 8: set it to 8");
    expect_refusal(alter_backups, "backups is 2, not 1: set it to 1");
    expect_refusal(alter_min_in_sync, "min-in-sync is 2, not 1: set it to 1");
    expect_refusal(alter_name, "the name n1 belongs to a living member at host1:7001");
    expect_refusal(alter_weight, "a weight of 1 to 100");
}

Test(member, a_clock_that_is_far_off_is_refused)
{
    struct town *town = town_founded(3, 4, SEED);
    town->nodes[3].wall_ahead_ms = 6000;
    town_start(town, 3);
    town_run(town, SOON_MS);
    cr_expect(town_phase(town, 3) == MEMBER_REFUSED);
    cr_expect(strstr(town->nodes[3].warning, "synchronise the clocks"));
    town_free(town);
}

Test(member, members_of_two_grids_do_not_merge)
{
    struct town *town = town_new(2, 0, 1, SEED);
    town_start_all(town);
    town_run(town, 3000);
    struct meeting heartbeat = {.kind = MEETING_HEARTBEAT,
                                .from = town_id(town, 0),
                                .grid_id = member_view(town->nodes[0].member)->grid_id,
                                .sender = town->nodes[0].options.self};
    uint64_t version = member_view(town->nodes[1].member)->version;
    town->last_refusal[0] = '\0';
    member_receive_meeting(town->nodes[1].member, &heartbeat, 5000);
    town_run(town, 1000);
    cr_expect(strstr(town->last_refusal, "two grids do not merge"));
    cr_expect(member_view(town->nodes[1].member)->version == version);
    cr_expect(town_phase(town, 0) == MEMBER_JOINED);
    town_free(town);
}

// ---- Failures ----

Test(member, partitions_of_a_dead_member_are_served_by_others_soon_after_it_is_suspected)
{
    struct town *town = town_founded(3, 3, SEED);
    uint32_t victim = town_follower(town);
    town_kill(town, victim);
    town_run(town, 400);
    cr_expect(!town_is_served(town), "its lease may still run");
    cr_expect(town_run_until(town, town_is_served, 300));
    cr_expect(town_lists(town, victim), "it may come back");
    town_run(town, 1000);
    cr_expect(!town_lists(town, victim));
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    cr_expect(town_member_count(town) == 2);
    cr_expect(town_voter_count(town) == 1, "two voters are no better than one");
    town_free(town);
}

Test(member, a_dead_leader_is_replaced_and_its_partitions_are_served)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct town *town = town_founded(3, 3, seed);
        uint32_t victim = town_leader(town);
        town_kill(town, victim);
        cr_expect(town_run_until(town, town_has_leader, 1500));
        cr_expect(town_leader(town) != victim);
        cr_expect(town_run_until(town, town_is_served, 1000), "seed %lu", seed);
        town_free(town);
    }
}

Test(member, a_node_that_starts_again_takes_the_place_of_its_old_self)
{
    for (uint32_t wait_ms = 0; wait_ms < 2000; wait_ms += 190) {
        struct town *town = town_founded(3, 3, wait_ms);
        uint32_t victim = wait_ms % 3;
        town_kill(town, victim);
        town_run(town, wait_ms);
        town_start(town, victim);
        cr_assert(town_run_until(town, town_is_settled, SOON_MS), "after %u ms", wait_ms);
        cr_expect(town_member_count(town) == 3);
        cr_expect(town_lists(town, victim));
        cr_expect(town_run_until(town, town_has_three_voters, 5000));
        town_free(town);
    }
}

Test(member, a_member_that_paused_for_a_short_time_gets_its_partitions_back)
{
    struct town *town = town_founded(3, 3, SEED);
    uint32_t victim = town_follower(town);
    town_pause(town, victim, 800); // suspected, not removed
    town_run(town, 700);
    cr_expect(town_is_served(town));
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    cr_expect(town_member_count(town) == 3);
    cr_expect(town_phase(town, victim) == MEMBER_JOINED);
    town_free(town);
}

Test(member, a_member_that_paused_for_too_long_learns_that_it_is_gone)
{
    struct town *town = town_founded(3, 3, SEED);
    uint32_t victim = town_leader(town);
    town_pause(town, victim, 5000);
    town_run(town, 7000);
    cr_expect(town_phase(town, victim) == MEMBER_GONE);
    cr_expect(member_lease_until_ms(town->nodes[victim].member) == 0);
    cr_expect(!town_lists(town, victim));
    town_free(town);
}

Test(member, a_leader_that_slept_does_not_take_the_others_for_dead)
{
    struct town *town = town_founded(1, 3, SEED);
    town_start(town, 1);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    uint32_t leader = town_leader(town);
    cr_assert(town_voter_count(town) == 1);
    town_pause(town, leader, 10000);
    town_run(town, 10100);
    cr_expect(town_member_count(town) == 2);
    cr_expect(town_run_until(town, town_is_settled, SOON_MS));
    cr_expect(town_member_count(town) == 2);
    town_free(town);
}

Test(member, a_member_whose_worker_stands_still_loses_its_partitions)
{
    struct town *town = town_founded(3, 3, SEED);
    uint32_t victim = town_follower(town);
    town->nodes[victim].stalled_ms = 600;
    town_run(town, 1000);
    for (uint32_t p = 0; p < TOWN_PARTITIONS; p++)
        cr_expect(!town_serves(town, victim, p));
    cr_expect(town_is_served(town));
    town_free(town);
}

Test(member, a_minority_has_no_lease_and_the_majority_goes_on)
{
    struct town *town = town_founded(3, 3, SEED);
    uint32_t lonely = town_leader(town);
    town_divide(town, 1U << lonely);
    town_run(town, 300 + 400); // its own lease as leader, and what it granted itself then
    for (uint32_t p = 0; p < TOWN_PARTITIONS; p++)
        cr_expect(!town_serves(town, lonely, p));
    cr_expect(town_run_until(town, town_is_served, 2000));
    town_run(town, 2000);
    cr_expect(!town_lists(town, lonely));
    town_divide(town, 0);
    town_run(town, 3000);
    cr_expect(town_phase(town, lonely) == MEMBER_GONE);
    town_kill(town, lonely);
    town_start(town, lonely);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    cr_expect(town_member_count(town) == 3);
    town_free(town);
}

Test(member, a_last_copy_is_waited_for_and_its_loss_is_said_aloud)
{
    struct town *town = town_new(3, 3, 3, SEED);
    for (uint32_t i = 0; i < 3; i++)
        town->nodes[i].options.settings.backups = 0;
    town_start_all(town);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    uint32_t victim = town_follower(town);
    town_kill(town, victim);
    town_run(town, 9000);
    cr_expect(town_lists(town, victim));
    town_run(town, 4000);
    cr_expect(!town_lists(town, victim));
    cr_expect(strstr(town->nodes[town_leader(town)].warning, "DATA LOSS: n"));
    town_free(town);
}

// ---- Leaving ----

Test(member, a_member_leaves_when_its_partitions_have_moved)
{
    for (uint32_t who = 0; who < 3; who++) {
        struct town *town = town_founded(3, 3, SEED);
        char text[MEETING_TEXT_BYTES_MAX];
        cr_assert(member_leave(town->nodes[who].member, text, 0), "%s", text);
        cr_expect(town_phase(town, who) == MEMBER_DEPARTING);
        for (uint32_t i = 0; i < 500 && town_phase(town, who) != MEMBER_GONE; i++) {
            town_run(town, 10);
            cr_expect(town_run_until(town, town_is_served, 30), "a handover takes too long");
        }
        cr_expect(town_phase(town, who) == MEMBER_GONE);
        cr_assert(town_run_until(town, town_is_settled, SOON_MS));
        cr_expect(town_member_count(town) == 2);
        cr_expect(town_voter_count(town) == 1);
        town_free(town);
    }
}

Test(member, the_only_voter_of_two_leaves_and_the_other_one_leads)
{
    struct town *town = town_founded(2, 2, SEED);
    uint32_t leader = town_leader(town);
    char text[MEETING_TEXT_BYTES_MAX];
    cr_assert(town_voter_count(town) == 1);
    cr_assert(member_leave(town->nodes[leader].member, text, 0));
    town_run(town, 5000);
    cr_expect(town_phase(town, leader) == MEMBER_GONE);
    cr_expect(town_leader(town) == 1 - leader);
    cr_expect(town_is_served(town));
    town_free(town);
}

Test(member, the_last_member_may_go_and_the_grid_ends)
{
    struct town *town = town_founded(1, 1, SEED);
    char text[MEETING_TEXT_BYTES_MAX];
    cr_assert(member_leave(town->nodes[0].member, text, 0));
    cr_expect(town_phase(town, 0) == MEMBER_GONE);
    cr_expect(strstr(text, "the grid has ended"));
    cr_expect(member_lease_until_ms(town->nodes[0].member) == 0);
    town_free(town);
}

Test(member, the_last_data_does_not_leave_its_witnesses)
{
    struct town *town = town_new(3, 3, 3, SEED);
    town->nodes[1].options.self.role = town->nodes[2].options.self.role = MEMBER_WITNESS;
    town_start_all(town);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    char text[MEETING_TEXT_BYTES_MAX];
    cr_expect(!member_leave(town->nodes[0].member, text, 0));
    cr_expect(strstr(text, "add a node that holds data first"));
    cr_expect(member_leave_other(town->nodes[1].member, "n0", text, 0) == ERROR_INVALID_ARGUMENT);
    cr_expect(town_phase(town, 0) == MEMBER_JOINED);
    town_free(town);
}

Test(member, an_operator_lets_another_member_go)
{
    struct town *town = town_founded(3, 3, SEED);
    char text[MEETING_TEXT_BYTES_MAX];
    cr_expect(member_leave_other(town->nodes[0].member, "n7", text, 0) == ERROR_NOT_FOUND);
    cr_expect(strstr(text, "no member is called n7"));
    cr_expect(member_leave_other(town->nodes[0].member, "n2", text, 0) == ERROR_NONE);
    town_run(town, 4000);
    cr_expect(town_phase(town, 2) == MEMBER_GONE);
    cr_expect(town_member_count(town) == 2);
    town_free(town);
}

Test(member, a_leave_that_takes_too_long_is_given_up)
{
    struct town *town = town_founded(3, 3, SEED);
    char text[MEETING_TEXT_BYTES_MAX];
    for (uint32_t i = 0; i < 3; i++)
        town->nodes[i].is_mute = true; // nothing is ever filled
    cr_assert(member_leave(town->nodes[0].member, text, 0));
    town_run(town, 19000);
    cr_expect(town_phase(town, 0) == MEMBER_DEPARTING);
    town_run(town, 2000);
    cr_expect(town_phase(town, 0) == MEMBER_GONE);
    town_free(town);
}

// ---- Recovery ----

Test(member, one_survivor_recovers_what_it_has)
{
    struct town *town = town_founded(3, 3, SEED);
    char text[MEETING_TEXT_BYTES_MAX];
    struct member *survivor = town->nodes[2].member;
    cr_expect(member_recover(survivor, text, 0) == ERROR_INVALID_ARGUMENT);
    cr_expect(strstr(text, "the grid has a leader"));
    town_kill(town, 0);
    town_kill(town, 1);
    town_run(town, 5000);
    cr_expect(!town_has_leader(town));
    uint64_t version = member_view(survivor)->version;
    uint64_t grid_id = member_view(survivor)->grid_id;
    cr_expect(member_recover(survivor, text, 0) == ERROR_NONE);
    cr_expect(member_view(survivor)->version > version);
    cr_expect(member_view(survivor)->grid_id != grid_id);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    town_start(town, 0);
    town_start(town, 1);
    cr_assert(town_run_until(town, town_is_settled, SOON_MS));
    cr_expect(town_member_count(town) == 3);
    town_free(town);
}

Test(member, who_still_lives_in_the_old_grid_does_not_disturb_the_recovered_one)
{
    struct town *town = town_founded(5, 5, SEED);
    char text[MEETING_TEXT_BYTES_MAX];
    town_kill(town, 0);
    town_kill(town, 1);
    town_kill(town, 2);
    town_run(town, 5000);
    cr_assert(member_recover(town->nodes[3].member, text, 0) == ERROR_NONE);
    town_run(town, 5000);
    cr_expect(town_leader(town) == 3);
    cr_expect(town_member_count(town) == 1);
    cr_expect(town_phase(town, 4) == MEMBER_JOINED);
    cr_expect(!town_serves(town, 4, 0));
    town_free(town);
}
