// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/store/world.h"

static const int64_t nothing = INT64_MIN;

static struct effect effect_at(struct world *world, int64_t key, uint64_t seq)
{
    struct effect effect;
    struct bytes old_value;
    uint64_t old_seq;
    partition_effect(world_partition(world, key), seq, &effect, &old_value, &old_seq);
    return effect;
}

Test(store, partitions_are_made_at_their_first_use)
{
    struct store_options options = {.partition_count = 8, .log_bytes_per_partition = 1000};
    struct store *store = store_new(&options);
    cr_assert_null(store_find_partition(store, 3));
    cr_assert_null(store_find_partition(store, 8));
    struct partition *partition = store_partition(store, 3);
    cr_assert_eq(partition_number(partition), 3);
    cr_assert_not(partition_is_primary(partition));
    cr_assert_eq(store_partition(store, 3), partition);
    cr_assert_eq(store_find_partition(store, 3), partition);
    store_free(store);
}

// ---- Expiry ----

Test(store, an_entry_past_its_expiry_is_not_found_even_before_the_sweep)
{
    struct world world = world_new(2, MIB);
    world_put(&world, 1, 10, 1000);
    world.now_ms += 999;
    cr_assert_eq(world_get(&world, 1), 10);
    world.now_ms += 1;
    cr_assert_eq(world_get(&world, 1), nothing);
    cr_assert_eq(partition_last_seq(world_partition(&world, 1)), 1);
    world_free(&world);
}

Test(store, the_sweep_makes_one_expire_effect_per_entry)
{
    enum { COUNT = 2000 };
    struct world world = world_new(4, 64 * MIB);
    for (int64_t key = 0; key < COUNT; key++)
        world_put(&world, key, key, 100 + key);
    for (; world.now_ms < WORLD_START_MS + 100 + COUNT + 50; world.now_ms += 16)
        world_expire(&world);
    cr_assert_eq(store_memory(world.store).entry_count, 0);
    uint64_t effects = 0;
    for (uint16_t number = 0; number < 4; number++)
        effects += partition_last_seq(store_partition(world.store, number));
    cr_assert_eq(effects, 2 * COUNT);
    struct partition *partition = world_partition(&world, 1);
    struct effect effect = effect_at(&world, 1, partition_last_seq(partition));
    cr_assert_eq(effect.cause, CAUSE_EXPIRE);
    cr_assert_eq(effect.value.size, 0);
    world_free(&world);
}

static void count_calls(void *context, struct partition *partition)
{
    ((int *)context)[partition_number(partition)]++;
}

Test(store, the_sweep_reports_each_changed_partition_once)
{
    struct world world = world_new(3, MIB);
    int calls[3] = {0};
    for (int64_t key = 0; key < 100; key++) {
        if (partition_number(world_partition(&world, key)) == 2)
            continue;
        world_put(&world, key, 1, 50);
    }
    world.now_ms += 1000;
    cr_assert_not(store_expire(world.store, world.now_ms * US_PER_MS, 1000, count_calls, calls));
    cr_assert(calls[0] == 1 && calls[1] == 1 && calls[2] == 0);
    cr_assert_not(store_expire(world.store, world.now_ms * US_PER_MS, 1000, count_calls, calls));
    cr_assert_eq(calls[0], 1);
    world_free(&world);
}

Test(store, the_budget_bounds_a_sweep_and_no_map_starves)
{
    struct world world = world_new(1, 64 * MIB);
    static const char *const names[] = {"a", "b", "c"};
    for (int64_t key = 0; key < 900; key++) {
        struct op op = world_op(&world, OP_PUT, key);
        op.map = bytes_of_text(names[key % 3]);
        op.value = world_value(&world, 1);
        op.ttl_ms = 10;
        world_execute(&world, &op);
    }
    world.now_ms += 1000;
    int sweeps = 0;
    uint64_t last = 900;
    for (bool more = true; more; sweeps++) {
        more = store_expire(world.store, world.now_ms * US_PER_MS, 30, world_ignore, NULL);
        uint64_t left = store_memory(world.store).entry_count;
        cr_assert_leq(last - left, 36);
        last = left;
        if (sweeps == 2)
            for (int map = 0; map < 3; map++)
                cr_assert_lt(
                    partition_map_size(store_partition(world.store, 0), bytes_of_text(names[map])),
                    300);
    }
    cr_assert_eq(last, 0);
    cr_assert_gt(sweeps, 20);
    world_free(&world);
}

