// SPDX-License-Identifier: Apache-2.0
// A partition that follows another: it applies effects, takes them back, is filled by a scan.
#include "cluster/model/limits.h"
#include "node/store/partition.h"

static struct target target_of(struct partition *partition, struct bytes map, struct bytes key)
{
    struct target target = {
        .partition = partition,
        .map = map_list_add(&partition->store->maps, map, MAPS_REPLICATED_MAX),
        .key = key,
        .hash = key_hash(key),
    };
    CHECK(target.map != NULL);
    target_find(&target);
    return target;
}

void partition_append(struct partition *partition, const struct effect *effect)
{
    CHECK(effect->seq == partition->log.last_seq + 1);
    struct target target = target_of(partition, effect->map, effect->key);
    int64_t time_us = (int64_t)effect->time_us;
    struct replacement content = {
        .value = effect->value,
        .expiry_ms = effect->expiry_ms,
        .max_idle_ms = effect->max_idle_ms,
    };
    const struct record *old = target.place.bucket != NULL ? target_record(&target) : NULL;
    if (effect->value.size != 0)
        CHECK(target_put(&target, &content, effect->cause, time_us) != NULL);
    else if (old != NULL)
        target_remove(&target, effect->cause, time_us);
    else
        target_note_removal(&target, effect->cause, time_us);
    // The old record lives in the log now.
    if (effect->origin.client != 0)
        partition_remember(partition, &effect->origin, old, effect->value, effect->time_us);
}

void partition_cut(struct partition *partition, uint64_t seq)
{
    CHECK(seq + 1 >= partition->log.first_seq && seq <= partition->log.last_seq);
    while (partition->log.last_seq > seq)
        partition_undo(partition);
    partition_cut_results(partition, seq);
}

void partition_drop_entries(struct partition *partition)
{
    struct slab *slab = &partition->store->slab;
    const struct map_list *maps = &partition->store->maps;
    for (uint32_t number = 0; number < maps->count; number++) {
        struct map *map = maps->maps[number];
        struct table *table = map_table(map, partition->index);
        uint64_t position = 0;
        while (table != NULL && table->root != 0) {
            struct table_segment segment = table_segment_at(table, slab, position);
            uint32_t handles[SEGMENT_SLOTS_MAX];
            uint32_t count = segment_collect(segment.buckets, segment.mask, slab, handles);
            for (uint32_t i = 0; i < count; i++) {
                map->timed_count -= record_flags(record_at(slab, handles[i])) != 0;
                record_free(slab, handles[i]);
            }
            map->entry_count -= count;
            if (segment.last_hash == UINT64_MAX)
                table_clear(table, slab);
            position = segment.last_hash + 1;
        }
    }
}

void partition_reset(struct partition *partition, uint64_t seq)
{
    partition_drop_entries(partition);
    log_reset(&partition->log, &partition->store->slab, seq);
    partition_reset_results(partition, seq);
}

// Whether the entry came by an effect that the log still has: it is then as new as any scan, and
// the log depends on its record.
static bool log_wrote(const struct partition *partition, uint32_t handle)
{
    const struct slab *slab = &partition->store->slab;
    const struct log *log = &partition->log;
    uint64_t seq = record_seq(record_at(slab, handle));
    return seq >= log->first_seq && seq <= log->last_seq &&
           log_at(log, slab, seq)->new_record == handle;
}

void partition_load(struct partition *partition, struct bytes map, const struct entry *entry)
{
    struct target target = target_of(partition, map, entry->key);
    uint32_t present = place_handle(target.place);
    if (present != 0) {
        if (record_seq(target_record(&target)) >= entry->seq || log_wrote(partition, present))
            return;
        target_drop(&target);
    }
    struct replacement content = {
        .value = entry->value,
        .expiry_ms = entry->expiry_ms,
        .max_idle_ms = entry->max_idle_ms,
    };
    // When it was last accessed is not known here: its idle time starts over (active_since_ms).
    target_load(&target, &content, entry->seq, EXPIRY_ORIGIN_MS);
}
