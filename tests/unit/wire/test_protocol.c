// SPDX-License-Identifier: Apache-2.0
// The examples of docs/protocol.md are what the codecs read.
#include "cluster/base/memory.h"
#include "cluster/model/key.h"
#include "cluster/wire/cluster_codec.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/meeting_codec.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/raft_codec.h"
#include "cluster/wire/view_codec.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    EXAMPLE_BYTES_MAX = 4096,
    PARTITION_COUNT = 1024, // of the grid in the examples
};

struct example {
    uint8_t bytes[EXAMPLE_BYTES_MAX];
    size_t size;
};

// Reads the next ```hex block; false: there is none.
static bool example_read(FILE *file, struct example *example)
{
    char line[512];
    while (fgets(line, sizeof line, file) && strcmp(line, "```hex\n") != 0)
        ;
    example->size = 0;
    unsigned byte;
    while (fscanf(file, "%2x", &byte) == 1) {
        cr_assert_lt(example->size, EXAMPLE_BYTES_MAX);
        example->bytes[example->size++] = (uint8_t)byte;
    }
    return example->size > 0;
}

static enum error answer_decode(uint8_t request_kind, const struct frame *frame)
{
    struct hello_reply hello;
    struct view view = {0};
    struct bytes marks;
    uint32_t count;
    struct op_reply reply;
    enum error error;
    switch (request_kind) {
    case FRAME_HELLO:
        return hello_reply_decode(frame->body, &hello);
    case FRAME_VIEW:
        error = view_decode(frame->body, &view);
        view_deinit(&view);
        return error;
    case FRAME_SUBSCRIBE:
        return subscribed_decode(frame->body, &count);
    case FRAME_FOLLOW:
        return marks_decode(frame->body, &marks);
    default:
        return reply_decode((enum op_kind)(request_kind - FRAME_OPERATION), frame, &reply);
    }
}

static enum error operation_decode(const struct frame *frame)
{
    struct op op;
    const char *what;
    enum error error = op_decode(frame, &op, &what);
    if (error == ERROR_NONE && op_has_key(op.kind))
        cr_expect_eq(op.partition, key_partition(op.hash, PARTITION_COUNT));
    return error;
}

static enum error append_check(const struct frame *frame)
{
    struct append append;
    struct effect effect;
    enum error error = append_decode(frame->body, &append);
    for (uint32_t i = 0; error == ERROR_NONE && i < append.count; i++)
        error = effect_decode(&append.effects, &effect);
    return error;
}

static enum error control_decode(const struct frame *frame)
{
    struct meeting meeting;
    enum error error;
    if (frame->header.kind == FRAME_MEETING) {
        error = meeting_decode(frame->body, &meeting);
        meeting_deinit(&meeting);
        return error;
    }
    struct raft_message *message = memory_new(sizeof *message);
    error = raft_message_decode(frame->body, message);
    free(message);
    return error;
}

static enum error standing_decode(const struct frame *frame)
{
    struct subscribe subscribe;
    struct follow follow;
    struct bytes query;
    uint32_t subscription, skip, limit;
    switch (frame->header.kind) {
    case FRAME_SUBSCRIBE:
        return subscribe_decode(frame->body, &subscribe);
    case FRAME_UNSUBSCRIBE:
        return unsubscribe_decode(frame->body, &subscription);
    case FRAME_FOLLOW:
        return follow_decode(frame->body, &follow);
    case FRAME_EXPLAIN:
        return explain_decode(frame->body, &query);
    default:
        return subscriptions_decode(frame->body, &skip, &limit);
    }
}

static enum error request_decode(const struct frame *frame)
{
    struct hello hello;
    struct position position;
    struct fill_result result;
    struct cluster_request request;
    switch (frame->header.kind) {
    case FRAME_HELLO:
        return hello_decode(frame->body, &hello);
    case FRAME_VIEW:
        return bytes_equal(frame->body, bytes_of("\x90", 1)) ? ERROR_NONE : ERROR_MALFORMED_FRAME;
    case FRAME_SUBSCRIBE:
    case FRAME_UNSUBSCRIBE:
    case FRAME_FOLLOW:
    case FRAME_EXPLAIN:
    case FRAME_SUBSCRIPTIONS:
        return standing_decode(frame);
    case FRAME_APPEND:
        return append_check(frame);
    case FRAME_ACK:
    case FRAME_POSITION:
        return position_decode(frame->body, &position);
    case FRAME_FILL_RESULT:
        return fill_result_decode(frame->body, &result);
    case FRAME_CLUSTER:
        return cluster_request_decode(frame->body, &request);
    case FRAME_MEETING:
    case FRAME_RAFT:
        return control_decode(frame);
    default:
        return operation_decode(frame);
    }
}

static enum error push_decode(const struct frame *frame);

static enum error batch_check(struct bytes body)
{
    struct bytes frames;
    enum error error = batch_decode(body, &frames);
    while (error == ERROR_NONE && frames.size > 0) {
        struct frame frame;
        cr_assert_eq(frame_parse(frames, EVENT_BODY_BYTES_MAX, &frame, &error), FRAME_COMPLETE);
        error = push_decode(&frame);
        size_t taken = FRAME_HEADER_BYTES + frame.body.size;
        frames = bytes_of(frames.data + taken, frames.size - taken);
    }
    return error;
}

static enum error event_check(const struct frame *frame)
{
    struct event event;
    enum error error = event_decode(frame, &event);
    if (error == ERROR_NONE)
        cr_expect_eq(event.partition, key_partition(key_hash(event.key), PARTITION_COUNT));
    return error;
}

static enum error push_decode(const struct frame *frame)
{
    struct milestone milestone;
    struct progress progress;
    struct bytes marks;
    struct op_reply reply;
    switch (frame->header.kind) {
    case FRAME_READY:
    case FRAME_RESET:
        return milestone_decode(frame, &milestone);
    case FRAME_PROGRESS:
        return progress_decode(frame->body, &progress);
    case FRAME_MOVED:
        return marks_decode(frame->body, &marks);
    case FRAME_ENDED:
        return reply_decode(OP_NONE, frame, &reply);
    case FRAME_BATCH:
        return batch_check(frame->body);
    default:
        return event_check(frame);
    }
}

static enum error example_decode(const struct frame *frame, uint8_t *request_kind)
{
    struct op_reply reply;
    uint8_t kind = frame->header.kind;
    if (kind == FRAME_REPLY)
        return answer_decode(*request_kind, frame);
    if (kind == FRAME_ERROR)
        return reply_decode(OP_NONE, frame, &reply);
    if (kind > FRAME_ERROR)
        return push_decode(frame);
    *request_kind = kind;
    return request_decode(frame);
}

Test(protocol, every_example_is_one_frame_that_the_codecs_read)
{
    FILE *file = fopen("docs/protocol.md", "r");
    cr_assert_not_null(file, "tests run in the root of the project");
    struct example example;
    uint8_t request_kind = 0;
    int count = 0;
    while (example_read(file, &example)) {
        struct bytes input = bytes_of(example.bytes, example.size);
        struct frame frame;
        enum error error = ERROR_NONE;
        cr_assert_eq(frame_parse(input, FRAME_BODY_BYTES_MAX, &frame, &error), FRAME_COMPLETE);
        cr_expect_eq(frame.body.size + FRAME_HEADER_BYTES, example.size);
        error = example_decode(&frame, &request_kind);
        cr_expect_eq(error, ERROR_NONE, "example %d, kind 0x%02x: %s", count, frame.header.kind,
                     error_name(error));
        count++;
    }
    fclose(file);
    cr_expect_geq(count, 46);
}
