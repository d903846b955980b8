// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/event_codec.h"

#include "tests/support/mangle.h"

#include <criterion/criterion.h>

static const uint8_t key_data[] = {0xcd, 0x12, 0x34};
static const uint8_t old_data[] = {0x81, 0xa1, 'a', 0x01};
static const uint8_t new_data[] = {0x81, 0xa1, 'a', 0x02};

#define KEY bytes_of(key_data, sizeof key_data)
#define OLD bytes_of(old_data, sizeof old_data)
#define NEW bytes_of(new_data, sizeof new_data)

static struct frame frame_of(const struct buffer *buffer)
{
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(buffer), EVENT_BODY_BYTES_MAX, &frame, &error),
                 FRAME_COMPLETE);
    return frame;
}

static enum error subscribe_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct subscribe subscribe;
    return subscribe_decode(body, &subscribe);
}

Test(event_codec, subscribe_comes_out_as_it_went_in)
{
    for (unsigned i = 0; i < 4; i++) {
        struct subscribe in = {.query = bytes_of_text("SELECT * FROM quakes WHERE mag >= 4.5"),
                               .snapshot = i & 1,
                               .old = i & 2};
        struct buffer buffer = {0};
        subscribe_encode(&buffer, 77, &in);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(frame.header.kind, FRAME_SUBSCRIBE);
        cr_assert_eq(frame.header.request_id, 77);
        struct subscribe out;
        cr_assert_eq(subscribe_decode(frame.body, &out), ERROR_NONE);
        cr_assert(bytes_equal(out.query, in.query));
        cr_assert_eq(out.snapshot, in.snapshot);
        cr_assert_eq(out.old, in.old);
        mangle_lengths(subscribe_mangle, NULL, frame.body);
        mangle_bytes(subscribe_mangle, NULL, frame.body);
        mangle_types(subscribe_mangle, NULL, frame.body);
        buffer_deinit(&buffer);
    }
}

Test(event_codec, a_query_has_its_limit)
{
    static const uint8_t text[QUERY_TEXT_BYTES_MAX + 1];
    static const enum error expected[] = {ERROR_NONE, ERROR_TOO_LARGE};
    for (size_t i = 0; i < 2; i++) {
        struct subscribe subscribe = {.query = bytes_of(text, QUERY_TEXT_BYTES_MAX + i)};
        struct buffer buffer = {0};
        subscribe_encode(&buffer, 1, &subscribe);
        cr_assert_eq(subscribe_decode(frame_of(&buffer).body, &subscribe), expected[i]);
        buffer_deinit(&buffer);
    }
}

static enum error unsubscribe_mangle(const void *context, struct bytes body)
{
    (void)context;
    uint32_t subscription;
    return unsubscribe_decode(body, &subscription);
}

Test(event_codec, unsubscribe_comes_out_as_it_went_in)
{
    struct buffer buffer = {0};
    unsubscribe_encode(&buffer, 3, UINT32_MAX);
    struct frame frame = frame_of(&buffer);
    uint32_t subscription = 0;
    cr_assert_eq(unsubscribe_decode(frame.body, &subscription), ERROR_NONE);
    cr_assert_eq(subscription, UINT32_MAX);
    mangle_lengths(unsubscribe_mangle, NULL, frame.body);
    mangle_bytes(unsubscribe_mangle, NULL, frame.body);
    mangle_types(unsubscribe_mangle, NULL, frame.body);
    buffer_deinit(&buffer);
}

static enum error marks_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct bytes marks;
    enum error error = marks_decode(body, &marks);
    struct mark mark;
    while (error == ERROR_NONE && mark_next(&marks, &mark))
        cr_assert_lt(mark.partition, PARTITIONS_MAX);
    return error;
}

Test(event_codec, marks_come_out_one_by_one)
{
    static const struct mark in[] = {
        {0, 1, 0}, {7, 2, UINT64_MAX}, {PARTITIONS_MAX - 1, UINT64_MAX, 70000}};
    struct buffer buffer = {0};
    marks_encode(&buffer, FRAME_PROGRESS, 3, in, 3);
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(frame.header.kind, FRAME_PROGRESS);
    struct bytes marks;
    struct mark mark;
    cr_assert_eq(marks_decode(frame.body, &marks), ERROR_NONE);
    for (size_t i = 0; i < 3; i++) {
        cr_assert(mark_next(&marks, &mark));
        cr_assert_eq(mark.partition, in[i].partition);
        cr_assert_eq(mark.epoch, in[i].epoch);
        cr_assert_eq(mark.seq, in[i].seq);
    }
    cr_assert_not(mark_next(&marks, &mark));
    mangle_lengths(marks_mangle, NULL, frame.body);
    mangle_bytes(marks_mangle, NULL, frame.body);
    mangle_types(marks_mangle, NULL, frame.body);
    buffer_clear(&buffer);
    marks_encode(&buffer, FRAME_REPLY, 3, NULL, 0);
    cr_assert_eq(marks_decode(frame_of(&buffer).body, &marks), ERROR_NONE);
    cr_assert_not(mark_next(&marks, &mark));
    buffer_deinit(&buffer);
}

