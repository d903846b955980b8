// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/raft_codec.h"

#include "cluster/wire/body.h"
#include "cluster/wire/writer.h"

// Objects of one entry in the flat array of a message.
enum { MESSAGE_ELEMENTS = 12, ENTRY_ELEMENTS = 3, SNAPSHOT_ELEMENTS = 5 };

// ---- Configuration ----

static void configuration_write(struct buffer *out, const struct raft_configuration *configuration)
{
    CHECK(configuration->count >= 1 && configuration->count <= RAFT_SERVERS_MAX);
    write_array(out, 2 * configuration->count);
    for (uint32_t i = 0; i < configuration->count; i++) {
        write_uint(out, configuration->servers[i].id);
        write_bool(out, configuration->servers[i].is_voter);
    }
}

// A server that is there twice would be counted twice.
static bool configuration_has(const struct raft_configuration *configuration, uint32_t count,
                              uint64_t id)
{
    for (uint32_t i = 0; i < count; i++) {
        if (configuration->servers[i].id == id)
            return true;
    }
    return false;
}

static bool configuration_read(struct cursor *cursor, struct raft_configuration *configuration)
{
    uint32_t objects;
    if (!cursor_read_array(cursor, &objects) || objects % 2 != 0 || objects < 2 ||
        objects / 2 > RAFT_SERVERS_MAX)
        return false;
    *configuration = (struct raft_configuration){.count = objects / 2};
    for (uint32_t i = 0; i < configuration->count; i++) {
        struct raft_server *server = &configuration->servers[i];
        if (!id_read(cursor, &server->id) || configuration_has(configuration, i, server->id) ||
            !cursor_read_bool(cursor, &server->is_voter))
            return false;
    }
    return true;
}

// ---- Snapshot ----

void raft_snapshot_write(struct buffer *out, const struct raft_snapshot *snapshot)
{
    CHECK(snapshot->index >= 1);
    write_array(out, SNAPSHOT_ELEMENTS);
    write_uint(out, snapshot->index);
    write_uint(out, snapshot->term);
    configuration_write(out, &snapshot->configuration);
    write_uint(out, snapshot->configuration_index);
    write_bin(out, snapshot->data);
}

bool raft_snapshot_read(struct cursor *cursor, struct raft_snapshot *snapshot)
{
    return array_read_exact(cursor, SNAPSHOT_ELEMENTS) &&
           cursor_read_uint(cursor, &snapshot->index) && snapshot->index >= 1 &&
           cursor_read_uint(cursor, &snapshot->term) &&
           configuration_read(cursor, &snapshot->configuration) &&
           uint_read_to(cursor, snapshot->index, &snapshot->configuration_index) &&
           cursor_read_bin(cursor, &snapshot->data);
}

// ---- Entries ----

static void entry_write(struct buffer *out, const struct raft_entry *entry)
{
    write_uint(out, entry->term);
    write_uint(out, (uint64_t)entry->kind);
    switch (entry->kind) {
    case RAFT_NOOP:
        write_nil(out);
        break;
    case RAFT_COMMAND:
        write_bin(out, entry->data);
        break;
    case RAFT_CONFIGURATION:
        configuration_write(out, &entry->configuration);
        break;
    }
}

static bool entry_read(struct cursor *cursor, struct raft_entry *entry)
{
    uint64_t kind;
    if (!cursor_read_uint(cursor, &entry->term) || !cursor_read_uint(cursor, &kind))
        return false;
    entry->kind = (enum raft_entry_kind)kind;
    switch (kind) {
    case RAFT_NOOP:
        return cursor_read_nil(cursor);
    case RAFT_COMMAND:
        return cursor_read_bin(cursor, &entry->data);
    case RAFT_CONFIGURATION:
        return configuration_read(cursor, &entry->configuration);
    default:
        return false;
    }
}

static void entries_write(struct buffer *out, const struct raft_message *message)
{
    uint32_t count = message->kind == RAFT_APPEND ? message->entry_count : 0;
    CHECK(count <= RAFT_APPEND_ENTRIES_MAX);
    write_array(out, count * ENTRY_ELEMENTS);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(message->entries[i].index == message->log_index + 1 + i);
        entry_write(out, &message->entries[i]);
    }
}

static bool entries_read(struct cursor *cursor, struct raft_message *message)
{
    uint32_t objects;
    if (!cursor_read_array(cursor, &objects) || objects % ENTRY_ELEMENTS != 0 ||
        objects / ENTRY_ELEMENTS > RAFT_APPEND_ENTRIES_MAX ||
        (objects > 0 && message->kind != RAFT_APPEND) ||
        message->log_index > UINT64_MAX - RAFT_APPEND_ENTRIES_MAX)
        return false;
    message->entry_count = objects / ENTRY_ELEMENTS;
    for (uint32_t i = 0; i < message->entry_count; i++) {
        message->entries[i].index = message->log_index + 1 + i;
        if (!entry_read(cursor, &message->entries[i]))
            return false;
    }
    return true;
}

// ---- Messages ----

void raft_message_encode(struct buffer *out, const struct raft_message *message)
{
    struct frame_header header = {.kind = FRAME_RAFT, .partition = PARTITION_ANY};
    size_t mark = frame_begin(out, &header);
    write_array(out, MESSAGE_ELEMENTS);
    write_uint(out, (uint64_t)message->kind);
    write_uint(out, message->from);
    write_uint(out, message->to);
    write_uint(out, message->term);
    write_uint(out, message->log_index);
    write_uint(out, message->log_term);
    write_bool(out, message->is_transfer);
    write_bool(out, message->granted);
    write_uint(out, message->index);
    write_uint(out, message->round);
    entries_write(out, message);
    if (message->kind == RAFT_INSTALL)
        raft_snapshot_write(out, &message->snapshot);
    else
        write_nil(out);
    frame_end(out, mark);
}

static bool message_head_read(struct cursor *cursor, struct raft_message *message)
{
    uint64_t kind;
    if (!uint_read_to(cursor, RAFT_TIMEOUT_NOW, &kind) || kind < RAFT_PRE_VOTE ||
        !id_read(cursor, &message->from) || !id_read(cursor, &message->to))
        return false;
    message->kind = (enum raft_message_kind)kind;
    return cursor_read_uint(cursor, &message->term) &&
           cursor_read_uint(cursor, &message->log_index) &&
           cursor_read_uint(cursor, &message->log_term) &&
           cursor_read_bool(cursor, &message->is_transfer) &&
           cursor_read_bool(cursor, &message->granted) &&
           cursor_read_uint(cursor, &message->index) && cursor_read_uint(cursor, &message->round);
}

enum error raft_message_decode(struct bytes body, struct raft_message *message)
{
    struct cursor cursor = cursor_of(body);
    *message = (struct raft_message){0};
    bool decoded = array_read_exact(&cursor, MESSAGE_ELEMENTS) &&
                   message_head_read(&cursor, message) && entries_read(&cursor, message) &&
                   (message->kind == RAFT_INSTALL ? raft_snapshot_read(&cursor, &message->snapshot)
                                                  : cursor_read_nil(&cursor));
    return body_verdict(&cursor, decoded);
}
