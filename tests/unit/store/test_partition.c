// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/store/world.h"

#include "cluster/base/random.h"

#include <signal.h>

enum { KEYS = 5000 };

static const int64_t nothing = INT64_MIN;

static const struct bytes map = {(const uint8_t *)"map", 3};

// ---- Walking ----

struct visits {
    uint64_t count;
    uint8_t seen[2 * KEYS];
};

static int64_t key_of(struct bytes key)
{
    struct cursor cursor = cursor_of(key);
    int64_t number;
    cr_assert(cursor_read_int(&cursor, &number));
    return number;
}

static void visit(void *context, const struct entry *entry)
{
    struct visits *visits = context;
    visits->count++;
    visits->seen[key_of(entry->key)]++;
}

Test(partition, a_walk_visits_every_entry_once)
{
    struct world world = world_new(1, MIB);
    struct visits visits = {0};
    uint64_t position = 0;
    cr_assert_not(partition_walk(store_partition(world.store, 0), map, &position, visit, &visits));
    cr_assert_eq(visits.count, 0);
    for (int64_t key = 0; key < KEYS; key++)
        world_put(&world, key, key, 0);
    position = 0;
    while (partition_walk(store_partition(world.store, 0), map, &position, visit, &visits)) {
        for (int64_t key = 0; key < KEYS; key += 97) {
            bool is_passed = key_hash(world_key(&world, key)) < position;
            cr_assert_eq(visits.seen[key], is_passed, "passed means visited");
        }
    }
    cr_assert_eq(visits.count, KEYS);
    for (int64_t key = 0; key < KEYS; key++)
        cr_assert_eq(visits.seen[key], 1);
    cr_assert_not(partition_walk(store_partition(world.store, 0), map, &position, visit, &visits));
    cr_assert_eq(visits.count, KEYS, "a walk that is over visits nothing");
    world_free(&world);
}

Test(partition, a_step_over_large_values_is_short)
{
    enum { LARGE_KEYS = 40, VALUE_BYTES = 100 * 1024, STEP_VISITS_MAX = 3 };
    static const uint8_t zeros[VALUE_BYTES];
    struct world world = world_new(1, MIB);
    struct visits visits = {0};
    uint64_t position = 0, visited = 0;
    for (int64_t key = 0; key < LARGE_KEYS; key++) {
        struct op op = world_op(&world, OP_PUT, key);
        write_bin(&world.value, bytes_of(zeros, VALUE_BYTES));
        op.value = buffer_bytes(&world.value);
        cr_assert_eq(world_execute(&world, &op).error, ERROR_NONE);
        buffer_clear(&world.value);
    }
    bool more = true;
    while (more) {
        more = partition_walk(store_partition(world.store, 0), map, &position, visit, &visits);
        cr_assert_leq(visits.count - visited, STEP_VISITS_MAX);
        visited = visits.count;
        for (int64_t key = 0; key < LARGE_KEYS; key++) {
            bool is_passed = key_hash(world_key(&world, key)) < position;
            cr_assert_eq(visits.seen[key], is_passed, "passed means visited");
        }
    }
    cr_assert_eq(visits.count, LARGE_KEYS);
    world_free(&world);
}

// Entries that stay are visited once, whether the table grows or shrinks below the walk.
static void walk_while_changing(bool grows)
{
    struct world world = world_new(1, 64 * MIB);
    struct visits visits = {0};
    for (int64_t key = 0; key < (grows ? KEYS : 2 * KEYS); key++)
        world_put(&world, key, key, 0);
    uint64_t position = 0;
    int64_t changed = KEYS;
    while (partition_walk(store_partition(world.store, 0), map, &position, visit, &visits)) {
        for (int i = 0; i < 300 && changed < 2 * KEYS; i++, changed++) {
            if (grows)
                world_put(&world, changed, 1, 0);
            else
                world_do(&world, OP_REMOVE, changed);
        }
        for (int64_t key = 0; !grows && key < KEYS; key++) {
            if (key % 50 && key_hash(world_key(&world, key)) < position)
                world_do(&world, OP_REMOVE, key);
        }
    }
    for (int64_t key = 0; key < KEYS; key++)
        cr_assert_eq(visits.seen[key], 1, "key %d was seen %d times", (int)key, visits.seen[key]);
    for (int64_t key = KEYS; key < 2 * KEYS; key++)
        cr_assert_leq(visits.seen[key], 1);
    world_free(&world);
}

Test(partition, a_walk_survives_growth)
{
    walk_while_changing(true);
}

Test(partition, a_walk_survives_shrinking)
{
    walk_while_changing(false);
}

static void check_expired_visit(void *context, const struct entry *entry)
{
    cr_assert(entry->expiry_ms == WORLD_START_MS + 10 && entry->max_idle_ms == 0);
    cr_assert_eq(entry->seq, 1);
    ++*(int *)context;
}

