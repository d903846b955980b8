// SPDX-License-Identifier: Apache-2.0
// Input: which message, and a body. What is decoded survives being encoded and decoded again.
#include "cluster/model/key.h"
#include "cluster/model/op.h"
#include "cluster/wire/message_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Decodes a body and, where that succeeds, encodes what was decoded.
typedef bool message_turn(struct bytes body, struct buffer *out);

static bool hello_turn(struct bytes body, struct buffer *out)
{
    struct hello hello;
    if (hello_decode(body, &hello) != ERROR_NONE)
        return false;
    CHECK(hello.version_min <= hello.version_max);
    CHECK(hello.role >= HELLO_CLIENT && hello.role <= HELLO_CONTROL);
    CHECK(hello.name.size <= NODE_NAME_BYTES_MAX && hello.grid.size <= NODE_NAME_BYTES_MAX);
    CHECK(hello.secret.size <= SECRET_BYTES_MAX);
    hello_encode(out, 1, &hello);
    return true;
}

static bool hello_reply_turn(struct bytes body, struct buffer *out)
{
    struct hello_reply reply;
    if (hello_reply_decode(body, &reply) != ERROR_NONE)
        return false;
    CHECK(reply.worker < reply.worker_count && reply.worker_count <= WORKERS_MAX);
    CHECK(reply.partition_count <= PARTITIONS_MAX);
    hello_reply_encode(out, 1, &reply);
    return true;
}

static bool position_turn(struct bytes body, struct buffer *out)
{
    struct position position;
    if (position_decode(body, &position) != ERROR_NONE)
        return false;
    CHECK(position.epochs.count <= EPOCH_RUNS_MAX);
    position_encode(out, FRAME_POSITION, 1, &position);
    return true;
}

static bool append_turn(struct bytes body, struct buffer *out)
{
    struct append append;
    if (append_decode(body, &append) != ERROR_NONE)
        return false;
    CHECK(append.made_epoch <= append.epoch);
    size_t mark = append_begin(out, 1, append.epoch, append.first_seq, append.commit_seq,
                               append.made_epoch, append.count);
    for (uint32_t i = 0; i < append.count; i++) {
        struct effect effect;
        if (effect_decode(&append.effects, &effect) != ERROR_NONE)
            return false;
        CHECK(key_check(effect.key) == ERROR_NONE);
        CHECK(effect.map.size >= 1 && effect.map.size <= MAP_NAME_BYTES_MAX);
        CHECK(effect.origin.floor <= effect.origin.number);
        effect_encode(out, &effect);
    }
    append_end(out, mark);
    return append.effects.size == 0;
}

static bool fill_entry_turn(struct bytes body, struct buffer *out)
{
    struct fill_entry entry;
    if (fill_entry_decode(body, &entry) != ERROR_NONE)
        return false;
    CHECK(key_check(entry.key) == ERROR_NONE);
    CHECK(entry.map.size >= 1 && entry.map.size <= MAP_NAME_BYTES_MAX);
    fill_entry_encode(out, 1, &entry);
    return true;
}

static bool fill_result_turn(struct bytes body, struct buffer *out)
{
    struct fill_result result;
    if (fill_result_decode(body, &result) != ERROR_NONE)
        return false;
    CHECK(result.origin.client != 0 && result.origin.number != 0 && result.seq >= 1);
    CHECK(op_is_write((enum op_kind)result.origin.kind));
    CHECK(result.has_value == (result.value.size > 0));
    fill_result_encode(out, 1, &result);
    return true;
}

static message_turn *const turns[] = {hello_turn,    hello_reply_turn, fill_result_turn,
                                      position_turn, append_turn,      fill_entry_turn};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || data[0] >= sizeof turns / sizeof turns[0])
        return 0;
    message_turn *turn = turns[data[0]];
    struct buffer first = {0};
    struct buffer second = {0};
    if (turn(bytes_of(data + 1, size - 1), &first)) {
        struct bytes body = buffer_bytes(&first);
        CHECK(turn(bytes_of(body.data + FRAME_HEADER_BYTES, body.size - FRAME_HEADER_BYTES),
                   &second));
        CHECK(bytes_equal(body, buffer_bytes(&second)));
    }
    buffer_deinit(&first);
    buffer_deinit(&second);
    return 0;
}
