// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/event_codec.h"

#include "cluster/wire/body.h"
#include "cluster/wire/writer.h"

enum {
    EVENT_FLAGS_ALL = EVENT_HAS_NEW | EVENT_HAS_OLD | EVENT_REPLAY | EVENT_SHARED,
    MARK_ELEMENTS = 3,
    ID_BYTES = 4, // of a subscription in an audience
    AUDIENCE_BYTES_MAX = AUDIENCE_IDS_MAX * ID_BYTES,
};

static size_t body_begin(struct buffer *out, uint8_t kind, uint32_t request_id)
{
    struct frame_header header = {
        .kind = kind, .partition = PARTITION_ANY, .request_id = request_id};
    return frame_begin(out, &header);
}

// ---- What a client asks for ----

void subscribe_encode(struct buffer *out, uint32_t request_id, const struct subscribe *subscribe)
{
    size_t mark = body_begin(out, FRAME_SUBSCRIBE, request_id);
    write_array(out, 7);
    write_str(out, subscribe->query);
    write_uint(out, (uint64_t)subscribe->start);
    write_uint(out, (uint64_t)subscribe->content);
    write_uint(out, (uint64_t)subscribe->policy);
    write_uint(out, subscribe->kinds);
    write_uint(out, subscribe->causes);
    write_bool(out, subscribe->only_changed);
    frame_end(out, mark);
}

static bool options_read(struct cursor *cursor, struct subscribe *subscribe)
{
    uint64_t start, content, policy, kinds, causes;
    if (!uint_read_to(cursor, START_EARLIEST, &start) ||
        !uint_read_to(cursor, CONTENT_OLD_AND_NEW, &content) ||
        !uint_read_to(cursor, POLICY_DISCONNECT, &policy) ||
        !uint_read_to(cursor, KINDS_ALL, &kinds) || kinds == 0 ||
        !uint_read_to(cursor, CAUSES_ALL, &causes) || causes == 0)
        return false;
    subscribe->start = (enum start)start;
    subscribe->content = (enum content)content;
    subscribe->policy = (enum policy)policy;
    subscribe->kinds = (uint8_t)kinds;
    subscribe->causes = (uint8_t)causes;
    return cursor_read_bool(cursor, &subscribe->only_changed);
}

enum error subscribe_decode(struct bytes body, struct subscribe *subscribe)
{
    struct cursor cursor = cursor_of(body);
    bool decoded = array_read_exact(&cursor, 7) && cursor_read_str(&cursor, &subscribe->query) &&
                   options_read(&cursor, subscribe);
    if (decoded && subscribe->query.size > QUERY_TEXT_BYTES_MAX)
        return ERROR_TOO_LARGE;
    return body_verdict(&cursor, decoded);
}

static void number_encode(struct buffer *out, uint8_t kind, uint32_t request_id, uint32_t number)
{
    size_t mark = body_begin(out, kind, request_id);
    write_array(out, 1);
    write_uint(out, number);
    frame_end(out, mark);
}

static enum error number_decode(struct bytes body, uint64_t max, uint32_t *number)
{
    struct cursor cursor = cursor_of(body);
    uint64_t read = 0;
    bool decoded = array_read_exact(&cursor, 1) && uint_read_to(&cursor, max, &read);
    *number = (uint32_t)read;
    return body_verdict(&cursor, decoded);
}

void subscribed_encode(struct buffer *out, uint32_t request_id, uint32_t partition_count)
{
    number_encode(out, FRAME_REPLY, request_id, partition_count);
}

enum error subscribed_decode(struct bytes body, uint32_t *partition_count)
{
    return number_decode(body, PARTITIONS_MAX, partition_count);
}

void unsubscribe_encode(struct buffer *out, uint32_t request_id, uint32_t subscription)
{
    number_encode(out, FRAME_UNSUBSCRIBE, request_id, subscription);
}

enum error unsubscribe_decode(struct bytes body, uint32_t *subscription)
{
    return number_decode(body, UINT32_MAX, subscription);
}

void explain_encode(struct buffer *out, uint32_t request_id, struct bytes query)
{
    size_t mark = body_begin(out, FRAME_EXPLAIN, request_id);
    write_array(out, 1);
    write_str(out, query);
    frame_end(out, mark);
}

enum error explain_decode(struct bytes body, struct bytes *query)
{
    struct cursor cursor = cursor_of(body);
    bool decoded = array_read_exact(&cursor, 1) && cursor_read_str(&cursor, query);
    if (decoded && query->size > QUERY_TEXT_BYTES_MAX)
        return ERROR_TOO_LARGE;
    return body_verdict(&cursor, decoded);
}

