// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/message_codec.h"

#include "cluster/wire/writer.h"
#include "tests/support/mangle.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct frame frame_of(const struct buffer *buffer)
{
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(buffer), FRAME_BODY_BYTES_MAX, &frame, &error),
                 FRAME_COMPLETE);
    return frame;
}

static void mangle_all(mangle_decode *decode, struct bytes body)
{
    mangle_lengths(decode, NULL, body);
    mangle_bytes(decode, NULL, body);
}

// ---- HELLO ----

static enum error hello_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct hello hello;
    return hello_decode(body, &hello);
}

static const struct hello hello_row = {
    .version_min = 1, .version_max = 3, .role = HELLO_PEER, .worker = HELLO_ANY_WORKER};

static enum error hello_turn(struct hello in, struct hello *out)
{
    struct buffer buffer = {0};
    hello_encode(&buffer, 1, &in);
    struct bytes body = frame_of(&buffer).body;
    enum error error = hello_decode(body, out);
    if (error == ERROR_NONE) {
        cr_assert(bytes_equal(out->name, in.name));
        cr_assert(bytes_equal(out->grid, in.grid));
        mangle_all(hello_mangle, body);
        mangle_types(hello_mangle, NULL, body);
    }
    buffer_deinit(&buffer);
    return error;
}

Test(message_codec, hello_comes_out_as_it_went_in)
{
    struct hello in = hello_row;
    struct hello out;
    in.name = bytes_of_text("node-1");
    in.grid = bytes_of_text("quakes");
    cr_assert_eq(hello_turn(in, &out), ERROR_NONE);
    cr_assert_eq(out.version_min, 1);
    cr_assert_eq(out.version_max, 3);
    cr_assert_eq(out.role, HELLO_PEER);
    cr_assert_eq(out.worker, HELLO_ANY_WORKER);
}

Test(message_codec, hello_has_its_limits)
{
    static const uint8_t name[NODE_NAME_BYTES_MAX + 1] = {'n'};
    struct hello rows[] = {hello_row, hello_row, hello_row, hello_row, hello_row};
    rows[0].version_min = 4;
    rows[1].role = (enum hello_role)0;
    rows[2].role = (enum hello_role)3;
    rows[3].name = bytes_of(name, sizeof name);
    rows[4].grid = bytes_of(name, sizeof name);
    struct hello out;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(hello_turn(rows[i], &out), ERROR_MALFORMED_FRAME, "row %zu", i);
}

static enum error hello_reply_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct hello_reply reply;
    return hello_reply_decode(body, &reply);
}

static enum error hello_reply_turn(struct hello_reply in, struct hello_reply *out)
{
    struct buffer buffer = {0};
    in.node = bytes_of_text("node-2");
    in.grid = bytes_of_text("quakes");
    hello_reply_encode(&buffer, 1, &in);
    struct bytes body = frame_of(&buffer).body;
    enum error error = hello_reply_decode(body, out);
    if (error == ERROR_NONE) {
        cr_assert(bytes_equal(out->node, in.node));
        cr_assert(bytes_equal(out->grid, in.grid));
        mangle_all(hello_reply_mangle, body);
        mangle_types(hello_reply_mangle, NULL, body);
    }
    buffer_deinit(&buffer);
    return error;
}

Test(message_codec, the_answer_to_hello_comes_out_as_it_went_in)
{
    struct hello_reply in = {.version = 1,
                             .incarnation = UINT64_MAX,
                             .worker = WORKERS_MAX - 1,
                             .worker_count = WORKERS_MAX,
                             .partition_count = PARTITIONS_MAX};
    struct hello_reply out;
    cr_assert_eq(hello_reply_turn(in, &out), ERROR_NONE);
    cr_assert_eq(out.version, 1);
    cr_assert_eq(out.incarnation, UINT64_MAX);
    cr_assert_eq(out.worker, WORKERS_MAX - 1);
    cr_assert_eq(out.worker_count, WORKERS_MAX);
    cr_assert_eq(out.partition_count, PARTITIONS_MAX);
}

// A client divides by these and indexes with these.
Test(message_codec, the_answer_to_hello_has_its_limits)
{
    static const struct hello_reply rows[] = {
        {.worker = 0, .worker_count = 0, .partition_count = 1},
        {.worker = 2, .worker_count = 2, .partition_count = 1},
        {.worker = 0, .worker_count = WORKERS_MAX + 1, .partition_count = 1},
        {.worker = 0, .worker_count = 1, .partition_count = 0},
        {.worker = 0, .worker_count = 1, .partition_count = PARTITIONS_MAX + 1},
    };
    struct hello_reply out;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(hello_reply_turn(rows[i], &out), ERROR_MALFORMED_FRAME, "row %zu", i);
}

