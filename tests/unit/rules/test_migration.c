// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/migration.h"

#include "cluster/base/random.h"
#include "cluster/rules/view.h"

#include <criterion/criterion.h>
#include <stdio.h>

// A leader with a view, and primaries that wish what the view makes them wish.
struct grid {
    struct view view;
    struct random random;
    uint64_t index;   // of the last command
    uint64_t next_id; // of a member
    bool suspects[MEMBERS_MAX];
    uint32_t added;       // replicas that began to be filled
    uint32_t handed_over; // primaries that moved by a handover
    uint32_t parallel;
};

static struct partition_change changes[PARTITIONS_MAX];

static void grid_apply(struct grid *grid, struct command *command)
{
    cr_assert_eq(view_apply(&grid->view, ++grid->index, command), ERROR_NONE);
}

static void grid_change(struct grid *grid, uint32_t count)
{
    struct command command = {
        .kind = COMMAND_PARTITIONS, .changes = changes, .change_count = count};
    if (count > 0)
        grid_apply(grid, &command);
}

static uint64_t grid_join(struct grid *grid)
{
    struct command command = {.kind = COMMAND_ADD_MEMBER};
    struct view_member *member = &command.member;
    *member = (struct view_member){.id = ++grid->next_id, .host = "h", .port = 1, .weight = 1};
    member->port = (uint16_t)(1000 + member->id);
    snprintf(member->name, sizeof member->name, "node-%u", (unsigned)member->id);
    grid_apply(grid, &command);
    return member->id;
}

static void grid_init(struct grid *grid, uint64_t seed, uint32_t member_count,
                      uint32_t partition_count, uint32_t replica_count)
{
    *grid = (struct grid){.random = {.state = seed}, .parallel = 2};
    grid->view = (struct view){.grid_id = 7,
                               .partition_count = partition_count,
                               .replica_count = replica_count,
                               .min_in_sync = 1};
    grid->view.partitions = memory_new_array(partition_count, sizeof *grid->view.partitions);
    for (uint32_t i = 0; i < partition_count; i++)
        grid->view.partitions[i] = (struct view_partition){.epoch = 1, .handover = VIEW_NO_MEMBER};
    for (uint32_t i = 0; i < member_count; i++)
        grid_join(grid);
    uint16_t *target = migration_target(&grid->view);
    for (uint32_t i = 0; i < partition_count; i++) {
        struct view_partition *it = &grid->view.partitions[i];
        for (uint32_t j = 0; j < replica_count && target[i * replica_count + j] != VIEW_NO_MEMBER;
             j++) {
            it->replicas[j] = target[i * replica_count + j];
            it->replica_count++;
            it->in_sync_count++;
        }
    }
    free(target);
    view_check(&grid->view);
}

static void grid_grant(struct grid *grid, enum wish_kind kind, uint32_t partition, uint16_t member)
{
    const struct view_partition *it = &grid->view.partitions[partition];
    struct wish wish = {.kind = kind,
                        .partition = (uint16_t)partition,
                        .based_on = it->version,
                        .member_id = grid->view.members[member].id};
    cr_assert(migration_grant(&grid->view, &wish, grid->view.members[it->replicas[0]].id, changes));
    grid_change(grid, 1);
}

// Each primary whose member lives wishes something, by chance.
static void grid_wish(struct grid *grid, uint32_t percent)
{
    for (uint32_t p = 0; p < grid->view.partition_count; p++) {
        const struct view_partition *it = &grid->view.partitions[p];
        if (it->in_sync_count == 0 || grid->suspects[it->replicas[0]] ||
            random_below(&grid->random, 100) >= percent)
            continue;
        if (it->handover != VIEW_NO_MEMBER) {
            grid->handed_over++;
            grid_grant(grid, WISH_YIELD, p, it->handover);
        } else if (it->in_sync_count < it->replica_count &&
                   !grid->suspects[it->replicas[it->in_sync_count]]) {
            grid_grant(grid, WISH_ADD, p, it->replicas[it->in_sync_count]);
        }
    }
}

