// SPDX-License-Identifier: Apache-2.0
#include "bench/driver.h"
#include "bench/resp_reply.h"

#include <stdio.h>

static void text_append(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void key_append(struct buffer *out, const struct request *request)
{
    text_append(out, "$16\r\n");
    buffer_append(out, request->key + 1, KEY_TEXT_BYTES);
    text_append(out, "\r\n");
}

// RESP has no maps and no partitions.
static void resp_request_encode(struct buffer *out, uint32_t slot, const struct request *request,
                                uint32_t partition_count)
{
    (void)slot;
    (void)partition_count;
    if (request->kind == REQUEST_GET) {
        text_append(out, "*2\r\n$3\r\nGET\r\n");
        key_append(out, request);
        return;
    }
    CHECK(request->kind == REQUEST_PUT);
    text_append(out, "*3\r\n$3\r\nSET\r\n");
    key_append(out, request);
    char head[32];
    int head_bytes = snprintf(head, sizeof head, "$%zu\r\n", request->value.size);
    buffer_append(out, head, (size_t)head_bytes);
    buffer_append(out, request->value.data, request->value.size);
    text_append(out, "\r\n");
}

static enum driver_verdict resp_reply_end(struct bytes input, const struct slot *slots,
                                          uint32_t slot_count, struct driver_reply *reply)
{
    (void)slots;
    (void)slot_count;
    struct resp_reply answer;
    switch (resp_reply_parse(input, &answer)) {
    case RESP_INCOMPLETE:
        return DRIVER_INCOMPLETE;
    case RESP_INVALID:
        return DRIVER_INVALID;
    case RESP_COMPLETE:
        break;
    }
    *reply = (struct driver_reply){
        .slot = SLOT_OLDEST, .wire_bytes = answer.wire_bytes, .text = answer.text};
    if (answer.type == RESP_ERROR)
        reply->status = REPLY_REFUSED;
    else if (answer.type == RESP_NIL)
        reply->status = REPLY_MISSING;
    else if (answer.type == RESP_ARRAY)
        return DRIVER_INVALID; // neither GET nor SET answers with one
    return DRIVER_REPLY;
}

const struct driver driver_resp = {
    .name = "resp",
    .request_encode = resp_request_encode,
    .reply_parse = resp_reply_end,
};