Test(message_codec, a_request_without_arguments_is_an_empty_array)
{
    struct buffer buffer = {0};
    request_encode_empty(&buffer, FRAME_PING, 31);
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(frame.header.kind, FRAME_PING);
    cr_assert_eq(frame.header.request_id, 31);
    cr_assert_eq(frame.body.size, 1);
    cr_assert_eq(frame.body.data[0], 0x90);
    buffer_deinit(&buffer);
}

// ---- VIEW ----

static struct view view_new(uint32_t member_count, uint32_t partition_count, uint32_t replica_count)
{
    struct view view = {.version = 1,
                        .member_count = member_count,
                        .partition_count = partition_count,
                        .replica_count = replica_count};
    view.members = memory_new_array(member_count, sizeof *view.members);
    view.owners = memory_new_array((size_t)partition_count * replica_count, sizeof *view.owners);
    view.epochs = memory_new_array(partition_count, sizeof *view.epochs);
    for (uint32_t i = 0; i < member_count; i++) {
        snprintf(view.members[i].name, sizeof view.members[i].name, "node-%u", i);
        snprintf(view.members[i].host, sizeof view.members[i].host, "10.0.0.%u", i);
        view.members[i].port = (uint16_t)(7400 + i);
    }
    for (uint32_t i = 0; i < partition_count * replica_count; i++)
        view.owners[i] = (uint16_t)(i % (member_count + 1));
    for (uint32_t i = 0; i < partition_count * replica_count; i++)
        view.owners[i] = view.owners[i] == member_count ? VIEW_NO_MEMBER : view.owners[i];
    for (uint32_t i = 0; i < partition_count; i++)
        view.epochs[i] = 1 + i * UINT64_C(0x100000001);
    return view;
}

static enum error view_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct view view;
    enum error error = view_decode(body, &view);
    if (error == ERROR_NONE)
        view_deinit(&view);
    else
        cr_assert(view.members == NULL && view.owners == NULL && view.epochs == NULL);
    return error;
}

static void view_compare(const struct view *out, const struct view *in)
{
    cr_assert_eq(out->version, in->version);
    cr_assert_eq(out->replica_count, in->replica_count);
    cr_assert_eq(out->partition_count, in->partition_count);
    cr_assert_eq(out->member_count, in->member_count);
    for (uint32_t i = 0; i < in->member_count; i++) {
        cr_assert_str_eq(out->members[i].name, in->members[i].name);
        cr_assert_str_eq(out->members[i].host, in->members[i].host);
        cr_assert_eq(out->members[i].port, in->members[i].port);
    }
    for (uint32_t i = 0; i < in->partition_count; i++) {
        cr_assert_eq(out->epochs[i], in->epochs[i]);
        for (uint32_t j = 0; j < in->replica_count; j++)
            cr_assert_eq(view_owner(out, i, j), view_owner(in, i, j));
    }
}

Test(message_codec, a_view_comes_out_as_it_went_in)
{
    static const struct {
        uint32_t member_count, partition_count, replica_count;
    } rows[] = {{1, 1, 1}, {3, 8, 2}, {5, 20, 4}, {MEMBERS_MAX, PARTITIONS_MAX, REPLICAS_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct view in =
            view_new(rows[i].member_count, rows[i].partition_count, rows[i].replica_count);
        struct buffer buffer = {0};
        view_encode(&buffer, 1, &in);
        struct bytes body = frame_of(&buffer).body;
        struct view out;
        cr_assert_eq(view_decode(body, &out), ERROR_NONE);
        view_compare(&out, &in);
        if (in.member_count < 5) {
            mangle_all(view_mangle, body);
            mangle_types(view_mangle, NULL, body);
        }
        view_deinit(&out);
        view_deinit(&in);
        buffer_deinit(&buffer);
    }
}

static void assert_view_refused(struct view *view, const char *what)
{
    struct buffer buffer = {0};
    view_encode(&buffer, 1, view);
    struct view out;
    cr_assert_eq(view_decode(frame_of(&buffer).body, &out), ERROR_MALFORMED_FRAME, "%s", what);
    cr_assert_null(out.members);
    buffer_deinit(&buffer);
    view_deinit(view);
}

Test(message_codec, a_view_has_its_limits)
{
    struct view view = view_new(3, 8, 2);
    view.owners[5] = 3;
    assert_view_refused(&view, "an owner that is no member");
    view = view_new(MEMBERS_MAX + 1, 1, 1);
    assert_view_refused(&view, "too many members");
    view = view_new(1, PARTITIONS_MAX + 1, 1);
    assert_view_refused(&view, "too many partitions");
    view = view_new(1, 1, REPLICAS_MAX + 1);
    assert_view_refused(&view, "too many replicas");
    view = view_new(1, 0, 1);
    assert_view_refused(&view, "no partitions");
    view = view_new(0, 1, 1);
    assert_view_refused(&view, "no members");
    view = view_new(2, 1, 1);
    view.members[1].name[0] = '\0';
    assert_view_refused(&view, "a member without a name");
}

// ---- Replication ----

static enum error position_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct position position;
    return position_decode(body, &position);
}