static uint32_t sound_count(const struct grid *grid, uint32_t partition)
{
    const struct view_partition *it = &grid->view.partitions[partition];
    uint32_t count = 0;
    for (uint32_t i = 0; i < it->in_sync_count; i++)
        count += !grid->suspects[it->replicas[i]];
    return count;
}

// What a plan must not do, whatever it is for.
static void grid_check_plan(const struct grid *grid, uint32_t count)
{
    uint32_t filling[MEMBERS_MAX] = {0};
    uint32_t began[MEMBERS_MAX] = {0};
    for (uint32_t p = 0; p < grid->view.partition_count; p++) {
        const struct view_partition *it = &grid->view.partitions[p];
        for (uint32_t i = it->in_sync_count; it->in_sync_count > 0 && i < it->replica_count; i++)
            filling[it->replicas[i]]++;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct view_partition *it = &grid->view.partitions[changes[i].partition];
        cr_assert(!changes[i].moves_primary);
        cr_assert_eq(grid->view.members[it->replicas[0]].id, changes[i].replicas[0]);
        cr_assert(!grid->suspects[it->replicas[0]]);
        for (uint32_t j = it->replica_count; j < changes[i].replica_count; j++) {
            uint16_t member = view_find_member(&grid->view, changes[i].replicas[j]);
            cr_assert(!grid->suspects[member]);
            began[member]++;
        }
        if (changes[i].handover != it->handover && changes[i].handover != VIEW_NO_MEMBER) {
            cr_assert(!grid->suspects[changes[i].handover]);
            cr_assert_lt(view_replica_place(it, changes[i].handover), it->in_sync_count);
        }
    }
    for (uint32_t i = 0; i < grid->view.member_count; i++)
        cr_assert(began[i] == 0 || filling[i] + began[i] <= grid->parallel, "member %u", i);
}

static void grid_plan(struct grid *grid, const uint16_t *target)
{
    static uint8_t sound[PARTITIONS_MAX];
    struct migration_limits limits = {.parallel = grid->parallel};
    uint32_t count = migration_plan(&grid->view, target, grid->suspects, &limits, changes,
                                    1 + (uint32_t)random_below(&grid->random, 200));
    grid_check_plan(grid, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before = grid->view.partitions[changes[i].partition].replica_count;
        grid->added += changes[i].replica_count > before ? changes[i].replica_count - before : 0;
    }
    for (uint32_t p = 0; p < grid->view.partition_count; p++)
        sound[p] = (uint8_t)sound_count(grid, p);
    grid_change(grid, count);
    for (uint32_t p = 0; p < grid->view.partition_count; p++) {
        uint32_t wanted = 0;
        while (wanted < grid->view.replica_count &&
               target[p * grid->view.replica_count + wanted] != VIEW_NO_MEMBER)
            wanted++;
        cr_assert_geq(sound_count(grid, p), sound[p] < wanted ? sound[p] : wanted, "%u", p);
    }
}

static bool is_over(const struct grid *grid, const uint16_t *target)
{
    struct migration_progress progress = migration_progress(&grid->view, target);
    return progress.to_fill + progress.filling + progress.to_hand_over + progress.to_drop == 0;
}

// Until everything is where `target` wants it; returns the steps. NULL: what placement says, anew
// at each step.
static uint32_t grid_migrate(struct grid *grid, const uint16_t *fixed)
{
    for (uint32_t step = 0; step < 20000; step++) {
        uint16_t *target = fixed ? NULL : migration_target(&grid->view);
        const uint16_t *wanted = fixed ? fixed : target;
        bool over = is_over(grid, wanted);
        if (!over) {
            grid_plan(grid, wanted);
            grid_wish(grid, 60);
        }
        free(target);
        if (over)
            return step;
    }
    cr_assert(false, "the migration does not end");
    return 0;
}

static void grid_remove(struct grid *grid, uint16_t member)
{
    struct command command = {.kind = COMMAND_REMOVE_MEMBER,
                              .member_id = grid->view.members[member].id};
    grid->suspects[member] = false;
    grid_apply(grid, &command);
}

