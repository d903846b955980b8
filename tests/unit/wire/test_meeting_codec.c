// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/meeting_codec.h"

#include "cluster/wire/writer.h"
#include "tests/support/mangle.h"
#include "tests/unit/wire/sample.h"

#include <criterion/criterion.h>
#include <signal.h>

static struct bytes body_of(const struct buffer *buffer)
{
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(buffer), FRAME_BODY_BYTES_MAX, &frame, &error),
                 FRAME_COMPLETE);
    cr_assert_eq(frame.header.kind, FRAME_MEETING);
    cr_assert_eq(frame.header.partition, PARTITION_ANY);
    return frame.body;
}

static enum error meeting_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct meeting meeting;
    enum error error = meeting_decode(body, &meeting);
    if (error != ERROR_NONE)
        cr_assert_null(meeting.wishes);
    meeting_deinit(&meeting);
    return error;
}

static const struct meeting_settings settings_row = {.protocol_version = UINT32_MAX,
                                                     .partition_count = PARTITIONS_MAX,
                                                     .backups = REPLICAS_MAX - 1,
                                                     .min_in_sync = REPLICAS_MAX,
                                                     .bootstrap_expect = MEMBERS_MAX,
                                                     .lease_ms = UINT32_MAX,
                                                     .suspect_ms = UINT32_MAX - 1,
                                                     .wall_ms = UINT64_MAX};

// Everything that a node may say of itself; `wishes` is borrowed.
static struct meeting meeting_full(enum meeting_kind kind, struct wish *wishes, uint32_t wish_count)
{
    struct meeting meeting = {.kind = kind,
                              .grid_id = UINT64_MAX,
                              .term = UINT64_MAX - 1,
                              .leader = UINT64_MAX - 2,
                              .sender = sample_member(1),
                              .leader_member = sample_member(2),
                              .settings = settings_row,
                              .seen_count = 3,
                              .seen = {1, UINT64_MAX, 1000},
                              .granted = true,
                              .text = bytes_of_text("another grid"),
                              .sent_ms = UINT64_MAX - 3,
                              .stalled_ms = UINT32_MAX,
                              .view_version = UINT64_MAX - 4,
                              .subject = UINT64_MAX - 5,
                              .wish_count = wish_count,
                              .wishes = wishes,
                              .snapshot = bytes_of_text("a snapshot")};
    meeting.from = meeting.sender.id;
    return meeting;
}

// A heartbeat that says nothing.
static struct meeting meeting_bare(enum meeting_kind kind)
{
    return (struct meeting){.kind = kind, .from = 1};
}

static void settings_compare(const struct meeting_settings *out, const struct meeting_settings *in)
{
    cr_assert_eq(out->protocol_version, in->protocol_version);
    cr_assert_eq(out->partition_count, in->partition_count);
    cr_assert_eq(out->backups, in->backups);
    cr_assert_eq(out->min_in_sync, in->min_in_sync);
    cr_assert_eq(out->bootstrap_expect, in->bootstrap_expect);
    cr_assert_eq(out->lease_ms, in->lease_ms);
    cr_assert_eq(out->suspect_ms, in->suspect_ms);
    cr_assert_eq(out->wall_ms, in->wall_ms);
}

static void lists_compare(const struct meeting *out, const struct meeting *in)
{
    cr_assert_eq(out->seen_count, in->seen_count);
    for (uint32_t i = 0; i < in->seen_count; i++)
        cr_assert_eq(out->seen[i], in->seen[i]);
    cr_assert_eq(out->wish_count, in->wish_count);
    for (uint32_t i = 0; i < in->wish_count; i++) {
        cr_assert_eq(out->wishes[i].kind, in->wishes[i].kind);
        cr_assert_eq(out->wishes[i].partition, in->wishes[i].partition);
        cr_assert_eq(out->wishes[i].based_on, in->wishes[i].based_on);
        cr_assert_eq(out->wishes[i].member_id, in->wishes[i].member_id);
    }
}

