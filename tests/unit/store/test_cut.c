// SPDX-License-Identifier: Apache-2.0
// A cut takes effects back. Random operations run on a primary; a backup follows effect by effect,
// and what it held after each of them is what either must hold again after a cut to it.
#include "tests/unit/store/world.h"

#include "cluster/base/random.h"

#include <signal.h>

enum {
    MAPS = 3,
    KEYS = 120,
    EFFECTS_MAX = 20000,
    ROUNDS = 30,
    OPERATIONS_PER_ROUND = 150,
    CLIENT = 77,
};

static const char *const map_names[MAPS] = {"a", "b", "c"};
static const struct bytes only_map = {(const uint8_t *)"map", 3};

struct history {
    struct world primary;
    struct world backup;
    struct random random;
    uint64_t number;               // of the last operation
    uint64_t states[EFFECTS_MAX];  // digest of all entries after this effect
    uint64_t numbers[EFFECTS_MAX]; // of the operation that made this effect; 0: none
};

// ---- What a partition holds, as one number ----

struct digest {
    uint64_t sum;
    uint64_t map;
    uint64_t count;
};

static uint64_t mix(uint64_t digest, uint64_t number)
{
    struct random random = {.state = digest ^ number};
    return random_next(&random);
}

static void digest_visit(void *context, const struct entry *entry)
{
    struct digest *digest = context;
    uint64_t one = mix(digest->map, key_hash(entry->key));
    one = mix(one, key_hash(entry->value));
    one = mix(one, entry->seq);
    one = mix(one, (uint64_t)entry->expiry_ms);
    digest->sum += mix(one, (uint64_t)entry->max_idle_ms);
    digest->count++;
}

static uint64_t digest_of(struct partition *partition)
{
    struct digest digest = {0};
    for (digest.map = 0; digest.map < MAPS; digest.map++) {
        struct bytes map = bytes_of_text(map_names[digest.map]);
        uint64_t position = 0, before = digest.count;
        while (partition_walk(partition, map, &position, digest_visit, &digest))
            ;
        cr_assert_eq(digest.count - before, partition_map_size(partition, map));
    }
    return digest.sum + digest.count;
}

// ---- Operations ----

static void history_clear(struct history *history, struct bytes map)
{
    struct op op = {.kind = OP_CLEAR, .map = map};
    struct op_result result;
    do {
        partition_execute(store_partition(history->primary.store, 0), &op,
                          history->primary.now_ms * US_PER_MS, 0, &result);
        op.position = result.position;
    } while (result.more);
}

static void history_operate(struct history *history)
{
    static const enum op_kind kinds[] = {OP_PUT,    OP_PUT,       OP_PUT,   OP_GET_AND_PUT,
                                         OP_REMOVE, OP_INCREMENT, OP_TOUCH, OP_GET};
    static const int64_t times_ms[] = {0, 0, 0, 40, 500, 100000};
    struct world *world = &history->primary;
    struct random *random = &history->random;
    struct partition *partition = store_partition(world->store, 0);
    world->now_ms += (int64_t)random_below(random, 10);
    struct op op =
        world_op(world, kinds[random_below(random, 8)], (int64_t)random_below(random, KEYS));
    op.map = bytes_of_text(map_names[random_below(random, MAPS)]);
    op.value = world_value(world, (int64_t)random_below(random, 1U << random_below(random, 31)));
    op.ttl_ms = times_ms[random_below(random, 6)];
    op.max_idle_ms = times_ms[random_below(random, 6)];
    op.client = random_below(random, 3) > 0 ? CLIENT : 0;
    op.number = ++history->number;
    uint64_t first_seq = partition_last_seq(partition) + 1;
    if (random_below(random, 300) == 0) {
        history_clear(history, op.map);
        op.client = 0;
    } else if (random_below(random, 30) == 0) {
        world_expire(world);
        op.client = 0;
    } else {
        cr_assert_eq(world_execute(world, &op).error, ERROR_NONE);
    }
    // An operation may expire the entry that it finds by an effect before its own.
    uint64_t last_seq = partition_last_seq(partition);
    for (uint64_t seq = first_seq; seq <= last_seq; seq++)
        history->numbers[seq] = seq == last_seq && op.client != 0 ? op.number : 0;
}

static void check_effect(struct history *history, struct partition *partition, uint64_t seq)
{
    struct effect effect;
    struct bytes old_value;
    uint64_t old_seq;
    partition_effect(partition, seq, &effect, &old_value, &old_seq);
    if (history->numbers[seq] != 0 && effect.cause != CAUSE_EXPIRE)
        cr_assert(effect.origin.client == CLIENT && effect.origin.number == history->numbers[seq]);
    else
        cr_assert_eq(effect.origin.client, 0);
}

