// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/command_codec.h"

#include "cluster/wire/body.h"
#include "cluster/wire/member_codec.h"
#include "cluster/wire/view_codec.h"
#include "cluster/wire/writer.h"

// Objects of one change in the flat array of a PARTITIONS.
enum { CHANGE_ELEMENTS = 6 };

// ---- Changes of partitions ----

static void change_write(struct buffer *out, const struct partition_change *change)
{
    CHECK(change->replica_count <= VIEW_REPLICAS_MAX);
    write_uint(out, change->partition);
    write_uint(out, change->based_on);
    write_bool(out, change->moves_primary);
    write_uint(out, change->in_sync_count);
    write_uint(out, change->handover);
    write_array(out, change->replica_count);
    for (uint32_t i = 0; i < change->replica_count; i++)
        write_uint(out, change->replicas[i]);
}

static bool replicas_read(struct cursor *cursor, struct partition_change *change)
{
    uint32_t count;
    if (!cursor_read_array(cursor, &count) || count > VIEW_REPLICAS_MAX)
        return false;
    change->replica_count = (uint8_t)count;
    for (uint32_t i = 0; i < count; i++) {
        if (!id_read(cursor, &change->replicas[i]))
            return false;
    }
    return true;
}

static bool change_read(struct cursor *cursor, struct partition_change *change)
{
    uint64_t partition, in_sync_count, handover;
    if (!uint_read_to(cursor, PARTITIONS_MAX - 1, &partition) ||
        !cursor_read_uint(cursor, &change->based_on) ||
        !cursor_read_bool(cursor, &change->moves_primary) ||
        !uint_read_to(cursor, VIEW_REPLICAS_MAX, &in_sync_count) ||
        !uint_read_to(cursor, VIEW_NO_MEMBER, &handover) ||
        (handover >= MEMBERS_MAX && handover != VIEW_NO_MEMBER) || !replicas_read(cursor, change) ||
        in_sync_count > change->replica_count)
        return false;
    change->partition = (uint16_t)partition;
    change->in_sync_count = (uint8_t)in_sync_count;
    change->handover = (uint16_t)handover;
    return true;
}

static void changes_write(struct buffer *out, const struct command *command)
{
    CHECK(command->change_count <= COMMAND_CHANGES_MAX);
    write_array(out, command->change_count * CHANGE_ELEMENTS);
    for (uint32_t i = 0; i < command->change_count; i++)
        change_write(out, &command->changes[i]);
}

static bool changes_read(struct cursor *cursor, struct command *command)
{
    uint32_t objects;
    if (!cursor_read_array(cursor, &objects) || objects % CHANGE_ELEMENTS != 0 ||
        objects / CHANGE_ELEMENTS > COMMAND_CHANGES_MAX)
        return false;
    command->change_count = objects / CHANGE_ELEMENTS;
    command->changes = memory_new_array(command->change_count, sizeof *command->changes);
    for (uint32_t i = 0; i < command->change_count; i++) {
        if (!change_read(cursor, &command->changes[i]))
            return false;
    }
    return true;
}

// ---- The whole ----

void command_encode(struct buffer *out, const struct command *command)
{
    write_array(out, command->kind == COMMAND_SET_STATE ? 3 : 2);
    write_uint(out, (uint64_t)command->kind);
    switch (command->kind) {
    case COMMAND_CREATE:
        view_write(out, command->created);
        break;
    case COMMAND_ADD_MEMBER:
        member_write(out, &command->member);
        break;
    case COMMAND_REMOVE_MEMBER:
        write_uint(out, command->member_id);
        break;
    case COMMAND_SET_STATE:
        write_uint(out, command->member_id);
        write_uint(out, (uint64_t)command->state);
        break;
    case COMMAND_PARTITIONS:
        changes_write(out, command);
        break;
    }
}

static bool created_read(struct cursor *cursor, struct command *command)
{
    command->created = memory_new(sizeof *command->created);
    return view_read(cursor, command->created);
}

static bool state_read(struct cursor *cursor, struct command *command)
{
    uint64_t state;
    if (!id_read(cursor, &command->member_id) || !uint_read_to(cursor, MEMBER_LEAVING, &state))
        return false;
    command->state = (enum member_state)state;
    return true;
}

static bool arguments_read(struct cursor *cursor, uint32_t count, struct command *command)
{
    if (count != (command->kind == COMMAND_SET_STATE ? 3 : 2))
        return false;
    switch (command->kind) {
    case COMMAND_CREATE:
        return created_read(cursor, command);
    case COMMAND_ADD_MEMBER:
        return member_read(cursor, &command->member);
    case COMMAND_REMOVE_MEMBER:
        return id_read(cursor, &command->member_id);
    case COMMAND_SET_STATE:
        return state_read(cursor, command);
    case COMMAND_PARTITIONS:
        return changes_read(cursor, command);
    }
    return false;
}

enum error command_decode(struct bytes data, struct command *command)
{
    struct cursor cursor = cursor_of(data);
    uint32_t count;
    uint64_t kind;
    *command = (struct command){0};
    if (!cursor_read_array(&cursor, &count) || !uint_read_to(&cursor, COMMAND_PARTITIONS, &kind))
        return ERROR_MALFORMED_FRAME;
    command->kind = (enum command_kind)kind;
    enum error error = body_verdict(&cursor, arguments_read(&cursor, count, command));
    if (error != ERROR_NONE)
        command_deinit(command);
    return error;
}
