// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/command_codec.h"

#include "cluster/wire/writer.h"
#include "tests/support/mangle.h"
#include "tests/unit/wire/sample.h"

#include <criterion/criterion.h>

static enum error command_mangle(const void *context, struct bytes data)
{
    (void)context;
    struct command command;
    enum error error = command_decode(data, &command);
    if (error != ERROR_NONE)
        cr_assert(command.created == NULL && command.changes == NULL);
    command_deinit(&command);
    return error;
}

static void changes_compare(const struct command *out, const struct command *in)
{
    cr_assert_eq(out->change_count, in->change_count);
    for (uint32_t i = 0; i < in->change_count; i++) {
        const struct partition_change *a = &out->changes[i];
        const struct partition_change *b = &in->changes[i];
        cr_assert_eq(a->partition, b->partition);
        cr_assert_eq(a->based_on, b->based_on);
        cr_assert_eq(a->moves_primary, b->moves_primary);
        cr_assert_eq(a->replica_count, b->replica_count);
        cr_assert_eq(a->in_sync_count, b->in_sync_count);
        cr_assert_eq(a->handover, b->handover);
        for (uint32_t j = 0; j < b->replica_count; j++)
            cr_assert_eq(a->replicas[j], b->replicas[j]);
    }
}

static void command_compare(const struct command *out, const struct command *in)
{
    cr_assert_eq(out->kind, in->kind);
    cr_assert_eq(out->member_id, in->member_id);
    cr_assert_eq(out->state, in->state);
    sample_member_compare(&out->member, &in->member);
    cr_assert_eq(out->created != NULL, in->created != NULL);
    if (in->created)
        sample_view_compare(out->created, in->created);
    changes_compare(out, in);
}

static enum error command_turn(const struct command *in)
{
    struct buffer buffer = {0};
    command_encode(&buffer, in);
    struct bytes data = buffer_bytes(&buffer);
    struct command out;
    enum error error = command_decode(data, &out);
    if (error == ERROR_NONE) {
        command_compare(&out, in);
        if (data.size < 400) {
            mangle_lengths(command_mangle, NULL, data);
            mangle_bytes(command_mangle, NULL, data);
            mangle_types(command_mangle, NULL, data);
        }
    }
    command_deinit(&out);
    buffer_deinit(&buffer);
    return error;
}

Test(command_codec, a_created_grid_comes_out_as_it_went_in)
{
    struct view view = sample_view(3, 4, 2);
    struct command in = {.kind = COMMAND_CREATE, .created = &view};
    cr_assert_eq(command_turn(&in), ERROR_NONE);
    view.grid_id = 0;
    cr_assert_eq(command_turn(&in), ERROR_MALFORMED_FRAME);
    view_deinit(&view);
}

Test(command_codec, commands_about_a_member_come_out_as_they_went_in)
{
    struct command rows[] = {
        {.kind = COMMAND_ADD_MEMBER, .member = sample_member(0)},
        {.kind = COMMAND_ADD_MEMBER, .member = sample_member(1)},
        {.kind = COMMAND_REMOVE_MEMBER, .member_id = UINT64_MAX},
        {.kind = COMMAND_SET_STATE, .member_id = 1, .state = MEMBER_ACTIVE},
        {.kind = COMMAND_SET_STATE, .member_id = UINT64_MAX, .state = MEMBER_LEAVING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(command_turn(&rows[i]), ERROR_NONE, "row %zu", i);
}

static struct partition_change change_of(uint32_t i)
{
    struct partition_change change = {.partition = (uint16_t)(PARTITIONS_MAX - 1 - i),
                                      .based_on = UINT64_MAX - i,
                                      .moves_primary = i % 2,
                                      .replica_count = (uint8_t)(i % (VIEW_REPLICAS_MAX + 1)),
                                      .in_sync_count = (uint8_t)(i % (VIEW_REPLICAS_MAX + 1) / 2),
                                      .handover = i % 3 ? VIEW_NO_MEMBER : MEMBERS_MAX - 1};
    for (uint32_t j = 0; j < change.replica_count; j++)
        change.replicas[j] = UINT64_MAX - i - j;
    return change;
}

Test(command_codec, changes_of_partitions_come_out_as_they_went_in)
{
    static const uint32_t counts[] = {0, 1, 9, COMMAND_CHANGES_MAX};
    struct partition_change *changes = memory_new_array(COMMAND_CHANGES_MAX, sizeof *changes);
    for (uint32_t i = 0; i < COMMAND_CHANGES_MAX; i++)
        changes[i] = change_of(i);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct command in = {
            .kind = COMMAND_PARTITIONS, .changes = changes, .change_count = counts[i]};
        cr_assert_eq(command_turn(&in), ERROR_NONE, "%u changes", counts[i]);
    }
    free(changes);
}

Test(command_codec, each_field_of_a_change_has_its_limits)
{
    struct partition_change rows[] = {change_of(8), change_of(8), change_of(8), change_of(8),
                                      change_of(8), change_of(8), change_of(8)};
    static const enum error errors[] = {ERROR_NONE,
                                        ERROR_NONE,
                                        ERROR_MALFORMED_FRAME,
                                        ERROR_MALFORMED_FRAME,
                                        ERROR_MALFORMED_FRAME,
                                        ERROR_MALFORMED_FRAME,
                                        ERROR_MALFORMED_FRAME};
    rows[1].in_sync_count = VIEW_REPLICAS_MAX;
    rows[2].partition = PARTITIONS_MAX;
    rows[3].in_sync_count = VIEW_REPLICAS_MAX + 1;
    rows[4].handover = MEMBERS_MAX;
    rows[5].replicas[7] = 0;
    rows[6].replica_count = 3; // of which 4 are in sync
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct command in = {.kind = COMMAND_PARTITIONS, .changes = &rows[i], .change_count = 1};
        cr_assert_eq(command_turn(&in), errors[i], "row %zu", i);
    }
}