static enum error ready_mangle(const void *context, struct bytes body)
{
    struct frame frame = {.header = *(const struct frame_header *)context, .body = body};
    struct mark mark;
    return ready_decode(&frame, &mark);
}

Test(event_codec, ready_comes_out_as_it_went_in)
{
    struct mark in = {.partition = 900, .epoch = 3, .seq = 1234567};
    struct buffer buffer = {0};
    ready_encode(&buffer, 11, &in);
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(frame.header.kind, FRAME_READY);
    cr_assert_eq(frame.header.request_id, 11);
    struct mark out;
    cr_assert_eq(ready_decode(&frame, &out), ERROR_NONE);
    cr_assert_eq(out.partition, 900);
    cr_assert_eq(out.epoch, 3);
    cr_assert_eq(out.seq, 1234567);
    mangle_lengths(ready_mangle, &frame.header, frame.body);
    mangle_bytes(ready_mangle, &frame.header, frame.body);
    mangle_types(ready_mangle, &frame.header, frame.body);
    frame.header.partition = PARTITION_ANY;
    cr_assert_eq(ready_decode(&frame, &out), ERROR_MALFORMED_FRAME);
    buffer_deinit(&buffer);
}

static enum error event_mangle(const void *context, struct bytes body)
{
    struct frame frame = {.header = *(const struct frame_header *)context, .body = body};
    struct event event;
    return event_decode(&frame, &event);
}

static const struct event event_rows[] = {
    {.kind = FRAME_ROW, .has_new = true},
    {.kind = FRAME_ENTER, .cause = CAUSE_PUT, .time_us = 5, .has_new = true},
    {.kind = FRAME_ENTER, .cause = CAUSE_PUT, .time_us = 5, .has_new = true, .has_old = true},
    {.kind = FRAME_UPDATE, .cause = CAUSE_TOUCH, .time_us = 6, .has_new = true, .has_old = true},
    {.kind = FRAME_LEAVE, .cause = CAUSE_EXPIRE, .time_us = UINT64_MAX, .has_old = true},
    {.kind = FRAME_LEAVE, .cause = CAUSE_CLEAR, .time_us = 8},
};

static struct event event_of(size_t row)
{
    struct event event = event_rows[row];
    event.partition = 17;
    event.subscription = 99;
    event.epoch = 2;
    event.seq = 1000 + row;
    event.key = KEY;
    event.new_value = event.has_new ? NEW : bytes_of(NULL, 0);
    event.old_value = event.has_old ? OLD : bytes_of(NULL, 0);
    return event;
}

Test(event_codec, events_come_out_as_they_went_in)
{
    for (size_t i = 0; i < sizeof event_rows / sizeof event_rows[0]; i++) {
        struct event in = event_of(i);
        struct buffer buffer = {0};
        event_encode(&buffer, &in);
        struct frame frame = frame_of(&buffer);
        struct event out;
        cr_assert_eq(event_decode(&frame, &out), ERROR_NONE, "row %zu", i);
        cr_assert_eq(out.kind, in.kind);
        cr_assert_eq(out.partition, 17);
        cr_assert_eq(out.subscription, 99);
        cr_assert_eq(out.epoch, 2);
        cr_assert_eq(out.seq, in.seq);
        cr_assert_eq(out.time_us, in.time_us);
        cr_assert_eq(out.cause, in.cause);
        cr_assert(bytes_equal(out.key, KEY));
        cr_assert_eq(out.has_new, in.has_new);
        cr_assert_eq(out.has_old, in.has_old);
        cr_assert(bytes_equal(out.new_value, in.new_value));
        cr_assert(bytes_equal(out.old_value, in.old_value));
        mangle_lengths(event_mangle, &frame.header, frame.body);
        mangle_bytes(event_mangle, &frame.header, frame.body);
        buffer_deinit(&buffer);
    }
}

// The flags and the body have to say the same, and a cause has to be known.
Test(event_codec, events_that_contradict_themselves_are_malformed)
{
    static const struct {
        size_t row;
        uint8_t flags;
        uint16_t partition;
    } rows[] = {
        {0, 0, 17},
        {0, EVENT_HAS_NEW | EVENT_HAS_OLD, 17},
        {1, 0, 17},
        {3, EVENT_HAS_OLD, 17},
        {3, EVENT_HAS_NEW | EVENT_HAS_OLD, PARTITIONS_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct event event = event_of(rows[i].row);
        struct buffer buffer = {0};
        event_encode(&buffer, &event);
        struct frame frame = frame_of(&buffer);
        frame.header.flags = rows[i].flags;
        frame.header.partition = rows[i].partition;
        cr_assert_neq(event_decode(&frame, &event), ERROR_NONE, "row %zu", i);
        buffer_deinit(&buffer);
    }
    static const unsigned causes[] = {0, CAUSE_TOUCH + 1};
    for (size_t i = 0; i < 2; i++) {
        struct event event = event_of(3);
        event.cause = (enum cause)causes[i];
        struct buffer buffer = {0};
        event_encode(&buffer, &event);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(event_decode(&frame, &event), ERROR_MALFORMED_FRAME);
        buffer_deinit(&buffer);
    }
}
