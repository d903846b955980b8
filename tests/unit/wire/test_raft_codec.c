// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/raft_codec.h"

#include "cluster/base/memory.h"
#include "cluster/wire/writer.h"
#include "tests/support/mangle.h"

#include <criterion/criterion.h>
#include <signal.h>

static struct bytes body_of(const struct buffer *buffer)
{
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(buffer), FRAME_BODY_BYTES_MAX, &frame, &error),
                 FRAME_COMPLETE);
    cr_assert_eq(frame.header.kind, FRAME_RAFT);
    cr_assert_eq(frame.header.partition, PARTITION_ANY);
    return frame.body;
}

// As large as it is, it does not belong on the stack.
static struct raft_message *message_new(enum raft_message_kind kind)
{
    struct raft_message *message = memory_new(sizeof *message);
    message->kind = kind;
    message->from = UINT64_MAX;
    message->to = UINT64_MAX - 1;
    message->term = 300;
    message->log_index = 70000;
    message->log_term = 299;
    message->index = 69999;
    message->round = UINT64_MAX - 2;
    return message;
}

static struct raft_configuration configuration_of(uint32_t count)
{
    struct raft_configuration configuration = {.count = count};
    for (uint32_t i = 0; i < count; i++)
        configuration.servers[i] =
            (struct raft_server){.id = UINT64_MAX - i, .is_voter = i % 3 != 2};
    return configuration;
}

static enum error message_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct raft_message *message = memory_new(sizeof *message);
    enum error error = raft_message_decode(body, message);
    free(message);
    return error;
}

static void configuration_compare(const struct raft_configuration *out,
                                  const struct raft_configuration *in)
{
    cr_assert_eq(out->count, in->count);
    for (uint32_t i = 0; i < in->count; i++) {
        cr_assert_eq(out->servers[i].id, in->servers[i].id);
        cr_assert_eq(out->servers[i].is_voter, in->servers[i].is_voter);
    }
}

static void snapshot_compare(const struct raft_snapshot *out, const struct raft_snapshot *in)
{
    cr_assert_eq(out->index, in->index);
    cr_assert_eq(out->term, in->term);
    configuration_compare(&out->configuration, &in->configuration);
    cr_assert_eq(out->configuration_index, in->configuration_index);
    cr_assert(bytes_equal(out->data, in->data));
}

static void message_compare(const struct raft_message *out, const struct raft_message *in)
{
    cr_assert_eq(out->kind, in->kind);
    cr_assert_eq(out->from, in->from);
    cr_assert_eq(out->to, in->to);
    cr_assert_eq(out->term, in->term);
    cr_assert_eq(out->log_index, in->log_index);
    cr_assert_eq(out->log_term, in->log_term);
    cr_assert_eq(out->is_transfer, in->is_transfer);
    cr_assert_eq(out->granted, in->granted);
    cr_assert_eq(out->index, in->index);
    cr_assert_eq(out->round, in->round);
    cr_assert_eq(out->entry_count, in->entry_count);
    for (uint32_t i = 0; i < in->entry_count; i++) {
        cr_assert_eq(out->entries[i].index, in->entries[i].index);
        cr_assert_eq(out->entries[i].term, in->entries[i].term);
        cr_assert_eq(out->entries[i].kind, in->entries[i].kind);
        cr_assert(bytes_equal(out->entries[i].data, in->entries[i].data));
        configuration_compare(&out->entries[i].configuration, &in->entries[i].configuration);
    }
    snapshot_compare(&out->snapshot, &in->snapshot);
}

// Encodes `in`, and where it decodes compares and damages it. Frees it.
static enum error message_turn(struct raft_message *in)
{
    struct buffer buffer = {0};
    raft_message_encode(&buffer, in);
    struct bytes body = body_of(&buffer);
    struct raft_message *out = memory_new(sizeof *out);
    memset(out, 0xff, sizeof *out); // what was there before must not stay
    enum error error = raft_message_decode(body, out);
    if (error == ERROR_NONE) {
        message_compare(out, in);
        mangle_lengths(message_mangle, NULL, body);
        mangle_types(message_mangle, NULL, body);
        if (body.size < 200)
            mangle_bytes(message_mangle, NULL, body);
    }
    free(out);
    free(in);
    buffer_deinit(&buffer);
    return error;
}

Test(raft_codec, every_kind_comes_out_as_it_went_in)
{
    for (enum raft_message_kind kind = RAFT_PRE_VOTE; kind <= RAFT_TIMEOUT_NOW; kind++) {
        struct raft_message *in = message_new(kind);
        in->is_transfer = kind % 2;
        in->granted = !in->is_transfer;
        if (kind == RAFT_INSTALL)
            in->snapshot =
                (struct raft_snapshot){.index = 69999,
                                       .term = 298,
                                       .configuration = configuration_of(RAFT_SERVERS_MAX),
                                       .configuration_index = 69999,
                                       .data = bytes_of_text("the state machine")};
        cr_assert_eq(message_turn(in), ERROR_NONE, "kind %d", kind);
    }
}

