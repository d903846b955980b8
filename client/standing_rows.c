// SPDX-License-Identifier: Apache-2.0
#include "client/standing_rows.h"

#include "cluster/base/memory.h"
#include "cluster/model/key.h"

// Open addressing with linear probing, at most three quarters full. A row's home grows with its
// partition, then with its hash: those of a partition lie together.
struct standing_rows {
    struct standing_row **slots; // owned, and what it points to
    uint32_t capacity;           // a power of two, or 0
    uint32_t count;
    uint32_t partition_count;
    bool keeps_values;
    uint32_t resetting_count;
    uint8_t *resetting; // owned; a bit per partition; NULL: none is
};

enum { CAPACITY_FIRST = 4 };

struct standing_rows *standing_rows_new(uint32_t partition_count, bool keeps_values)
{
    struct standing_rows *rows = memory_new(sizeof *rows);
    rows->partition_count = partition_count;
    rows->keeps_values = keeps_values;
    return rows;
}

void standing_rows_free(struct standing_rows *rows)
{
    if (!rows)
        return;
    for (uint32_t i = 0; i < rows->capacity; i++)
        free(rows->slots[i]);
    free(rows->slots);
    free(rows->resetting);
    free(rows);
}

size_t standing_rows_count(const struct standing_rows *rows)
{
    return rows->count;
}

bool standing_rows_keep_values(const struct standing_rows *rows)
{
    return rows->keeps_values;
}

// ---- The table ----

// The first slot for keys whose hash, in its upper half, is at least this.
static uint32_t home_of(const struct standing_rows *rows, uint16_t partition, uint32_t hash_high)
{
    uint64_t share = ((uint64_t)partition << 32 | hash_high) / rows->partition_count;
    return (uint32_t)(share * rows->capacity >> 32);
}

// The partition is made of the hash's low bits: its upper half is independent.
static uint32_t key_home(const struct standing_rows *rows, uint16_t partition, struct bytes key)
{
    return home_of(rows, partition, (uint32_t)(key_hash(key) >> 32));
}

static uint32_t slot_next(const struct standing_rows *rows, uint32_t slot)
{
    return (slot + 1) & (rows->capacity - 1);
}

// The slot of the row with this key, or the empty one where it would be.
static uint32_t slot_find(const struct standing_rows *rows, uint16_t partition, struct bytes key)
{
    uint32_t slot = key_home(rows, partition, key);
    const struct standing_row *row;
    while ((row = rows->slots[slot]) != NULL &&
           !(row->partition == partition && bytes_equal(standing_row_key(row), key)))
        slot = slot_next(rows, slot);
    return slot;
}

static void rows_resize(struct standing_rows *rows, uint32_t capacity)
{
    struct standing_row **old = rows->slots;
    uint32_t old_capacity = rows->capacity;
    rows->slots = memory_new_array(capacity, sizeof(struct standing_row *));
    rows->capacity = capacity;
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (old[i])
            rows->slots[slot_find(rows, old[i]->partition, standing_row_key(old[i]))] = old[i];
    }
    free(old);
}

// Moves rows up whose way from home led over the slot that is empty now.
static struct standing_row *slot_clear(struct standing_rows *rows, uint32_t slot)
{
    struct standing_row *taken = rows->slots[slot];
    uint32_t mask = rows->capacity - 1;
    rows->slots[slot] = NULL;
    rows->count--;
    for (uint32_t at = slot_next(rows, slot); rows->slots[at]; at = slot_next(rows, at)) {
        struct standing_row *row = rows->slots[at];
        uint32_t home = key_home(rows, row->partition, standing_row_key(row));
        if (((at - home) & mask) < ((at - slot) & mask))
            continue;
        rows->slots[slot] = row;
        rows->slots[at] = NULL;
        slot = at;
    }
    return taken;
}

struct standing_row *standing_rows_find(const struct standing_rows *rows, uint16_t partition,
                                        struct bytes key)
{
    return rows->capacity ? rows->slots[slot_find(rows, partition, key)] : NULL;
}