static void history_follow(struct history *history)
{
    struct partition *from = store_partition(history->primary.store, 0);
    struct partition *to = store_partition(history->backup.store, 0);
    while (partition_last_seq(to) < partition_last_seq(from)) {
        struct effect effect;
        struct bytes old_value;
        uint64_t old_seq, seq = partition_last_seq(to) + 1;
        cr_assert_lt(seq, EFFECTS_MAX);
        partition_effect(from, seq, &effect, &old_value, &old_seq);
        partition_append(to, &effect);
        if (effect.cause == CAUSE_EXPIRE)
            history->numbers[seq] = 0;
        history->states[seq] = digest_of(to);
        check_effect(history, from, seq);
        check_effect(history, to, seq);
    }
    cr_assert_eq(digest_of(from), digest_of(to));
}

// ---- Results ----

static void results_visit(void *context, const struct fill_result *result)
{
    struct digest *digest = context;
    if (result->origin.client == ORIGIN_FORGOTTEN)
        return;
    digest->sum = mix(digest->sum, result->origin.number);
    digest->sum = mix(digest->sum, result->seq);
    digest->sum = mix(digest->sum, result->found * 2U + result->has_value);
    if (result->has_value)
        digest->sum = mix(digest->sum, key_hash(result->value));
    digest->count++;
    digest->map = result->seq;
}

static void check_results(struct history *history, struct partition *partition,
                          struct digest *digest)
{
    uint64_t expected = 0;
    *digest = (struct digest){0};
    for (uint64_t seq = 1; seq <= partition_last_seq(partition); seq++)
        expected += history->numbers[seq] != 0;
    partition_each_result(partition, results_visit, digest);
    cr_assert_eq(digest->count, expected);
    cr_assert_leq(digest->map, partition_last_seq(partition));
}

// ---- Cutting ----

static void history_init(struct history *history, uint64_t seed, uint64_t log_bytes)
{
    *history = (struct history){
        .primary = world_new(1, log_bytes),
        .backup = world_new(1, log_bytes),
        .random = {.state = seed},
    };
    partition_set_primary(store_partition(history->backup.store, 0), false);
}

static void history_deinit(struct history *history)
{
    world_free(&history->primary);
    world_free(&history->backup);
}

static void check_cut(struct history *history, struct partition *partition, uint64_t seq)
{
    partition_cut(partition, seq);
    cr_assert_eq(partition_last_seq(partition), seq);
    cr_assert_eq(digest_of(partition), history->states[seq], "the entries after effect %lu", seq);
    for (uint64_t i = partition_first_seq(partition); i <= seq; i += 1 + (seq - i) / 8)
        check_effect(history, partition, i);
}

static void history_cut(struct history *history)
{
    struct partition *primary = store_partition(history->primary.store, 0);
    struct partition *backup = store_partition(history->backup.store, 0);
    uint64_t last_seq = partition_last_seq(primary);
    uint64_t reach = last_seq + 1 - partition_first_seq(primary);
    uint64_t backup_reach = last_seq + 1 - partition_first_seq(backup);
    if (backup_reach < reach)
        reach = backup_reach;
    uint64_t back = random_below(&history->random, reach + 1);
    if (random_below(&history->random, 3) > 0)
        back /= 10;
    check_cut(history, primary, last_seq - back);
    check_cut(history, backup, last_seq - back);
    struct digest one, other;
    check_results(history, primary, &one);
    check_results(history, backup, &other);
    cr_assert_eq(one.sum, other.sum);
}

static void check_memory(struct world *world)
{
    struct store_memory before = store_memory(world->store);
    uint64_t entries = 0;
    for (int i = 0; i < MAPS; i++)
        entries +=
            partition_map_size(store_partition(world->store, 0), bytes_of_text(map_names[i]));
    cr_assert_eq(before.entry_count, entries);
    partition_reset(store_partition(world->store, 0), 0);
    struct store_memory memory = store_memory(world->store);
    cr_assert(memory.record_bytes == 0 && memory.log_bytes == 0 && memory.entry_count == 0);
}

static void check_overdue(void *context, const struct entry *entry)
{
    const struct world *world = context;
    int64_t tick_ms = 32;
    cr_assert(entry->expiry_ms == 0 || entry->expiry_ms > world->now_ms - tick_ms);
    cr_assert(entry->max_idle_ms == 0 || entry->max_idle_ms > 500);
}

// No entry that a cut has brought back is without its timer.
static void check_expiry(struct world *world)
{
    world->now_ms += 2000;
    world_expire(world);
    for (int i = 0; i < MAPS; i++) {
        uint64_t position = 0;
        while (partition_walk(store_partition(world->store, 0), bytes_of_text(map_names[i]),
                              &position, check_overdue, world))
            ;
    }
}

