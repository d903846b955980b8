// SPDX-License-Identifier: Apache-2.0
// Input: kind and flags of a frame, and a body. What is decoded survives being encoded and decoded
// again.
#include "cluster/wire/event_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool subscribe_turn(const struct frame *frame, struct buffer *out)
{
    struct subscribe subscribe;
    if (subscribe_decode(frame->body, &subscribe) != ERROR_NONE)
        return false;
    CHECK(subscribe.query.size <= QUERY_TEXT_BYTES_MAX);
    subscribe_encode(out, 1, &subscribe);
    return true;
}

static bool unsubscribe_turn(const struct frame *frame, struct buffer *out)
{
    uint32_t subscription;
    if (unsubscribe_decode(frame->body, &subscription) != ERROR_NONE)
        return false;
    unsubscribe_encode(out, 1, subscription);
    return true;
}

enum { MARKS_MAX = 4096 }; // more than libFuzzer's longest input holds

static bool marks_turn(const struct frame *frame, struct buffer *out)
{
    static struct mark marks[MARKS_MAX];
    struct bytes left;
    uint32_t count = 0;
    if (marks_decode(frame->body, &left) != ERROR_NONE)
        return false;
    while (count < MARKS_MAX && mark_next(&left, &marks[count])) {
        CHECK(marks[count].partition < PARTITIONS_MAX);
        count++;
    }
    CHECK(count == MARKS_MAX || left.size == 0);
    marks_encode(out, frame->header.kind, 1, marks, count);
    return true;
}

static bool ready_turn(const struct frame *frame, struct buffer *out)
{
    struct mark mark;
    if (ready_decode(frame, &mark) != ERROR_NONE)
        return false;
    ready_encode(out, 1, &mark);
    return true;
}

static bool event_turn(const struct frame *frame, struct buffer *out)
{
    struct event event;
    if (event_decode(frame, &event) != ERROR_NONE)
        return false;
    CHECK(event.has_new == (event.new_value.size > 0));
    CHECK(event.has_old == (event.old_value.size > 0));
    event_encode(out, &event);
    return true;
}

static bool frame_turn(const struct frame *frame, struct buffer *out)
{
    switch (frame->header.kind) {
    case FRAME_SUBSCRIBE:
        return subscribe_turn(frame, out);
    case FRAME_UNSUBSCRIBE:
        return unsubscribe_turn(frame, out);
    case FRAME_REPLY:
    case FRAME_PROGRESS:
        return marks_turn(frame, out);
    case FRAME_READY:
        return ready_turn(frame, out);
    case FRAME_ROW:
    case FRAME_ENTER:
    case FRAME_UPDATE:
    case FRAME_LEAVE:
        return event_turn(frame, out);
    default:
        return false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct frame frame = {.header = {.kind = data[0], .flags = data[1]},
                          .body = bytes_of(data + 2, size - 2)};
    struct buffer first = {0};
    struct buffer second = {0};
    if (frame_turn(&frame, &first)) {
        enum error error;
        CHECK(frame_parse(buffer_bytes(&first), UINT32_MAX, &frame, &error) == FRAME_COMPLETE);
        CHECK(frame_turn(&frame, &second));
        CHECK(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
    }
    buffer_deinit(&first);
    buffer_deinit(&second);
    return 0;
}
