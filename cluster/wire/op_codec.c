// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/op_codec.h"

#include "cluster/model/key.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

// Elements of a keyed operation's body.
enum { KEYED_ELEMENTS_MIN = 2, KEYED_ELEMENTS_MAX = 7 };

bool frame_is_operation(uint8_t frame_kind)
{
    return frame_kind > FRAME_OPERATION && frame_kind < FRAME_OPERATION + OP_COUNT;
}

static bool op_has_value(enum op_kind kind)
{
    return kind == OP_PUT || kind == OP_GET_AND_PUT || kind == OP_REPLACE || kind == OP_INCREMENT ||
           kind == OP_MERGE;
}

static uint32_t keyed_element_count(const struct op *op)
{
    if (op->condition != CONDITION_NONE)
        return 7;
    if (op->max_idle_ms != 0)
        return 5;
    if (op->ttl_ms != 0)
        return 4;
    return op_has_value(op->kind) ? 3 : 2;
}

static void keyed_encode(struct buffer *out, const struct op *op)
{
    uint32_t count = keyed_element_count(op);
    write_array(out, count);
    write_str(out, op->map);
    write_object(out, op->key);
    if (count >= 3) {
        if (op_has_value(op->kind))
            write_object(out, op->value);
        else
            write_nil(out);
    }
    if (count >= 4)
        write_int(out, op->ttl_ms);
    if (count >= 5)
        write_int(out, op->max_idle_ms);
    if (count >= 7) {
        write_uint(out, (uint64_t)op->condition);
        write_uint(out, op->version);
    }
}

static void unkeyed_encode(struct buffer *out, const struct op *op)
{
    if (op->kind == OP_MAPS || op->kind == OP_STATS) {
        write_array(out, 0);
        return;
    }
    write_array(out, op->kind == OP_SIZE ? 1 : op->kind == OP_CLEAR ? 3 : 5);
    write_str(out, op->map);
    if (op->kind == OP_SIZE)
        return;
    write_uint(out, op->position.partition);
    write_uint(out, op->position.hash);
    if (op->kind == OP_SCAN) {
        write_uint(out, op->limit);
        write_str(out, op->query);
    }
}

void op_encode(struct buffer *out, uint32_t request_id, const struct op *op)
{
    struct frame_header header = {.kind = (uint8_t)(FRAME_OPERATION + (unsigned)op->kind),
                                  .partition = op->partition,
                                  .request_id = request_id};
    size_t mark = frame_begin(out, &header);
    if (op_has_key(op->kind))
        keyed_encode(out, op);
    else
        unkeyed_encode(out, op);
    frame_end(out, mark);
}

static bool map_name_read(struct cursor *cursor, struct bytes *map)
{
    return cursor_read_str(cursor, map) && map->size >= 1 && map->size <= MAP_NAME_BYTES_MAX;
}

static enum error refuse(const char **what, const char *field, enum error error)
{
    *what = field;
    return error;
}

static enum error key_read(struct cursor *cursor, struct op *op, const char **what)
{
    if (!cursor_read_object(cursor, &op->key))
        return refuse(what, "key", ERROR_MALFORMED_KEY);
    enum error error = key_check(op->key);
    if (error != ERROR_NONE)
        return refuse(what, "key", error);
    op->hash = key_hash(op->key);
    return ERROR_NONE;
}

static enum error value_read(struct cursor *cursor, struct op *op, const char **what)
{
    if (!op_has_value(op->kind))
        return cursor_read_nil(cursor) ? ERROR_NONE : refuse(what, "value", ERROR_INVALID_ARGUMENT);
    if (!cursor_read_object(cursor, &op->value))
        return refuse(what, "value", ERROR_MALFORMED_VALUE);
    if (op->value.size > VALUE_BYTES_MAX)
        return refuse(what, "value", ERROR_TOO_LARGE);
    return ERROR_NONE;
}

static bool duration_read(struct cursor *cursor, int64_t max_ms, int64_t *duration_ms)
{
    return cursor_read_int(cursor, duration_ms) && *duration_ms >= 0 && *duration_ms <= max_ms;
}