static struct standing_row *row_new(struct bytes key, const struct bytes *value)
{
    size_t value_bytes = value ? value->size : 0;
    struct standing_row *row = memory_resize_array(NULL, sizeof *row + key.size + value_bytes, 1);
    row->key_bytes = (uint32_t)key.size;
    row->value_bytes = (uint32_t)value_bytes;
    row->has_value = value != NULL;
    memcpy(row->data, key.data, key.size);
    if (value_bytes > 0)
        memcpy(row->data + key.size, value->data, value_bytes);
    return row;
}

struct standing_row *standing_rows_put(struct standing_rows *rows, uint16_t partition,
                                       struct bytes key, const struct bytes *value, uint64_t epoch,
                                       uint64_t seq)
{
    if (rows->count + 1 > rows->capacity - rows->capacity / 4)
        rows_resize(rows, rows->capacity ? rows->capacity * 2 : CAPACITY_FIRST);
    uint32_t slot = slot_find(rows, partition, key);
    struct standing_row *old = rows->slots[slot];
    struct standing_row *row = row_new(key, rows->keeps_values ? value : NULL);
    row->epoch = epoch;
    row->seq = seq;
    row->partition = partition;
    row->is_confirmed = true;
    rows->slots[slot] = row;
    rows->count += old == NULL;
    return old;
}

static void rows_shrink(struct standing_rows *rows)
{
    if (rows->capacity > CAPACITY_FIRST && rows->count < rows->capacity / 8)
        rows_resize(rows, rows->capacity / 2);
}

struct standing_row *standing_rows_take(struct standing_rows *rows, uint16_t partition,
                                        struct bytes key)
{
    if (rows->count == 0)
        return NULL;
    uint32_t slot = slot_find(rows, partition, key);
    if (!rows->slots[slot])
        return NULL;
    struct standing_row *taken = slot_clear(rows, slot);
    rows_shrink(rows);
    return taken;
}

struct standing_row *standing_rows_next(const struct standing_rows *rows, uint64_t *place)
{
    while (*place < rows->capacity) {
        struct standing_row *row = rows->slots[(*place)++];
        if (row)
            return row;
    }
    return NULL;
}

// ---- Resets ----

// The next row of the partition, which lie from the home of its lowest hash up to the first empty
// slot beyond the home of its highest. *step starts with 0; the slot was *step - 1 from the first.
static bool partition_next(const struct standing_rows *rows, uint16_t partition, uint32_t *step,
                           uint32_t *slot)
{
    uint32_t first = home_of(rows, partition, 0);
    uint32_t last = home_of(rows, partition, UINT32_MAX);
    while (*step < rows->capacity) {
        uint32_t at = (first + *step) & (rows->capacity - 1);
        bool is_beyond = *step > last - first;
        (*step)++;
        if (rows->slots[at] && rows->slots[at]->partition == partition) {
            *slot = at;
            return true;
        }
        if (!rows->slots[at] && is_beyond)
            break;
    }
    return false;
}

void standing_rows_reset(struct standing_rows *rows, uint16_t partition)
{
    uint32_t step = 0;
    uint32_t slot;
    while (partition_next(rows, partition, &step, &slot))
        rows->slots[slot]->is_confirmed = false;
    if (standing_rows_is_resetting(rows, partition))
        return;
    if (!rows->resetting)
        rows->resetting = memory_new_array((rows->partition_count + 7) / 8, 1);
    rows->resetting[partition / 8] =
        (uint8_t)(rows->resetting[partition / 8] | 1U << (partition % 8));
    rows->resetting_count++;
}

bool standing_rows_is_resetting(const struct standing_rows *rows, uint16_t partition)
{
    return rows->resetting && (rows->resetting[partition / 8] >> (partition % 8) & 1);
}

struct standing_row *standing_rows_reset_next(struct standing_rows *rows, uint16_t partition)
{
    uint32_t step = 0;
    uint32_t slot;
    while (partition_next(rows, partition, &step, &slot)) {
        if (!rows->slots[slot]->is_confirmed)
            return slot_clear(rows, slot);
    }
    if (!standing_rows_is_resetting(rows, partition))
        return NULL;
    rows->resetting[partition / 8] =
        (uint8_t)(rows->resetting[partition / 8] & ~(1U << (partition % 8)));
    if (--rows->resetting_count == 0) {
        free(rows->resetting);
        rows->resetting = NULL;
    }
    rows_shrink(rows);
    return NULL;
}