Test(partition, a_walk_visits_expired_entries_too)
{
    struct world world = world_new(1, MIB);
    world_put(&world, 1, 1, 10);
    world.now_ms += 1000;
    uint64_t position = 0;
    int count = 0;
    cr_assert_not(partition_walk(store_partition(world.store, 0), map, &position,
                                 check_expired_visit, &count));
    cr_assert_eq(count, 1);
    world_free(&world);
}

static void count_map(void *context, struct bytes name)
{
    *(int *)context += bytes_equal(name, map);
}

Test(partition, its_maps_are_those_with_entries)
{
    struct world world = world_new(1, MIB);
    int count = 0;
    partition_each_map(store_partition(world.store, 0), count_map, &count);
    cr_assert_eq(count, 0);
    world_put(&world, 1, 1, 0);
    partition_each_map(store_partition(world.store, 0), count_map, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(partition_map_size(store_partition(world.store, 0), map), 1);
    cr_assert_eq(partition_map_size(store_partition(world.store, 0), bytes_of_text("x")), 0);
    world_free(&world);
}

// ---- The log ----

Test(partition, effects_carry_old_and_new)
{
    struct world world = world_new(1, MIB);
    struct partition *partition = store_partition(world.store, 0);
    cr_assert(partition_last_seq(partition) == 0 && partition_first_seq(partition) == 1);
    world_put(&world, 1, 10, 0);
    world.now_ms++;
    world_put(&world, 1, 11, 5000);
    world_do(&world, OP_REMOVE, 1);
    struct effect effect;
    struct bytes old_value;
    uint64_t old_seq;
    partition_effect(partition, 1, &effect, &old_value, &old_seq);
    cr_assert(effect.seq == 1 && effect.cause == CAUSE_PUT && old_value.size == 0 && old_seq == 0);
    cr_assert(bytes_equal(effect.map, map));
    partition_effect(partition, 2, &effect, &old_value, &old_seq);
    cr_assert(bytes_equal(effect.key, world_key(&world, 1)) && old_seq == 1);
    cr_assert(bytes_equal(effect.value, world_value(&world, 11)));
    cr_assert(bytes_equal(old_value, world_value(&world, 10)));
    cr_assert_eq(effect.time_us, (uint64_t)world.now_ms * US_PER_MS);
    cr_assert_eq(effect.expiry_ms, world.now_ms + 5000);
    partition_effect(partition, 3, &effect, &old_value, &old_seq);
    cr_assert(effect.cause == CAUSE_REMOVE && effect.value.size == 0 && old_seq == 2);
    cr_assert(bytes_equal(effect.key, world_key(&world, 1)));
    world_free(&world);
}

Test(partition, the_log_is_bounded_once_its_feeds_have_read_it)
{
    struct world world = world_new(1, 4096);
    struct partition *partition = store_partition(world.store, 0);
    for (int64_t i = 0; i < 2000; i++)
        world_put(&world, i % 10, i, 0);
    cr_assert_eq(partition_first_seq(partition), 1);
    partition_retain_from(partition, 1900);
    for (int64_t i = 0; i < 1000; i++)
        world_put(&world, i % 10, i, 0);
    cr_assert_eq(partition_first_seq(partition), 1900);
    partition_retain_from(partition, partition_last_seq(partition));
    for (int64_t i = 0; i < 1000; i++) {
        world_put(&world, i % 10, i, 0);
        partition_retain_from(partition, partition_last_seq(partition));
    }
    cr_assert_leq(store_memory(world.store).log_bytes, 4096 + 2048);
    world_free(&world);
}

Test(partition, asking_for_a_dropped_effect_is_a_bug, .signal = SIGABRT)
{
    struct world world = world_new(1, 4096);
    struct effect effect;
    struct bytes old_value;
    uint64_t old_seq;
    partition_effect(store_partition(world.store, 0), 1, &effect, &old_value, &old_seq);
}

// ---- Backups ----

static struct effect put_effect(struct world *world, uint64_t seq, int64_t key, int64_t value)
{
    return (struct effect){
        .seq = seq,
        .time_us = (uint64_t)world->now_ms * US_PER_MS,
        .cause = CAUSE_PUT,
        .map = map,
        .key = world_key(world, key),
        .value = world_value(world, value),
    };
}

Test(partition, a_backup_that_gets_every_effect_is_equal)
{
    struct world primary = world_new(1, 64 * MIB);
    struct world backup = world_new(1, 64 * MIB);
    struct random random = {.state = 2};
    for (int i = 0; i < 20000; i++) {
        int64_t key = (int64_t)random_below(&random, 1000);
        if (random_below(&random, 3))
            world_put(&primary, key, i, i % 7 * 100000);
        else
            world_do(&primary, OP_REMOVE, key);
    }
    struct partition *from = store_partition(primary.store, 0);
    struct partition *to = store_partition(backup.store, 0);
    partition_set_primary(to, false);
    for (uint64_t seq = 1; seq <= partition_last_seq(from); seq++) {
        struct effect effect;
        struct bytes old_value;
        uint64_t old_seq;
        partition_effect(from, seq, &effect, &old_value, &old_seq);
        partition_append(to, &effect);
        struct effect copy;
        struct bytes old_copy;
        uint64_t old_seq_copy;
        partition_effect(to, seq, &copy, &old_copy, &old_seq_copy);
        cr_assert(bytes_equal(copy.key, effect.key) && bytes_equal(copy.value, effect.value));
        cr_assert(bytes_equal(old_copy, old_value) && old_seq == old_seq_copy);
        cr_assert(copy.cause == effect.cause && copy.expiry_ms == effect.expiry_ms);
    }
    for (int64_t key = 0; key < 1000; key++) {
        cr_assert_eq(world_get(&primary, key), world_get(&backup, key));
        cr_assert_eq(world_do(&primary, OP_GET, key).version,
                     world_do(&backup, OP_GET, key).version);
    }
    world_free(&primary);
    world_free(&backup);
}

Test(partition, an_effect_out_of_order_is_a_bug, .signal = SIGABRT)
{
    struct world world = world_new(1, MIB);
    struct effect effect = put_effect(&world, 2, 1, 1);
    partition_append(store_partition(world.store, 0), &effect);
}

Test(partition, a_removal_of_what_a_backup_has_not_keeps_its_key)
{
    struct world world = world_new(1, MIB);
    struct partition *partition = store_partition(world.store, 0);
    partition_reset(partition, 41);
    struct effect effect = put_effect(&world, 42, 1, 1);
    effect.cause = CAUSE_REMOVE;
    effect.value = bytes_of(NULL, 0);
    partition_append(partition, &effect);
    struct effect copy;
    struct bytes old_value;
    uint64_t old_seq;
    partition_effect(partition, 42, &copy, &old_value, &old_seq);
    cr_assert(bytes_equal(copy.key, world_key(&world, 1)));
    cr_assert(old_value.size == 0 && old_seq == 0 && copy.value.size == 0);
    world_free(&world);
}

Test(partition, a_reset_drops_entries_and_log)
{
    struct world world = world_new(2, MIB);
    for (int64_t key = 0; key < KEYS; key++)
        world_put(&world, key, key, key % 2 * 1000);
    struct partition *partition = store_partition(world.store, 0);
    uint64_t others = partition_map_size(store_partition(world.store, 1), map);
    partition_reset(partition, 100);
    cr_assert_eq(partition_map_size(partition, map), 0);
    cr_assert(partition_last_seq(partition) == 100 && partition_first_seq(partition) == 101);
    cr_assert_eq(store_memory(world.store).entry_count, others);
    world.now_ms += 2000;
    world_expire(&world);
    cr_assert_eq(partition_last_seq(partition), 100, "no timer of what was dropped fires");
    world_free(&world);
}

Test(partition, a_load_never_replaces_what_is_newer)
{
    struct world world = world_new(1, MIB);
    struct partition *partition = store_partition(world.store, 0);
    partition_set_primary(partition, false);
    partition_reset(partition, 10);
    struct entry entry = {.key = world_key(&world, 1), .value = world_value(&world, 5), .seq = 4};
    partition_load(partition, map, &entry);
    cr_assert_eq(world_get(&world, 1), 5);
    cr_assert_eq(world_do(&world, OP_GET, 1).version, 4);
    entry.key = world_key(&world, 1);
    entry.value = world_value(&world, 6);
    entry.seq = 7;
    partition_load(partition, map, &entry);
    cr_assert_eq(world_get(&world, 1), 6, "newer");
    entry.key = world_key(&world, 1);
    entry.value = world_value(&world, 7);
    entry.seq = 3;
    partition_load(partition, map, &entry);
    cr_assert_eq(world_get(&world, 1), 6, "older");
    struct effect effect = put_effect(&world, 11, 1, 8);
    partition_append(partition, &effect);
    entry.key = world_key(&world, 1);
    entry.value = world_value(&world, 9);
    entry.seq = 12;
    partition_load(partition, map, &entry);
    cr_assert_eq(world_get(&world, 1), 8, "what an effect wrote stays");
    cr_assert_eq(partition_last_seq(partition), 11);
    cr_assert_eq(store_memory(world.store).entry_count, 1);
    world_free(&world);
}

Test(partition, a_loaded_entry_keeps_its_times)
{
    struct world world = world_new(1, MIB);
    struct partition *partition = store_partition(world.store, 0);
    partition_reset(partition, 10);
    world_get(&world, 2); // the node learns the time
    struct entry entry = {.key = world_key(&world, 1),
                          .value = world_value(&world, 5),
                          .seq = 4,
                          .expiry_ms = world.now_ms + 1000,
                          .max_idle_ms = 300};
    partition_load(partition, map, &entry);
    world.now_ms += 250;
    world_expire(&world);
    cr_assert_eq(world_get(&world, 1), 5, "idle from when this node took over");
    for (int i = 0; i < 3; i++) {
        world.now_ms += 249;
        world_expire(&world);
        cr_assert_eq(world_get(&world, 1), 5);
    }
    world.now_ms += 20;
    world_expire(&world);
    cr_assert_eq(world_get(&world, 1), nothing, "the expiry");
    cr_assert_eq(partition_last_seq(partition), 11);
    world_free(&world);
}