Test(store, a_write_to_an_expired_entry_first_appends_the_expiry)
{
    struct world world = world_new(1, MIB);
    world_put(&world, 1, 10, 100);
    world.now_ms += 100;
    struct op op = world_op(&world, OP_PUT, 1);
    op.value = world_value(&world, 11);
    op.condition = CONDITION_IF_ABSENT;
    struct op_result result = world_execute(&world, &op);
    cr_assert_eq(result.error, ERROR_NONE);
    cr_assert(result.version == 3 && !result.found);
    cr_assert_eq(effect_at(&world, 1, 2).cause, CAUSE_EXPIRE);
    cr_assert_eq(effect_at(&world, 1, 3).cause, CAUSE_PUT);
    world_expire(&world);
    cr_assert_eq(world_get(&world, 1), 11, "the old deadline is not that of the new entry");
    world_put(&world, 2, 20, 100);
    world.now_ms += 200;
    cr_assert_not(world_do(&world, OP_REMOVE, 2).found);
    cr_assert_eq(partition_last_seq(world_partition(&world, 2)), 5);
    world_free(&world);
}

Test(store, accesses_put_max_idle_off)
{
    struct world world = world_new(1, MIB);
    struct op op = world_op(&world, OP_PUT, 1);
    op.value = world_value(&world, 10);
    op.max_idle_ms = 1000;
    world_execute(&world, &op);
    for (int i = 0; i < 10; i++) {
        world.now_ms += 900;
        world_expire(&world);
        cr_assert_eq(world_get(&world, 1), 10);
    }
    world.now_ms += 1000;
    cr_assert_eq(world_get(&world, 1), nothing);
    world.now_ms += 16;
    world_expire(&world);
    cr_assert_eq(effect_at(&world, 1, 2).cause, CAUSE_EXPIRE);
    world_free(&world);
}

Test(store, a_backup_expires_nothing_until_it_is_the_primary)
{
    struct world world = world_new(1, MIB);
    struct partition *partition = store_partition(world.store, 0);
    partition_set_primary(partition, false);
    struct effect effect = {
        .seq = 1,
        .time_us = (uint64_t)world.now_ms * US_PER_MS,
        .cause = CAUSE_PUT,
        .map = bytes_of_text("map"),
        .key = world_key(&world, 1),
        .value = world_value(&world, 10),
        .expiry_ms = world.now_ms + 100,
    };
    partition_append(partition, &effect);
    effect.seq = 2;
    effect.key = world_key(&world, 2);
    effect.expiry_ms = 0;
    effect.max_idle_ms = 100;
    partition_append(partition, &effect);
    for (int i = 0; i < 100; i++) {
        world.now_ms += 100;
        world_expire(&world);
    }
    cr_assert_eq(partition_last_seq(partition), 2);
    partition_set_primary(partition, true);
    world.now_ms += 1;
    cr_assert_eq(world_get(&world, 1), nothing);
    world.now_ms += 98;
    world_expire(&world);
    cr_assert(world_do(&world, OP_GET, 2).found, "idle time starts over with the new primary");
    world.now_ms += 2000;
    world_expire(&world);
    cr_assert_eq(partition_last_seq(partition), 4);
    cr_assert_eq(store_memory(world.store).entry_count, 0);
    world_free(&world);
}

// ---- Memory ----

Test(store, an_emptied_store_gives_its_memory_back)
{
    enum { COUNT = 20000 };
    struct world world = world_new(16, 0);
    uint64_t empty_bytes = store_memory(world.store).table_bytes;
    for (uint16_t number = 0; number < 16; number++)
        partition_retain_from(store_partition(world.store, number), UINT64_MAX);
    for (int64_t key = 0; key < COUNT; key++)
        world_put(&world, key, key, key % 2 * 1000000);
    struct store_memory memory = store_memory(world.store);
    cr_assert_eq(memory.entry_count, COUNT);
    cr_assert_geq(memory.slab_bytes, memory.record_bytes);
    cr_assert_gt(memory.expiry_bytes, COUNT / 2 * 4);
    for (int64_t key = 0; key < COUNT; key++)
        world_do(&world, OP_REMOVE, key);
    memory = store_memory(world.store);
    cr_assert_eq(memory.entry_count, 0);
    cr_assert_eq(memory.record_bytes, 0);
    cr_assert_lt(memory.table_bytes - empty_bytes, 2048);
    cr_assert_lt(memory.log_bytes, 16 * 4096);
    world_free(&world);
}

struct seen_map {
    struct bytes name;
    uint64_t entry_count;
    int calls;
};

static void see_map(void *context, struct bytes name, uint64_t entry_count)
{
    struct seen_map *seen = context;
    seen->name = name;
    seen->entry_count = entry_count;
    seen->calls++;
}

Test(store, maps_are_listed_with_their_sizes)
{
    struct world world = world_new(4, MIB);
    struct seen_map seen = {.calls = 0};
    store_each_map(world.store, see_map, &seen);
    cr_assert_eq(seen.calls, 0);
    world_do(&world, OP_GET, 1);
    store_each_map(world.store, see_map, &seen);
    cr_assert_eq(seen.calls, 0, "reads make no map");
    for (int64_t key = 0; key < 10; key++)
        world_put(&world, key, 1, 0);
    store_each_map(world.store, see_map, &seen);
    cr_assert(seen.calls == 1 && seen.entry_count == 10);
    cr_assert(bytes_equal(seen.name, bytes_of_text("map")));
    world_free(&world);
}
