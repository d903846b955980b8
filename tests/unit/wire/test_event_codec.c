// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/event_codec.h"

#include "cluster/wire/writer.h"
#include "tests/support/mangle.h"

#include <criterion/criterion.h>

static const uint8_t key_data[] = {0xcd, 0x12, 0x34};
static const uint8_t old_data[] = {0x81, 0xa1, 'a', 0x01};
static const uint8_t new_data[] = {0x81, 0xa1, 'a', 0x02};
static const uint8_t ids_data[] = {7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
static const uint8_t zero_ids_data[] = {7, 0, 0, 0, 0, 0, 0, 0};

#define KEY bytes_of(key_data, sizeof key_data)
#define OLD bytes_of(old_data, sizeof old_data)
#define NEW bytes_of(new_data, sizeof new_data)
#define IDS bytes_of(ids_data, sizeof ids_data)

static const struct mark marks_in[] = {
    {0, 1, 0}, {7, 2, UINT64_MAX}, {PARTITIONS_MAX - 1, UINT64_MAX, 70000}};

enum { MARKS_IN = sizeof marks_in / sizeof marks_in[0] };

static struct frame frame_of(const struct buffer *buffer)
{
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(buffer), BATCH_BODY_BYTES_MAX, &frame, &error),
                 FRAME_COMPLETE);
    cr_assert_eq(frame.body.size + FRAME_HEADER_BYTES, buffer_size(buffer));
    return frame;
}

static void mangle_all(mangle_decode *decode, const void *context, struct bytes body)
{
    mangle_lengths(decode, context, body);
    mangle_bytes(decode, context, body);
    mangle_types(decode, context, body);
}

static void marks_expect(struct bytes marks, const struct mark *expected, size_t count)
{
    struct mark mark;
    for (size_t i = 0; i < count; i++) {
        cr_assert(mark_next(&marks, &mark));
        cr_expect_eq(mark.partition, expected[i].partition);
        cr_expect_eq(mark.epoch, expected[i].epoch);
        cr_expect_eq(mark.seq, expected[i].seq);
    }
    cr_expect_not(mark_next(&marks, &mark));
    cr_expect_eq(marks.size, 0);
}

// Reads all of them, as a user does.
static void marks_walk(struct bytes marks)
{
    struct mark mark;
    while (mark_next(&marks, &mark))
        cr_assert_lt(mark.partition, PARTITIONS_MAX);
    cr_assert_eq(marks.size, 0);
}

static void ids_walk(struct bytes ids)
{
    uint32_t subscription;
    while (audience_next(&ids, &subscription))
        cr_assert_neq(subscription, SUBSCRIPTIONS_JOINED);
    cr_assert_eq(ids.size, 0);
}

// ---- What a client asks for ----

static enum error subscribe_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct subscribe subscribe;
    return subscribe_decode(body, &subscribe);
}

static const struct subscribe subscribe_rows[] = {
    {.start = START_NONE,
     .content = CONTENT_KEYS,
     .policy = POLICY_CATCH_UP,
     .kinds = KINDS_ALL,
     .causes = CAUSES_ALL},
    {.start = START_LATEST,
     .content = CONTENT_NEW,
     .policy = POLICY_CONFLATE,
     .kinds = KIND_ENTER,
     .causes = 1},
    {.start = START_SNAPSHOT,
     .content = CONTENT_OLD_AND_NEW,
     .policy = POLICY_DISCONNECT,
     .kinds = KIND_LEAVE | KIND_UPDATE,
     .causes = 1 << (CAUSE_TOUCH - 1),
     .only_changed = true},
    {.start = START_EARLIEST,
     .content = CONTENT_OLD_AND_NEW,
     .policy = POLICY_CATCH_UP,
     .kinds = KIND_UPDATE,
     .causes = CAUSES_ALL,
     .only_changed = true},
};

Test(event_codec, subscribe_comes_out_as_it_went_in)
{
    for (size_t i = 0; i < sizeof subscribe_rows / sizeof subscribe_rows[0]; i++) {
        struct subscribe in = subscribe_rows[i];
        in.query = bytes_of_text("SELECT * FROM quakes WHERE mag >= 4.5");
        struct buffer buffer = {0};
        subscribe_encode(&buffer, 77, &in);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(frame.header.kind, FRAME_SUBSCRIBE);
        cr_assert_eq(frame.header.request_id, 77);
        struct subscribe out;
        cr_assert_eq(subscribe_decode(frame.body, &out), ERROR_NONE);
        cr_expect(bytes_equal(out.query, in.query));
        cr_expect_eq(out.start, in.start);
        cr_expect_eq(out.content, in.content);
        cr_expect_eq(out.policy, in.policy);
        cr_expect_eq(out.kinds, in.kinds);
        cr_expect_eq(out.causes, in.causes);
        cr_expect_eq(out.only_changed, in.only_changed);
        mangle_all(subscribe_mangle, NULL, frame.body);
        buffer_deinit(&buffer);
    }
}

