// SPDX-License-Identifier: Apache-2.0
#include "node/store/partition.h"

#include "cluster/model/limits.h"

#include <stdlib.h>

uint16_t partition_number(const struct partition *partition)
{
    return partition->number;
}

void partition_set_primary(struct partition *partition, bool is_primary)
{
    if (is_primary && !partition->is_primary)
        partition->active_since_ms = 0;
    partition->is_primary = is_primary;
}

bool partition_is_primary(const struct partition *partition)
{
    return partition->is_primary;
}

bool partition_is_due(const struct partition *partition, const struct record *record,
                      int64_t now_ms)
{
    return record_flags(record) != 0 && partition->is_primary &&
           record_deadline_ms(record, partition->active_since_ms) <= now_ms;
}

// ---- Prefetch ----

enum {
    CACHE_LINE_BYTES = 64,
    RECORD_PREFETCH_BYTES = 136, // with a key of 16 bytes, a value of 100
};

static const struct table *table_for(struct partition *partition, const struct op *op)
{
    const struct map *map = map_list_find(&partition->store->maps, op->map);
    const struct table *table = map ? map_table(map, partition->index) : NULL;
    return table && table->root ? table : NULL;
}

void partition_prefetch(const struct partition *partition, const struct op *op)
{
    __builtin_prefetch(partition);
    if (op_is_write(op->kind))
        __builtin_prefetch((const uint8_t *)partition + CACHE_LINE_BYTES); // the log's end
}

void partition_prefetch_index(struct partition *partition, const struct op *op)
{
    const struct slab *slab = &partition->store->slab;
    const struct table *table = table_for(partition, op);
    if (table != NULL) {
        const struct bucket *buckets = table_buckets(table, slab, op->hash);
        segment_prefetch(buckets, table_mask(table), op->hash);
    }
    if (op_is_write(op->kind))
        log_prefetch(&partition->log, slab);
    if (op->client != 0 && op_is_write(op->kind) && partition->results != NULL)
        __builtin_prefetch(partition->results, 1);
}

// The lines of a record up to `bytes`, which need not be exact.
static void record_prefetch(const struct slab *slab, uint32_t handle, size_t bytes)
{
    const uint8_t *start = slab_at(slab, handle);
    for (size_t offset = 0; offset < bytes; offset += CACHE_LINE_BYTES)
        __builtin_prefetch(start + offset);
    __builtin_prefetch(start + bytes);
}

void partition_prefetch_record(struct partition *partition, const struct op *op)
{
    const struct slab *slab = &partition->store->slab;
    const struct table *table = table_for(partition, op);
    if (table != NULL) {
        const struct bucket *buckets = table_buckets(table, slab, op->hash);
        uint32_t handle = segment_guess(buckets, table_mask(table), op->hash);
        // A write compares the key, and leaves the old value alone.
        size_t bytes =
            op->kind == OP_GET ? RECORD_PREFETCH_BYTES : sizeof(struct record) + op->key.size;
        if (handle != 0)
            record_prefetch(slab, handle,
                            bytes < RECORD_PREFETCH_BYTES ? bytes : RECORD_PREFETCH_BYTES);
    }
    // An append beyond the bound frees the log's oldest value, and may put the new one there.
    const struct log *log = &partition->log;
    if (op_is_write(op->kind) && log_is_full(log)) {
        uint32_t oldest = log_first(log, slab)->old_record;
        if (oldest != 0)
            record_prefetch(slab, oldest, RECORD_PREFETCH_BYTES);
    }
    if (op->client != 0 && op_is_write(op->kind) && partition->results != NULL)
        results_prefetch(partition->results, op->client);
}

// ---- Walking ----

static struct entry entry_of(const struct record *record)
{
    return (struct entry){
        .key = record_key(record),
        .value = record_value(record),
        .seq = record_seq(record),
        .expiry_ms = record_expiry_ms(record),
        .max_idle_ms = record_max_idle_ms(record),
    };
}

// A step visits a whole segment when its entries hold no more, else those with the smallest hashes
// that reach this: what a visitor copies stays bounded with large values too.
enum { WALK_STEP_BYTES = 256 * 1024 };

static size_t records_bytes(const struct slab *slab, const uint32_t *handles, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct record *record = record_at(slab, handles[i]);
        bytes += record_key(record).size + record_value(record).size;
    }
    return bytes;
}

static int hash_compare(const void *a, const void *b, void *slab)
{
    uint64_t hash_a = record_hash(record_at(slab, *(const uint32_t *)a));
    uint64_t hash_b = record_hash(record_at(slab, *(const uint32_t *)b));
    return (hash_a > hash_b) - (hash_a < hash_b);
}

