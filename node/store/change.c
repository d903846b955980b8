// SPDX-License-Identifier: Apache-2.0
// The one way to change an entry: table, log, timers and counts in one step.
#include "node/store/partition.h"

static struct slab *slab_of(const struct target *target)
{
    return &target->partition->store->slab;
}

static struct log *log_of(const struct target *target)
{
    return &target->partition->log;
}

static bool record_is_timed(const struct record *record)
{
    return (record_flags(record) & (RECORD_EXPIRES | RECORD_IDLES)) != 0;
}

void target_find(struct target *target)
{
    const struct table *table = map_table(target->map, target->partition->index);
    target->place = table ? table_find(table, slab_of(target), target->hash, target->key)
                          : (struct place){NULL, 0};
}

// Starts the timer of a new record that is not in the table yet: if that fails, so may this.
static bool timer_start(struct target *target, uint32_t handle, int64_t now_ms)
{
    struct map *map = target->map;
    if (!record_is_timed(record_at(slab_of(target), handle)))
        return true;
    if (map->expiry == NULL) {
        map->expiry = expiry_new(now_ms);
        target->partition->store->maps.heap_bytes += sizeof *map->expiry;
    }
    return expiry_file(map->expiry, slab_of(target), handle, map->timed_count + 1);
}

// Puts the record where target->place says, or into a new place.
static bool record_place(struct target *target, uint32_t handle)
{
    struct map *map = target->map;
    const struct slab *slab = slab_of(target);
    uint32_t old = place_handle(target->place);
    if (old != 0) {
        map->timed_count -= record_is_timed(record_at(slab, old));
        target->place.bucket->handles[target->place.slot] = handle;
    } else {
        uint32_t index = target->partition->index;
        map_grow_tables(&target->partition->store->maps, map, index);
        if (!table_insert(&map->tables[index], slab_of(target), target->hash, handle))
            return false;
        map->entry_count++;
    }
    map->timed_count += record_is_timed(record_at(slab, handle));
    return true;
}

static uint32_t record_make(struct target *target, const struct replacement *content, uint64_t seq,
                            int64_t now_ms)
{
    struct record_fields fields = {
        .key = target->key,
        .value = content->value,
        .seq = seq,
        .expiry_ms = content->expiry_ms,
        .max_idle_ms = content->max_idle_ms,
        .access_ms = now_ms,
    };
    return record_new(slab_of(target), &fields);
}

// A new record in table and timers. 0 when the address range is exhausted.
static uint32_t entry_store(struct target *target, const struct replacement *content, uint64_t seq,
                            int64_t now_ms)
{
    uint32_t handle = record_make(target, content, seq, now_ms);
    if (handle == 0)
        return 0;
    if (!timer_start(target, handle, now_ms) || !record_place(target, handle)) {
        record_free(slab_of(target), handle);
        return 0;
    }
    return handle;
}

static void effect_append(struct target *target, uint32_t new_record, uint32_t old_record,
                          enum cause cause, int64_t time_us)
{
    struct log_slot effect = {
        .time_us = (uint64_t)time_us,
        .new_record = new_record,
        .old_record = old_record,
        .map = target->map->number,
        .cause = (uint8_t)cause,
    };
    log_append(log_of(target), slab_of(target), &effect);
}

struct record *target_put(struct target *target, const struct replacement *content,
                          enum cause cause, int64_t time_us)
{
    // The log goes first: a slot that it frees is warm, and the new record may take it.
    if (!log_reserve(log_of(target), slab_of(target)))
        return NULL;
    uint32_t old_record = place_handle(target->place);
    uint64_t seq = log_of(target)->last_seq + 1;
    uint32_t new_record = entry_store(target, content, seq, time_us / US_PER_MS);
    if (new_record == 0)
        return NULL;
    effect_append(target, new_record, old_record, cause, time_us);
    return record_at(slab_of(target), new_record);
}

// Takes the entry out of table and counts; the record is the caller's.
static uint32_t entry_take(struct target *target)
{
    struct map *map = target->map;
    uint32_t handle = place_handle(target->place);
    CHECK(handle != 0);
    map->timed_count -= record_is_timed(record_at(slab_of(target), handle));
    map->entry_count--;
    table_remove(map_table(map, target->partition->index), slab_of(target), target->hash,
                 target->place);
    target->place = (struct place){NULL, 0};
    return handle;
}

// A removal cannot be refused: it is how memory is got back. What it needs itself comes from the
// part of the address range that writes leave free (store_has_room).
void target_remove(struct target *target, enum cause cause, int64_t time_us)
{
    CHECK(log_reserve(log_of(target), slab_of(target)));
    effect_append(target, 0, entry_take(target), cause, time_us);
}

void target_note_removal(struct target *target, enum cause cause, int64_t time_us)
{
    struct replacement nothing = {.value = bytes_of(NULL, 0)};
    CHECK(log_reserve(log_of(target), slab_of(target)));
    uint32_t key_only = record_make(target, &nothing, 0, 0);
    CHECK(key_only != 0);
    effect_append(target, 0, key_only, cause, time_us);
}

void target_load(struct target *target, const struct replacement *content, uint64_t seq,
                 int64_t access_ms)
{
    CHECK(target->place.bucket == NULL);
    CHECK(entry_store(target, content, seq, access_ms) != 0);
}

void target_drop(struct target *target)
{
    record_free(slab_of(target), entry_take(target));
}

// Gives the table back what an effect took from it. Its timer may have been purged meanwhile; if it
// was not, the second one does no harm.
static void entry_restore(struct target *target, uint32_t handle, int64_t now_ms)
{
    record_at(slab_of(target), handle)->state = RECORD_IN_TABLE;
    CHECK(timer_start(target, handle, now_ms) && record_place(target, handle));
}

void partition_undo(struct partition *partition)
{
    struct slab *slab = &partition->store->slab;
    struct log_slot effect = log_pop(&partition->log, slab);
    uint32_t either = effect.new_record != 0 ? effect.new_record : effect.old_record;
    struct target target = {
        .partition = partition,
        .map = partition->store->maps.maps[effect.map],
        .key = record_key(record_at(slab, either)),
        .hash = record_hash(record_at(slab, either)),
    };
    target_find(&target);
    CHECK(place_handle(target.place) == effect.new_record);
    if (effect.old_record == 0) {
        target_drop(&target);
    } else if (record_seq(record_at(slab, effect.old_record)) == 0) {
        record_free(slab, effect.old_record); // target_note_removal
    } else {
        entry_restore(&target, effect.old_record, (int64_t)effect.time_us / US_PER_MS);
        if (effect.new_record != 0)
            record_free(slab, effect.new_record);
    }
}
