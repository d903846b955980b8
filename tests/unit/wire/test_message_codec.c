// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/message_codec.h"

#include "cluster/base/memory.h"
#include "cluster/model/op.h"
#include "cluster/wire/writer.h"
#include "tests/support/mangle.h"

#include <criterion/criterion.h>

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
        cr_assert(bytes_equal(out->secret, in.secret));
        mangle_all(hello_mangle, body);
        mangle_types(hello_mangle, NULL, body);
    }
    buffer_deinit(&buffer);
    return error;
}

Test(message_codec, hello_comes_out_as_it_went_in)
{
    for (enum hello_role role = HELLO_CLIENT; role <= HELLO_CONTROL; role++) {
        struct hello in = hello_row;
        struct hello out;
        in.role = role;
        in.name = bytes_of_text("node-1");
        in.grid = bytes_of_text("quakes");
        in.grid_id = UINT64_MAX;
        in.secret = bytes_of_text("a secret");
        in.id = UINT64_MAX - 1;
        cr_assert_eq(hello_turn(in, &out), ERROR_NONE);
        cr_assert_eq(out.version_min, 1);
        cr_assert_eq(out.version_max, 3);
        cr_assert_eq(out.role, role);
        cr_assert_eq(out.worker, HELLO_ANY_WORKER);
        cr_assert_eq(out.grid_id, UINT64_MAX);
        cr_assert_eq(out.id, UINT64_MAX - 1);
    }
}

Test(message_codec, hello_has_its_limits)
{
    static const uint8_t text[SECRET_BYTES_MAX + 1] = {'n'};
    struct {
        struct hello hello;
        enum error error;
    } rows[] = {
        {hello_row, ERROR_NONE},
        {hello_row, ERROR_MALFORMED_FRAME},
        {hello_row, ERROR_MALFORMED_FRAME},
        {hello_row, ERROR_MALFORMED_FRAME},
        {hello_row, ERROR_MALFORMED_FRAME},
        {hello_row, ERROR_MALFORMED_FRAME},
        {hello_row, ERROR_MALFORMED_FRAME},
        {hello_row, ERROR_NONE},
    };
    rows[1].hello.version_min = 4;
    rows[2].hello.role = (enum hello_role)0;
    rows[3].hello.role = (enum hello_role)(HELLO_CONTROL + 1);
    rows[4].hello.name = bytes_of(text, NODE_NAME_BYTES_MAX + 1);
    rows[5].hello.grid = bytes_of(text, NODE_NAME_BYTES_MAX + 1);
    rows[6].hello.secret = bytes_of(text, SECRET_BYTES_MAX + 1);
    rows[7].hello.name = bytes_of(text, NODE_NAME_BYTES_MAX);
    rows[7].hello.grid = bytes_of(text, NODE_NAME_BYTES_MAX);
    rows[7].hello.secret = bytes_of(text, SECRET_BYTES_MAX);
    struct hello out;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(hello_turn(rows[i].hello, &out), rows[i].error, "row %zu", i);
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
                             .partition_count = PARTITIONS_MAX,
                             .view_version = UINT64_MAX};
    struct hello_reply out;
    cr_assert_eq(hello_reply_turn(in, &out), ERROR_NONE);
    cr_assert_eq(out.version, 1);
    cr_assert_eq(out.incarnation, UINT64_MAX);
    cr_assert_eq(out.worker, WORKERS_MAX - 1);
    cr_assert_eq(out.worker_count, WORKERS_MAX);
    cr_assert_eq(out.partition_count, PARTITIONS_MAX);
    cr_assert_eq(out.view_version, UINT64_MAX);
}

Test(message_codec, a_node_may_be_in_no_grid_yet)
{
    struct hello_reply in = {.version = 1, .worker_count = 1};
    struct hello_reply out;
    cr_assert_eq(hello_reply_turn(in, &out), ERROR_NONE);
    cr_assert_eq(out.partition_count, 0);
    cr_assert_eq(out.view_version, 0);
}