void subscriptions_encode(struct buffer *out, uint32_t request_id, uint32_t skip, uint32_t limit)
{
    size_t mark = body_begin(out, FRAME_SUBSCRIPTIONS, request_id);
    write_array(out, 2);
    write_uint(out, skip);
    write_uint(out, limit);
    frame_end(out, mark);
}

enum error subscriptions_decode(struct bytes body, uint32_t *skip, uint32_t *limit)
{
    struct cursor cursor = cursor_of(body);
    uint64_t skipped = 0;
    uint64_t wanted = 0;
    bool decoded = array_read_exact(&cursor, 2) && uint_read_to(&cursor, UINT32_MAX, &skipped) &&
                   uint_read_to(&cursor, UINT32_MAX, &wanted);
    *skip = (uint32_t)skipped;
    *limit = (uint32_t)wanted;
    return body_verdict(&cursor, decoded);
}

// ---- Marks ----

static void marks_write(struct buffer *out, const struct mark *marks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        write_uint(out, marks[i].partition);
        write_uint(out, marks[i].epoch);
        write_uint(out, marks[i].seq);
    }
}

static bool mark_read(struct cursor *cursor, struct mark *mark)
{
    uint64_t partition;
    if (!uint_read_to(cursor, PARTITIONS_MAX - 1, &partition))
        return false;
    mark->partition = (uint16_t)partition;
    return cursor_read_uint(cursor, &mark->epoch) && cursor_read_uint(cursor, &mark->seq);
}

// An array of `leading` objects and marks; the former are to be read next.
static bool marks_head_read(struct cursor *cursor, uint32_t leading, uint32_t *mark_count)
{
    uint32_t count;
    if (!cursor_read_array(cursor, &count) || count < leading ||
        (count - leading) % MARK_ELEMENTS != 0)
        return false;
    *mark_count = (count - leading) / MARK_ELEMENTS;
    return *mark_count <= PARTITIONS_MAX;
}

static bool marks_read(struct cursor *cursor, uint32_t mark_count, struct bytes *marks)
{
    *marks = bytes_of(cursor->at, cursor_left(cursor));
    struct mark mark;
    for (uint32_t i = 0; i < mark_count; i++) {
        if (!mark_read(cursor, &mark))
            return false;
    }
    return true;
}

void marks_encode(struct buffer *out, uint8_t kind, uint32_t request_id, const struct mark *marks,
                  uint32_t count)
{
    size_t frame_mark = body_begin(out, kind, request_id);
    write_array(out, count * MARK_ELEMENTS);
    marks_write(out, marks, count);
    frame_end(out, frame_mark);
}

enum error marks_decode(struct bytes body, struct bytes *marks)
{
    struct cursor cursor = cursor_of(body);
    uint32_t count;
    bool decoded = marks_head_read(&cursor, 0, &count) && marks_read(&cursor, count, marks);
    return body_verdict(&cursor, decoded);
}

bool mark_next(struct bytes *marks, struct mark *mark)
{
    struct cursor cursor = cursor_of(*marks);
    if (!mark_read(&cursor, mark))
        return false;
    *marks = bytes_of(cursor.at, cursor_left(&cursor));
    return true;
}

void follow_encode(struct buffer *out, uint32_t request_id, uint32_t subscription,
                   const struct mark *marks, uint32_t count)
{
    size_t frame_mark = body_begin(out, FRAME_FOLLOW, request_id);
    write_array(out, 1 + count * MARK_ELEMENTS);
    write_uint(out, subscription);
    marks_write(out, marks, count);
    frame_end(out, frame_mark);
}

enum error follow_decode(struct bytes body, struct follow *follow)
{
    struct cursor cursor = cursor_of(body);
    uint64_t subscription = 0;
    uint32_t count;
    bool decoded = marks_head_read(&cursor, 1, &count) &&
                   uint_read_to(&cursor, UINT32_MAX, &subscription) &&
                   marks_read(&cursor, count, &follow->marks);
    follow->subscription = (uint32_t)subscription;
    return body_verdict(&cursor, decoded);
}

void progress_encode(struct buffer *out, uint64_t behind_count, const struct mark *marks,
                     uint32_t count)
{
    size_t frame_mark = body_begin(out, FRAME_PROGRESS, 0);
    write_array(out, 1 + count * MARK_ELEMENTS);
    write_uint(out, behind_count);
    marks_write(out, marks, count);
    frame_end(out, frame_mark);
}

