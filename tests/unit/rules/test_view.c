// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/view.h"

#include "cluster/base/random.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

static struct view_member member_make(uint64_t id, const char *name, uint16_t port)
{
    struct view_member member = {.id = id, .host = "127.0.0.1", .port = port, .weight = 1};
    snprintf(member.name, sizeof member.name, "%s", name);
    return member;
}

// Three members (ids 101, 102, 103), four partitions on members 0, 1, 2 with 0 and 1 in sync.
static struct view view_make(void)
{
    struct view view = {.grid_id = 5,
                        .version = 10,
                        .partition_count = 4,
                        .replica_count = 2,
                        .min_in_sync = 1,
                        .member_count = 3};
    view.members = memory_new_array(3, sizeof *view.members);
    view.partitions = memory_new_array(4, sizeof *view.partitions);
    view.members[0] = member_make(101, "a", 1);
    view.members[1] = member_make(102, "b", 2);
    view.members[2] = member_make(103, "c", 3);
    for (uint32_t i = 0; i < 4; i++)
        view.partitions[i] = (struct view_partition){.epoch = 1,
                                                     .version = 10,
                                                     .replicas = {0, 1, 2},
                                                     .replica_count = 3,
                                                     .in_sync_count = 2,
                                                     .handover = VIEW_NO_MEMBER};
    view_check(&view);
    return view;
}

static bool members_equal(const struct view_member *a, const struct view_member *b)
{
    return a->id == b->id && strcmp(a->name, b->name) == 0 && strcmp(a->host, b->host) == 0 &&
           strcmp(a->zone, b->zone) == 0 && a->port == b->port && a->weight == b->weight &&
           a->role == b->role && a->state == b->state && a->is_voter == b->is_voter;
}

static bool partitions_equal(const struct view_partition *a, const struct view_partition *b)
{
    return a->epoch == b->epoch && a->version == b->version &&
           a->replica_count == b->replica_count && a->in_sync_count == b->in_sync_count &&
           a->handover == b->handover &&
           memcmp(a->replicas, b->replicas, a->replica_count * sizeof *a->replicas) == 0;
}

static bool views_equal(const struct view *a, const struct view *b)
{
    if (a->grid_id != b->grid_id || a->version != b->version ||
        a->member_count != b->member_count || a->partition_count != b->partition_count)
        return false;
    for (uint32_t i = 0; i < a->member_count; i++) {
        if (!members_equal(&a->members[i], &b->members[i]))
            return false;
    }
    for (uint32_t i = 0; i < a->partition_count; i++) {
        if (!partitions_equal(&a->partitions[i], &b->partitions[i]))
            return false;
    }
    return true;
}

// ---- Members ----

Test(view, a_member_takes_the_lowest_empty_place)
{
    struct view view = view_make();
    struct command leave = {.kind = COMMAND_REMOVE_MEMBER, .member_id = 102};
    cr_assert_eq(view_apply(&view, 11, &leave), ERROR_NONE);
    cr_assert_eq(view.members[1].id, 0);
    cr_assert_eq(view.member_count, 3);
    struct command join = {.kind = COMMAND_ADD_MEMBER, .member = member_make(104, "d", 4)};
    join.member.is_voter = true;
    cr_assert_eq(view_apply(&view, 12, &join), ERROR_NONE);
    cr_assert_eq(view.members[1].id, 104);
    cr_assert(!view.members[1].is_voter, "only a configuration makes voters");
    join.member = member_make(105, "e", 5);
    cr_assert_eq(view_apply(&view, 13, &join), ERROR_NONE);
    cr_assert_eq(view.members[3].id, 105);
    cr_assert_eq(view.version, 13);
    view_deinit(&view);
}

