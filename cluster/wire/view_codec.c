// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/view_codec.h"

#include "cluster/wire/body.h"
#include "cluster/wire/member_codec.h"
#include "cluster/wire/writer.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they stand");

enum {
    VIEW_ELEMENTS = 8,
    PARTITION_BYTES_MIN = 20, // without replicas
    REPLICA_BYTES = sizeof(uint16_t),
};

// ---- Members ----

static void members_write(struct buffer *out, const struct view *view)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->member_count; i++)
        count += view->members[i].id != 0;
    write_array(out, 2 * count);
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (view->members[i].id != 0) {
            write_uint(out, i);
            member_write(out, &view->members[i]);
        }
    }
}

// view->member_count is read already.
static bool members_read(struct cursor *cursor, struct view *view)
{
    uint32_t objects;
    if (!cursor_read_array(cursor, &objects) || objects % 2 != 0 ||
        objects / 2 > view->member_count)
        return false;
    view->members = memory_new_array(view->member_count, sizeof *view->members);
    uint64_t number_min = 0;
    for (uint32_t i = 0; i < objects / 2; i++) {
        uint64_t number;
        if (!cursor_read_uint(cursor, &number) || number < number_min ||
            number >= view->member_count || !member_read(cursor, &view->members[number]))
            return false;
        number_min = number + 1;
    }
    return true;
}

// ---- Partitions ----

static size_t partition_bytes(uint8_t replica_count)
{
    return PARTITION_BYTES_MIN + (size_t)replica_count * REPLICA_BYTES;
}

static size_t partition_store(uint8_t *at, const struct view_partition *partition)
{
    CHECK(partition->replica_count <= VIEW_REPLICAS_MAX);
    memcpy(at, &partition->epoch, 8);
    memcpy(at + 8, &partition->version, 8);
    at[16] = partition->replica_count;
    at[17] = partition->in_sync_count;
    memcpy(at + 18, &partition->handover, 2);
    memcpy(at + 20, partition->replicas, (size_t)partition->replica_count * REPLICA_BYTES);
    return partition_bytes(partition->replica_count);
}

static void partitions_write(struct buffer *out, const struct view *view)
{
    size_t size = 0;
    for (uint32_t i = 0; i < view->partition_count; i++)
        size += partition_bytes(view->partitions[i].replica_count);
    write_bin_head(out, size);
    uint8_t *at = buffer_reserve(out, size);
    for (uint32_t i = 0; i < view->partition_count; i++)
        at += partition_store(at, &view->partitions[i]);
    buffer_advance(out, size);
}

// Takes the next partition off `rest`.
static bool partition_load(struct bytes *rest, const struct view *view,
                           struct view_partition *partition)
{
    const uint8_t *at = rest->data;
    if (rest->size < PARTITION_BYTES_MIN || at[16] > VIEW_REPLICAS_MAX || at[17] > at[16] ||
        rest->size < partition_bytes(at[16]))
        return false;
    memcpy(&partition->epoch, at, 8);
    memcpy(&partition->version, at + 8, 8);
    partition->replica_count = at[16];
    partition->in_sync_count = at[17];
    memcpy(&partition->handover, at + 18, 2);
    memcpy(partition->replicas, at + 20, (size_t)partition->replica_count * REPLICA_BYTES);
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        if (partition->replicas[i] >= view->member_count)
            return false;
    }
    size_t size = partition_bytes(partition->replica_count);
    *rest = bytes_of(at + size, rest->size - size);
    return partition->epoch >= 1 &&
           (partition->handover == VIEW_NO_MEMBER || partition->handover < view->member_count);
}

// view->partition_count and view->member_count are read already.
static bool partitions_read(struct cursor *cursor, struct view *view)
{
    struct bytes rest;
    if (!cursor_read_bin(cursor, &rest) ||
        rest.size < (size_t)view->partition_count * PARTITION_BYTES_MIN)
        return false;
    view->partitions = memory_new_array(view->partition_count, sizeof *view->partitions);
    for (uint32_t i = 0; i < view->partition_count; i++) {
        if (!partition_load(&rest, view, &view->partitions[i]))
            return false;
    }
    return rest.size == 0;
}

// ---- The whole ----

void view_write(struct buffer *out, const struct view *view)
{
    write_array(out, VIEW_ELEMENTS);
    write_uint(out, view->grid_id);
    write_uint(out, view->version);
    write_uint(out, view->partition_count);
    write_uint(out, view->replica_count);
    write_uint(out, view->min_in_sync);
    write_uint(out, view->member_count);
    members_write(out, view);
    partitions_write(out, view);
}

static bool counts_read(struct cursor *cursor, struct view *view)
{
    uint64_t partition_count, replica_count, min_in_sync, place_count;
    if (!array_read_exact(cursor, VIEW_ELEMENTS) || !id_read(cursor, &view->grid_id) ||
        !cursor_read_uint(cursor, &view->version) ||
        !uint_read_to(cursor, PARTITIONS_MAX, &partition_count) || partition_count == 0 ||
        !uint_read_to(cursor, REPLICAS_MAX, &replica_count) || replica_count == 0 ||
        !uint_read_to(cursor, replica_count, &min_in_sync) || min_in_sync == 0 ||
        !uint_read_to(cursor, MEMBERS_MAX, &place_count))
        return false;
    view->partition_count = (uint32_t)partition_count;
    view->replica_count = (uint32_t)replica_count;
    view->min_in_sync = (uint32_t)min_in_sync;
    view->member_count = (uint32_t)place_count;
    return true;
}

// On false the view holds what was read before.
static bool parts_read(struct cursor *cursor, struct view *view)
{
    *view = (struct view){0};
    return counts_read(cursor, view) && members_read(cursor, view) && partitions_read(cursor, view);
}

bool view_read(struct cursor *cursor, struct view *view)
{
    bool decoded = parts_read(cursor, view);
    if (!decoded)
        view_deinit(view);
    return decoded;
}

void view_encode(struct buffer *out, uint32_t request_id, const struct view *view)
{
    struct frame_header header = {
        .kind = FRAME_REPLY, .partition = PARTITION_ANY, .request_id = request_id};
    size_t mark = frame_begin(out, &header);
    view_write(out, view);
    frame_end(out, mark);
}

enum error view_decode(struct bytes body, struct view *view)
{
    struct cursor cursor = cursor_of(body);
    enum error error = body_verdict(&cursor, parts_read(&cursor, view));
    if (error != ERROR_NONE)
        view_deinit(view);
    return error;
}
