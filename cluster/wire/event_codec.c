// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/event_codec.h"

#include "cluster/wire/body.h"
#include "cluster/wire/writer.h"

static size_t body_begin(struct buffer *out, uint8_t kind, uint16_t partition, uint32_t request_id)
{
    struct frame_header header = {.kind = kind, .partition = partition, .request_id = request_id};
    return frame_begin(out, &header);
}

void subscribe_encode(struct buffer *out, uint32_t request_id, const struct subscribe *subscribe)
{
    size_t mark = body_begin(out, FRAME_SUBSCRIBE, PARTITION_ANY, request_id);
    write_array(out, 3);
    write_str(out, subscribe->query);
    write_bool(out, subscribe->snapshot);
    write_bool(out, subscribe->old);
    frame_end(out, mark);
}

enum error subscribe_decode(struct bytes body, struct subscribe *subscribe)
{
    struct cursor cursor = cursor_of(body);
    bool decoded = array_read_exact(&cursor, 3) && cursor_read_str(&cursor, &subscribe->query) &&
                   cursor_read_bool(&cursor, &subscribe->snapshot) &&
                   cursor_read_bool(&cursor, &subscribe->old);
    if (decoded && subscribe->query.size > QUERY_TEXT_BYTES_MAX)
        return ERROR_TOO_LARGE;
    return body_verdict(&cursor, decoded);
}

void unsubscribe_encode(struct buffer *out, uint32_t request_id, uint32_t subscription)
{
    size_t mark = body_begin(out, FRAME_UNSUBSCRIBE, PARTITION_ANY, request_id);
    write_array(out, 1);
    write_uint(out, subscription);
    frame_end(out, mark);
}

enum error unsubscribe_decode(struct bytes body, uint32_t *subscription)
{
    struct cursor cursor = cursor_of(body);
    uint64_t number;
    bool decoded =
        array_read_exact(&cursor, 1) && cursor_read_uint(&cursor, &number) && number <= UINT32_MAX;
    if (decoded)
        *subscription = (uint32_t)number;
    return body_verdict(&cursor, decoded);
}

void marks_encode(struct buffer *out, uint8_t kind, uint32_t request_id, const struct mark *marks,
                  uint32_t count)
{
    size_t frame_mark = body_begin(out, kind, PARTITION_ANY, request_id);
    write_array(out, count * 3);
    for (uint32_t i = 0; i < count; i++) {
        write_uint(out, marks[i].partition);
        write_uint(out, marks[i].epoch);
        write_uint(out, marks[i].seq);
    }
    frame_end(out, frame_mark);
}

static bool mark_read(struct cursor *cursor, struct mark *mark)
{
    uint64_t partition;
    if (!cursor_read_uint(cursor, &partition) || partition >= PARTITIONS_MAX)
        return false;
    mark->partition = (uint16_t)partition;
    return cursor_read_uint(cursor, &mark->epoch) && cursor_read_uint(cursor, &mark->seq);
}

enum error marks_decode(struct bytes body, struct bytes *marks)
{
    struct cursor cursor = cursor_of(body);
    uint32_t objects;
    if (!cursor_read_array(&cursor, &objects) || objects % 3 != 0)
        return ERROR_MALFORMED_FRAME;
    *marks = bytes_of(cursor.at, cursor_left(&cursor));
    bool decoded = true;
    struct mark mark;
    for (uint32_t i = 0; decoded && i < objects / 3; i++)
        decoded = mark_read(&cursor, &mark);
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

void ready_encode(struct buffer *out, uint32_t subscription, const struct mark *mark)
{
    size_t frame_mark = body_begin(out, FRAME_READY, mark->partition, subscription);
    write_array(out, 2);
    write_uint(out, mark->epoch);
    write_uint(out, mark->seq);
    frame_end(out, frame_mark);
}

enum error ready_decode(const struct frame *frame, struct mark *mark)
{
    struct cursor cursor = cursor_of(frame->body);
    mark->partition = frame->header.partition;
    bool decoded = mark->partition < PARTITIONS_MAX && array_read_exact(&cursor, 2) &&
                   cursor_read_uint(&cursor, &mark->epoch) && cursor_read_uint(&cursor, &mark->seq);
    return body_verdict(&cursor, decoded);
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
    unsigned flags = (event->has_new ? EVENT_HAS_NEW : 0U) | (event->has_old ? EVENT_HAS_OLD : 0U);
    struct frame_header header = {.kind = event->kind,
                                  .flags = (uint8_t)flags,
                                  .partition = event->partition,
                                  .request_id = event->subscription};
    size_t mark = frame_begin(out, &header);
    bool is_row = event->kind == FRAME_ROW;
    write_array(out, is_row ? 4 : 7);
    write_uint(out, event->epoch);
    write_uint(out, event->seq);
    if (!is_row) {
        write_uint(out, event->time_us);
        write_uint(out, (uint64_t)event->cause);
    }
    write_object(out, event->key);
    optional_write(out, event->has_new, event->new_value);
    if (!is_row)
        optional_write(out, event->has_old, event->old_value);
    frame_end(out, mark);
}

static bool optional_read(struct cursor *cursor, bool present, struct bytes *object)
{
    *object = (struct bytes){0};
    return present ? cursor_read_object(cursor, object) : cursor_read_nil(cursor);
}

static bool change_read(struct cursor *cursor, struct event *event)
{
    uint64_t cause;
    if (!cursor_read_uint(cursor, &event->time_us) || !cursor_read_uint(cursor, &cause) ||
        cause < CAUSE_PUT || cause > CAUSE_TOUCH)
        return false;
    event->cause = (enum cause)cause;
    return true;
}

enum error event_decode(const struct frame *frame, struct event *event)
{
    *event = (struct event){.kind = frame->header.kind,
                            .partition = frame->header.partition,
                            .subscription = frame->header.request_id,
                            .has_new = (frame->header.flags & EVENT_HAS_NEW) != 0,
                            .has_old = (frame->header.flags & EVENT_HAS_OLD) != 0};
    struct cursor cursor = cursor_of(frame->body);
    bool is_row = event->kind == FRAME_ROW;
    bool decoded =
        event->partition < PARTITIONS_MAX && (!is_row || (event->has_new && !event->has_old)) &&
        array_read_exact(&cursor, is_row ? 4 : 7) && cursor_read_uint(&cursor, &event->epoch) &&
        cursor_read_uint(&cursor, &event->seq) && (is_row || change_read(&cursor, event)) &&
        cursor_read_object(&cursor, &event->key) &&
        optional_read(&cursor, event->has_new, &event->new_value) &&
        (is_row || optional_read(&cursor, event->has_old, &event->old_value));
    return body_verdict(&cursor, decoded);
}
