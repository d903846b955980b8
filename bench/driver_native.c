// SPDX-License-Identifier: Apache-2.0
#include "bench/driver.h"

#include "bench/handshake.h"
#include "cluster/model/key.h"
#include "cluster/wire/op_codec.h"

static bool native_greet(int fd, uint16_t worker, char reason[static REASON_BYTES])
{
    struct hello_reply reply;
    return handshake_hello(fd, worker, &reply, reason);
}

static const enum op_kind op_kinds[] = {
    [REQUEST_GET] = OP_GET,
    [REQUEST_PUT] = OP_PUT,
    [REQUEST_MERGE] = OP_MERGE,
    [REQUEST_SCAN] = OP_SCAN,
};

static void native_request_encode(struct buffer *out, uint32_t slot, const struct request *request,
                                  uint32_t partition_count)
{
    uint16_t partition = key_partition(request->hash, partition_count);
    struct op op = {.kind = op_kinds[request->kind], .partition = partition, .map = request->map};
    if (request->kind == REQUEST_SCAN) {
        op.partition = PARTITION_ANY;
        op.position = (struct scan_position){.partition = partition, .hash = request->hash};
        op.limit = request->scan_rows;
    } else {
        op.key = bytes_of(request->key, KEY_ENCODED_BYTES);
        op.value = request->value;
    }
    op_encode(out, slot, &op);
}

static enum driver_verdict native_reply_parse(struct bytes input, const struct slot *slots,
                                              uint32_t slot_count, struct driver_reply *reply)
{
    struct frame frame;
    struct op_reply answer;
    enum error error;
    switch (frame_parse(input, FRAME_BODY_BYTES_MAX, &frame, &error)) {
    case FRAME_INCOMPLETE:
        return DRIVER_INCOMPLETE;
    case FRAME_INVALID:
        return DRIVER_INVALID;
    case FRAME_COMPLETE:
        break;
    }
    uint32_t slot = frame.header.request_id;
    if (slot >= slot_count ||
        reply_decode(op_kinds[slots[slot].kind], &frame, &answer) != ERROR_NONE)
        return DRIVER_INVALID;
    *reply = (struct driver_reply){
        .slot = slot, .wire_bytes = FRAME_HEADER_BYTES + frame.body.size, .text = answer.text};
    if (answer.error != ERROR_NONE)
        reply->status = REPLY_REFUSED;
    else if (slots[slot].kind == REQUEST_GET && !answer.found)
        reply->status = REPLY_MISSING;
    return DRIVER_REPLY;
}

const struct driver driver_native = {
    .name = "native",
    .greet = native_greet,
    .request_encode = native_request_encode,
    .reply_parse = native_reply_parse,
};