Test(view, a_member_that_cannot_be_told_apart_or_reached_is_refused)
{
    struct view view = view_make();
    struct command rows[] = {
        {.member = member_make(101, "x", 9)}, {.member = member_make(109, "a", 9)},
        {.member = member_make(109, "x", 2)}, {.member = member_make(0, "x", 9)},
        {.member = member_make(109, "", 9)},  {.member = member_make(109, "x", 0)},
        {.member = member_make(109, "x", 9)}, {.member = member_make(109, "x", 9)},
        {.member = member_make(109, "x", 9)}, {.member = member_make(109, "x", 9)},
    };
    rows[6].member.weight = 0;
    rows[7].member.weight = 101;
    memset(rows[8].member.name, 'x', sizeof rows[8].member.name);
    memset(rows[9].member.zone, 'x', sizeof rows[9].member.zone);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rows[i].kind = COMMAND_ADD_MEMBER;
        enum error error = view_apply(&view, 11, &rows[i]);
        cr_assert_eq(error, i < 3 ? ERROR_EXISTS : ERROR_INVALID_ARGUMENT, "row %zu", i);
        cr_assert_eq(view.version, 10);
    }
    view_deinit(&view);
}

Test(view, there_is_no_place_for_one_more_than_the_limit)
{
    struct view view = view_make();
    struct command join = {.kind = COMMAND_ADD_MEMBER};
    for (uint32_t i = 3; i <= MEMBERS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "node-%u", i);
        join.member = member_make(1000 + i, name, (uint16_t)(1000 + i));
        cr_assert_eq(view_apply(&view, 11 + i, &join),
                     i < MEMBERS_MAX ? ERROR_NONE : ERROR_TOO_LARGE);
    }
    view_deinit(&view);
}

Test(view, replicas_go_with_their_member)
{
    struct view view = view_make();
    view.partitions[1].handover = 1;
    view.partitions[2].in_sync_count = 1;
    view.partitions[3] = (struct view_partition){.epoch = 4,
                                                 .version = 9,
                                                 .replicas = {1, 2},
                                                 .replica_count = 2,
                                                 .in_sync_count = 1,
                                                 .handover = VIEW_NO_MEMBER};
    struct command leave = {.kind = COMMAND_REMOVE_MEMBER, .member_id = 101};
    cr_assert_eq(view_apply(&view, 11, &leave), ERROR_NONE);
    static const struct view_partition expected[] = {
        {.epoch = 2, .version = 11, {1, 2}, 2, 1, VIEW_NO_MEMBER},
        {.epoch = 2, .version = 11, {1, 2}, 2, 1, VIEW_NO_MEMBER}, // the handover is over
        {.epoch = 1, .version = 11, {1, 2}, 2, 0, VIEW_NO_MEMBER}, // no copy has survived
        {.epoch = 4, .version = 9, {1, 2}, 2, 1, VIEW_NO_MEMBER},  // not concerned
    };
    for (uint32_t i = 0; i < 4; i++)
        cr_assert(partitions_equal(&view.partitions[i], &expected[i]), "partition %u", i);
    cr_assert_eq(view_primary(&view, 2), VIEW_NO_MEMBER);
    cr_assert_eq(view_apply(&view, 12, &leave), ERROR_NOT_FOUND);
    view_deinit(&view);
}

Test(view, a_state_is_set)
{
    struct view view = view_make();
    struct command set = {.kind = COMMAND_SET_STATE, .member_id = 103, .state = MEMBER_LEAVING};
    cr_assert_eq(view_apply(&view, 11, &set), ERROR_NONE);
    cr_assert_eq(view.members[2].state, MEMBER_LEAVING);
    set.member_id = 999;
    cr_assert_eq(view_apply(&view, 12, &set), ERROR_NOT_FOUND);
    cr_assert_eq(view.version, 11);
    view_deinit(&view);
}

Test(view, a_configuration_says_who_votes)
{
    struct view view = view_make();
    struct raft_configuration configuration = {.count = 3,
                                               .servers = {{101, true}, {103, false}, {999, true}}};
    view_apply_configuration(&view, 11, &configuration);
    cr_assert(view.members[0].is_voter);
    cr_assert(!view.members[1].is_voter);
    cr_assert(!view.members[2].is_voter);
    cr_assert_eq(view.version, 11);
    view_apply_configuration(&view, 12, &configuration);
    cr_assert_eq(view.version, 11, "nothing has changed");
    configuration.servers[0].is_voter = false;
    view_apply_configuration(&view, 13, &configuration);
    cr_assert(!view.members[0].is_voter);
    cr_assert_eq(view.version, 13);
    view_deinit(&view);
}