Test(message_codec, positions_come_out_as_they_went_in)
{
    static const uint8_t kinds[] = {FRAME_ATTACH, FRAME_POSITION,   FRAME_ACK,
                                    FRAME_GAP,    FRAME_FILL_BEGIN, FRAME_FILL_END};
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct buffer buffer = {0};
        struct position in = {.epoch = 300 * i, .seq = UINT64_MAX - i};
        position_encode(&buffer, kinds[i], 1023, &in);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(frame.header.kind, kinds[i]);
        cr_assert_eq(frame.header.partition, 1023);
        struct position out;
        cr_assert_eq(position_decode(frame.body, &out), ERROR_NONE);
        cr_assert_eq(out.epoch, in.epoch);
        cr_assert_eq(out.seq, in.seq);
        mangle_all(position_mangle, frame.body);
        mangle_types(position_mangle, NULL, frame.body);
        buffer_deinit(&buffer);
    }
}

static const uint8_t key_data[] = {0xa3, 'k', 'e', 'y'};
static const uint8_t value_data[] = {0x81, 0xa1, 'a', 0x01};

#define KEY   bytes_of(key_data, sizeof key_data)
#define VALUE bytes_of(value_data, sizeof value_data)

static struct effect effect_of(enum cause cause)
{
    bool has_value = cause == CAUSE_PUT || cause == CAUSE_TOUCH;
    return (struct effect){.time_us = 1700000000000000 + (uint64_t)cause,
                           .cause = cause,
                           .map = bytes_of_text("quakes"),
                           .key = KEY,
                           .value = has_value ? VALUE : bytes_of(NULL, 0),
                           .expiry_ms = has_value ? EXPIRY_ORIGIN_MS : 0,
                           .max_idle_ms = has_value ? MAX_IDLE_MS_MAX : 0};
}

static enum error append_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct append append;
    enum error error = append_decode(body, &append);
    for (uint32_t i = 0; error == ERROR_NONE && i < append.count; i++) {
        struct effect effect;
        error = effect_decode(&append.effects, &effect);
    }
    return error == ERROR_NONE && append.effects.size > 0 ? ERROR_MALFORMED_FRAME : error;
}

Test(message_codec, effects_come_out_as_they_went_in)
{
    struct buffer buffer = {0};
    size_t mark = append_begin(&buffer, 12, 3, 1000, 990, CAUSE_TOUCH);
    for (enum cause cause = CAUSE_PUT; cause <= CAUSE_TOUCH; cause++) {
        struct effect effect = effect_of(cause);
        effect_encode(&buffer, &effect);
    }
    append_end(&buffer, mark);
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(frame.header.kind, FRAME_APPEND);
    cr_assert_eq(frame.header.partition, 12);
    struct append append;
    cr_assert_eq(append_decode(frame.body, &append), ERROR_NONE);
    cr_assert_eq(append.epoch, 3);
    cr_assert_eq(append.first_seq, 1000);
    cr_assert_eq(append.commit_seq, 990);
    cr_assert_eq(append.count, CAUSE_TOUCH);
    for (enum cause cause = CAUSE_PUT; cause <= CAUSE_TOUCH; cause++) {
        struct effect in = effect_of(cause);
        struct effect out;
        cr_assert_eq(effect_decode(&append.effects, &out), ERROR_NONE);
        cr_assert_eq(out.time_us, in.time_us);
        cr_assert_eq(out.cause, in.cause);
        cr_assert(bytes_equal(out.map, in.map));
        cr_assert(bytes_equal(out.key, in.key));
        cr_assert(bytes_equal(out.value, in.value));
        cr_assert_eq(out.expiry_ms, in.expiry_ms);
        cr_assert_eq(out.max_idle_ms, in.max_idle_ms);
    }
    cr_assert_eq(append.effects.size, 0);
    mangle_all(append_mangle, frame.body);
    mangle_types(append_mangle, NULL, frame.body);
    buffer_deinit(&buffer);
}