static void meeting_compare(const struct meeting *out, const struct meeting *in)
{
    bool introduces =
        in->kind == MEETING_SEEK || in->kind == MEETING_SEEN || in->kind == MEETING_JOIN;
    static const struct meeting_settings none;
    cr_assert_eq(out->kind, in->kind);
    cr_assert_eq(out->from, in->from);
    cr_assert_eq(out->grid_id, in->grid_id);
    cr_assert_eq(out->term, in->term);
    cr_assert_eq(out->leader, in->leader);
    sample_member_compare(&out->sender, &in->sender);
    sample_member_compare(&out->leader_member, &in->leader_member);
    settings_compare(&out->settings, introduces ? &in->settings : &none);
    cr_assert_eq(out->granted, in->granted);
    cr_assert(bytes_equal(out->text, in->text));
    cr_assert_eq(out->sent_ms, in->sent_ms);
    cr_assert_eq(out->stalled_ms, in->stalled_ms);
    cr_assert_eq(out->view_version, in->view_version);
    cr_assert_eq(out->subject, in->subject);
    cr_assert(bytes_equal(out->snapshot, in->snapshot));
    lists_compare(out, in);
}

static enum error meeting_turn(const struct meeting *in)
{
    struct buffer buffer = {0};
    meeting_encode(&buffer, in);
    struct bytes body = body_of(&buffer);
    struct meeting out;
    enum error error = meeting_decode(body, &out);
    if (error == ERROR_NONE) {
        meeting_compare(&out, in);
        if (body.size < 400) {
            mangle_lengths(meeting_mangle, NULL, body);
            mangle_bytes(meeting_mangle, NULL, body);
            mangle_types(meeting_mangle, NULL, body);
        }
    }
    meeting_deinit(&out);
    buffer_deinit(&buffer);
    return error;
}

Test(meeting_codec, every_kind_comes_out_as_it_went_in)
{
    struct wish wishes[] = {
        {WISH_ADD, 0, UINT64_MAX, 1}, {WISH_DROP, PARTITIONS_MAX - 1, 0, 2}, {WISH_YIELD, 5, 6, 7}};
    for (enum meeting_kind kind = MEETING_SEEK; kind <= MEETING_LEAVE; kind++) {
        struct meeting in = meeting_full(kind, wishes, 3);
        cr_assert_eq(meeting_turn(&in), ERROR_NONE, "kind %d", kind);
    }
}

Test(meeting_codec, what_is_not_known_may_be_left_out)
{
    for (enum meeting_kind kind = MEETING_SEEK; kind <= MEETING_LEAVE; kind++) {
        struct meeting in = meeting_bare(kind);
        bool introduces = kind == MEETING_SEEK || kind == MEETING_SEEN || kind == MEETING_JOIN;
        cr_assert_eq(meeting_turn(&in), introduces ? ERROR_MALFORMED_FRAME : ERROR_NONE, "kind %d",
                     kind);
    }
}

Test(meeting_codec, lists_and_texts_have_their_limits)
{
    static const uint8_t text[MEETING_TEXT_BYTES_MAX + 1] = {'t'};
    struct wish *wishes = memory_new_array(MEETING_WISHES_MAX, sizeof *wishes);
    for (uint32_t i = 0; i < MEETING_WISHES_MAX; i++)
        wishes[i] = (struct wish){WISH_ADD, (uint16_t)i, i, i + 1};
    struct meeting in = meeting_full(MEETING_HEARTBEAT, wishes, MEETING_WISHES_MAX);
    in.text = bytes_of(text, MEETING_TEXT_BYTES_MAX);
    in.seen_count = MEETING_SEEN_MAX;
    for (uint32_t i = 0; i < MEETING_SEEN_MAX; i++)
        in.seen[i] = UINT64_MAX - i;
    cr_assert_eq(meeting_turn(&in), ERROR_NONE);
    in.text.size++;
    cr_assert_eq(meeting_turn(&in), ERROR_MALFORMED_FRAME);
    free(wishes);
}

Test(meeting_codec, nobody_speaks_for_another)
{
    struct meeting in = meeting_full(MEETING_JOIN, NULL, 0);
    in.from++;
    cr_assert_eq(meeting_turn(&in), ERROR_MALFORMED_FRAME);
    in.kind = MEETING_WELCOME;
    cr_assert_eq(meeting_turn(&in), ERROR_MALFORMED_FRAME);
}

