// SPDX-License-Identifier: Apache-2.0
// Input: a body. A message of the consensus that is decoded keeps the promises of its model, and
// survives being encoded and decoded again.
#include "cluster/base/memory.h"
#include "cluster/wire/raft_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void configuration_check(const struct raft_configuration *configuration)
{
    CHECK(configuration->count >= 1 && configuration->count <= RAFT_SERVERS_MAX);
    for (uint32_t i = 0; i < configuration->count; i++) {
        CHECK(configuration->servers[i].id != 0);
        for (uint32_t j = 0; j < i; j++)
            CHECK(configuration->servers[i].id != configuration->servers[j].id);
    }
}

static void message_check(const struct raft_message *message)
{
    CHECK(message->kind >= RAFT_PRE_VOTE && message->kind <= RAFT_TIMEOUT_NOW);
    CHECK(message->from != 0 && message->to != 0);
    CHECK(message->entry_count == 0 || message->kind == RAFT_APPEND);
    CHECK(message->entry_count <= RAFT_APPEND_ENTRIES_MAX);
    for (uint32_t i = 0; i < message->entry_count; i++) {
        const struct raft_entry *entry = &message->entries[i];
        CHECK(entry->index == message->log_index + 1 + i && entry->index >= 1);
        CHECK(entry->kind == RAFT_COMMAND || entry->data.size == 0);
        if (entry->kind == RAFT_CONFIGURATION)
            configuration_check(&entry->configuration);
    }
    CHECK((message->snapshot.index != 0) == (message->kind == RAFT_INSTALL));
    if (message->kind == RAFT_INSTALL)
        configuration_check(&message->snapshot.configuration);
}

// Decodes a body and, where that succeeds, encodes what was decoded.
static bool message_turn(struct bytes body, struct buffer *out)
{
    struct raft_message *message = memory_new(sizeof *message);
    bool decoded = raft_message_decode(body, message) == ERROR_NONE;
    if (decoded) {
        message_check(message);
        raft_message_encode(out, message);
    }
    free(message);
    return decoded;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer first = {0};
    struct buffer second = {0};
    if (message_turn(bytes_of(data, size), &first)) {
        struct bytes frame = buffer_bytes(&first);
        CHECK(message_turn(
            bytes_of(frame.data + FRAME_HEADER_BYTES, frame.size - FRAME_HEADER_BYTES), &second));
        CHECK(bytes_equal(frame, buffer_bytes(&second)));
    }
    buffer_deinit(&first);
    buffer_deinit(&second);
    return 0;
}