// Body of a SUBSCRIBE after the head of the array and the query "q": each a fixint or a bool.
Test(event_codec, options_out_of_their_range_are_malformed)
{
    static const uint8_t good[] = {0x97, 0xa1, 'q', 3, 2, 2, 7, 63, 0xc2};
    static const struct {
        size_t at;
        uint8_t byte;
    } rows[] = {{3, 4}, {4, 3}, {5, 3}, {6, 0}, {6, 8}, {7, 0}, {7, 64}, {8, 1}, {3, 0xff}};
    struct subscribe subscribe;
    cr_assert_eq(subscribe_decode(bytes_of(good, sizeof good), &subscribe), ERROR_NONE);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t body[sizeof good];
        memcpy(body, good, sizeof good);
        body[rows[i].at] = rows[i].byte;
        cr_expect_eq(subscribe_decode(bytes_of(body, sizeof body), &subscribe),
                     ERROR_MALFORMED_FRAME, "row %zu", i);
    }
}

Test(event_codec, a_query_has_its_limit)
{
    static const uint8_t text[QUERY_TEXT_BYTES_MAX + 1];
    static const enum error expected[] = {ERROR_NONE, ERROR_TOO_LARGE};
    for (size_t i = 0; i < 2; i++) {
        struct subscribe subscribe = subscribe_rows[0];
        subscribe.query = bytes_of(text, QUERY_TEXT_BYTES_MAX + i);
        struct buffer buffer = {0};
        subscribe_encode(&buffer, 1, &subscribe);
        cr_expect_eq(subscribe_decode(frame_of(&buffer).body, &subscribe), expected[i]);
        buffer_clear(&buffer);
        explain_encode(&buffer, 1, bytes_of(text, QUERY_TEXT_BYTES_MAX + i));
        struct bytes query;
        cr_expect_eq(explain_decode(frame_of(&buffer).body, &query), expected[i]);
        buffer_deinit(&buffer);
    }
}

static enum error subscribed_mangle(const void *context, struct bytes body)
{
    (void)context;
    uint32_t count;
    enum error error = subscribed_decode(body, &count);
    if (error == ERROR_NONE)
        cr_assert_leq(count, PARTITIONS_MAX);
    return error;
}

Test(event_codec, the_answer_to_subscribe_counts_partitions)
{
    struct buffer buffer = {0};
    subscribed_encode(&buffer, 5, PARTITIONS_MAX);
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(frame.header.kind, FRAME_REPLY);
    cr_assert_eq(frame.header.request_id, 5);
    uint32_t count = 0;
    cr_assert_eq(subscribed_decode(frame.body, &count), ERROR_NONE);
    cr_assert_eq(count, PARTITIONS_MAX);
    mangle_all(subscribed_mangle, NULL, frame.body);
    buffer_clear(&buffer);
    subscribed_encode(&buffer, 5, PARTITIONS_MAX + 1);
    cr_assert_eq(subscribed_decode(frame_of(&buffer).body, &count), ERROR_MALFORMED_FRAME);
    buffer_deinit(&buffer);
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
    cr_assert_eq(frame.header.kind, FRAME_UNSUBSCRIBE);
    uint32_t subscription = 0;
    cr_assert_eq(unsubscribe_decode(frame.body, &subscription), ERROR_NONE);
    cr_assert_eq(subscription, UINT32_MAX);
    mangle_all(unsubscribe_mangle, NULL, frame.body);
    buffer_deinit(&buffer);
}

static enum error explain_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct bytes query;
    return explain_decode(body, &query);
}

Test(event_codec, explain_comes_out_as_it_went_in)
{
    struct buffer buffer = {0};
    explain_encode(&buffer, 9, bytes_of_text("SELECT * FROM quakes"));
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(frame.header.kind, FRAME_EXPLAIN);
    struct bytes query;
    cr_assert_eq(explain_decode(frame.body, &query), ERROR_NONE);
    cr_assert(bytes_equal(query, bytes_of_text("SELECT * FROM quakes")));
    mangle_all(explain_mangle, NULL, frame.body);
    buffer_deinit(&buffer);
}