Test(message_codec, an_append_may_carry_the_commit_point_alone)
{
    struct buffer buffer = {0};
    append_end(&buffer, append_begin(&buffer, 12, 3, 1000, 999, 0));
    struct append append;
    cr_assert_eq(append_decode(frame_of(&buffer).body, &append), ERROR_NONE);
    cr_assert_eq(append.count, 0);
    cr_assert_eq(append.commit_seq, 999);
    mangle_lengths(append_mangle, NULL, frame_of(&buffer).body);
    buffer_clear(&buffer);
    append_end(&buffer, append_begin(&buffer, 12, 3, 0, 999, 0));
    cr_assert_eq(append_decode(frame_of(&buffer).body, &append), ERROR_MALFORMED_FRAME);
    buffer_deinit(&buffer);
}

Test(message_codec, each_field_of_an_effect_has_its_limits)
{
    static const uint8_t long_key[] = {0xcc, 0x01};
    static const uint8_t name[MAP_NAME_BYTES_MAX + 1];
    struct effect good = effect_of(CAUSE_PUT);
    struct {
        struct effect effect;
        enum error error;
    } rows[] = {
        {good, ERROR_NONE},
        {good, ERROR_MALFORMED_KEY},
        {good, ERROR_INVALID_ARGUMENT},
        {good, ERROR_INVALID_ARGUMENT},
        {good, ERROR_MALFORMED_FRAME},
        {good, ERROR_MALFORMED_FRAME},
        {good, ERROR_MALFORMED_FRAME},
        {good, ERROR_MALFORMED_FRAME},
        {good, ERROR_MALFORMED_FRAME},
        {good, ERROR_MALFORMED_FRAME},
        {good, ERROR_NONE},
    };
    rows[1].effect.key = bytes_of(long_key, sizeof long_key);
    rows[2].effect.map = bytes_of_text("");
    rows[3].effect.map = bytes_of(name, sizeof name);
    rows[4].effect.cause = (enum cause)0;
    rows[5].effect.cause = (enum cause)(CAUSE_TOUCH + 1);
    rows[6].effect.expiry_ms = 1;
    rows[7].effect.expiry_ms = EXPIRY_MS_MAX + 1;
    rows[8].effect.max_idle_ms = -1;
    rows[9].effect.max_idle_ms = MAX_IDLE_MS_MAX + 1;
    rows[10].effect.expiry_ms = EXPIRY_MS_MAX;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer buffer = {0};
        effect_encode(&buffer, &rows[i].effect);
        struct bytes effects = buffer_bytes(&buffer);
        struct effect out;
        cr_assert_eq(effect_decode(&effects, &out), rows[i].error, "row %zu", i);
        buffer_deinit(&buffer);
    }
}

static enum error fill_entry_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct fill_entry entry;
    return fill_entry_decode(body, &entry);
}

Test(message_codec, fill_entries_come_out_as_they_went_in)
{
    struct fill_entry in = {.epoch = 4,
                            .map = bytes_of_text("quakes"),
                            .key = KEY,
                            .value = VALUE,
                            .seq = 1234567,
                            .expiry_ms = EXPIRY_ORIGIN_MS + 5,
                            .max_idle_ms = 6};
    struct buffer buffer = {0};
    fill_entry_encode(&buffer, 55, &in);
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(frame.header.kind, FRAME_FILL_ENTRY);
    cr_assert_eq(frame.header.partition, 55);
    struct fill_entry out;
    cr_assert_eq(fill_entry_decode(frame.body, &out), ERROR_NONE);
    cr_assert_eq(out.epoch, 4);
    cr_assert(bytes_equal(out.map, in.map));
    cr_assert(bytes_equal(out.key, in.key));
    cr_assert(bytes_equal(out.value, in.value));
    cr_assert_eq(out.seq, in.seq);
    cr_assert_eq(out.expiry_ms, in.expiry_ms);
    cr_assert_eq(out.max_idle_ms, in.max_idle_ms);
    mangle_all(fill_entry_mangle, frame.body);
    buffer_deinit(&buffer);
}