enum error progress_decode(struct bytes body, struct progress *progress)
{
    struct cursor cursor = cursor_of(body);
    uint32_t count;
    bool decoded = marks_head_read(&cursor, 1, &count) &&
                   cursor_read_uint(&cursor, &progress->behind_count) &&
                   marks_read(&cursor, count, &progress->marks);
    return body_verdict(&cursor, decoded);
}

// ---- Audiences ----

bool audience_next(struct bytes *ids, uint32_t *subscription)
{
    if (ids->size < ID_BYTES)
        return false;
    memcpy(subscription, ids->data, ID_BYTES);
    *ids = bytes_of(ids->data + ID_BYTES, ids->size - ID_BYTES);
    return true;
}

static bool audience_is_shared(const struct audience *audience)
{
    return audience->ids.size > 0;
}

static void audience_write(struct buffer *out, const struct audience *audience)
{
    if (!audience_is_shared(audience))
        return;
    CHECK(audience->ids.size % ID_BYTES == 0);
    CHECK(audience->ids.size <= AUDIENCE_BYTES_MAX);
    write_bin(out, audience->ids);
}

static uint32_t audience_request_id(const struct audience *audience)
{
    return audience_is_shared(audience) ? 0 : audience->subscription;
}

// What the header says of it; the ids, if it is shared, are in the body.
static struct audience audience_of(const struct frame *frame)
{
    return (struct audience){.subscription = frame->header.request_id};
}

static bool frame_is_shared(const struct frame *frame)
{
    return (frame->header.flags & EVENT_SHARED) != 0;
}

static bool ids_read(struct cursor *cursor, struct audience *audience)
{
    if (audience->subscription != 0 || !cursor_read_bin(cursor, &audience->ids) ||
        audience->ids.size == 0 || audience->ids.size > AUDIENCE_BYTES_MAX ||
        audience->ids.size % ID_BYTES != 0)
        return false;
    struct bytes left = audience->ids;
    uint32_t subscription;
    while (audience_next(&left, &subscription)) {
        if (subscription == SUBSCRIPTIONS_JOINED)
            return false;
    }
    return true;
}

// ---- Milestones ----

void milestone_encode(struct buffer *out, uint8_t kind, const struct audience *audience,
                      const struct mark *marks, uint32_t count)
{
    bool is_shared = audience_is_shared(audience);
    struct frame_header header = {.kind = kind,
                                  .flags = is_shared ? EVENT_SHARED : 0,
                                  .partition = PARTITION_ANY,
                                  .request_id = audience_request_id(audience)};
    size_t frame_mark = frame_begin(out, &header);
    write_array(out, (is_shared ? 1U : 0U) + count * MARK_ELEMENTS);
    audience_write(out, audience);
    marks_write(out, marks, count);
    frame_end(out, frame_mark);
}

enum error milestone_decode(const struct frame *frame, struct milestone *milestone)
{
    struct cursor cursor = cursor_of(frame->body);
    bool is_shared = frame_is_shared(frame);
    uint32_t count;
    milestone->audience = audience_of(frame);
    bool decoded = (frame->header.flags & ~EVENT_SHARED) == 0 &&
                   marks_head_read(&cursor, is_shared ? 1 : 0, &count) &&
                   (!is_shared || ids_read(&cursor, &milestone->audience)) &&
                   marks_read(&cursor, count, &milestone->marks);
    return body_verdict(&cursor, decoded);
}

// ---- Events ----

static bool event_is_row(const struct event *event)
{
    return event->kind == FRAME_ROW;
}

static uint32_t event_element_count(const struct event *event, bool is_shared)
{
    return (event_is_row(event) ? 4U : 7U) + (is_shared ? 1U : 0U);
}

static uint8_t event_flags(const struct event *event)
{
    unsigned flags = (event->has_new ? EVENT_HAS_NEW : 0U) | (event->has_old ? EVENT_HAS_OLD : 0U) |
                     (event->is_replay ? EVENT_REPLAY : 0U) |
                     (audience_is_shared(&event->audience) ? EVENT_SHARED : 0U);
    return (uint8_t)flags;
}

static void optional_write(struct buffer *out, bool present, struct bytes object)
{
    if (present)
        write_object(out, object);
    else
        write_nil(out);
}