static void history_retain(struct history *history, uint64_t count)
{
    uint64_t last_seq = partition_last_seq(store_partition(history->primary.store, 0));
    uint64_t from_seq = last_seq < count ? 1 : last_seq - count;
    partition_retain_from(store_partition(history->primary.store, 0), from_seq);
    partition_retain_from(store_partition(history->backup.store, 0), from_seq);
}

static void history_run(uint64_t seed, uint64_t log_bytes, uint64_t retained)
{
    struct history *history = calloc(1, sizeof *history);
    history_init(history, seed, log_bytes);
    history->states[0] = digest_of(store_partition(history->primary.store, 0));
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < OPERATIONS_PER_ROUND; i++)
            history_operate(history);
        history_follow(history);
        history_cut(history);
        history_retain(history, retained);
    }
    history_cut(history);
    check_expiry(&history->primary);
    check_memory(&history->primary);
    check_memory(&history->backup);
    history_deinit(history);
    free(history);
}

Test(store_cut, every_state_comes_back)
{
    for (uint64_t seed = 1; seed <= 6; seed++)
        history_run(seed, 64 * MIB, EFFECTS_MAX);
}

Test(store_cut, every_state_comes_back_while_the_log_is_bounded)
{
    for (uint64_t seed = 11; seed <= 16; seed++)
        history_run(seed, 4096, 10 + seed * 10);
}

Test(store_cut, one_by_one_down_to_nothing)
{
    struct history *history = calloc(1, sizeof *history);
    history_init(history, 21, 64 * MIB);
    for (int i = 0; i < 1500; i++)
        history_operate(history);
    history_follow(history);
    struct partition *primary = store_partition(history->primary.store, 0);
    struct partition *backup = store_partition(history->backup.store, 0);
    for (uint64_t seq = partition_last_seq(primary); seq-- > 0;) {
        check_cut(history, primary, seq);
        check_cut(history, backup, seq);
    }
    struct store_memory memory = store_memory(history->primary.store);
    cr_assert(memory.entry_count == 0 && memory.record_bytes == 0);
    cr_assert_eq(world_put(&history->primary, 1, 1, 0).version, 1);
    history_deinit(history);
    free(history);
}

Test(store_cut, a_large_table_grows_back)
{
    enum { ENTRIES = 20000 };
    struct world world = world_new(1, 64 * MIB);
    struct partition *partition = store_partition(world.store, 0);
    for (int64_t key = 0; key < ENTRIES; key++)
        world_put(&world, key, key, 0);
    for (int64_t key = 0; key < ENTRIES; key++)
        world_do(&world, OP_REMOVE, key);
    cr_assert_eq(partition_map_size(partition, only_map), 0);
    partition_cut(partition, ENTRIES);
    cr_assert_eq(partition_map_size(partition, only_map), ENTRIES);
    for (int64_t key = 0; key < ENTRIES; key++)
        cr_assert_eq(world_get(&world, key), key);
    partition_cut(partition, ENTRIES / 2);
    for (int64_t key = 0; key < ENTRIES; key++)
        cr_assert_eq(world_get(&world, key), key < ENTRIES / 2 ? key : INT64_MIN);
    world_free(&world);
}

Test(store_cut, a_removal_of_what_was_not_there_is_taken_back)
{
    struct world world = world_new(1, MIB);
    struct partition *partition = store_partition(world.store, 0);
    partition_reset(partition, 41);
    struct effect effect = {.seq = 42,
                            .time_us = (uint64_t)world.now_ms * US_PER_MS,
                            .cause = CAUSE_REMOVE,
                            .map = only_map,
                            .key = world_key(&world, 1)};
    partition_append(partition, &effect);
    partition_cut(partition, 41);
    cr_assert_eq(partition_map_size(partition, only_map), 0);
    cr_assert_eq(store_memory(world.store).record_bytes, 0);
    cr_assert_eq(partition_last_seq(partition), 41);
    world_free(&world);
}

Test(store_cut, what_is_taken_back_expires_again)
{
    struct world world = world_new(1, MIB);
    struct partition *partition = store_partition(world.store, 0);
    world_put(&world, 1, 1, 100);
    world_put(&world, 1, 2, 0);
    // The first value's timer is found stale and dropped.
    world.now_ms += 200;
    world_expire(&world);
    cr_assert_eq(partition_last_seq(partition), 2);
    partition_cut(partition, 1);
    world.now_ms += 20;
    world_expire(&world);
    cr_assert_eq(partition_last_seq(partition), 2, "by an effect");
    cr_assert_eq(partition_map_size(partition, only_map), 0);
    world_free(&world);
}

Test(store_cut, below_the_log_is_a_bug, .signal = SIGABRT)
{
    struct world world = world_new(1, MIB);
    partition_reset(store_partition(world.store, 0), 10);
    partition_cut(store_partition(world.store, 0), 9);
}
