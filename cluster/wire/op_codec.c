// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/op_codec.h"

#include "cluster/model/key.h"
#include "cluster/wire/body.h"
#include "cluster/wire/writer.h"

// Elements of a keyed operation's body: with a value, ttl, ...
enum {
    KEYED_ELEMENTS_MIN = 2,
    KEYED_WITH_VALUE = 3,
    KEYED_WITH_TTL = 4,
    KEYED_WITH_MAX_IDLE = 5,
    KEYED_WITH_CONDITION = 7,
    KEYED_WITH_NUMBER = 10,
};

bool frame_is_operation(uint8_t frame_kind)
{
    return frame_kind > FRAME_OPERATION && frame_kind < FRAME_OPERATION + OP_COUNT;
}

static bool op_has_value(enum op_kind kind)
{
    return kind == OP_PUT || kind == OP_GET_AND_PUT || kind == OP_REPLACE || kind == OP_INCREMENT ||
           kind == OP_MERGE;
}

// Reads may be repeated as they are.
static bool op_has_number(const struct op *op)
{
    return op->number != 0 && op_is_write(op->kind) && op_has_key(op->kind);
}

static uint32_t keyed_element_count(const struct op *op)
{
    if (op_has_number(op))
        return KEYED_WITH_NUMBER;
    if (op->condition != CONDITION_NONE)
        return KEYED_WITH_CONDITION;
    if (op->max_idle_ms != 0)
        return KEYED_WITH_MAX_IDLE;
    if (op->ttl_ms != 0)
        return KEYED_WITH_TTL;
    return op_has_value(op->kind) ? KEYED_WITH_VALUE : KEYED_ELEMENTS_MIN;
}

static void keyed_encode(struct buffer *out, const struct op *op)
{
    uint32_t count = keyed_element_count(op);
    write_array(out, count);
    write_str(out, op->map);
    write_object(out, op->key);
    if (count >= KEYED_WITH_VALUE) {
        if (op_has_value(op->kind))
            write_object(out, op->value);
        else
            write_nil(out);
    }
    if (count >= KEYED_WITH_TTL)
        write_int(out, op->ttl_ms);
    if (count >= KEYED_WITH_MAX_IDLE)
        write_int(out, op->max_idle_ms);
    if (count >= KEYED_WITH_CONDITION) {
        write_uint(out, (uint64_t)op->condition);
        write_uint(out, op->version);
    }
    if (count >= KEYED_WITH_NUMBER) {
        CHECK(op->floor <= op->number);
        write_uint(out, op->number);
        write_uint(out, op->number - op->floor);
        write_uint(out, op->is_retry ? op->age_ms : 0);
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
    uint8_t flags = op_has_number(op) && op->is_retry ? FRAME_FLAG_RETRY : 0;
    struct frame_header header = {.kind = (uint8_t)(FRAME_OPERATION + (unsigned)op->kind),
                                  .flags = flags,
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

// An operation that is sent for the first time has no age.
static bool number_read(struct cursor *cursor, struct op *op, bool is_retry)
{
    uint64_t above_floor;
    if (!op_is_write(op->kind) || !cursor_read_uint(cursor, &op->number) || op->number == 0 ||
        !uint_read_to(cursor, op->number, &above_floor) ||
        !uint_read_to(cursor, is_retry ? RETRY_AGE_MS_MAX : 0, &op->age_ms))
        return false;
    op->floor = op->number - above_floor;
    op->is_retry = is_retry;
    return true;
}

static bool keyed_count_read(struct cursor *cursor, uint32_t *count)
{
    return cursor_read_array(cursor, count) && *count >= KEYED_ELEMENTS_MIN &&
           (*count <= KEYED_WITH_MAX_IDLE || *count == KEYED_WITH_CONDITION ||
            *count == KEYED_WITH_NUMBER);
}

static enum error keyed_decode(struct cursor *cursor, bool is_retry, struct op *op,
                               const char **what)
{
    uint32_t count;
    if (!keyed_count_read(cursor, &count))
        return refuse(what, "body", ERROR_MALFORMED_FRAME);
    if (!map_name_read(cursor, &op->map))
        return refuse(what, "map name", ERROR_INVALID_ARGUMENT);
    enum error error = key_read(cursor, op, what);
    if (error != ERROR_NONE)
        return error;
    if (count < KEYED_WITH_VALUE && op_has_value(op->kind))
        return refuse(what, "value", ERROR_MALFORMED_FRAME);
    if (count >= KEYED_WITH_VALUE && (error = value_read(cursor, op, what)) != ERROR_NONE)
        return error;
    if (count >= KEYED_WITH_TTL && !duration_read(cursor, TTL_MS_MAX, &op->ttl_ms))
        return refuse(what, "ttl_ms", ERROR_INVALID_ARGUMENT);
    if (count >= KEYED_WITH_MAX_IDLE && !duration_read(cursor, MAX_IDLE_MS_MAX, &op->max_idle_ms))
        return refuse(what, "max_idle_ms", ERROR_INVALID_ARGUMENT);
    if (count >= KEYED_WITH_CONDITION && !condition_read(cursor, op))
        return refuse(what, "condition", ERROR_INVALID_ARGUMENT);
    if (count >= KEYED_WITH_NUMBER && !number_read(cursor, op, is_retry))
        return refuse(what, "number", ERROR_INVALID_ARGUMENT);
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
    bool is_retry = frame->header.flags & FRAME_FLAG_RETRY;
    enum error error = op_has_key(op->kind) ? keyed_decode(&cursor, is_retry, op, what)
                                            : unkeyed_decode(&cursor, op, what);
    if (error != ERROR_NONE)
        return error;
    return cursor_left(&cursor) == 0 ? ERROR_NONE : refuse(what, "body", ERROR_MALFORMED_FRAME);
}
