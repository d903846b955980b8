// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/message_codec.h"

#include "cluster/model/key.h"
#include "cluster/wire/body.h"
#include "cluster/wire/writer.h"

static bool name_read(struct cursor *cursor, struct bytes *name)
{
    return cursor_read_str(cursor, name) && name->size <= NODE_NAME_BYTES_MAX;
}

// ---- HELLO ----

void hello_encode(struct buffer *out, uint32_t request_id, const struct hello *hello)
{
    struct frame_header header = {
        .kind = FRAME_HELLO, .partition = PARTITION_ANY, .request_id = request_id};
    size_t mark = frame_begin(out, &header);
    write_array(out, 6);
    write_uint(out, hello->version_min);
    write_uint(out, hello->version_max);
    write_uint(out, (uint64_t)hello->role);
    write_uint(out, hello->worker);
    write_str(out, hello->name);
    write_str(out, hello->grid);
    frame_end(out, mark);
}

enum error hello_decode(struct bytes body, struct hello *hello)
{
    struct cursor cursor = cursor_of(body);
    uint64_t version_min, version_max, role, worker;
    bool decoded = array_read_exact(&cursor, 6) &&
                   uint_read_to(&cursor, UINT32_MAX, &version_min) &&
                   uint_read_to(&cursor, UINT32_MAX, &version_max) && version_min <= version_max &&
                   uint_read_to(&cursor, HELLO_PEER, &role) && role >= HELLO_CLIENT &&
                   uint_read_to(&cursor, HELLO_ANY_WORKER, &worker) &&
                   name_read(&cursor, &hello->name) && name_read(&cursor, &hello->grid);
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
    write_array(out, 7);
    write_uint(out, reply->version);
    write_str(out, reply->node);
    write_str(out, reply->grid);
    write_uint(out, reply->incarnation);
    write_uint(out, reply->worker);
    write_uint(out, reply->worker_count);
    write_uint(out, reply->partition_count);
    frame_end(out, mark);
}

