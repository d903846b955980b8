// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/message_codec.h"

#include "cluster/model/key.h"
#include "cluster/model/op.h"
#include "cluster/wire/body.h"
#include "cluster/wire/writer.h"

// ---- HELLO ----

void hello_encode(struct buffer *out, uint32_t request_id, const struct hello *hello)
{
    struct frame_header header = {
        .kind = FRAME_HELLO, .partition = PARTITION_ANY, .request_id = request_id};
    size_t mark = frame_begin(out, &header);
    write_array(out, 9);
    write_uint(out, hello->version_min);
    write_uint(out, hello->version_max);
    write_uint(out, (uint64_t)hello->role);
    write_uint(out, hello->worker);
    write_str(out, hello->name);
    write_str(out, hello->grid);
    write_uint(out, hello->grid_id);
    write_str(out, hello->secret);
    write_uint(out, hello->id);
    frame_end(out, mark);
}

enum error hello_decode(struct bytes body, struct hello *hello)
{
    struct cursor cursor = cursor_of(body);
    uint64_t version_min, version_max, role, worker;
    bool decoded =
        array_read_exact(&cursor, 9) && uint_read_to(&cursor, UINT32_MAX, &version_min) &&
        uint_read_to(&cursor, UINT32_MAX, &version_max) && version_min <= version_max &&
        uint_read_to(&cursor, HELLO_CONTROL, &role) && role >= HELLO_CLIENT &&
        uint_read_to(&cursor, HELLO_ANY_WORKER, &worker) && name_read(&cursor, &hello->name) &&
        name_read(&cursor, &hello->grid) && cursor_read_uint(&cursor, &hello->grid_id) &&
        cursor_read_str(&cursor, &hello->secret) && hello->secret.size <= SECRET_BYTES_MAX &&
        cursor_read_uint(&cursor, &hello->id);
    if (!decoded)
        return ERROR_MALFORMED_FRAME;
    hello->version_min = (uint32_t)version_min;
    hello->version_max = (uint32_t)version_max;
    hello->role = (enum hello_role)role;
    hello->worker = (uint16_t)worker;
    return body_verdict(&cursor, decoded);
}

void hello_reply_encode(struct buffer *out, uint32_t request_id, const struct hello_reply *reply)
{
    struct frame_header header = {
        .kind = FRAME_REPLY, .partition = PARTITION_ANY, .request_id = request_id};
    size_t mark = frame_begin(out, &header);
    write_array(out, 8);
    write_uint(out, reply->version);
    write_str(out, reply->node);
    write_str(out, reply->grid);
    write_uint(out, reply->incarnation);
    write_uint(out, reply->worker);
    write_uint(out, reply->worker_count);
    write_uint(out, reply->partition_count);
    write_uint(out, reply->view_version);
    frame_end(out, mark);
}

enum error hello_reply_decode(struct bytes body, struct hello_reply *reply)
{
    struct cursor cursor = cursor_of(body);
    uint64_t version, worker, worker_count, partition_count;
    bool decoded = array_read_exact(&cursor, 8) && uint_read_to(&cursor, UINT32_MAX, &version) &&
                   name_read(&cursor, &reply->node) && name_read(&cursor, &reply->grid) &&
                   cursor_read_uint(&cursor, &reply->incarnation) &&
                   uint_read_to(&cursor, WORKERS_MAX - 1, &worker) &&
                   uint_read_to(&cursor, WORKERS_MAX, &worker_count) && worker < worker_count &&
                   uint_read_to(&cursor, PARTITIONS_MAX, &partition_count) &&
                   cursor_read_uint(&cursor, &reply->view_version);
    if (!decoded)
        return ERROR_MALFORMED_FRAME;
    reply->version = (uint32_t)version;
    reply->worker = (uint16_t)worker;
    reply->worker_count = (uint16_t)worker_count;
    reply->partition_count = (uint32_t)partition_count;
    return body_verdict(&cursor, decoded);
}

void request_encode_empty(struct buffer *out, uint8_t kind, uint32_t request_id)
{
    struct frame_header header = {
        .kind = kind, .partition = PARTITION_ANY, .request_id = request_id};
    size_t mark = frame_begin(out, &header);
    write_array(out, 0);
    frame_end(out, mark);
}

// ---- Replication ----

static void epochs_write(struct buffer *out, const struct epochs *epochs)
{
    CHECK(epochs->count <= EPOCH_RUNS_MAX);
    write_array(out, epochs->count * 2);
    for (uint32_t i = 0; i < epochs->count; i++) {
        write_uint(out, epochs->runs[i].epoch);
        write_uint(out, epochs->runs[i].first_seq);
    }
}

static bool epochs_read(struct cursor *cursor, struct epochs *epochs)
{
    uint32_t objects;
    if (!cursor_read_array(cursor, &objects) || objects % 2 != 0 || objects / 2 > EPOCH_RUNS_MAX)
        return false;
    *epochs = (struct epochs){.count = objects / 2};
    struct epoch_run before = {.epoch = 0, .first_seq = 1};
    for (uint32_t i = 0; i < epochs->count; i++) {
        struct epoch_run *run = &epochs->runs[i];
        if (!cursor_read_uint(cursor, &run->epoch) || run->epoch <= before.epoch ||
            !cursor_read_uint(cursor, &run->first_seq) || run->first_seq < before.first_seq)
            return false;
        before = *run;
    }
    return true;
}

