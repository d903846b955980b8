// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/view_codec.h"

#include "cluster/wire/member_codec.h"
#include "cluster/wire/writer.h"
#include "tests/support/mangle.h"
#include "tests/unit/wire/sample.h"

#include <criterion/criterion.h>

static struct bytes body_of(const struct buffer *buffer)
{
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(buffer), FRAME_BODY_BYTES_MAX, &frame, &error),
                 FRAME_COMPLETE);
    cr_assert_eq(frame.header.kind, FRAME_REPLY);
    cr_assert_eq(frame.header.request_id, 31);
    return frame.body;
}

static enum error view_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct view view;
    enum error error = view_decode(body, &view);
    if (error != ERROR_NONE)
        cr_assert(view.members == NULL && view.partitions == NULL && view.grid_id == 0);
    view_deinit(&view);
    return error;
}

Test(view_codec, a_view_comes_out_as_it_went_in)
{
    static const struct {
        uint32_t place_count, partition_count, replica_count;
    } rows[] = {
        {0, 1, 1}, {1, 1, 1}, {3, 12, 2}, {9, 20, 4}, {MEMBERS_MAX, PARTITIONS_MAX, REPLICAS_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct view in =
            sample_view(rows[i].place_count, rows[i].partition_count, rows[i].replica_count);
        struct buffer buffer = {0};
        view_encode(&buffer, 31, &in);
        struct bytes body = body_of(&buffer);
        struct view out;
        cr_assert_eq(view_decode(body, &out), ERROR_NONE);
        sample_view_compare(&out, &in);
        if (in.member_count < 5) {
            mangle_lengths(view_mangle, NULL, body);
            mangle_bytes(view_mangle, NULL, body);
            mangle_types(view_mangle, NULL, body);
        }
        view_deinit(&out);
        view_deinit(&in);
        buffer_deinit(&buffer);
    }
}

// Inside of something larger, what follows stays for the next reader.
Test(view_codec, a_view_is_read_up_to_its_end)
{
    struct view in = sample_view(3, 4, 2);
    struct view out;
    struct buffer buffer = {0};
    view_write(&buffer, &in);
    write_bool(&buffer, true);
    struct cursor cursor = cursor_of(buffer_bytes(&buffer));
    bool follows = false;
    cr_assert(view_read(&cursor, &out));
    sample_view_compare(&out, &in);
    cr_assert(cursor_read_bool(&cursor, &follows));
    cr_assert(follows);
    view_deinit(&in);
    view_deinit(&out);
    buffer_deinit(&buffer);
}

// Encodes a view of 3 places, 4 partitions and 2 replicas that `spoil` has changed.
static enum error spoiled_verdict(void (*spoil)(struct view *view))
{
    struct view view = sample_view(3, 4, 2);
    if (spoil)
        spoil(&view);
    struct buffer buffer = {0};
    view_encode(&buffer, 31, &view);
    enum error error = view_mangle(NULL, body_of(&buffer));
    buffer_deinit(&buffer);
    view_deinit(&view);
    return error;
}

static void no_grid(struct view *view)
{
    view->grid_id = 0;
}

static void no_replicas_wanted(struct view *view)
{
    view->replica_count = view->min_in_sync = 0;
}

static void too_many_replicas_wanted(struct view *view)
{
    view->replica_count = REPLICAS_MAX + 1;
}

static void no_copy_enough(struct view *view)
{
    view->min_in_sync = 0;
}

static void more_in_sync_than_replicas_wanted(struct view *view)
{
    view->min_in_sync = 3;
}

static void no_epoch(struct view *view)
{
    view->partitions[2].epoch = 0;
}

static void replica_is_no_place(struct view *view)
{
    view->partitions[2].replicas[1] = 3;
}

static void replica_is_nobody(struct view *view)
{
    view->partitions[1].replicas[0] = VIEW_NO_MEMBER;
}

static void more_in_sync_than_replicas(struct view *view)
{
    view->partitions[2].in_sync_count = 3;
}

static void handover_is_no_place(struct view *view)
{
    view->partitions[2].handover = 3;
}

static void member_without_a_name(struct view *view)
{
    view->members[1].name[0] = '\0';
}

static void member_without_a_host(struct view *view)
{
    view->members[1].host[0] = '\0';
}

static void member_without_a_port(struct view *view)
{
    view->members[1].port = 0;
}

static void member_without_weight(struct view *view)
{
    view->members[1].weight = 0;
}

static void member_of_no_role(struct view *view)
{
    view->members[1].role = (enum member_role)(MEMBER_WITNESS + 1);
}

static void member_of_no_state(struct view *view)
{
    view->members[1].state = (enum member_state)(MEMBER_LEAVING + 1);
}

Test(view_codec, each_field_has_its_limits)
{
    static void (*const spoils[])(struct view *) = {
        no_grid,
        no_replicas_wanted,
        too_many_replicas_wanted,
        no_copy_enough,
        more_in_sync_than_replicas_wanted,
        no_epoch,
        replica_is_no_place,
        replica_is_nobody,
        more_in_sync_than_replicas,
        handover_is_no_place,
        member_without_a_name,
        member_without_a_host,
        member_without_a_port,
        member_without_weight,
        member_of_no_role,
        member_of_no_state,
    };
    cr_assert_eq(spoiled_verdict(NULL), ERROR_NONE);
    for (size_t i = 0; i < sizeof spoils / sizeof spoils[0]; i++)
        cr_assert_eq(spoiled_verdict(spoils[i]), ERROR_MALFORMED_FRAME, "row %zu", i);
}

Test(view_codec, counts_have_their_limits)
{
    static const struct {
        uint32_t place_count, partition_count;
    } rows[] = {{MEMBERS_MAX + 1, 1}, {1, PARTITIONS_MAX + 1}, {1, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct view view = sample_view(rows[i].place_count, rows[i].partition_count, 1);
        struct buffer buffer = {0};
        view_encode(&buffer, 31, &view);
        cr_assert_eq(view_mangle(NULL, body_of(&buffer)), ERROR_MALFORMED_FRAME, "row %zu", i);
        buffer_deinit(&buffer);
        view_deinit(&view);
    }
}

// ---- What an encoder of ours would never write ----

struct body_row {
    uint64_t numbers[2]; // of the members
    uint32_t member_count;
    uint32_t partition_bytes;
    uint8_t replica_count;
    enum error error;
};

// A view of 3 places and one partition.
static void body_write(struct buffer *out, const struct body_row *row)
{
    uint8_t partitions[64] = {[0] = 1, [16] = row->replica_count, [18] = 0xff, [19] = 0xff};
    write_array(out, 8);
    write_uint(out, 1);
    write_uint(out, 0);
    write_uint(out, 1);
    write_uint(out, 1);
    write_uint(out, 1);
    write_uint(out, 3);
    write_array(out, 2 * row->member_count);
    for (uint32_t i = 0; i < row->member_count; i++) {
        struct view_member member = sample_member(i);
        write_uint(out, row->numbers[i]);
        member_write(out, &member);
    }
    write_bin(out, bytes_of(partitions, row->partition_bytes));
}

Test(view_codec, members_have_a_place_and_partitions_their_bytes)
{
    static const struct body_row rows[] = {
        {{0, 2}, 2, 20, 0, ERROR_NONE},
        {{0, 2}, 2, 24, 2, ERROR_NONE},
        {{0, 3}, 2, 20, 0, ERROR_MALFORMED_FRAME},          // no such place
        {{1, 1}, 2, 20, 0, ERROR_MALFORMED_FRAME},          // twice
        {{1, 0}, 2, 20, 0, ERROR_MALFORMED_FRAME},          // not in order
        {{0, UINT64_MAX}, 2, 20, 0, ERROR_MALFORMED_FRAME}, // no such place
        {{0, 2}, 2, 19, 0, ERROR_MALFORMED_FRAME},
        {{0, 2}, 2, 21, 0, ERROR_MALFORMED_FRAME},
        {{0, 2}, 2, 22, 2, ERROR_MALFORMED_FRAME},
        {{0, 2}, 2, 38, VIEW_REPLICAS_MAX + 1, ERROR_MALFORMED_FRAME},
        {{0, 2}, 2, 36, VIEW_REPLICAS_MAX, ERROR_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer body = {0};
        body_write(&body, &rows[i]);
        cr_assert_eq(view_mangle(NULL, buffer_bytes(&body)), rows[i].error, "row %zu", i);
        buffer_deinit(&body);
    }
}