enum error hello_reply_decode(struct bytes body, struct hello_reply *reply)
{
    struct cursor cursor = cursor_of(body);
    uint64_t version, worker, worker_count, partition_count;
    bool decoded = array_read_exact(&cursor, 7) && uint_read_to(&cursor, UINT32_MAX, &version) &&
                   name_read(&cursor, &reply->node) && name_read(&cursor, &reply->grid) &&
                   cursor_read_uint(&cursor, &reply->incarnation) &&
                   uint_read_to(&cursor, WORKERS_MAX - 1, &worker) &&
                   uint_read_to(&cursor, WORKERS_MAX, &worker_count) && worker < worker_count &&
                   uint_read_to(&cursor, PARTITIONS_MAX, &partition_count) && partition_count >= 1;
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

// ---- VIEW ----

void view_encode(struct buffer *out, uint32_t request_id, const struct view *view)
{
    struct frame_header header = {
        .kind = FRAME_REPLY, .partition = PARTITION_ANY, .request_id = request_id};
    size_t mark = frame_begin(out, &header);
    write_array(out, 5);
    write_uint(out, view->version);
    write_uint(out, view->replica_count);
    write_array(out, view->member_count);
    for (uint32_t i = 0; i < view->member_count; i++) {
        write_array(out, 3);
        write_text(out, view->members[i].name);
        write_text(out, view->members[i].host);
        write_uint(out, view->members[i].port);
    }
    size_t owner_count = (size_t)view->partition_count * view->replica_count;
    write_bin(out, bytes_of(view->owners, owner_count * sizeof *view->owners));
    write_array(out, view->partition_count);
    for (uint32_t i = 0; i < view->partition_count; i++)
        write_uint(out, view->epochs[i]);
    frame_end(out, mark);
}

static bool text_read_into(struct cursor *cursor, char *text, size_t capacity)
{
    struct bytes read;
    if (!cursor_read_str(cursor, &read) || read.size == 0 || read.size >= capacity ||
        memchr(read.data, 0, read.size))
        return false;
    memcpy(text, read.data, read.size);
    text[read.size] = '\0';
    return true;
}

static bool members_decode(struct cursor *cursor, struct view *view)
{
    uint32_t count;
    if (!cursor_read_array(cursor, &count) || count < 1 || count > MEMBERS_MAX)
        return false;
    view->member_count = count;
    view->members = memory_new_array(count, sizeof *view->members);
    for (uint32_t i = 0; i < count; i++) {
        struct view_member *member = &view->members[i];
        uint64_t port;
        if (!array_read_exact(cursor, 3) ||
            !text_read_into(cursor, member->name, sizeof member->name) ||
            !text_read_into(cursor, member->host, sizeof member->host) ||
            !uint_read_to(cursor, UINT16_MAX, &port))
            return false;
        member->port = (uint16_t)port;
    }
    return true;
}

static bool owners_decode(struct cursor *cursor, struct view *view)
{
    struct bytes owners;
    size_t row_bytes = view->replica_count * sizeof *view->owners;
    if (!cursor_read_bin(cursor, &owners) || owners.size == 0 || owners.size % row_bytes != 0 ||
        owners.size / row_bytes > PARTITIONS_MAX)
        return false;
    view->partition_count = (uint32_t)(owners.size / row_bytes);
    size_t owner_count = owners.size / sizeof *view->owners;
    view->owners = memory_new_array(owner_count, sizeof *view->owners);
    memcpy(view->owners, owners.data, owners.size);
    for (size_t i = 0; i < owner_count; i++) {
        if (view->owners[i] != VIEW_NO_MEMBER && view->owners[i] >= view->member_count)
            return false;
    }
    return true;
}

static bool epochs_decode(struct cursor *cursor, struct view *view)
{
    if (!array_read_exact(cursor, view->partition_count))
        return false;
    view->epochs = memory_new_array(view->partition_count, sizeof *view->epochs);
    for (uint32_t i = 0; i < view->partition_count; i++) {
        if (!cursor_read_uint(cursor, &view->epochs[i]))
            return false;
    }
    return true;
}

enum error view_decode(struct bytes body, struct view *view)
{
    struct cursor cursor = cursor_of(body);
    uint64_t replica_count = 0;
    *view = (struct view){0};
    bool decoded = array_read_exact(&cursor, 5) && cursor_read_uint(&cursor, &view->version) &&
                   uint_read_to(&cursor, REPLICAS_MAX, &replica_count) && replica_count >= 1;
    view->replica_count = (uint32_t)replica_count;
    decoded = decoded && members_decode(&cursor, view) && owners_decode(&cursor, view) &&
              epochs_decode(&cursor, view);
    enum error error = body_verdict(&cursor, decoded);
    if (error != ERROR_NONE)
        view_deinit(view);
    return error;
}

// ---- Replication ----

void position_encode(struct buffer *out, uint8_t kind, uint16_t partition,
                     const struct position *position)
{
    struct frame_header header = {.kind = kind, .partition = partition};
    size_t mark = frame_begin(out, &header);
    write_array(out, 2);
    write_uint(out, position->epoch);
    write_uint(out, position->seq);
    frame_end(out, mark);
}

enum error position_decode(struct bytes body, struct position *position)
{
    struct cursor cursor = cursor_of(body);
    bool decoded = array_read_exact(&cursor, 2) && cursor_read_uint(&cursor, &position->epoch) &&
                   cursor_read_uint(&cursor, &position->seq);
    return body_verdict(&cursor, decoded);
}

// Objects of one effect in the flat array of an APPEND.
enum { EFFECT_ELEMENTS = 7 };

size_t append_begin(struct buffer *out, uint16_t partition, uint64_t epoch, uint64_t first_seq,
                    uint64_t commit_seq, uint32_t count)
{
    struct frame_header header = {.kind = FRAME_APPEND, .partition = partition};
    size_t mark = frame_begin(out, &header);
    write_array(out, 5);
    write_uint(out, epoch);
    write_uint(out, first_seq);
    write_uint(out, commit_seq);
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
    bool decoded = array_read_exact(&cursor, 5) && cursor_read_uint(&cursor, &append->epoch) &&
                   cursor_read_uint(&cursor, &append->first_seq) && append->first_seq >= 1 &&
                   cursor_read_uint(&cursor, &append->commit_seq) &&
                   uint_read_to(&cursor, UINT32_MAX / EFFECT_ELEMENTS, &count) &&
                   cursor_read_array(&cursor, &objects) &&
                   objects == (uint32_t)count * EFFECT_ELEMENTS;
    if (!decoded)
        return ERROR_MALFORMED_FRAME;
    append->count = (uint32_t)count;
    append->effects = bytes_of(cursor.at, cursor_left(&cursor));
    return append->count > 0 || append->effects.size == 0 ? ERROR_NONE : ERROR_MALFORMED_FRAME;
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
    if (!expiry_read(&cursor, &effect->expiry_ms, &effect->max_idle_ms))
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