static void entry_set(struct raft_message *message, uint32_t i, enum raft_entry_kind kind)
{
    message->entries[i] =
        (struct raft_entry){.index = message->log_index + 1 + i, .term = 200 + i / 2, .kind = kind};
    if (kind == RAFT_COMMAND)
        message->entries[i].data = bytes_of_text(i % 2 ? "a command" : "");
    if (kind == RAFT_CONFIGURATION)
        message->entries[i].configuration = configuration_of(1 + i % RAFT_SERVERS_MAX);
    message->entry_count = i + 1;
}

Test(raft_codec, entries_come_out_as_they_went_in)
{
    static const uint32_t counts[] = {0, 1, 2, 3, 4, RAFT_APPEND_ENTRIES_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct raft_message *in = message_new(RAFT_APPEND);
        in->log_index = i % 2 ? 0 : UINT64_MAX - RAFT_APPEND_ENTRIES_MAX;
        for (uint32_t j = 0; j < counts[i]; j++)
            entry_set(in, j, (enum raft_entry_kind)(RAFT_NOOP + j % 3));
        cr_assert_eq(message_turn(in), ERROR_NONE, "%u entries", counts[i]);
    }
}

Test(raft_codec, entries_travel_in_an_append_only)
{
    struct raft_message *in = message_new(RAFT_APPEND);
    entry_set(in, 0, RAFT_NOOP);
    struct buffer buffer = {0};
    raft_message_encode(&buffer, in);
    struct bytes body = body_of(&buffer);
    uint8_t copy[256];
    cr_assert_leq(body.size, sizeof copy);
    memcpy(copy, body.data, body.size);
    cr_assert_eq(copy[1], RAFT_APPEND);
    cr_assert_eq(message_mangle(NULL, bytes_of(copy, body.size)), ERROR_NONE);
    copy[1] = RAFT_VOTE;
    cr_assert_eq(message_mangle(NULL, bytes_of(copy, body.size)), ERROR_MALFORMED_FRAME);
    free(in);
    buffer_deinit(&buffer);
}

// The index of an entry is its place; another one cannot be told.
Test(raft_codec, entries_follow_each_other, .signal = SIGABRT)
{
    struct raft_message *in = message_new(RAFT_APPEND);
    struct buffer buffer = {0};
    entry_set(in, 0, RAFT_NOOP);
    in->entries[0].index++;
    raft_message_encode(&buffer, in);
}

Test(raft_codec, each_field_has_its_limits)
{
    enum { NO_KIND, KIND, FROM, TO, INDEX, FIELDS };
    for (int field = 0; field < FIELDS; field++) {
        struct raft_message *in = message_new(RAFT_VOTE);
        if (field == NO_KIND)
            in->kind = (enum raft_message_kind)0;
        else if (field == KIND)
            in->kind = (enum raft_message_kind)(RAFT_TIMEOUT_NOW + 1);
        else if (field == FROM)
            in->from = 0;
        else if (field == TO)
            in->to = 0;
        else
            in->log_index = UINT64_MAX;
        cr_assert_eq(message_turn(in), ERROR_MALFORMED_FRAME, "field %d", field);
    }
}

// ---- What an encoder of ours would never write ----

// An APPEND whose entries are these bytes.
static enum error entries_verdict(uint32_t objects, const struct buffer *entries)
{
    struct buffer body = {0};
    write_array(&body, 12);
    write_uint(&body, RAFT_APPEND);
    for (uint64_t number = 1; number <= 5; number++)
        write_uint(&body, number);
    write_bool(&body, false);
    write_bool(&body, false);
    write_uint(&body, 1);
    write_uint(&body, 1);
    write_array(&body, objects);
    write_object(&body, buffer_bytes(entries));
    write_nil(&body);
    enum error error = message_mangle(NULL, buffer_bytes(&body));
    buffer_deinit(&body);
    return error;
}

Test(raft_codec, an_entry_is_of_a_known_kind_and_holds_what_its_kind_does)
{
    static const struct {
        uint64_t kind;
        uint8_t data[3];
        enum error error;
    } rows[] = {{RAFT_NOOP, {0xc0}, ERROR_NONE},
                {RAFT_COMMAND, {0xc4, 0}, ERROR_NONE},
                {RAFT_CONFIGURATION, {0x92, 1, 0xc2}, ERROR_NONE},
                {0, {0xc0}, ERROR_MALFORMED_FRAME},
                {RAFT_CONFIGURATION + 1, {0xc0}, ERROR_MALFORMED_FRAME},
                {RAFT_NOOP, {0xc4, 0}, ERROR_MALFORMED_FRAME},
                {RAFT_COMMAND, {0xc0}, ERROR_MALFORMED_FRAME},
                {RAFT_CONFIGURATION, {0xc0}, ERROR_MALFORMED_FRAME},
                {RAFT_CONFIGURATION, {0x90}, ERROR_MALFORMED_FRAME},
                {RAFT_CONFIGURATION, {0x91, 1}, ERROR_MALFORMED_FRAME},
                {RAFT_CONFIGURATION, {0x92, 0, 0xc2}, ERROR_MALFORMED_FRAME}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cursor cursor = cursor_of(bytes_of(rows[i].data, sizeof rows[i].data));
        struct bytes data;
        cr_assert(cursor_read_object(&cursor, &data));
        struct buffer entries = {0};
        write_uint(&entries, 1);
        write_uint(&entries, rows[i].kind);
        write_object(&entries, data);
        cr_assert_eq(entries_verdict(3, &entries), rows[i].error, "row %zu", i);
        buffer_deinit(&entries);
    }
}