Test(command_codec, each_field_about_a_member_has_its_limits)
{
    struct command rows[] = {
        {.kind = COMMAND_ADD_MEMBER, .member = sample_member(0)},
        {.kind = COMMAND_REMOVE_MEMBER},
        {.kind = COMMAND_SET_STATE, .state = MEMBER_ACTIVE},
        {.kind = COMMAND_SET_STATE, .member_id = 1, .state = (enum member_state)2},
    };
    rows[0].member.weight = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(command_turn(&rows[i]), ERROR_MALFORMED_FRAME, "row %zu", i);
}

// ---- What an encoder of ours would never write ----

static enum error numbers_verdict(uint32_t count, uint64_t kind)
{
    struct buffer buffer = {0};
    write_array(&buffer, count);
    for (uint32_t i = 0; i < count; i++)
        write_uint(&buffer, i == 0 ? kind : 1);
    enum error error = command_mangle(NULL, buffer_bytes(&buffer));
    buffer_deinit(&buffer);
    return error;
}

Test(command_codec, a_command_is_of_a_known_kind_and_has_its_arguments)
{
    cr_assert_eq(numbers_verdict(2, COMMAND_REMOVE_MEMBER), ERROR_NONE);
    cr_assert_eq(numbers_verdict(3, COMMAND_SET_STATE), ERROR_NONE);
    cr_assert_eq(numbers_verdict(0, 0), ERROR_MALFORMED_FRAME);
    cr_assert_eq(numbers_verdict(1, COMMAND_REMOVE_MEMBER), ERROR_MALFORMED_FRAME);
    cr_assert_eq(numbers_verdict(3, COMMAND_REMOVE_MEMBER), ERROR_MALFORMED_FRAME);
    cr_assert_eq(numbers_verdict(2, COMMAND_SET_STATE), ERROR_MALFORMED_FRAME);
    cr_assert_eq(numbers_verdict(2, 0), ERROR_MALFORMED_FRAME);
    cr_assert_eq(numbers_verdict(2, COMMAND_PARTITIONS + 1), ERROR_MALFORMED_FRAME);
}

// [5, changes], where each has so many replicas.
static enum error changes_verdict(uint32_t objects, uint32_t replica_count)
{
    struct buffer buffer = {0};
    write_array(&buffer, 2);
    write_uint(&buffer, COMMAND_PARTITIONS);
    write_array(&buffer, objects);
    for (uint32_t i = 0; i < objects / 6; i++) {
        write_uint(&buffer, 1);
        write_uint(&buffer, 1);
        write_bool(&buffer, true);
        write_uint(&buffer, 1);
        write_uint(&buffer, 1);
        write_array(&buffer, replica_count);
        for (uint32_t j = 0; j < replica_count; j++)
            write_uint(&buffer, 1);
    }
    for (uint32_t i = 0; i < objects % 6; i++)
        write_uint(&buffer, 1);
    enum error error = command_mangle(NULL, buffer_bytes(&buffer));
    buffer_deinit(&buffer);
    return error;
}

Test(command_codec, changes_are_whole_and_bounded)
{
    cr_assert_eq(changes_verdict(6, VIEW_REPLICAS_MAX), ERROR_NONE);
    cr_assert_eq(changes_verdict(6, VIEW_REPLICAS_MAX + 1), ERROR_MALFORMED_FRAME);
    cr_assert_eq(changes_verdict(6 * COMMAND_CHANGES_MAX, 1), ERROR_NONE);
    cr_assert_eq(changes_verdict(6 * (COMMAND_CHANGES_MAX + 1), 1), ERROR_MALFORMED_FRAME);
    cr_assert_eq(changes_verdict(7, 1), ERROR_MALFORMED_FRAME);
}