// ---- The first command ----

static struct view *created_make(void)
{
    struct view *created = memory_new(sizeof *created);
    *created = view_make();
    return created;
}

Test(view, a_grid_is_created_once)
{
    struct view view = {0};
    struct command early = {.kind = COMMAND_SET_STATE, .member_id = 101};
    cr_assert_eq(view_apply(&view, 1, &early), ERROR_INVALID_ARGUMENT);
    struct command create = {.kind = COMMAND_CREATE, .created = created_make()};
    cr_assert_eq(view_apply(&view, 2, &create), ERROR_NONE);
    command_deinit(&create);
    cr_assert_eq(view.version, 2);
    cr_assert_eq(view.partitions[3].version, 2);
    cr_assert_eq(view.members[2].id, 103);
    create = (struct command){.kind = COMMAND_CREATE, .created = created_make()};
    cr_assert_eq(view_apply(&view, 3, &create), ERROR_EXISTS);
    command_deinit(&create);
    cr_assert_eq(view.version, 2);
    view_deinit(&view);
}

Test(view, a_grid_that_makes_no_sense_is_not_created)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct view view = {0};
        struct command create = {.kind = COMMAND_CREATE, .created = created_make()};
        if (i == 0)
            create.created->grid_id = 0;
        else if (i == 1)
            create.created->min_in_sync = 3;
        else if (i == 2)
            create.created->partitions[0].epoch = 0;
        else
            create.created->members[0].id = 102;
        cr_assert_eq(view_apply(&view, 2, &create), ERROR_INVALID_ARGUMENT, "row %u", i);
        cr_assert_eq(view.version, 0);
        command_deinit(&create);
        view_deinit(&view);
    }
}

// ---- Partitions ----

static enum error apply_change(struct view *view, uint64_t index,
                               const struct partition_change *change)
{
    struct partition_change copy = *change;
    struct command command = {.kind = COMMAND_PARTITIONS, .changes = &copy, .change_count = 1};
    return view_apply(view, index, &command);
}

Test(view, a_change_as_it_begins_moves_the_version_alone)
{
    struct view view = view_make();
    view.partitions[1].handover = 1;
    struct view_partition before = view.partitions[1];
    struct partition_change change;
    view_change_begin(&view, 1, &change);
    cr_assert_eq(apply_change(&view, 11, &change), ERROR_NONE);
    before.version = 11;
    cr_assert(partitions_equal(&view.partitions[1], &before));
    cr_assert_eq(apply_change(&view, 12, &change), ERROR_VERSION_MISMATCH);
    view_deinit(&view);
}

Test(view, a_primary_moves_to_a_copy_in_sync_under_the_next_epoch)
{
    struct view view = view_make();
    struct partition_change change;
    view_change_begin(&view, 0, &change);
    change.replicas[0] = 102;
    change.replicas[1] = 101;
    change.moves_primary = true;
    cr_assert_eq(apply_change(&view, 11, &change), ERROR_NONE);
    cr_assert_eq(view_primary(&view, 0), 1);
    cr_assert_eq(view.partitions[0].epoch, 2);
    view_deinit(&view);
}

Test(view, changes_that_must_not_be_are_void)
{
    enum { ROWS = 14 };
    struct view view = view_make();
    struct partition_change rows[ROWS];
    for (uint32_t i = 0; i < ROWS; i++)
        view_change_begin(&view, 2, &rows[i]);
    rows[0].based_on = 9;
    rows[1].replicas[2] = 999;
    rows[2].replicas[2] = 101;
    rows[3].in_sync_count = 0;
    rows[4].in_sync_count = 4;
    rows[5].replica_count = VIEW_REPLICAS_MAX + 1;
    rows[6].handover = 2; // not in sync
    rows[7].handover = 0; // the primary
    rows[8].handover = 3; // nobody
    rows[9].replicas[0] = 102;
    rows[9].replicas[1] = 101; // without moves_primary
    rows[10].replicas[0] = 103;
    rows[10].replicas[2] = 101;
    rows[10].moves_primary = true; // not in sync
    rows[11].partition = 4;
    rows[12].replicas[1] = 0;
    rows[13].replica_count = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        struct view before;
        view_copy(&before, &view);
        cr_assert_eq(apply_change(&view, 11, &rows[i]), ERROR_VERSION_MISMATCH, "row %u", i);
        cr_assert(views_equal(&view, &before), "row %u", i);
        view_deinit(&before);
    }
    view_deinit(&view);
}