static void grid_leave(struct grid *grid, uint16_t member)
{
    struct command command = {.kind = COMMAND_SET_STATE,
                              .member_id = grid->view.members[member].id,
                              .state = MEMBER_LEAVING};
    grid_apply(grid, &command);
}

static uint32_t held_count(const struct grid *grid, uint16_t member)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < grid->view.partition_count; p++) {
        const struct view_partition *it = &grid->view.partitions[p];
        count += view_replica_place(it, member) < it->replica_count;
    }
    return count;
}

// ---- Whole migrations ----

Test(migration, a_grid_at_rest_has_nothing_to_do)
{
    struct grid grid;
    grid_init(&grid, 1, 5, 128, 2);
    uint16_t *target = migration_target(&grid.view);
    struct migration_limits limits = {.parallel = 1};
    cr_assert(is_over(&grid, target));
    cr_assert_eq(migration_plan(&grid.view, target, grid.suspects, &limits, changes, 10), 0);
    free(target);
    view_deinit(&grid.view);
}

Test(migration, a_join_fills_hands_over_and_drops)
{
    struct grid grid;
    grid_init(&grid, 2, 3, 256, 2);
    grid_join(&grid);
    uint16_t *target = migration_target(&grid.view);
    struct migration_progress progress = migration_progress(&grid.view, target);
    cr_assert_eq(progress.to_fill, 128);
    cr_assert_eq(progress.to_drop, 128);
    cr_assert_eq(progress.filling, 0);
    grid_migrate(&grid, target);
    cr_assert_eq(grid.added, 128);
    cr_assert_eq(grid.handed_over, progress.to_hand_over);
    cr_assert_eq(held_count(&grid, 3), 128);
    free(target);
    view_deinit(&grid.view);
}

Test(migration, a_leaving_member_is_drained)
{
    struct grid grid;
    grid_init(&grid, 3, 4, 256, 3);
    grid_leave(&grid, 2);
    uint16_t *target = migration_target(&grid.view);
    grid_migrate(&grid, target);
    cr_assert_eq(held_count(&grid, 2), 0);
    for (uint32_t p = 0; p < 256; p++)
        cr_assert_eq(grid.view.partitions[p].in_sync_count, 3);
    free(target);
    view_deinit(&grid.view);
}

// The target is computed anew at each step, from a view in the middle of its moves.
Test(migration, a_target_that_is_recomputed_all_the_time_is_reached_with_few_moves_more)
{
    for (uint64_t seed = 0; seed < 24; seed++) {
        struct grid grid;
        grid_init(&grid, seed, 3 + (uint32_t)seed % 9, 128, 1 + (uint32_t)seed % 3);
        grid.parallel = 1 + (uint32_t)seed % 5;
        if (seed % 2 == 0)
            grid_join(&grid);
        else
            grid_leave(&grid, 1);
        uint16_t *target = migration_target(&grid.view);
        uint32_t ideal = migration_progress(&grid.view, target).to_fill;
        free(target);
        grid_migrate(&grid, NULL);
        cr_assert_leq(grid.added, ideal + ideal / 10 + 2, "seed %u: %u for %u", (unsigned)seed,
                      grid.added, ideal);
        view_deinit(&grid.view);
    }
}

// Members come, go, are suspected, come back and die while migrations run.
static void grid_upset(struct grid *grid)
{
    uint16_t member = (uint16_t)random_below(&grid->random, grid->view.member_count);
    uint32_t live = 0;
    for (uint32_t i = 0; i < grid->view.member_count; i++)
        live += grid->view.members[i].id != 0 && !grid->suspects[i] &&
                grid->view.members[i].state == MEMBER_ACTIVE;
    if (random_below(&grid->random, 4) == 0 || live < 4) {
        grid_join(grid);
    } else if (grid->view.members[member].id == 0) {
        return;
    } else if (grid->suspects[member]) {
        if (random_below(&grid->random, 2) == 0)
            grid_remove(grid, member);
        else
            grid->suspects[member] = false;
    } else if (random_below(&grid->random, 3) == 0) {
        grid_leave(grid, member);
    } else {
        grid->suspects[member] = true;
    }
}