void event_encode(struct buffer *out, const struct event *event)
{
    struct frame_header header = {.kind = event->kind,
                                  .flags = event_flags(event),
                                  .partition = event->partition,
                                  .request_id = audience_request_id(&event->audience)};
    size_t mark = frame_begin(out, &header);
    write_array(out, event_element_count(event, audience_is_shared(&event->audience)));
    audience_write(out, &event->audience);
    write_uint(out, event->epoch);
    write_uint(out, event->seq);
    if (!event_is_row(event)) {
        write_uint(out, event->time_us);
        write_uint(out, (uint64_t)event->cause);
    }
    write_object(out, event->key);
    optional_write(out, event->has_new, event->new_value);
    if (!event_is_row(event))
        optional_write(out, event->has_old, event->old_value);
    frame_end(out, mark);
}

static bool optional_read(struct cursor *cursor, bool present, struct bytes *object)
{
    return present ? cursor_read_object(cursor, object) : cursor_read_nil(cursor);
}

static bool change_read(struct cursor *cursor, struct event *event)
{
    uint64_t cause;
    if (!cursor_read_uint(cursor, &event->time_us) || !uint_read_to(cursor, CAUSE_TOUCH, &cause) ||
        cause < CAUSE_PUT)
        return false;
    event->cause = (enum cause)cause;
    return true;
}

static bool event_header_is_valid(const struct frame_header *header)
{
    if (header->partition >= PARTITIONS_MAX || (header->flags & ~EVENT_FLAGS_ALL) != 0)
        return false;
    if (header->request_id == 0 && !(header->flags & EVENT_SHARED))
        return false;
    if (header->kind == FRAME_ROW)
        return !(header->flags & EVENT_HAS_OLD);
    return header->kind == FRAME_ENTER || header->kind == FRAME_UPDATE ||
           header->kind == FRAME_LEAVE;
}

enum error event_decode(const struct frame *frame, struct event *event)
{
    *event = (struct event){.kind = frame->header.kind,
                            .partition = frame->header.partition,
                            .audience = audience_of(frame),
                            .is_replay = (frame->header.flags & EVENT_REPLAY) != 0,
                            .has_new = (frame->header.flags & EVENT_HAS_NEW) != 0,
                            .has_old = (frame->header.flags & EVENT_HAS_OLD) != 0};
    struct cursor cursor = cursor_of(frame->body);
    bool is_shared = frame_is_shared(frame);
    bool is_row = event_is_row(event);
    bool decoded =
        event_header_is_valid(&frame->header) &&
        array_read_exact(&cursor, event_element_count(event, is_shared)) &&
        (!is_shared || ids_read(&cursor, &event->audience)) &&
        cursor_read_uint(&cursor, &event->epoch) && cursor_read_uint(&cursor, &event->seq) &&
        (is_row || change_read(&cursor, event)) && cursor_read_object(&cursor, &event->key) &&
        optional_read(&cursor, event->has_new, &event->new_value) &&
        (is_row || optional_read(&cursor, event->has_old, &event->old_value));
    return body_verdict(&cursor, decoded);
}

// ---- Batches ----

// [bin] with the widest head, whose length is known only at the end.
static const uint8_t batch_head[] = {0x91, 0xc6, 0, 0, 0, 0};

size_t batch_begin(struct buffer *out)
{
    size_t mark = body_begin(out, FRAME_BATCH, 0);
    buffer_append(out, batch_head, sizeof batch_head);
    return mark;
}

void batch_end(struct buffer *out, size_t mark)
{
    size_t head = mark + FRAME_HEADER_BYTES;
    CHECK(buffer_size(out) >= head + sizeof batch_head);
    size_t size = buffer_size(out) - head - sizeof batch_head;
    CHECK(size <= UINT32_MAX - sizeof batch_head);
    uint32_t big_endian = __builtin_bswap32((uint32_t)size);
    memcpy(out->data + out->start + head + 2, &big_endian, sizeof big_endian);
    frame_end(out, mark);
}

// Whole frames, one after the other, up to the end.
static bool frames_are_whole(struct bytes frames)
{
    while (frames.size > 0) {
        struct frame frame;
        enum error error;
        if (frame_parse(frames, EVENT_BODY_BYTES_MAX, &frame, &error) != FRAME_COMPLETE ||
            frame.header.kind == FRAME_BATCH)
            return false;
        size_t taken = FRAME_HEADER_BYTES + frame.body.size;
        frames = bytes_of(frames.data + taken, frames.size - taken);
    }
    return true;
}

enum error batch_decode(struct bytes body, struct bytes *frames)
{
    struct cursor cursor = cursor_of(body);
    bool decoded = array_read_exact(&cursor, 1) && cursor_read_bin(&cursor, frames) &&
                   frames_are_whole(*frames);
    return body_verdict(&cursor, decoded);
}