static enum error subscriptions_mangle(const void *context, struct bytes body)
{
    (void)context;
    uint32_t skip, limit;
    return subscriptions_decode(body, &skip, &limit);
}

Test(event_codec, subscriptions_comes_out_as_it_went_in)
{
    struct buffer buffer = {0};
    subscriptions_encode(&buffer, 9, UINT32_MAX, 1000);
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(frame.header.kind, FRAME_SUBSCRIPTIONS);
    uint32_t skip = 0;
    uint32_t limit = 0;
    cr_assert_eq(subscriptions_decode(frame.body, &skip, &limit), ERROR_NONE);
    cr_assert_eq(skip, UINT32_MAX);
    cr_assert_eq(limit, 1000);
    mangle_all(subscriptions_mangle, NULL, frame.body);
    buffer_deinit(&buffer);
}

// ---- Marks ----

static enum error marks_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct bytes marks;
    enum error error = marks_decode(body, &marks);
    if (error == ERROR_NONE)
        marks_walk(marks);
    return error;
}

Test(event_codec, marks_come_out_one_by_one)
{
    struct buffer buffer = {0};
    marks_encode(&buffer, FRAME_MOVED, 3, marks_in, MARKS_IN);
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(frame.header.kind, FRAME_MOVED);
    cr_assert_eq(frame.header.request_id, 3);
    struct bytes marks;
    cr_assert_eq(marks_decode(frame.body, &marks), ERROR_NONE);
    marks_expect(marks, marks_in, MARKS_IN);
    mangle_all(marks_mangle, NULL, frame.body);
    buffer_clear(&buffer);
    marks_encode(&buffer, FRAME_REPLY, 3, NULL, 0);
    cr_assert_eq(marks_decode(frame_of(&buffer).body, &marks), ERROR_NONE);
    marks_expect(marks, NULL, 0);
    buffer_deinit(&buffer);
}

Test(event_codec, there_are_no_more_marks_than_partitions)
{
    static struct mark many[PARTITIONS_MAX + 1];
    static const enum error expected[] = {ERROR_NONE, ERROR_MALFORMED_FRAME};
    for (uint32_t i = 0; i < 2; i++) {
        struct buffer buffer = {0};
        marks_encode(&buffer, FRAME_MOVED, 0, many, PARTITIONS_MAX + i);
        struct bytes marks;
        cr_expect_eq(marks_decode(frame_of(&buffer).body, &marks), expected[i]);
        buffer_deinit(&buffer);
    }
}

static enum error follow_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct follow follow;
    enum error error = follow_decode(body, &follow);
    if (error == ERROR_NONE)
        marks_walk(follow.marks);
    return error;
}

Test(event_codec, follow_comes_out_as_it_went_in)
{
    static const uint32_t subscriptions[] = {SUBSCRIPTIONS_JOINED, 12, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct buffer buffer = {0};
        follow_encode(&buffer, 8, subscriptions[i], marks_in, MARKS_IN);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(frame.header.kind, FRAME_FOLLOW);
        struct follow follow;
        cr_assert_eq(follow_decode(frame.body, &follow), ERROR_NONE);
        cr_assert_eq(follow.subscription, subscriptions[i]);
        marks_expect(follow.marks, marks_in, MARKS_IN);
        mangle_all(follow_mangle, NULL, frame.body);
        buffer_deinit(&buffer);
    }
}

static enum error progress_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct progress progress;
    enum error error = progress_decode(body, &progress);
    if (error == ERROR_NONE)
        marks_walk(progress.marks);
    return error;
}

Test(event_codec, progress_comes_out_as_it_went_in)
{
    static const uint32_t counts[] = {MARKS_IN, 0};
    for (size_t i = 0; i < 2; i++) {
        struct buffer buffer = {0};
        progress_encode(&buffer, UINT64_MAX - i, marks_in, counts[i]);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(frame.header.kind, FRAME_PROGRESS);
        cr_assert_eq(frame.header.request_id, 0);
        struct progress progress;
        cr_assert_eq(progress_decode(frame.body, &progress), ERROR_NONE);
        cr_assert_eq(progress.behind_count, UINT64_MAX - i);
        marks_expect(progress.marks, marks_in, counts[i]);
        mangle_all(progress_mangle, NULL, frame.body);
        buffer_deinit(&buffer);
    }
}

// ---- Milestones ----