static void grid_fail_over(struct grid *grid)
{
    uint32_t count = migration_fail_over(&grid->view, grid->suspects, changes, PARTITIONS_MAX);
    grid_change(grid, count);
    cr_assert_eq(migration_fail_over(&grid->view, grid->suspects, changes, 1), 0);
    for (uint32_t p = 0; p < grid->view.partition_count; p++) {
        const struct view_partition *it = &grid->view.partitions[p];
        if (sound_count(grid, p) == 0)
            continue;
        cr_assert_eq(sound_count(grid, p), it->in_sync_count);
        cr_assert(it->handover == VIEW_NO_MEMBER || !grid->suspects[it->handover]);
    }
}

Test(migration, whatever_happens_on_the_way_it_ends_where_placement_wants)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct grid grid;
        grid_init(&grid, seed, 4 + (uint32_t)seed % 5, 64, 1 + (uint32_t)seed % REPLICAS_MAX);
        grid.parallel = 1 + (uint32_t)random_below(&grid.random, 8);
        for (uint32_t step = 0; step < 200; step++) {
            if (random_below(&grid.random, 8) == 0)
                grid_upset(&grid);
            grid_fail_over(&grid);
            uint16_t *target = migration_target(&grid.view);
            grid_plan(&grid, target);
            grid_wish(&grid, 40);
            free(target);
        }
        memset(grid.suspects, 0, sizeof grid.suspects);
        uint16_t *target = migration_target(&grid.view);
        grid_migrate(&grid, target);
        for (uint32_t i = 0; i < grid.view.member_count; i++) {
            bool is_leaving = grid.view.members[i].state == MEMBER_LEAVING;
            for (uint32_t p = 0; is_leaving && p < grid.view.partition_count; p++) {
                const struct view_partition *it = &grid.view.partitions[p];
                cr_assert(it->in_sync_count == 0 ||
                          view_replica_place(it, (uint16_t)i) == it->replica_count);
            }
        }
        free(target);
        view_deinit(&grid.view);
    }
}

// ---- Single steps ----

// One partition on members 0, 1 ... of five; the first `in_sync` are in sync.
static struct view_partition *one_partition(struct grid *grid, uint8_t replicas, uint8_t in_sync)
{
    grid_init(grid, 1, 5, 1, 2);
    struct view_partition *it = &grid->view.partitions[0];
    *it = (struct view_partition){.epoch = 3,
                                  .replica_count = replicas,
                                  .in_sync_count = in_sync,
                                  .handover = VIEW_NO_MEMBER};
    for (uint16_t i = 0; i < replicas; i++)
        it->replicas[i] = i;
    return it;
}

static bool plan_one(const struct grid *grid, uint16_t first, uint16_t second)
{
    uint16_t target[2] = {first, second};
    struct migration_limits limits = {.parallel = 1};
    return migration_plan(&grid->view, target, grid->suspects, &limits, changes, 1) == 1;
}

Test(migration, the_primary_is_handed_over_when_all_wanted_ones_are_in_sync)
{
    struct grid grid;
    struct view_partition *it = one_partition(&grid, 3, 2);
    cr_assert(!plan_one(&grid, 1, 2), "2 is not in sync yet");
    it->in_sync_count = 3;
    cr_assert(plan_one(&grid, 1, 2));
    cr_assert_eq(changes[0].handover, 1);
    cr_assert_eq(changes[0].replica_count, 3);
    it->handover = 1;
    cr_assert(!plan_one(&grid, 1, 2), "it waits for the primary");
    grid_grant(&grid, WISH_YIELD, 0, 1);
    cr_assert_eq(it->epoch, 4);
    cr_assert_eq(it->replicas[0], 1);
    cr_assert_eq(it->replicas[1], 0);
    cr_assert_eq(it->in_sync_count, 3);
    cr_assert_eq(it->handover, VIEW_NO_MEMBER);
    cr_assert(plan_one(&grid, 1, 2));
    cr_assert_eq(changes[0].replica_count, 2);
    cr_assert_eq(changes[0].replicas[1], grid.view.members[2].id);
    view_deinit(&grid.view);
}

