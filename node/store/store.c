// SPDX-License-Identifier: Apache-2.0
#include "node/store/store.h"

#include "cluster/base/memory.h"
#include "cluster/model/limits.h"
#include "node/store/partition.h"

// Writes leave this part of the address range free, for what cannot be refused: removals, expiry,
// timers and replication.
#define RANGE_RESERVE_BYTES (256 * MIB)

enum {
    // A backup asks again after this time about an entry that is due but not its to remove.
    BACKUP_RETRY_MS = 1024,
};

struct store *store_new(const struct store_options *options)
{
    CHECK(options->partition_count > 0 && options->partition_count <= PARTITIONS_MAX);
    struct store *store = memory_new(sizeof *store);
    store->options = *options;
    slab_init(&store->slab, SLAB_RANGE_BYTES);
    store->partitions = memory_new_array(options->partition_count, sizeof *store->partitions);
    store->created = memory_new_array(options->partition_count, sizeof *store->created);
    store->heap_bytes = sizeof *store + 2 * options->partition_count * sizeof *store->partitions;
    return store;
}

void store_free(struct store *store)
{
    map_list_deinit(&store->maps, &store->slab);
    for (uint32_t i = 0; i < store->created_count; i++) {
        results_free(store->created[i]->results);
        free(store->created[i]);
    }
    free(store->created);
    free(store->partitions);
    buffer_deinit(&store->scratch);
    slab_deinit(&store->slab);
    free(store);
}

struct partition *store_find_partition(struct store *store, uint16_t number)
{
    return number < store->options.partition_count ? store->partitions[number] : NULL;
}

struct partition *store_partition(struct store *store, uint16_t number)
{
    CHECK(number < store->options.partition_count);
    if (store->partitions[number] != NULL)
        return store->partitions[number];
    struct partition *partition = memory_new_aligned(1, sizeof *partition);
    partition->store = store;
    partition->index = store->created_count;
    partition->number = number;
    log_init(&partition->log, store->options.log_bytes_per_partition);
    store->partitions[number] = partition;
    store->created[store->created_count++] = partition;
    store->heap_bytes += sizeof *partition;
    return partition;
}

// ---- Memory ----

void store_set_memory_limit(struct store *store, uint64_t bytes)
{
    store->limit_bytes = bytes;
}

uint64_t store_used_bytes(const struct store *store)
{
    return slab_live_bytes(&store->slab) + store->heap_bytes + store->maps.heap_bytes;
}

bool store_has_room(const struct store *store, size_t more_bytes)
{
    if (slab_free_range_bytes(&store->slab) < RANGE_RESERVE_BYTES)
        return false;
    return store->limit_bytes == 0 || store_used_bytes(store) + more_bytes <= store->limit_bytes;
}

struct store_memory store_memory(const struct store *store)
{
    const uint64_t *live_bytes = store->slab.live_bytes;
    uint64_t free_bytes = slab_resident_bytes(&store->slab) - slab_live_bytes(&store->slab);
    struct store_memory memory = {
        .record_bytes = live_bytes[SLAB_RECORD],
        .table_bytes = live_bytes[SLAB_TABLE] + store->heap_bytes + store->maps.heap_bytes,
        .log_bytes = live_bytes[SLAB_LOG],
        .expiry_bytes = live_bytes[SLAB_TIMER],
    };
    for (uint32_t i = 0; i < store->created_count; i++) {
        memory.log_bytes += store->created[i]->log.old_bytes;
        memory.record_bytes -= store->created[i]->log.old_bytes;
    }
    memory.slab_bytes = memory.record_bytes + free_bytes;
    for (uint32_t number = 0; number < store->maps.count; number++) {
        const struct map *map = store->maps.maps[number];
        memory.entry_count += map->entry_count;
        if (map->expiry != NULL) {
            memory.expiry_bytes += sizeof *map->expiry;
            memory.table_bytes -= sizeof *map->expiry;
        }
    }
    return memory;
}

// ---- Expiry ----

// One run of a map's timers.
struct expiry_round {
    struct store *store;
    struct map *map;
    int64_t now_us;
    struct partition *first_expired; // partitions with new effects
};

static void round_note(struct expiry_round *round, struct partition *partition)
{
    if (partition->is_expired_noted)
        return;
    partition->is_expired_noted = true;
    partition->next_expired = round->first_expired;
    round->first_expired = partition;
}

// Fills the target for a record that may be of another map, or gone from this one: false then.
static bool round_target(const struct expiry_round *round, uint32_t handle, struct target *target)
{
    struct store *store = round->store;
    struct bytes key = record_key(record_at(&store->slab, handle));
    uint64_t hash = key_hash(key);
    uint16_t number = key_partition(hash, store->options.partition_count);
    *target = (struct target){
        .partition = store->partitions[number],
        .map = round->map,
        .key = key,
        .hash = hash,
    };
    if (target->partition == NULL)
        return false;
    target_find(target);
    return place_handle(target->place) == handle;
}

static int64_t round_judge(void *context, uint32_t handle)
{
    struct expiry_round *round = context;
    int64_t now_ms = round->now_us / US_PER_MS;
    struct target target;
    if (!round_target(round, handle, &target))
        return 0;
    const struct record *record = target_record(&target);
    partition_note_time(target.partition, now_ms);
    // Should a backup become the primary, max idle counts from then on: later than now.
    int64_t active_since_ms =
        target.partition->is_primary ? target.partition->active_since_ms : now_ms;
    int64_t deadline_ms = record_deadline_ms(record, active_since_ms);
    if (deadline_ms > now_ms)
        return deadline_ms;
    if (!target.partition->is_primary)
        return now_ms + BACKUP_RETRY_MS;
    target_remove(&target, CAUSE_EXPIRE, round->now_us);
    round_note(round, target.partition);
    return 0;
}

static void round_report(struct expiry_round *round,
                         void (*on_expired)(void *context, struct partition *partition),
                         void *context)
{
    while (round->first_expired != NULL) {
        struct partition *partition = round->first_expired;
        round->first_expired = partition->next_expired;
        partition->is_expired_noted = false;
        on_expired(context, partition);
    }
}

bool store_expire(struct store *store, int64_t now_us, uint32_t budget,
                  void (*on_expired)(void *context, struct partition *partition), void *context)
{
    struct expiry_round round = {.store = store, .now_us = now_us};
    uint32_t map_count = store->maps.count;
    bool more = false;
    for (uint32_t i = 0; i < map_count && !more; i++) {
        round.map = store->maps.maps[(store->expire_next + i) % map_count];
        if (round.map->expiry == NULL)
            continue;
        more = expiry_run(round.map->expiry, &store->slab, now_us / US_PER_MS, &budget, round_judge,
                          &round);
        // The next call starts with the next map, so that none starves the others.
        if (more)
            store->expire_next = (round.map->number + 1U) % map_count;
    }
    round_report(&round, on_expired, context);
    return more;
}

void store_each_map(const struct store *store,
                    void (*visit)(void *context, struct bytes name, uint64_t entry_count),
                    void *context)
{
    for (uint32_t number = 0; number < store->maps.count; number++) {
        const struct map *map = store->maps.maps[number];
        visit(context, map_name(map), map->entry_count);
    }
}