static enum error milestone_mangle(const void *context, struct bytes body)
{
    struct frame frame = {.header = *(const struct frame_header *)context, .body = body};
    struct milestone milestone;
    enum error error = milestone_decode(&frame, &milestone);
    if (error == ERROR_NONE) {
        marks_walk(milestone.marks);
        ids_walk(milestone.audience.ids);
    }
    return error;
}

static const struct {
    uint8_t kind;
    uint32_t subscription;
    bool is_shared;
    uint32_t mark_count;
} milestone_rows[] = {
    {FRAME_READY, 11, false, MARKS_IN},
    {FRAME_READY, 0, true, 1},
    {FRAME_READY, 11, false, 0},
    {FRAME_READY, 0, true, 0},
    {FRAME_RESET, SUBSCRIPTIONS_JOINED, false, 2},
    {FRAME_RESET, UINT32_MAX, false, 1},
};

Test(event_codec, milestones_come_out_as_they_went_in)
{
    for (size_t i = 0; i < sizeof milestone_rows / sizeof milestone_rows[0]; i++) {
        struct audience audience = {.subscription = milestone_rows[i].subscription};
        if (milestone_rows[i].is_shared)
            audience.ids = IDS;
        struct buffer buffer = {0};
        milestone_encode(&buffer, milestone_rows[i].kind, &audience, marks_in,
                         milestone_rows[i].mark_count);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(frame.header.kind, milestone_rows[i].kind);
        struct milestone milestone;
        cr_assert_eq(milestone_decode(&frame, &milestone), ERROR_NONE, "row %zu", i);
        cr_expect_eq(milestone.audience.subscription, milestone_rows[i].subscription);
        cr_expect(bytes_equal(milestone.audience.ids, audience.ids));
        marks_expect(milestone.marks, marks_in, milestone_rows[i].mark_count);
        mangle_all(milestone_mangle, &frame.header, frame.body);
        buffer_deinit(&buffer);
    }
}

// ---- Audiences ----

// A READY for everything: [ids] alone.
static enum error audience_try(uint32_t request_id, unsigned flags, struct bytes ids)
{
    struct buffer body = {0};
    write_array(&body, 1);
    write_bin(&body, ids);
    struct frame frame = {.header = {.kind = FRAME_READY,
                                     .flags = (uint8_t)flags,
                                     .partition = PARTITION_ANY,
                                     .request_id = request_id},
                          .body = buffer_bytes(&body)};
    struct milestone milestone;
    enum error error = milestone_decode(&frame, &milestone);
    buffer_deinit(&body);
    return error;
}