Test(view, a_witness_holds_nothing)
{
    struct view view = view_make();
    struct command join = {.kind = COMMAND_ADD_MEMBER, .member = member_make(104, "w", 4)};
    join.member.role = MEMBER_WITNESS;
    cr_assert_eq(view_apply(&view, 11, &join), ERROR_NONE);
    struct partition_change change;
    view_change_begin(&view, 0, &change);
    change.replicas[2] = 104;
    cr_assert_eq(apply_change(&view, 12, &change), ERROR_VERSION_MISMATCH);
    view_deinit(&view);
}

Test(view, of_two_changes_of_a_partition_the_second_is_void)
{
    struct view view = view_make();
    struct partition_change changes[3];
    view_change_begin(&view, 0, &changes[0]);
    view_change_begin(&view, 0, &changes[1]);
    view_change_begin(&view, 1, &changes[2]);
    changes[0].in_sync_count = 3;
    changes[1].in_sync_count = 1;
    changes[2].in_sync_count = 1;
    struct command command = {.kind = COMMAND_PARTITIONS, .changes = changes, .change_count = 3};
    cr_assert_eq(view_apply(&view, 11, &command), ERROR_NONE);
    cr_assert_eq(view.partitions[0].in_sync_count, 3);
    cr_assert_eq(view.partitions[1].in_sync_count, 1);
    view_deinit(&view);
}

// ---- Any commands ----

static void change_draw(struct random *random, const struct view *view,
                        struct partition_change *change)
{
    view_change_begin(view, (uint16_t)random_below(random, view->partition_count), change);
    if (random_below(random, 8) == 0)
        change->based_on--;
    change->moves_primary = random_below(random, 2) == 0;
    uint32_t edits = (uint32_t)random_below(random, 4);
    for (uint32_t i = 0; i < edits; i++) {
        uint32_t at = (uint32_t)random_below(random, VIEW_REPLICAS_MAX);
        uint64_t other = change->replicas[random_below(random, VIEW_REPLICAS_MAX)];
        switch (random_below(random, 5)) {
        case 0:
            change->replica_count = (uint8_t)random_below(random, VIEW_REPLICAS_MAX + 2);
            break;
        case 1:
            change->in_sync_count = (uint8_t)random_below(random, change->replica_count + 2u);
            break;
        case 2:
            change->handover = (uint16_t)random_below(random, view->member_count + 1u);
            break;
        case 3:
            change->replicas[at] = view->members[random_below(random, view->member_count)].id;
            break;
        default:
            change->replicas[at] = change->replicas[0];
            change->replicas[0] = other;
        }
    }
}

static void command_draw(struct random *random, const struct view *view, struct command *command)
{
    uint64_t id = 101 + random_below(random, 14);
    *command = (struct command){.member_id = id};
    uint64_t kind = random_below(random, 20);
    if (kind == 0) {
        command->kind = COMMAND_REMOVE_MEMBER;
    } else if (kind < 4) {
        char name[2] = {(char)('a' + random_below(random, 14)), '\0'};
        command->kind = COMMAND_ADD_MEMBER;
        command->member = member_make(id, name, (uint16_t)(1 + random_below(random, 14)));
        command->member.role = random_below(random, 8) == 0 ? MEMBER_WITNESS : MEMBER_DATA;
    } else if (kind == 4) {
        command->kind = COMMAND_SET_STATE;
        command->state = random_below(random, 2) == 0 ? MEMBER_ACTIVE : MEMBER_LEAVING;
    } else {
        command->kind = COMMAND_PARTITIONS;
        command->change_count = (uint32_t)random_below(random, 4);
        command->changes = memory_new_array(command->change_count, sizeof *command->changes);
        for (uint32_t i = 0; i < command->change_count; i++)
            change_draw(random, view, &command->changes[i]);
    }
}

