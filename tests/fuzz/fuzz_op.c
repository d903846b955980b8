// SPDX-License-Identifier: Apache-2.0
// Input: the kind of a frame, the kind of the operation that an answer is for (its upper half: the
// frame's flags), and a body. What is decoded as an operation keeps the promises of op_decode, and
// survives being encoded again.
#include "cluster/model/key.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/op_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static_assert(OP_COUNT <= 16, "an operation takes half a byte");

static void op_check(const struct op *op)
{
    if (op->kind != OP_MAPS && op->kind != OP_STATS)
        CHECK(op->map.size >= 1 && op->map.size <= MAP_NAME_BYTES_MAX);
    if (op_has_key(op->kind)) {
        CHECK(key_check(op->key) == ERROR_NONE);
        CHECK(op->hash == key_hash(op->key));
    }
    if (op->value.size > 0)
        CHECK(value_check(op->value) == ERROR_NONE);
    CHECK(op->ttl_ms >= 0 && op->ttl_ms <= TTL_MS_MAX);
    CHECK(op->max_idle_ms >= 0 && op->max_idle_ms <= MAX_IDLE_MS_MAX);
    CHECK(op->client == 0 && op->floor <= op->number && op->age_ms <= RETRY_AGE_MS_MAX);
    CHECK(op->is_retry ? op->number != 0 : op->age_ms == 0);
    CHECK(op->position.partition < PARTITIONS_MAX);
    CHECK(op->kind != OP_SCAN || (op->limit >= 1 && op->limit <= SCAN_PAGE_ROWS_MAX));
}

static void op_turn(const struct op *op)
{
    struct buffer first = {0};
    struct buffer second = {0};
    struct frame frame;
    struct op again;
    enum error error;
    const char *what;
    op_encode(&first, 7, op);
    CHECK(frame_parse(buffer_bytes(&first), UINT32_MAX, &frame, &error) == FRAME_COMPLETE);
    CHECK(op_decode(&frame, &again, &what) == ERROR_NONE);
    op_encode(&second, 7, &again);
    CHECK(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
    buffer_deinit(&first);
    buffer_deinit(&second);
}

static void reply_run(enum op_kind kind, const struct frame *frame)
{
    struct op_reply reply;
    if (reply_decode(kind, frame, &reply) != ERROR_NONE)
        return;
    CHECK(reply.error <= ERROR_COUNT);
    CHECK((frame->header.kind == FRAME_REPLY) == (reply.error == ERROR_NONE));
    CHECK(reply.value.data == NULL || reply.value.size > 0);
    struct scan_row row;
    uint64_t row_count = 0;
    while (scan_row_next(&reply.rows, &row))
        row_count++;
    CHECK(kind != OP_SCAN || reply.error != ERROR_NONE || row_count == reply.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct frame frame = {
        .header.kind = data[0], .header.flags = data[1] >> 4, .body = bytes_of(data + 2, size - 2)};
    unsigned asked = data[1] & 0x0f;
    struct op op;
    const char *what = NULL;
    if (op_decode(&frame, &op, &what) == ERROR_NONE) {
        CHECK(what == NULL);
        op_check(&op);
        op_turn(&op);
    } else {
        CHECK(what != NULL);
    }
    if (asked > OP_NONE && asked < OP_COUNT)
        reply_run((enum op_kind)asked, &frame);
    return 0;
}
