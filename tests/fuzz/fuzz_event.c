// SPDX-License-Identifier: Apache-2.0
// Input: kind, flags and request id (one byte) of a frame, and a body. What is decoded survives
// being encoded and decoded again.
#include "cluster/wire/event_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool subscribe_turn(const struct frame *frame, struct buffer *out)
{
    struct subscribe subscribe;
    if (subscribe_decode(frame->body, &subscribe) != ERROR_NONE)
        return false;
    CHECK(subscribe.query.size <= QUERY_TEXT_BYTES_MAX);
    CHECK(subscribe.kinds != 0 && (subscribe.kinds & ~KINDS_ALL) == 0);
    CHECK(subscribe.causes != 0 && (subscribe.causes & ~CAUSES_ALL) == 0);
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

static bool explain_turn(const struct frame *frame, struct buffer *out)
{
    struct bytes query;
    if (explain_decode(frame->body, &query) != ERROR_NONE)
        return false;
    CHECK(query.size <= QUERY_TEXT_BYTES_MAX);
    explain_encode(out, 1, query);
    return true;
}

static bool subscriptions_turn(const struct frame *frame, struct buffer *out)
{
    uint32_t skip, limit;
    if (subscriptions_decode(frame->body, &skip, &limit) != ERROR_NONE)
        return false;
    subscriptions_encode(out, 1, skip, limit);
    return true;
}

enum { MARKS_MAX = 4096 }; // more than libFuzzer's longest input holds

// The marks are copied, so that they can be encoded; returns how many.
static uint32_t marks_take(struct bytes left, struct mark *marks)
{
    uint32_t count = 0;
    while (count < MARKS_MAX && mark_next(&left, &marks[count])) {
        CHECK(marks[count].partition < PARTITIONS_MAX);
        count++;
    }
    CHECK(count == MARKS_MAX || left.size == 0);
    return count;
}

static bool marks_turn(const struct frame *frame, struct buffer *out)
{
    struct mark marks[MARKS_MAX];
    struct bytes left;
    if (marks_decode(frame->body, &left) != ERROR_NONE)
        return false;
    marks_encode(out, frame->header.kind, 1, marks, marks_take(left, marks));
    return true;
}

// To SUBSCRIBE, or to FOLLOW.
static bool reply_turn(const struct frame *frame, struct buffer *out)
{
    uint32_t partition_count;
    if (subscribed_decode(frame->body, &partition_count) != ERROR_NONE)
        return marks_turn(frame, out);
    CHECK(partition_count <= PARTITIONS_MAX);
    subscribed_encode(out, 1, partition_count);
    return true;
}

static bool follow_turn(const struct frame *frame, struct buffer *out)
{
    struct mark marks[MARKS_MAX];
    struct follow follow;
    if (follow_decode(frame->body, &follow) != ERROR_NONE)
        return false;
    follow_encode(out, 1, follow.subscription, marks, marks_take(follow.marks, marks));
    return true;
}

static bool progress_turn(const struct frame *frame, struct buffer *out)
{
    struct mark marks[MARKS_MAX];
    struct progress progress;
    if (progress_decode(frame->body, &progress) != ERROR_NONE)
        return false;
    progress_encode(out, progress.behind_count, marks, marks_take(progress.marks, marks));
    return true;
}

static void audience_check(const struct audience *audience)
{
    struct bytes left = audience->ids;
    uint32_t subscription;
    while (audience_next(&left, &subscription))
        CHECK(subscription != SUBSCRIPTIONS_JOINED);
    CHECK(left.size == 0);
    CHECK(audience->ids.size == 0 || audience->subscription == 0);
}

static bool milestone_turn(const struct frame *frame, struct buffer *out)
{
    struct mark marks[MARKS_MAX];
    struct milestone milestone;
    if (milestone_decode(frame, &milestone) != ERROR_NONE)
        return false;
    audience_check(&milestone.audience);
    milestone_encode(out, frame->header.kind, &milestone.audience, marks,
                     marks_take(milestone.marks, marks));
    return true;
}

static bool event_turn(const struct frame *frame, struct buffer *out)
{
    struct event event;
    if (event_decode(frame, &event) != ERROR_NONE)
        return false;
    audience_check(&event.audience);
    CHECK(event.audience.subscription != 0 || event.audience.ids.size > 0);
    CHECK(event.has_new == (event.new_value.size > 0));
    CHECK(event.has_old == (event.old_value.size > 0));
    event_encode(out, &event);
    return true;
}

static bool batch_turn(const struct frame *frame, struct buffer *out)
{
    struct bytes frames;
    if (batch_decode(frame->body, &frames) != ERROR_NONE)
        return false;
    size_t mark = batch_begin(out);
    while (frames.size > 0) {
        struct frame inner;
        enum error error;
        CHECK(frame_parse(frames, EVENT_BODY_BYTES_MAX, &inner, &error) == FRAME_COMPLETE);
        CHECK(inner.header.kind != FRAME_BATCH);
        size_t taken = FRAME_HEADER_BYTES + inner.body.size;
        buffer_append(out, frames.data, taken);
        frames = bytes_of(frames.data + taken, frames.size - taken);
    }
    batch_end(out, mark);
    return true;
}

static bool request_turn(const struct frame *frame, struct buffer *out)
{
    switch (frame->header.kind) {
    case FRAME_SUBSCRIBE:
        return subscribe_turn(frame, out);
    case FRAME_UNSUBSCRIBE:
        return unsubscribe_turn(frame, out);
    case FRAME_FOLLOW:
        return follow_turn(frame, out);
    case FRAME_EXPLAIN:
        return explain_turn(frame, out);
    case FRAME_SUBSCRIPTIONS:
        return subscriptions_turn(frame, out);
    default:
        return false;
    }
}

static bool frame_turn(const struct frame *frame, struct buffer *out)
{
    switch (frame->header.kind) {
    case FRAME_REPLY:
        return reply_turn(frame, out);
    case FRAME_MOVED:
        return marks_turn(frame, out);
    case FRAME_PROGRESS:
        return progress_turn(frame, out);
    case FRAME_READY:
    case FRAME_RESET:
        return milestone_turn(frame, out);
    case FRAME_ROW:
    case FRAME_ENTER:
    case FRAME_UPDATE:
    case FRAME_LEAVE:
        return event_turn(frame, out);
    case FRAME_BATCH:
        return batch_turn(frame, out);
    default:
        return request_turn(frame, out);
    }
}

enum { HEAD_BYTES = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD_BYTES)
        return 0;
    struct frame frame = {.header = {.kind = data[0], .flags = data[1], .request_id = data[2]},
                          .body = bytes_of(data + HEAD_BYTES, size - HEAD_BYTES)};
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