Test(event_codec, an_audience_is_one_subscription_or_several)
{
    static uint8_t many[4 * (AUDIENCE_IDS_MAX + 1)];
    memset(many, 1, sizeof many);
    const struct {
        uint32_t request_id;
        unsigned flags;
        struct bytes ids;
        enum error expected;
    } rows[] = {
        {0, EVENT_SHARED, IDS, ERROR_NONE},
        {0, EVENT_SHARED, bytes_of(ids_data, 4), ERROR_NONE},
        {0, EVENT_SHARED, bytes_of(NULL, 0), ERROR_MALFORMED_FRAME},
        {0, EVENT_SHARED, bytes_of(ids_data, 7), ERROR_MALFORMED_FRAME},
        {0, EVENT_SHARED, bytes_of(zero_ids_data, 8), ERROR_MALFORMED_FRAME},
        {7, EVENT_SHARED, IDS, ERROR_MALFORMED_FRAME},
        {0, 0, IDS, ERROR_MALFORMED_FRAME},
        {0, EVENT_SHARED | EVENT_HAS_NEW, IDS, ERROR_MALFORMED_FRAME},
        {0, EVENT_SHARED, bytes_of(many, sizeof many), ERROR_MALFORMED_FRAME},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(audience_try(rows[i].request_id, rows[i].flags, rows[i].ids), rows[i].expected,
                     "row %zu", i);
}

Test(event_codec, an_audience_of_the_largest_size_is_read)
{
    static uint8_t many[4 * AUDIENCE_IDS_MAX];
    memset(many, 1, sizeof many);
    cr_expect_eq(audience_try(0, EVENT_SHARED, bytes_of(many, sizeof many)), ERROR_NONE);
}

Test(event_codec, ids_come_out_one_by_one)
{
    struct bytes ids = IDS;
    uint32_t subscription = 0;
    cr_assert(audience_next(&ids, &subscription));
    cr_assert_eq(subscription, 7);
    cr_assert(audience_next(&ids, &subscription));
    cr_assert_eq(subscription, UINT32_MAX);
    cr_assert_not(audience_next(&ids, &subscription));
}

// ---- Events ----

static enum error event_mangle(const void *context, struct bytes body)
{
    struct frame frame = {.header = *(const struct frame_header *)context, .body = body};
    struct event event;
    enum error error = event_decode(&frame, &event);
    if (error == ERROR_NONE)
        ids_walk(event.audience.ids);
    return error;
}

static const struct event event_rows[] = {
    {.kind = FRAME_ROW, .has_new = true},
    {.kind = FRAME_ROW},
    {.kind = FRAME_ROW, .has_new = true, .is_replay = true},
    {.kind = FRAME_ENTER, .cause = CAUSE_PUT, .time_us = 5, .has_new = true},
    {.kind = FRAME_ENTER, .cause = CAUSE_PUT, .time_us = 5, .has_new = true, .has_old = true},
    {.kind = FRAME_UPDATE, .cause = CAUSE_TOUCH, .time_us = 6, .has_new = true, .has_old = true},
    {.kind = FRAME_UPDATE, .cause = CAUSE_PUT, .time_us = 6, .is_replay = true},
    {.kind = FRAME_LEAVE, .cause = CAUSE_EXPIRE, .time_us = UINT64_MAX, .has_old = true},
    {.kind = FRAME_LEAVE, .cause = CAUSE_CLEAR, .time_us = 8},
};

enum { EVENT_ROWS = sizeof event_rows / sizeof event_rows[0], EVENT_ROW_ENTER = 3 };

static struct event event_of(size_t row, bool is_shared)
{
    struct event event = event_rows[row];
    event.partition = 17;
    if (is_shared)
        event.audience.ids = IDS;
    else
        event.audience.subscription = 99;
    event.epoch = 2;
    event.seq = 1000 + row;
    event.key = KEY;
    event.new_value = event.has_new ? NEW : bytes_of(NULL, 0);
    event.old_value = event.has_old ? OLD : bytes_of(NULL, 0);
    return event;
}

static void event_expect(const struct event *out, const struct event *in)
{
    cr_expect_eq(out->kind, in->kind);
    cr_expect_eq(out->partition, in->partition);
    cr_expect_eq(out->audience.subscription, in->audience.subscription);
    cr_expect(bytes_equal(out->audience.ids, in->audience.ids));
    cr_expect_eq(out->is_replay, in->is_replay);
    cr_expect_eq(out->epoch, in->epoch);
    cr_expect_eq(out->seq, in->seq);
    cr_expect_eq(out->time_us, in->time_us);
    cr_expect_eq(out->cause, in->cause);
    cr_expect(bytes_equal(out->key, in->key));
    cr_expect_eq(out->has_new, in->has_new);
    cr_expect_eq(out->has_old, in->has_old);
    cr_expect(bytes_equal(out->new_value, in->new_value));
    cr_expect(bytes_equal(out->old_value, in->old_value));
}

Test(event_codec, events_come_out_as_they_went_in)
{
    for (size_t i = 0; i < 2 * EVENT_ROWS; i++) {
        struct event in = event_of(i / 2, i % 2);
        struct buffer buffer = {0};
        event_encode(&buffer, &in);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(frame.header.request_id, i % 2 ? 0 : 99);
        struct event out;
        cr_assert_eq(event_decode(&frame, &out), ERROR_NONE, "row %zu", i / 2);
        event_expect(&out, &in);
        mangle_lengths(event_mangle, &frame.header, frame.body);
        mangle_bytes(event_mangle, &frame.header, frame.body);
        buffer_deinit(&buffer);
    }
}

// The flags and the body have to say the same.
Test(event_codec, events_that_contradict_themselves_are_malformed)
{
    static const struct {
        size_t row;
        uint8_t kind;
        uint8_t flags;
        uint16_t partition;
        uint32_t request_id;
    } rows[] = {
        {0, FRAME_ROW, 0, 17, 99},
        {0, FRAME_ROW, EVENT_HAS_NEW | EVENT_HAS_OLD, 17, 99},
        {0, FRAME_ROW, EVENT_HAS_NEW | 16, 17, 99},
        {0, FRAME_ENTER, EVENT_HAS_NEW, 17, 99},
        {3, FRAME_ENTER, 0, 17, 99},
        {3, FRAME_ROW, EVENT_HAS_NEW, 17, 99},
        {3, FRAME_PROGRESS, EVENT_HAS_NEW, 17, 99},
        {3, FRAME_ENTER, EVENT_HAS_NEW, 17, 0},
        {3, FRAME_ENTER, EVENT_HAS_NEW | EVENT_SHARED, 17, 0},
        {5, FRAME_UPDATE, EVENT_HAS_OLD, 17, 99},
        {5, FRAME_UPDATE, EVENT_HAS_NEW | EVENT_HAS_OLD, PARTITIONS_MAX, 99},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct event event = event_of(rows[i].row, false);
        struct buffer buffer = {0};
        event_encode(&buffer, &event);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(event_decode(&frame, &event), ERROR_NONE);
        frame.header.kind = rows[i].kind;
        frame.header.flags = rows[i].flags;
        frame.header.partition = rows[i].partition;
        frame.header.request_id = rows[i].request_id;
        cr_expect_eq(event_decode(&frame, &event), ERROR_MALFORMED_FRAME, "row %zu", i);
        buffer_deinit(&buffer);
    }
}

Test(event_codec, a_change_has_a_known_cause)
{
    static const unsigned causes[] = {0, CAUSE_TOUCH + 1};
    for (size_t i = 0; i < 2; i++) {
        struct event event = event_of(EVENT_ROW_ENTER, false);
        event.cause = (enum cause)causes[i];
        struct buffer buffer = {0};
        event_encode(&buffer, &event);
        struct frame frame = frame_of(&buffer);
        cr_assert_eq(event_decode(&frame, &event), ERROR_MALFORMED_FRAME);
        buffer_deinit(&buffer);
    }
}

// ---- Batches ----

static enum error batch_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct bytes frames;
    return batch_decode(body, &frames);
}