void position_encode(struct buffer *out, uint8_t kind, uint16_t partition,
                     const struct position *position)
{
    struct frame_header header = {.kind = kind, .partition = partition};
    size_t mark = frame_begin(out, &header);
    write_array(out, 3);
    write_uint(out, position->epoch);
    write_uint(out, position->seq);
    epochs_write(out, &position->epochs);
    frame_end(out, mark);
}

enum error position_decode(struct bytes body, struct position *position)
{
    struct cursor cursor = cursor_of(body);
    bool decoded = array_read_exact(&cursor, 3) && cursor_read_uint(&cursor, &position->epoch) &&
                   cursor_read_uint(&cursor, &position->seq) &&
                   epochs_read(&cursor, &position->epochs);
    return body_verdict(&cursor, decoded);
}

// Objects of one effect in the flat array of an APPEND, and of its origin.
enum { EFFECT_ELEMENTS = 8, ORIGIN_ELEMENTS = 4 };

size_t append_begin(struct buffer *out, uint16_t partition, uint64_t epoch, uint64_t first_seq,
                    uint64_t commit_seq, uint64_t made_epoch, uint32_t count)
{
    struct frame_header header = {.kind = FRAME_APPEND, .partition = partition};
    size_t mark = frame_begin(out, &header);
    write_array(out, 6);
    write_uint(out, epoch);
    write_uint(out, first_seq);
    write_uint(out, commit_seq);
    write_uint(out, made_epoch);
    write_uint(out, count);
    write_array(out, count * EFFECT_ELEMENTS);
    return mark;
}

void append_end(struct buffer *out, size_t mark)
{
    frame_end(out, mark);
}

enum error append_decode(struct bytes body, struct append *append)
{
    struct cursor cursor = cursor_of(body);
    uint64_t count;
    uint32_t objects;
    bool decoded = array_read_exact(&cursor, 6) && cursor_read_uint(&cursor, &append->epoch) &&
                   cursor_read_uint(&cursor, &append->first_seq) && append->first_seq >= 1 &&
                   cursor_read_uint(&cursor, &append->commit_seq) &&
                   uint_read_to(&cursor, append->epoch, &append->made_epoch) &&
                   uint_read_to(&cursor, UINT32_MAX / EFFECT_ELEMENTS, &count) &&
                   (append->made_epoch >= 1 || count == 0) &&
                   cursor_read_array(&cursor, &objects) &&
                   objects == (uint32_t)count * EFFECT_ELEMENTS;
    if (!decoded)
        return ERROR_MALFORMED_FRAME;
    append->count = (uint32_t)count;
    append->effects = bytes_of(cursor.at, cursor_left(&cursor));
    return append->count > 0 || append->effects.size == 0 ? ERROR_NONE : ERROR_MALFORMED_FRAME;
}

// client, number, number - floor, kind: of a write with a key by a client that wants to be
// remembered.
static void origin_write(struct buffer *out, const struct origin *origin)
{
    CHECK(origin->number != 0 && origin->floor <= origin->number);
    write_uint(out, origin->client);
    write_uint(out, origin->number);
    write_uint(out, origin->number - origin->floor);
    write_uint(out, origin->kind);
}

static bool origin_read(struct cursor *cursor, struct origin *origin)
{
    uint64_t above_floor, kind;
    if (!id_read(cursor, &origin->client) || !id_read(cursor, &origin->number) ||
        !uint_read_to(cursor, origin->number, &above_floor) ||
        !uint_read_to(cursor, OP_COUNT - 1, &kind) || !op_is_write((enum op_kind)kind) ||
        !op_has_key((enum op_kind)kind))
        return false;
    origin->floor = origin->number - above_floor;
    origin->kind = (uint8_t)kind;
    return true;
}

static bool cause_has_value(enum cause cause)
{
    return cause == CAUSE_PUT || cause == CAUSE_TOUCH;
}

void effect_encode(struct buffer *out, const struct effect *effect)
{
    write_uint(out, effect->time_us);
    write_uint(out, (uint64_t)effect->cause);
    write_str(out, effect->map);
    write_object(out, effect->key);
    if (cause_has_value(effect->cause))
        write_object(out, effect->value);
    else
        write_nil(out);
    write_int(out, effect->expiry_ms);
    write_int(out, effect->max_idle_ms);
    if (effect->origin.client == 0) {
        write_nil(out);
    } else {
        write_array(out, ORIGIN_ELEMENTS);
        origin_write(out, &effect->origin);
    }
}

