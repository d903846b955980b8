// SPDX-License-Identifier: Apache-2.0
// Input: the data of an entry of the consensus' log. A command that is decoded keeps its limits,
// and survives being encoded and decoded again.
#include "cluster/wire/command_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void change_check(const struct partition_change *change)
{
    CHECK(change->partition < PARTITIONS_MAX);
    CHECK(change->replica_count <= VIEW_REPLICAS_MAX);
    CHECK(change->in_sync_count <= change->replica_count);
    CHECK(change->handover < MEMBERS_MAX || change->handover == VIEW_NO_MEMBER);
    for (uint32_t i = 0; i < change->replica_count; i++)
        CHECK(change->replicas[i] != 0);
}

static void command_check(const struct command *command)
{
    CHECK((command->kind == COMMAND_CREATE) == (command->created != NULL));
    CHECK((command->kind == COMMAND_ADD_MEMBER) == (command->member.id != 0));
    bool names_one = command->kind == COMMAND_REMOVE_MEMBER || command->kind == COMMAND_SET_STATE;
    CHECK(names_one == (command->member_id != 0));
    CHECK(command->change_count == 0 || command->kind == COMMAND_PARTITIONS);
    CHECK(command->change_count <= COMMAND_CHANGES_MAX);
    for (uint32_t i = 0; i < command->change_count; i++)
        change_check(&command->changes[i]);
}

// Decodes a command and, where that succeeds, encodes what was decoded.
static bool command_turn(struct bytes data, struct buffer *out)
{
    struct command command;
    if (command_decode(data, &command) != ERROR_NONE) {
        CHECK(command.created == NULL && command.changes == NULL);
        return false;
    }
    command_check(&command);
    command_encode(out, &command);
    command_deinit(&command);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer first = {0};
    struct buffer second = {0};
    if (command_turn(bytes_of(data, size), &first)) {
        CHECK(command_turn(buffer_bytes(&first), &second));
        CHECK(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
    }
    buffer_deinit(&first);
    buffer_deinit(&second);
    return 0;
}