Test(raft_codec, entries_are_whole_and_bounded)
{
    struct buffer entries = {0};
    for (uint32_t i = 0; i <= RAFT_APPEND_ENTRIES_MAX; i++) {
        write_uint(&entries, 1);
        write_uint(&entries, RAFT_NOOP);
        write_nil(&entries);
    }
    cr_assert_eq(entries_verdict(3 * (RAFT_APPEND_ENTRIES_MAX + 1), &entries),
                 ERROR_MALFORMED_FRAME);
    buffer_clear(&entries);
    write_uint(&entries, 1);
    write_uint(&entries, RAFT_NOOP);
    cr_assert_eq(entries_verdict(2, &entries), ERROR_MALFORMED_FRAME);
    buffer_deinit(&entries);
}

static enum error servers_verdict(const uint64_t *ids, uint32_t count)
{
    struct buffer entries = {0};
    write_uint(&entries, 1);
    write_uint(&entries, RAFT_CONFIGURATION);
    write_array(&entries, 2 * count);
    for (uint32_t i = 0; i < count; i++) {
        write_uint(&entries, ids[i]);
        write_bool(&entries, true);
    }
    enum error error = entries_verdict(3, &entries);
    buffer_deinit(&entries);
    return error;
}

Test(raft_codec, servers_are_bounded_and_named_once)
{
    static const uint64_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    static const uint64_t twice[] = {1, 2, 1};
    cr_assert_eq(servers_verdict(ids, RAFT_SERVERS_MAX), ERROR_NONE);
    cr_assert_eq(servers_verdict(ids, RAFT_SERVERS_MAX + 1), ERROR_MALFORMED_FRAME);
    cr_assert_eq(servers_verdict(twice, 2), ERROR_NONE);
    cr_assert_eq(servers_verdict(twice, 3), ERROR_MALFORMED_FRAME);
}

// ---- Snapshots ----

static enum error snapshot_mangle(const void *context, struct bytes bytes)
{
    (void)context;
    struct cursor cursor = cursor_of(bytes);
    struct raft_snapshot snapshot;
    return raft_snapshot_read(&cursor, &snapshot) && cursor_left(&cursor) == 0
               ? ERROR_NONE
               : ERROR_MALFORMED_FRAME;
}

Test(raft_codec, a_snapshot_stands_alone_too)
{
    for (uint32_t i = 1; i <= RAFT_SERVERS_MAX; i += 4) {
        struct raft_snapshot in = {.index = i == 1 ? 1 : UINT64_MAX,
                                   .term = UINT64_MAX,
                                   .configuration = configuration_of(i),
                                   .configuration_index = i == 1 ? 0 : UINT64_MAX,
                                   .data = bytes_of_text(i == 1 ? "" : "a view")};
        struct buffer buffer = {0};
        raft_snapshot_write(&buffer, &in);
        struct cursor cursor = cursor_of(buffer_bytes(&buffer));
        struct raft_snapshot out;
        cr_assert(raft_snapshot_read(&cursor, &out));
        cr_assert_eq(cursor_left(&cursor), 0);
        snapshot_compare(&out, &in);
        mangle_lengths(snapshot_mangle, NULL, buffer_bytes(&buffer));
        mangle_bytes(snapshot_mangle, NULL, buffer_bytes(&buffer));
        mangle_types(snapshot_mangle, NULL, buffer_bytes(&buffer));
        buffer_deinit(&buffer);
    }
}

Test(raft_codec, a_snapshot_stands_for_something)
{
    static const struct {
        uint64_t index, configuration_index;
        enum error error;
    } rows[] = {{5, 5, ERROR_NONE}, {0, 0, ERROR_MALFORMED_FRAME}, {5, 6, ERROR_MALFORMED_FRAME}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer buffer = {0};
        write_array(&buffer, 5);
        write_uint(&buffer, rows[i].index);
        write_uint(&buffer, 1);
        write_array(&buffer, 2);
        write_uint(&buffer, 1);
        write_bool(&buffer, true);
        write_uint(&buffer, rows[i].configuration_index);
        write_bin(&buffer, bytes_of_text("state"));
        cr_assert_eq(snapshot_mangle(NULL, buffer_bytes(&buffer)), rows[i].error, "row %zu", i);
        buffer_deinit(&buffer);
    }
}