// A client divides by these and indexes with these.
Test(message_codec, the_answer_to_hello_has_its_limits)
{
    static const struct hello_reply rows[] = {
        {.worker = 0, .worker_count = 0, .partition_count = 1},
        {.worker = 2, .worker_count = 2, .partition_count = 1},
        {.worker = 0, .worker_count = WORKERS_MAX + 1, .partition_count = 1},
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

// ---- Replication ----

static enum error position_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct position position;
    return position_decode(body, &position);
}

static const struct epochs all_runs = {.count = EPOCH_RUNS_MAX,
                                       .runs = {{1, 1},
                                                {2, 1},
                                                {3, 2},
                                                {4, 3},
                                                {5, 4},
                                                {6, 5},
                                                {7, 6},
                                                {8, 7},
                                                {9, 8},
                                                {10, 8},
                                                {11, 8},
                                                {12, 9},
                                                {13, 200},
                                                {14, 300},
                                                {15, UINT32_MAX},
                                                {UINT64_MAX, UINT64_MAX}}};

Test(message_codec, positions_come_out_as_they_went_in)
{
    static const uint8_t kinds[] = {FRAME_ATTACH, FRAME_POSITION,   FRAME_ACK,     FRAME_GAP,
                                    FRAME_CUT,    FRAME_FILL_BEGIN, FRAME_FILL_END};
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct buffer buffer = {0};
        struct position in = {.epoch = 300 * i, .seq = UINT64_MAX - i, .epochs = all_runs};
        in.epochs.count = i < 2 ? (uint32_t)i : EPOCH_RUNS_MAX;
        position_encode(&buffer, kinds[i], 1023, &in);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(frame.header.kind, kinds[i]);
        cr_assert_eq(frame.header.partition, 1023);
        struct position out;
        cr_assert_eq(position_decode(frame.body, &out), ERROR_NONE);
        cr_assert_eq(out.epoch, in.epoch);
        cr_assert_eq(out.seq, in.seq);
        cr_assert_eq(out.epochs.count, in.epochs.count);
        for (uint32_t j = 0; j < in.epochs.count; j++) {
            cr_assert_eq(out.epochs.runs[j].epoch, in.epochs.runs[j].epoch);
            cr_assert_eq(out.epochs.runs[j].first_seq, in.epochs.runs[j].first_seq);
        }
        mangle_all(position_mangle, frame.body);
        mangle_types(position_mangle, NULL, frame.body);
        buffer_deinit(&buffer);
    }
}

static enum error runs_verdict(struct epochs epochs)
{
    struct buffer buffer = {0};
    struct position in = {.epoch = 9, .seq = 9, .epochs = epochs};
    struct position out;
    position_encode(&buffer, FRAME_POSITION, 1, &in);
    enum error error = position_decode(frame_of(&buffer).body, &out);
    buffer_deinit(&buffer);
    return error;
}

Test(message_codec, the_runs_of_a_log_are_in_order)
{
    static const struct {
        struct epochs epochs;
        enum error error;
    } rows[] = {
        {{.count = 2, .runs = {{1, 1}, {2, 1}}}, ERROR_NONE},
        {{.count = 1, .runs = {{0, 1}}}, ERROR_MALFORMED_FRAME},
        {{.count = 1, .runs = {{1, 0}}}, ERROR_MALFORMED_FRAME},
        {{.count = 2, .runs = {{2, 1}, {2, 5}}}, ERROR_MALFORMED_FRAME},
        {{.count = 2, .runs = {{2, 1}, {1, 5}}}, ERROR_MALFORMED_FRAME},
        {{.count = 2, .runs = {{1, 5}, {2, 4}}}, ERROR_MALFORMED_FRAME},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(runs_verdict(rows[i].epochs), rows[i].error, "row %zu", i);
}

// Where runs are counted by objects, and there are more than a log has, or half of one.
Test(message_codec, the_runs_of_a_log_are_whole_and_bounded)
{
    static const uint32_t counts[] = {2 * EPOCH_RUNS_MAX, 2 * EPOCH_RUNS_MAX + 2, 3};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct buffer body = {0};
        write_array(&body, 3);
        write_uint(&body, 9);
        write_uint(&body, 9);
        write_array(&body, counts[i]);
        for (uint32_t j = 0; j < counts[i]; j++)
            write_uint(&body, 1 + j);
        struct position out;
        cr_assert_eq(position_decode(buffer_bytes(&body), &out),
                     i == 0 ? ERROR_NONE : ERROR_MALFORMED_FRAME, "%u objects", counts[i]);
        buffer_deinit(&body);
    }
}