// The fields that name an entry and what is in it, as they stand in effects and fill entries.
static enum error entry_check(struct bytes map, struct bytes key, struct bytes value)
{
    if (map.size < 1 || map.size > MAP_NAME_BYTES_MAX)
        return ERROR_INVALID_ARGUMENT;
    if (value.size > VALUE_BYTES_MAX)
        return ERROR_TOO_LARGE;
    return key_check(key);
}

static bool expiry_read(struct cursor *cursor, int64_t *expiry_ms, int64_t *max_idle_ms)
{
    return cursor_read_int(cursor, expiry_ms) &&
           (*expiry_ms == 0 || (*expiry_ms >= EXPIRY_ORIGIN_MS && *expiry_ms <= EXPIRY_MS_MAX)) &&
           cursor_read_int(cursor, max_idle_ms) && *max_idle_ms >= 0 &&
           *max_idle_ms <= MAX_IDLE_MS_MAX;
}

enum error effect_decode(struct bytes *effects, struct effect *effect)
{
    struct cursor cursor = cursor_of(*effects);
    uint64_t cause;
    if (!cursor_read_uint(&cursor, &effect->time_us) ||
        !uint_read_to(&cursor, CAUSE_TOUCH, &cause) || cause < CAUSE_PUT ||
        !cursor_read_str(&cursor, &effect->map) || !cursor_read_object(&cursor, &effect->key))
        return ERROR_MALFORMED_FRAME;
    effect->cause = (enum cause)cause;
    effect->value = (struct bytes){0};
    if (cause_has_value(effect->cause) ? !cursor_read_object(&cursor, &effect->value)
                                       : !cursor_read_nil(&cursor))
        return ERROR_MALFORMED_FRAME;
    effect->origin = (struct origin){0};
    if (!expiry_read(&cursor, &effect->expiry_ms, &effect->max_idle_ms) ||
        !(cursor_read_nil(&cursor) ||
          (array_read_exact(&cursor, ORIGIN_ELEMENTS) && origin_read(&cursor, &effect->origin))))
        return ERROR_MALFORMED_FRAME;
    *effects = bytes_of(cursor.at, cursor_left(&cursor));
    return entry_check(effect->map, effect->key, effect->value);
}

void fill_entry_encode(struct buffer *out, uint16_t partition, const struct fill_entry *entry)
{
    struct frame_header header = {.kind = FRAME_FILL_ENTRY, .partition = partition};
    size_t mark = frame_begin(out, &header);
    write_array(out, 7);
    write_uint(out, entry->epoch);
    write_str(out, entry->map);
    write_object(out, entry->key);
    write_object(out, entry->value);
    write_uint(out, entry->seq);
    write_int(out, entry->expiry_ms);
    write_int(out, entry->max_idle_ms);
    frame_end(out, mark);
}

enum error fill_entry_decode(struct bytes body, struct fill_entry *entry)
{
    struct cursor cursor = cursor_of(body);
    bool decoded =
        array_read_exact(&cursor, 7) && cursor_read_uint(&cursor, &entry->epoch) &&
        cursor_read_str(&cursor, &entry->map) && cursor_read_object(&cursor, &entry->key) &&
        cursor_read_object(&cursor, &entry->value) && cursor_read_uint(&cursor, &entry->seq) &&
        expiry_read(&cursor, &entry->expiry_ms, &entry->max_idle_ms);
    enum error error = body_verdict(&cursor, decoded);
    return error == ERROR_NONE ? entry_check(entry->map, entry->key, entry->value) : error;
}

// Without a value.
enum { FILL_RESULT_ELEMENTS = 3 + ORIGIN_ELEMENTS };

void fill_result_encode(struct buffer *out, uint16_t partition, const struct fill_result *result)
{
    struct frame_header header = {.kind = FRAME_FILL_RESULT, .partition = partition};
    size_t mark = frame_begin(out, &header);
    write_array(out, FILL_RESULT_ELEMENTS + (result->has_value ? 1 : 0));
    write_uint(out, result->epoch);
    origin_write(out, &result->origin);
    write_uint(out, result->seq);
    write_bool(out, result->found);
    if (result->has_value)
        write_object(out, result->value);
    frame_end(out, mark);
}

enum error fill_result_decode(struct bytes body, struct fill_result *result)
{
    struct cursor cursor = cursor_of(body);
    uint32_t count;
    result->value = (struct bytes){0};
    bool decoded = cursor_read_array(&cursor, &count) && count >= FILL_RESULT_ELEMENTS &&
                   count <= FILL_RESULT_ELEMENTS + 1 && cursor_read_uint(&cursor, &result->epoch) &&
                   origin_read(&cursor, &result->origin) &&
                   cursor_read_uint(&cursor, &result->seq) && result->seq >= 1 &&
                   cursor_read_bool(&cursor, &result->found);
    if (!decoded)
        return ERROR_MALFORMED_FRAME;
    result->has_value = count > FILL_RESULT_ELEMENTS;
    decoded = !result->has_value || cursor_read_object(&cursor, &result->value);
    if (result->value.size > VALUE_BYTES_MAX)
        return ERROR_TOO_LARGE;
    return body_verdict(&cursor, decoded);
}
