// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/cursor.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/writer.h"

static size_t reply_begin(struct buffer *out, uint32_t request_id, uint16_t partition)
{
    struct frame_header header = {
        .kind = FRAME_REPLY, .partition = partition, .request_id = request_id};
    return frame_begin(out, &header);
}

// The answer to nearly every operation: one reservation, and stores behind each other.
void reply_encode_entry(struct buffer *out, uint32_t request_id, uint16_t partition, bool found,
                        uint64_t version, struct bytes value)
{
    enum { VERSION_BYTES_MAX = 9 };
    uint8_t *start = buffer_reserve(out, FRAME_HEADER_BYTES + 2 + VERSION_BYTES_MAX + value.size);
    uint8_t *at = start + FRAME_HEADER_BYTES;
    *at++ = value.data ? 0x93 : 0x92; // fixarray
    *at++ = found ? 0xc3 : 0xc2;
    at += uint_store(at, version);
    if (value.size)
        memcpy(at, value.data, value.size);
    size_t bytes = (size_t)(at - start) + value.size;
    struct frame_header header = {.body_bytes = (uint32_t)(bytes - FRAME_HEADER_BYTES),
                                  .kind = FRAME_REPLY,
                                  .partition = partition,
                                  .request_id = request_id};
    frame_header_store(start, &header);
    buffer_advance(out, bytes);
}

void reply_encode_count(struct buffer *out, uint32_t request_id, uint64_t count)
{
    size_t mark = reply_begin(out, request_id, PARTITION_ANY);
    write_array(out, 1);
    write_uint(out, count);
    frame_end(out, mark);
}

void reply_encode_clear(struct buffer *out, uint32_t request_id, uint64_t count, bool more,
                        struct scan_position position)
{
    size_t mark = reply_begin(out, request_id, PARTITION_ANY);
    write_array(out, 4);
    write_uint(out, count);
    write_bool(out, more);
    write_uint(out, position.partition);
    write_uint(out, position.hash);
    frame_end(out, mark);
}

void reply_encode_scan(struct buffer *out, uint32_t request_id, bool more,
                       struct scan_position position, uint32_t row_count, struct bytes rows,
                       uint64_t limit)
{
    size_t mark = reply_begin(out, request_id, PARTITION_ANY);
    write_array(out, 5);
    write_bool(out, more);
    write_uint(out, position.partition);
    write_uint(out, position.hash);
    write_array(out, row_count * 3);
    buffer_append(out, rows.data, rows.size);
    write_uint(out, limit);
    frame_end(out, mark);
}

void reply_encode_object(struct buffer *out, uint32_t request_id, struct bytes object)
{
    size_t mark = reply_begin(out, request_id, PARTITION_ANY);
    write_object(out, object);
    frame_end(out, mark);
}

void error_encode(struct buffer *out, uint8_t kind, uint32_t request_id, uint16_t partition,
                  enum error error, const char *text, uint64_t version)
{
    struct frame_header header = {.kind = kind, .partition = partition, .request_id = request_id};
    size_t mark = frame_begin(out, &header);
    write_array(out, 3);
    write_uint(out, (uint64_t)error);
    size_t text_bytes = strnlen(text, ERROR_TEXT_BYTES_MAX);
    write_str(out, bytes_of(text, text_bytes));
    write_uint(out, version);
    frame_end(out, mark);
}

static bool error_decode(struct cursor *cursor, struct op_reply *reply)
{
    uint32_t count;
    uint64_t number;
    if (!cursor_read_array(cursor, &count) || count != 3 || !cursor_read_uint(cursor, &number) ||
        number == ERROR_NONE || !cursor_read_str(cursor, &reply->text) ||
        !cursor_read_uint(cursor, &reply->version))
        return false;
    reply->error = error_from_number(number);
    return true;
}

static bool entry_decode(struct cursor *cursor, struct op_reply *reply)
{
    uint32_t count;
    if (!cursor_read_array(cursor, &count) || count < 2 || count > 3 ||
        !cursor_read_bool(cursor, &reply->found) || !cursor_read_uint(cursor, &reply->version))
        return false;
    return count == 2 || cursor_read_object(cursor, &reply->value);
}

static bool position_decode(struct cursor *cursor, struct op_reply *reply)
{
    uint64_t partition;
    if (!cursor_read_bool(cursor, &reply->more) || !cursor_read_uint(cursor, &partition) ||
        partition >= PARTITIONS_MAX || !cursor_read_uint(cursor, &reply->position.hash))
        return false;
    reply->position.partition = (uint16_t)partition;
    return true;
}

static bool count_decode(struct cursor *cursor, enum op_kind kind, struct op_reply *reply)
{
    uint32_t count;
    if (!cursor_read_array(cursor, &count) || count != (kind == OP_SIZE ? 1 : 4) ||
        !cursor_read_uint(cursor, &reply->count))
        return false;
    return kind == OP_SIZE || position_decode(cursor, reply);
}

static bool scan_decode(struct cursor *cursor, struct op_reply *reply)
{
    uint32_t count;
    uint32_t objects;
    if (!cursor_read_array(cursor, &count) || count != 5 || !position_decode(cursor, reply) ||
        !cursor_read_array(cursor, &objects) || objects % 3 != 0)
        return false;
    reply->count = objects / 3;
    const uint8_t *start = cursor->at;
    struct bytes key, value;
    uint64_t version;
    for (uint32_t row = 0; row < reply->count; row++) {
        if (!cursor_read_object(cursor, &key) || !cursor_read_uint(cursor, &version) ||
            !cursor_read_object(cursor, &value))
            return false;
    }
    reply->rows = bytes_of(start, (size_t)(cursor->at - start));
    return cursor_read_uint(cursor, &reply->limit);
}

static bool body_decode(enum op_kind kind, struct cursor *cursor, struct op_reply *reply)
{
    if (op_has_key(kind))
        return entry_decode(cursor, reply);
    if (kind == OP_SIZE || kind == OP_CLEAR)
        return count_decode(cursor, kind, reply);
    if (kind == OP_SCAN)
        return scan_decode(cursor, reply);
    return cursor_read_object(cursor, &reply->value);
}

enum error reply_decode(enum op_kind kind, const struct frame *frame, struct op_reply *reply)
{
    *reply = (struct op_reply){0};
    struct cursor cursor = cursor_of(frame->body);
    bool decoded;
    switch (frame->header.kind) {
    case FRAME_REPLY:
        decoded = body_decode(kind, &cursor, reply);
        break;
    case FRAME_ERROR:
    case FRAME_ENDED:
        decoded = error_decode(&cursor, reply);
        break;
    default:
        return ERROR_MALFORMED_FRAME;
    }
    return decoded && cursor_left(&cursor) == 0 ? ERROR_NONE : ERROR_MALFORMED_FRAME;
}

bool scan_row_next(struct bytes *rows, struct scan_row *row)
{
    struct cursor cursor = cursor_of(*rows);
    if (!cursor_read_object(&cursor, &row->key) || !cursor_read_uint(&cursor, &row->version) ||
        !cursor_read_object(&cursor, &row->value))
        return false;
    *rows = bytes_of(cursor.at, cursor_left(&cursor));
    return true;
}