static const uint8_t key_data[] = {0xa3, 'k', 'e', 'y'};
static const uint8_t value_data[] = {0x81, 0xa1, 'a', 0x01};

#define KEY   bytes_of(key_data, sizeof key_data)
#define VALUE bytes_of(value_data, sizeof value_data)

#define ORIGIN                                                                                     \
    {                                                                                              \
        .client = UINT64_MAX, .number = UINT64_MAX - 1, .floor = 7, .kind = OP_PUT                 \
    }

static const struct origin origin_row = ORIGIN;

static struct effect effect_of(enum cause cause)
{
    bool has_value = cause == CAUSE_PUT || cause == CAUSE_TOUCH;
    return (struct effect){.time_us = 1700000000000000 + (uint64_t)cause,
                           .cause = cause,
                           .map = bytes_of_text("quakes"),
                           .key = KEY,
                           .value = has_value ? VALUE : bytes_of(NULL, 0),
                           .expiry_ms = has_value ? EXPIRY_ORIGIN_MS : 0,
                           .max_idle_ms = has_value ? MAX_IDLE_MS_MAX : 0,
                           .origin = has_value ? origin_row : (struct origin){0}};
}

static void origin_compare(struct origin out, struct origin in)
{
    cr_assert_eq(out.client, in.client);
    cr_assert_eq(out.number, in.number);
    cr_assert_eq(out.floor, in.floor);
    cr_assert_eq(out.kind, in.kind);
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
    size_t mark = append_begin(&buffer, 12, 3, 1000, 990, 2, CAUSE_TOUCH);
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
    cr_assert_eq(append.made_epoch, 2);
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
        origin_compare(out.origin, in.origin);
    }
    cr_assert_eq(append.effects.size, 0);
    mangle_all(append_mangle, frame.body);
    mangle_types(append_mangle, NULL, frame.body);
    buffer_deinit(&buffer);
}

static enum error empty_append_turn(uint64_t epoch, uint64_t first_seq, uint64_t made_epoch,
                                    struct append *append)
{
    struct buffer buffer = {0};
    append_end(&buffer, append_begin(&buffer, 12, epoch, first_seq, 999, made_epoch, 0));
    struct bytes body = frame_of(&buffer).body;
    enum error error = append_decode(body, append);
    if (error == ERROR_NONE)
        mangle_lengths(append_mangle, NULL, body);
    buffer_deinit(&buffer);
    return error;
}

Test(message_codec, an_append_may_carry_the_commit_point_alone)
{
    struct append append;
    cr_assert_eq(empty_append_turn(3, 1000, 3, &append), ERROR_NONE);
    cr_assert_eq(append.count, 0);
    cr_assert_eq(append.commit_seq, 999);
    cr_assert_eq(append.made_epoch, 3);
    cr_assert_eq(empty_append_turn(3, 1000, 0, &append), ERROR_NONE);
    cr_assert_eq(empty_append_turn(3, 1000, 4, &append), ERROR_MALFORMED_FRAME);
    cr_assert_eq(empty_append_turn(3, 0, 3, &append), ERROR_MALFORMED_FRAME);
}