// Sorts the records and returns how many of them make a step. Equal hashes are never parted.
static uint32_t walk_shorten(struct slab *slab, uint32_t *handles, uint32_t count)
{
    size_t bytes = 0;
    uint32_t taken = 0;
    qsort_r(handles, count, sizeof *handles, hash_compare, slab);
    while (taken < count && (bytes < WALK_STEP_BYTES ||
                             hash_compare(&handles[taken], &handles[taken - 1], slab) == 0))
        bytes += records_bytes(slab, &handles[taken++], 1);
    return taken;
}

// Takes those with a smaller hash out: they are behind the walk.
static uint32_t walk_skip(const struct slab *slab, uint32_t *handles, uint32_t count, uint64_t from)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (record_hash(record_at(slab, handles[i])) >= from)
            handles[kept++] = handles[i];
    }
    return kept;
}

bool partition_walk(struct partition *partition, struct bytes map_bytes, uint64_t *position,
                    void (*visit)(void *context, const struct entry *entry), void *context)
{
    struct slab *slab = &partition->store->slab;
    const struct map *map = map_list_find(&partition->store->maps, map_bytes);
    const struct table *table = map ? map_table(map, partition->index) : NULL;
    uint64_t from = *position;
    *position = UINT64_MAX;
    if (table == NULL || table->root == 0)
        return false;
    struct table_segment segment = table_segment_at(table, slab, from);
    uint32_t handles[SEGMENT_SLOTS_MAX];
    uint32_t count = segment_collect(segment.buckets, segment.mask, slab, handles);
    // A walk starts inside a segment where segments have merged since its last step, or where that
    // step was shortened.
    if (from > segment.first_hash)
        count = walk_skip(slab, handles, count, from);
    uint32_t step_count = count;
    if (records_bytes(slab, handles, count) > WALK_STEP_BYTES)
        step_count = walk_shorten(slab, handles, count);
    for (uint32_t i = 0; i < step_count; i++) {
        struct entry entry = entry_of(record_at(slab, handles[i]));
        visit(context, &entry);
    }
    if (step_count < count) {
        *position = record_hash(record_at(slab, handles[step_count]));
        return true;
    }
    if (segment.last_hash == UINT64_MAX)
        return false;
    *position = segment.last_hash + 1;
    return true;
}

uint64_t partition_map_size(struct partition *partition, struct bytes map_bytes)
{
    const struct map *map = map_list_find(&partition->store->maps, map_bytes);
    const struct table *table = map ? map_table(map, partition->index) : NULL;
    return table ? table->entry_count : 0;
}

uint32_t partition_map_count(const struct partition *partition)
{
    return partition->store->maps.count;
}

struct bytes partition_map_name(const struct partition *partition, uint32_t number)
{
    CHECK(number < partition->store->maps.count);
    return map_name(partition->store->maps.maps[number]);
}

uint32_t partition_map_number(struct partition *partition, struct bytes name)
{
    const struct map *map = map_list_find(&partition->store->maps, name);
    CHECK(map != NULL);
    return map->number;
}

void partition_each_map(struct partition *partition,
                        void (*visit)(void *context, struct bytes name), void *context)
{
    const struct map_list *maps = &partition->store->maps;
    for (uint32_t number = 0; number < maps->count; number++) {
        const struct table *table = map_table(maps->maps[number], partition->index);
        if (table != NULL && table->root != 0)
            visit(context, map_name(maps->maps[number]));
    }
}

// ---- The log ----

uint64_t partition_last_seq(const struct partition *partition)
{
    return partition->log.last_seq;
}

uint64_t partition_first_seq(const struct partition *partition)
{
    return partition->log.first_seq;
}

void partition_retain_from(struct partition *partition, uint64_t seq)
{
    partition->log.retain_from = seq;
}

void partition_effect(const struct partition *partition, uint64_t seq, struct effect *effect,
                      struct bytes *old_value, uint64_t *old_seq)
{
    const struct slab *slab = &partition->store->slab;
    CHECK(seq >= partition->log.first_seq && seq <= partition->log.last_seq);
    const struct log_slot *slot = log_at(&partition->log, slab, seq);
    const struct record *new_record = slot->new_record ? record_at(slab, slot->new_record) : NULL;
    const struct record *old_record = slot->old_record ? record_at(slab, slot->old_record) : NULL;
    CHECK(new_record != NULL || old_record != NULL);
    *effect = (struct effect){
        .seq = seq,
        .time_us = slot->time_us,
        .cause = slot->cause,
        .map = map_name(partition->store->maps.maps[slot->map]),
        .key = record_key(new_record ? new_record : old_record),
    };
    if (new_record != NULL) {
        effect->value = record_value(new_record);
        effect->expiry_ms = record_expiry_ms(new_record);
        effect->max_idle_ms = record_max_idle_ms(new_record);
    }
    if (partition->results != NULL)
        effect->origin = results_origin(partition->results, seq, slot->time_us);
    *old_value = old_record ? record_value(old_record) : bytes_of(NULL, 0);
    *old_seq = old_record ? record_seq(old_record) : 0;
}