Test(meeting_codec, each_field_has_its_limits)
{
    struct meeting good = meeting_full(MEETING_JOIN, NULL, 0);
    struct meeting rows[10];
    for (size_t i = 0; i < 10; i++)
        rows[i] = good;
    rows[0].kind = (enum meeting_kind)0;
    rows[1].kind = (enum meeting_kind)(MEETING_LEAVE + 1);
    rows[2].from = 0;
    rows[3].seen[2] = 0;
    rows[4].settings.partition_count = PARTITIONS_MAX + 1;
    rows[5].settings.backups = REPLICAS_MAX;
    rows[6].settings.min_in_sync = REPLICAS_MAX + 1;
    rows[7].settings.bootstrap_expect = MEMBERS_MAX + 1;
    rows[8].sender.port = 0;
    rows[9].leader_member.weight = 0;
    cr_assert_eq(meeting_turn(&good), ERROR_NONE);
    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(meeting_turn(&rows[i]), ERROR_MALFORMED_FRAME, "row %zu", i);
}

// What is too small is answered in words by who leads.
Test(meeting_codec, settings_may_be_wrong)
{
    struct meeting in = meeting_full(MEETING_JOIN, NULL, 0);
    in.settings = (struct meeting_settings){0};
    cr_assert_eq(meeting_turn(&in), ERROR_NONE);
}

Test(meeting_codec, each_field_of_a_wish_has_its_limits)
{
    static const struct {
        struct wish wish;
        enum error error;
    } rows[] = {{{WISH_ADD, 1, 1, 1}, ERROR_NONE},
                {{(enum wish_kind)0, 1, 1, 1}, ERROR_MALFORMED_FRAME},
                {{(enum wish_kind)(WISH_YIELD + 1), 1, 1, 1}, ERROR_MALFORMED_FRAME},
                {{WISH_ADD, PARTITIONS_MAX, 1, 1}, ERROR_MALFORMED_FRAME},
                {{WISH_ADD, 1, 1, 0}, ERROR_MALFORMED_FRAME}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wish wishes[] = {rows[0].wish, rows[i].wish};
        struct meeting in = meeting_full(MEETING_HEARTBEAT, wishes, 2);
        cr_assert_eq(meeting_turn(&in), rows[i].error, "row %zu", i);
    }
}

// ---- What an encoder of ours would never write ----

// A HEARTBEAT that has seen so many, and has so many quarters of wishes.
static enum error counts_verdict(uint32_t seen_count, uint32_t objects)
{
    struct buffer body = {0};
    write_array(&body, 17);
    write_uint(&body, MEETING_HEARTBEAT);
    for (uint64_t number = 1; number <= 4; number++)
        write_uint(&body, number);
    write_nil(&body);
    write_nil(&body);
    write_nil(&body);
    write_array(&body, seen_count);
    for (uint32_t i = 0; i < seen_count; i++)
        write_uint(&body, 1);
    write_bool(&body, false);
    write_text(&body, "");
    for (int number = 0; number < 4; number++)
        write_uint(&body, 0);
    write_array(&body, objects);
    for (uint32_t i = 0; i < objects; i++)
        write_uint(&body, 1);
    write_bin(&body, bytes_of(NULL, 0));
    enum error error = meeting_mangle(NULL, buffer_bytes(&body));
    buffer_deinit(&body);
    return error;
}

Test(meeting_codec, lists_are_whole_and_bounded)
{
    cr_assert_eq(counts_verdict(0, 0), ERROR_NONE);
    cr_assert_eq(counts_verdict(MEETING_SEEN_MAX, 4 * MEETING_WISHES_MAX), ERROR_NONE);
    cr_assert_eq(counts_verdict(MEETING_SEEN_MAX + 1, 0), ERROR_MALFORMED_FRAME);
    cr_assert_eq(counts_verdict(0, 4 * MEETING_WISHES_MAX + 4), ERROR_MALFORMED_FRAME);
    cr_assert_eq(counts_verdict(0, 3), ERROR_MALFORMED_FRAME);
}

Test(meeting_codec, more_than_the_limit_is_not_sent, .signal = SIGABRT)
{
    struct meeting in = meeting_bare(MEETING_SEEN);
    struct buffer buffer = {0};
    in.seen_count = MEETING_SEEN_MAX + 1;
    meeting_encode(&buffer, &in);
}