Test(migration, a_handover_to_a_suspect_or_to_one_not_wanted_is_taken_back)
{
    struct grid grid;
    struct view_partition *it = one_partition(&grid, 2, 2);
    it->handover = 1;
    cr_assert(plan_one(&grid, 0, 1));
    cr_assert_eq(changes[0].handover, VIEW_NO_MEMBER);
    grid.suspects[1] = true;
    cr_assert(plan_one(&grid, 1, 0));
    cr_assert_eq(changes[0].handover, VIEW_NO_MEMBER);
    cr_assert_eq(migration_fail_over(&grid.view, grid.suspects, changes, 1), 1);
    cr_assert_eq(changes[0].handover, VIEW_NO_MEMBER);
    cr_assert_eq(changes[0].in_sync_count, 1);
    cr_assert_eq(changes[0].replica_count, 2);
    cr_assert(!changes[0].moves_primary);
    view_deinit(&grid.view);
}

Test(migration, nothing_is_begun_with_a_suspect)
{
    struct grid grid;
    one_partition(&grid, 1, 1);
    grid.suspects[2] = true;
    cr_assert(!plan_one(&grid, 0, 2));
    grid.suspects[2] = false;
    grid.suspects[0] = true;
    cr_assert(!plan_one(&grid, 0, 2));
    grid.suspects[0] = false;
    cr_assert(plan_one(&grid, 0, 2));
    view_deinit(&grid.view);
}

Test(migration, a_wanted_replica_finds_a_place_where_all_are_taken)
{
    struct grid grid;
    struct view_partition *it = one_partition(&grid, 1, 1);
    for (uint32_t i = 0; i < 4; i++)
        grid_join(&grid);
    for (uint16_t i = 0; i < VIEW_REPLICAS_MAX; i++)
        it->replicas[i] = i;
    it->replica_count = VIEW_REPLICAS_MAX;
    it->in_sync_count = 3;
    cr_assert(plan_one(&grid, 0, 8));
    cr_assert_eq(changes[0].replica_count, VIEW_REPLICAS_MAX - 1);
    cr_assert_eq(changes[0].in_sync_count, 3);
    grid_change(&grid, 1);
    cr_assert(plan_one(&grid, 0, 8));
    cr_assert_eq(changes[0].replica_count, VIEW_REPLICAS_MAX);
    cr_assert_eq(changes[0].replicas[VIEW_REPLICAS_MAX - 1], grid.view.members[8].id);
    view_deinit(&grid.view);
}

Test(migration, partitions_with_the_fewest_copies_come_first)
{
    struct grid grid;
    grid_init(&grid, 1, 4, 2, 3);
    for (uint32_t p = 0; p < 2; p++) {
        struct view_partition *it = &grid.view.partitions[p];
        *it = (struct view_partition){.epoch = 1,
                                      .replicas = {0, 1},
                                      .replica_count = p == 0 ? 2 : 1,
                                      .in_sync_count = p == 0 ? 2 : 1,
                                      .handover = VIEW_NO_MEMBER};
    }
    static const uint16_t target[] = {0, 1, 2, 0, 1, 2};
    struct migration_limits limits = {.parallel = 1};
    cr_assert_eq(migration_plan(&grid.view, target, grid.suspects, &limits, changes, 2), 1);
    cr_assert_eq(changes[0].partition, 1);
    cr_assert_eq(changes[0].replica_count, 3);
    limits.parallel = 2;
    cr_assert_eq(migration_plan(&grid.view, target, grid.suspects, &limits, changes, 2), 2);
    cr_assert_eq(changes[1].partition, 0);
    view_deinit(&grid.view);
}

Test(migration, fail_over_makes_the_next_copy_the_primary_and_keeps_the_suspect)
{
    struct grid grid;
    struct view_partition *it = one_partition(&grid, 4, 3);
    it->handover = 2;
    grid.suspects[0] = true;
    cr_assert_eq(migration_fail_over(&grid.view, grid.suspects, changes, 1), 1);
    cr_assert(changes[0].moves_primary);
    grid_change(&grid, 1);
    cr_assert_eq(it->epoch, 4);
    cr_assert_eq(it->in_sync_count, 2);
    cr_assert_eq(it->handover, VIEW_NO_MEMBER);
    static const uint16_t expected[] = {1, 2, 0, 3};
    cr_assert_arr_eq(it->replicas, expected, sizeof expected);
    view_deinit(&grid.view);
}