static bool condition_read(struct cursor *cursor, struct op *op)
{
    uint64_t condition;
    if (!cursor_read_uint(cursor, &condition) || !cursor_read_uint(cursor, &op->version))
        return false;
    op->condition = (enum op_condition)condition;
    switch (condition) {
    case CONDITION_NONE:
        return true;
    case CONDITION_IF_ABSENT:
        return op->kind == OP_PUT;
    case CONDITION_IF_VERSION:
        return op->kind == OP_PUT || op->kind == OP_REPLACE || op->kind == OP_REMOVE;
    default:
        return false;
    }
}

static enum error keyed_decode(struct cursor *cursor, struct op *op, const char **what)
{
    uint32_t count;
    if (!cursor_read_array(cursor, &count) || count < KEYED_ELEMENTS_MIN ||
        count > KEYED_ELEMENTS_MAX || count == 6)
        return refuse(what, "body", ERROR_MALFORMED_FRAME);
    if (!map_name_read(cursor, &op->map))
        return refuse(what, "map name", ERROR_INVALID_ARGUMENT);
    enum error error = key_read(cursor, op, what);
    if (error != ERROR_NONE)
        return error;
    if (count < 3 && op_has_value(op->kind))
        return refuse(what, "value", ERROR_MALFORMED_FRAME);
    if (count >= 3 && (error = value_read(cursor, op, what)) != ERROR_NONE)
        return error;
    if (count >= 4 && !duration_read(cursor, TTL_MS_MAX, &op->ttl_ms))
        return refuse(what, "ttl_ms", ERROR_INVALID_ARGUMENT);
    if (count >= 5 && !duration_read(cursor, MAX_IDLE_MS_MAX, &op->max_idle_ms))
        return refuse(what, "max_idle_ms", ERROR_INVALID_ARGUMENT);
    if (count >= 7 && !condition_read(cursor, op))
        return refuse(what, "condition", ERROR_INVALID_ARGUMENT);
    return ERROR_NONE;
}

static bool position_read(struct cursor *cursor, struct scan_position *position)
{
    uint64_t partition;
    if (!cursor_read_uint(cursor, &partition) || partition >= PARTITIONS_MAX)
        return false;
    position->partition = (uint16_t)partition;
    return cursor_read_uint(cursor, &position->hash);
}

static bool scan_limits_read(struct cursor *cursor, struct op *op)
{
    uint64_t limit;
    if (!cursor_read_uint(cursor, &limit) || limit < 1 || limit > SCAN_PAGE_ROWS_MAX)
        return false;
    op->limit = (uint32_t)limit;
    return cursor_read_str(cursor, &op->query) && op->query.size <= QUERY_TEXT_BYTES_MAX;
}

static enum error unkeyed_decode(struct cursor *cursor, struct op *op, const char **what)
{
    uint32_t count;
    uint32_t wanted = op->kind == OP_SIZE    ? 1
                      : op->kind == OP_CLEAR ? 3
                      : op->kind == OP_SCAN  ? 5
                                             : 0;
    if (!cursor_read_array(cursor, &count) || count != wanted)
        return refuse(what, "body", ERROR_MALFORMED_FRAME);
    if (wanted == 0)
        return ERROR_NONE;
    if (!map_name_read(cursor, &op->map))
        return refuse(what, "map name", ERROR_INVALID_ARGUMENT);
    if (wanted >= 3 && !position_read(cursor, &op->position))
        return refuse(what, "position", ERROR_INVALID_ARGUMENT);
    if (wanted >= 5 && !scan_limits_read(cursor, op))
        return refuse(what, "limit or query", ERROR_INVALID_ARGUMENT);
    return ERROR_NONE;
}

enum error op_decode(const struct frame *frame, struct op *op, const char **what)
{
    *op = (struct op){.partition = frame->header.partition};
    if (!frame_is_operation(frame->header.kind))
        return refuse(what, "kind", ERROR_UNKNOWN_OPERATION);
    op->kind = (enum op_kind)(frame->header.kind - FRAME_OPERATION);
    struct cursor cursor = cursor_of(frame->body);
    enum error error =
        op_has_key(op->kind) ? keyed_decode(&cursor, op, what) : unkeyed_decode(&cursor, op, what);
    if (error != ERROR_NONE)
        return error;
    return cursor_left(&cursor) == 0 ? ERROR_NONE : refuse(what, "body", ERROR_MALFORMED_FRAME);
}
