// SPDX-License-Identifier: Apache-2.0
#include "client/core.h"
#include "tests/unit/client/fake_grid.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { SHARES_MAX = 8 };

struct shown {
    struct grid_share shares[SHARES_MAX];
    char names[SHARES_MAX][64];
    size_t count;
};

static struct fake_grid fake;
static struct grid *grid;

static void setup(void)
{
    fake_init(&fake, 3, 1);
    struct grid_options options = {.seeds = fake_seed(&fake, 0), .timeout_ms = 5000};
    grid = grid_new(&options, NULL);
    fake_start(&fake, grid->base);
}

static void teardown(void)
{
    fake_deinit(&fake);
    grid_free(grid);
}

TestSuite(rebalance, .init = setup, .fini = teardown);

static void share_note(void *context, const struct grid_share *share)
{
    struct shown *shown = context;
    cr_assert_lt(shown->count, SHARES_MAX);
    snprintf(shown->names[shown->count], sizeof shown->names[0], "%s", share->name);
    shown->shares[shown->count++] = *share;
}

static enum grid_error simulate(struct shown *shown, const struct grid_member_change *changes,
                                size_t count)
{
    *shown = (struct shown){0};
    return grid_rebalance_simulate(grid, changes, count, share_note, shown);
}

static const struct grid_share *share_of(const struct shown *shown, const char *name)
{
    for (size_t i = 0; i < shown->count; i++)
        if (strcmp(shown->names[i], name) == 0)
            return &shown->shares[i];
    cr_assert_fail("%s was not visited", name);
    return NULL;
}

Test(rebalance, a_balanced_grid_moves_nothing)
{
    struct shown shown;
    uint32_t primaries = 0;
    cr_assert_eq(simulate(&shown, NULL, 0), GRID_OK);
    cr_assert_eq(shown.count, 3);
    for (size_t i = 0; i < shown.count; i++) {
        cr_assert_eq(shown.shares[i].fill_count, 0);
        cr_assert_eq(shown.shares[i].drop_count, 0);
        cr_assert_eq(shown.shares[i].primary_count, shown.shares[i].primary_count_after);
        primaries += shown.shares[i].primary_count;
    }
    cr_assert_eq(primaries, FAKE_PARTITIONS);
}

Test(rebalance, who_is_removed_gives_all_and_who_is_added_gets_its_share)
{
    struct shown shown;
    const char *gone = fake.view.members[0].name;
    const struct grid_member_change changes[] = {{.name = gone}, {.name = "new", .weight = 1}};
    cr_assert_eq(simulate(&shown, changes, 2), GRID_OK);
    cr_assert_eq(shown.count, 4);
    const struct grid_share *removed = share_of(&shown, gone);
    const struct grid_share *added = share_of(&shown, "new");
    cr_assert(removed->is_removed && !removed->is_added);
    cr_assert(added->is_added && !added->is_removed);
    cr_assert_eq(removed->primary_count_after, 0);
    cr_assert_eq(removed->drop_count, removed->primary_count);
    cr_assert_eq(added->primary_count, 0);
    cr_assert_gt(added->primary_count_after, 0);
    cr_assert_eq(added->fill_count, added->primary_count_after);
    cr_assert_eq(added->take_over_count, added->primary_count_after);
    // What is wanted of all: a primary for each partition.
    uint32_t after = 0;
    for (size_t i = 0; i < shown.count; i++)
        after += shown.shares[i].primary_count_after;
    cr_assert_eq(after, FAKE_PARTITIONS);
    struct grid_member member;
    cr_assert(grid_member_get(grid, 0, &member));
    cr_assert_eq(member.state, GRID_MEMBER_ACTIVE); // nothing was changed
    cr_assert_eq(grid_member_count(grid), 3);
}

Test(rebalance, a_partition_without_any_copy_stays_where_it_is)
{
    struct shown shown;
    const struct grid_member_change leave = {.name = fake.view.members[0].name};
    fake.view.partitions[0].in_sync_count = 0; // 0, 3 and 6 are of node 0
    cr_assert_eq(simulate(&shown, &leave, 1), GRID_OK);
    cr_assert_eq(share_of(&shown, leave.name)->primary_count, 2);
    cr_assert_eq(share_of(&shown, leave.name)->drop_count, 2);
}

Test(rebalance, impossible_changes_are_refused)
{
    static const char long_name[] =
        "a_name_of_more_than_sixty_three_bytes_which_no_member_can_ever_have";
    const char *known = fake.view.members[1].name;
    struct shown shown;
    const struct {
        struct grid_member_change changes[3];
        size_t count;
        const char *text;
    } rows[] = {
        {{{.name = known, .weight = 1}}, 1, "this is a member already"},
        {{{.name = "x", .weight = 1}, {.name = "x", .weight = 2}}, 2, "this is a member already"},
        {{{.name = "x", .weight = 101}}, 1, "a weight is 1 to 100"},
        {{{.name = long_name, .weight = 1}}, 1, "a name has at most 63 bytes"},
        {{{.name = "nobody"}}, 1, "no member has this name"},
        {{{.name = "x", .weight = 1}, {.name = "x"}}, 2, "it cannot be both added and removed"},
        {{{.name = ""}}, 1, "a member has no name"},
        {{{.name = NULL}}, 1, "a member has no name"},
        {{{.name = fake.view.members[0].name},
          {.name = fake.view.members[1].name},
          {.name = fake.view.members[2].name}},
         3,
         "no member would be left that holds data"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(simulate(&shown, rows[i].changes, rows[i].count), GRID_INVALID_ARGUMENT,
                     "row %zu", i);
        cr_assert_not_null(strstr(grid_error_text(grid), rows[i].text), "row %zu: %s", i,
                           grid_error_text(grid));
        cr_assert_eq(shown.count, 0);
    }
}