// Epochs and versions never go back, and a primary that changed has a new epoch.
static void assert_forward(const struct view *before, const struct view *after)
{
    for (uint32_t i = 0; i < before->partition_count; i++) {
        const struct view_partition *a = &before->partitions[i];
        const struct view_partition *b = &after->partitions[i];
        cr_assert_geq(b->epoch, a->epoch);
        cr_assert_geq(b->version, a->version);
        cr_assert(b->version > a->version || partitions_equal(a, b));
        uint16_t primary = view_primary(after, i);
        if (primary != VIEW_NO_MEMBER && primary != view_primary(before, i)) {
            cr_assert_gt(b->epoch, a->epoch);
            cr_assert_lt(view_replica_place(a, primary), a->in_sync_count);
        }
    }
}

Test(view, any_commands_keep_it_valid_and_replaying_them_gives_the_same)
{
    uint32_t applied = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct random random = {.state = seed};
        struct view view = view_make();
        struct view replica = view_make();
        for (uint64_t index = 11; index < 800; index++) {
            struct command command;
            command_draw(&random, &view, &command);
            struct view before;
            view_copy(&before, &view);
            enum error error = view_apply(&view, index, &command);
            cr_assert_null(view_fault(&view));
            if (error == ERROR_NONE)
                cr_assert_eq(view.version, index);
            else
                cr_assert(views_equal(&view, &before));
            applied += error == ERROR_NONE;
            assert_forward(&before, &view);
            cr_assert_eq(view_apply(&replica, index, &command), error);
            cr_assert(views_equal(&view, &replica));
            view_deinit(&before);
            command_deinit(&command);
        }
        view_deinit(&view);
        view_deinit(&replica);
    }
    cr_assert_gt(applied, 40 * 100, "most commands were void");
}

// ---- What is wrong with a view ----

Test(view, each_fault_is_found)
{
    enum { ROWS = 15 };
    for (uint32_t i = 0; i < ROWS; i++) {
        struct view view = view_make();
        struct view_partition *it = &view.partitions[3];
        cr_assert_null(view_fault(&view));
        switch (i) {
        case 0:
            view.grid_id = 0;
            break;
        case 1:
            view.member_count = MEMBERS_MAX + 1;
            break;
        case 2:
            view.partition_count = 0;
            break;
        case 3:
            view.replica_count = REPLICAS_MAX + 1;
            break;
        case 4:
            view.min_in_sync = 0;
            break;
        case 5:
            view.members[1].name[0] = 'a';
            break;
        case 6:
            view.members[1].host[0] = '\0';
            break;
        case 7:
            it->epoch = 0;
            break;
        case 8:
            it->version = 11;
            break;
        case 9:
            it->replicas[1] = 0;
            break;
        case 10:
            it->replicas[1] = 3;
            break;
        case 11:
            it->in_sync_count = 4;
            break;
        case 12:
            it->replica_count = VIEW_REPLICAS_MAX + 1;
            break;
        case 13:
            it->handover = 2;
            break;
        default:
            view.members[2].role = MEMBER_WITNESS;
            break;
        }
        cr_assert_not_null(view_fault(&view), "row %u", i);
        view_deinit(&view);
    }
}

Test(view, a_view_of_no_grid_is_valid_while_it_is_empty)
{
    struct view view = {0};
    cr_assert_null(view_fault(&view));
    view_check(&view);
}

Test(view, a_broken_view_does_not_pass_the_check, .signal = SIGABRT)
{
    struct view view = view_make();
    view.partitions[0].epoch = 0;
    view_check(&view);
}

Test(view, an_entry_is_not_applied_twice, .signal = SIGABRT)
{
    struct view view = view_make();
    struct command set = {.kind = COMMAND_SET_STATE, .member_id = 103};
    (void)!view_apply(&view, 10, &set);
}