Test(event_codec, a_batch_holds_whole_frames)
{
    struct buffer buffer = {0};
    struct event events[2] = {event_of(EVENT_ROW_ENTER, false), event_of(EVENT_ROW_ENTER, true)};
    event_encode(&buffer, &events[0]); // the buffer need not be empty
    size_t before = buffer_size(&buffer);
    size_t mark = batch_begin(&buffer);
    for (size_t i = 0; i < 2; i++)
        event_encode(&buffer, &events[i]);
    batch_end(&buffer, mark);
    buffer_consume(&buffer, before);
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(frame.header.kind, FRAME_BATCH);
    cr_assert_eq(frame.header.request_id, 0);
    struct bytes frames;
    cr_assert_eq(batch_decode(frame.body, &frames), ERROR_NONE);
    for (size_t i = 0; i < 2; i++) {
        struct frame inner;
        enum error error;
        cr_assert_eq(frame_parse(frames, EVENT_BODY_BYTES_MAX, &inner, &error), FRAME_COMPLETE);
        struct event out;
        cr_assert_eq(event_decode(&inner, &out), ERROR_NONE);
        event_expect(&out, &events[i]);
        size_t taken = FRAME_HEADER_BYTES + inner.body.size;
        frames = bytes_of(frames.data + taken, frames.size - taken);
    }
    cr_assert_eq(frames.size, 0);
    mangle_all(batch_mangle, NULL, frame.body);
    buffer_deinit(&buffer);
}

static enum error batch_try(struct bytes frames)
{
    struct buffer buffer = {0};
    size_t mark = batch_begin(&buffer);
    buffer_append(&buffer, frames.data, frames.size);
    batch_end(&buffer, mark);
    struct bytes out;
    enum error error = batch_decode(frame_of(&buffer).body, &out);
    buffer_deinit(&buffer);
    return error;
}

Test(event_codec, a_batch_of_what_is_no_frame_is_malformed)
{
    struct event event = event_of(EVENT_ROW_ENTER, false);
    struct buffer whole = {0};
    event_encode(&whole, &event);
    struct bytes frames = buffer_bytes(&whole);
    cr_expect_eq(batch_try(bytes_of(NULL, 0)), ERROR_NONE);
    cr_expect_eq(batch_try(frames), ERROR_NONE);
    for (size_t size = 1; size < frames.size; size++)
        cr_expect_eq(batch_try(bytes_of(frames.data, size)), ERROR_MALFORMED_FRAME);
    uint8_t *header = whole.data + whole.start;
    header[13] = 1; // reserved
    cr_expect_eq(batch_try(frames), ERROR_MALFORMED_FRAME);
    buffer_clear(&whole);
    batch_end(&whole, batch_begin(&whole));
    cr_expect_eq(batch_try(buffer_bytes(&whole)), ERROR_MALFORMED_FRAME, "a batch in a batch");
    buffer_deinit(&whole);
}