Test(migration, a_partition_whose_copies_are_all_suspected_is_left_alone)
{
    struct grid grid;
    one_partition(&grid, 3, 2);
    grid.suspects[0] = grid.suspects[1] = true;
    cr_assert_eq(migration_fail_over(&grid.view, grid.suspects, changes, 1), 0);
    cr_assert(!plan_one(&grid, 2, 3));
    view_deinit(&grid.view);
}

Test(migration, a_partition_without_a_copy_counts_for_nothing)
{
    struct grid grid;
    one_partition(&grid, 2, 0);
    static const uint16_t target[] = {3, 4};
    cr_assert(is_over(&grid, target));
    cr_assert(!plan_one(&grid, 3, 4));
    view_deinit(&grid.view);
}

Test(migration, wishes_are_granted_as_the_view_allows)
{
    static const struct {
        enum wish_kind kind;
        uint16_t member;
        uint16_t from;
        uint64_t based_on;
        bool granted;
        uint8_t in_sync;
    } rows[] = {
        {WISH_ADD, 3, 0, 9, true, 4},   {WISH_ADD, 1, 0, 9, false, 0},   // in sync already
        {WISH_ADD, 4, 0, 9, false, 0},                                   // no replica
        {WISH_ADD, 3, 1, 9, false, 0},                                   // not of the primary
        {WISH_ADD, 3, 0, 8, false, 0},                                   // out of date
        {WISH_DROP, 1, 0, 9, true, 2},  {WISH_DROP, 3, 0, 9, true, 3},   // settles an ADD
        {WISH_DROP, 0, 0, 9, false, 0},                                  // the primary itself
        {WISH_YIELD, 2, 0, 9, true, 3}, {WISH_YIELD, 1, 0, 9, false, 0}, // not the handover
    };
    struct grid grid;
    struct view_partition *it = one_partition(&grid, 4, 3);
    it->version = 9;
    it->handover = 2;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wish wish = {.kind = rows[i].kind,
                            .based_on = rows[i].based_on,
                            .member_id = grid.view.members[rows[i].member].id};
        uint64_t from = grid.view.members[rows[i].from].id;
        cr_assert_eq(migration_grant(&grid.view, &wish, from, changes), rows[i].granted, "%zu", i);
        cr_assert(!rows[i].granted || changes[0].in_sync_count == rows[i].in_sync, "row %zu", i);
    }
    struct wish wish = {.kind = WISH_DROP, .based_on = 9, .member_id = grid.view.members[2].id};
    cr_assert(migration_grant(&grid.view, &wish, grid.view.members[0].id, changes));
    cr_assert_eq(changes[0].handover, VIEW_NO_MEMBER);
    wish.partition = 1;
    cr_assert(!migration_grant(&grid.view, &wish, grid.view.members[0].id, changes));
    view_deinit(&grid.view);
}

Test(migration, witnesses_and_members_that_leave_get_nothing)
{
    struct grid grid;
    grid_init(&grid, 1, 3, 16, 2);
    for (uint32_t i = 0; i < 3; i++)
        grid.view.members[i].state = MEMBER_LEAVING;
    cr_assert_null(migration_target(&grid.view));
    uint64_t id = grid_join(&grid);
    uint16_t member = view_find_member(&grid.view, id);
    uint16_t *target = migration_target(&grid.view);
    for (uint32_t p = 0; p < 16; p++) {
        cr_assert_eq(target[2 * p], member);
        cr_assert_eq(target[2 * p + 1], VIEW_NO_MEMBER);
    }
    free(target);
    grid.view.members[member].role = MEMBER_WITNESS;
    cr_assert_null(migration_target(&grid.view));
    view_deinit(&grid.view);
}