Test(message_codec, effects_are_made_under_an_epoch)
{
    struct buffer buffer = {0};
    struct append append;
    struct effect effect = effect_of(CAUSE_PUT);
    for (uint64_t made_epoch = 0; made_epoch < 5; made_epoch++) {
        buffer_clear(&buffer);
        size_t mark = append_begin(&buffer, 12, 3, 1000, 990, made_epoch, 1);
        effect_encode(&buffer, &effect);
        append_end(&buffer, mark);
        bool is_made = made_epoch >= 1 && made_epoch <= 3;
        cr_assert_eq(append_decode(frame_of(&buffer).body, &append),
                     is_made ? ERROR_NONE : ERROR_MALFORMED_FRAME);
    }
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
    rows[11].effect.origin.kind = OP_COUNT;
    rows[12].effect.origin.kind = OP_NONE;
    rows[13].effect.origin.kind = OP_GET;
    rows[14].effect.origin.kind = OP_CLEAR;
    rows[15].effect.origin.floor = rows[15].effect.origin.number;
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

// ---- What is remembered of operations ----

static const struct fill_result result_row = {
    .epoch = 4, .origin = ORIGIN, .seq = 1234567, .found = true};

static enum error fill_result_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct fill_result result;
    return fill_result_decode(body, &result);
}

static enum error fill_result_turn(struct fill_result in, struct fill_result *out)
{
    struct buffer buffer = {0};
    fill_result_encode(&buffer, 55, &in);
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(frame.header.kind, FRAME_FILL_RESULT);
    cr_assert_eq(frame.header.partition, 55);
    enum error error = fill_result_decode(frame.body, out);
    if (error == ERROR_NONE) {
        cr_assert(bytes_equal(out->value, in.value));
        if (in.value.size < 100)
            mangle_all(fill_result_mangle, frame.body);
    }
    buffer_deinit(&buffer);
    return error;
}

// A value that is nil is not the same as none.
Test(message_codec, results_come_out_as_they_went_in)
{
    static const uint8_t nil[] = {0xc0};
    struct bytes values[] = {{0}, VALUE, bytes_of(nil, sizeof nil)};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct fill_result in = result_row;
        struct fill_result out;
        in.found = i != 1;
        in.value = values[i];
        in.has_value = i > 0;
        cr_assert_eq(fill_result_turn(in, &out), ERROR_NONE);
        cr_assert_eq(out.epoch, in.epoch);
        origin_compare(out.origin, in.origin);
        cr_assert_eq(out.seq, in.seq);
        cr_assert_eq(out.found, in.found);
        cr_assert_eq(out.has_value, in.has_value);
    }
}

Test(message_codec, each_field_of_a_result_has_its_limits)
{
    struct buffer large = {0};
    uint8_t *payload = memory_new(VALUE_BYTES_MAX);
    write_bin(&large, bytes_of(payload, VALUE_BYTES_MAX - 4));
    struct {
        struct fill_result result;
        enum error error;
    } rows[] = {
        {result_row, ERROR_NONE},
        {result_row, ERROR_MALFORMED_FRAME},
        {result_row, ERROR_MALFORMED_FRAME},
        {result_row, ERROR_MALFORMED_FRAME},
        {result_row, ERROR_TOO_LARGE},
    };
    rows[1].result.seq = 0;
    rows[2].result.origin.client = 0;
    rows[3].result.origin.kind = OP_SIZE;
    rows[4].result.has_value = true;
    rows[4].result.value = buffer_bytes(&large);
    struct fill_result out;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(fill_result_turn(rows[i].result, &out), rows[i].error, "row %zu", i);
    buffer_deinit(&large);
    free(payload);
}

// What an encoder of ours would never write.
Test(message_codec, origins_have_numbers_not_below_their_floor)
{
    static const struct {
        uint64_t number, above_floor;
        enum error error;
    } rows[] = {{5, 5, ERROR_NONE}, {5, 6, ERROR_MALFORMED_FRAME}, {0, 0, ERROR_MALFORMED_FRAME}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer body = {0};
        write_array(&body, 7);
        write_uint(&body, 1);
        write_uint(&body, 2);
        write_uint(&body, rows[i].number);
        write_uint(&body, rows[i].above_floor);
        write_uint(&body, OP_PUT);
        write_uint(&body, 3);
        write_bool(&body, false);
        struct fill_result out;
        cr_assert_eq(fill_result_decode(buffer_bytes(&body), &out), rows[i].error, "row %zu", i);
        buffer_deinit(&body);
    }
}
