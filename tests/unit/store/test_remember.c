// SPDX-License-Identifier: Apache-2.0
// A retry is answered as the first time and never applied twice: by the primary itself, by a backup
// that applied its effects, by one that was filled by a scan.
#include "tests/unit/store/world.h"

enum { CLIENT = 5, KEYS = 10, KINDS = 7 };

static const int64_t nothing = INT64_MIN;

static const enum op_kind kinds[KINDS] = {OP_PUT,       OP_GET_AND_PUT, OP_REPLACE, OP_REMOVE,
                                          OP_INCREMENT, OP_MERGE,       OP_TOUCH};

static struct op numbered(struct world *world, enum op_kind kind, int64_t key, uint64_t number)
{
    struct op op = world_op(world, kind, key);
    op.value = world_value(world, 4);
    op.client = CLIENT;
    op.number = number;
    return op;
}

static struct op_result execute(struct world *world, enum op_kind kind, int64_t key,
                                uint64_t number, bool is_retry)
{
    struct op op = numbered(world, kind, key, number);
    uint8_t empty_map = 0x80;
    if (kind == OP_MERGE)
        op.value = bytes_of(&empty_map, 1);
    op.is_retry = is_retry;
    op.age_ms = 500;
    return world_execute(world, &op);
}

static struct op_result retry(struct world *world, enum op_kind kind, int64_t key, uint64_t number)
{
    return execute(world, kind, key, number, true);
}

static void put_map(struct world *world, int64_t key)
{
    uint8_t empty_map = 0x80;
    struct op op = world_op(world, OP_PUT, key);
    op.value = bytes_of(&empty_map, 1);
    world_execute(world, &op);
}

// ---- Followers ----

static void follow(struct world *backup, struct world *primary)
{
    struct partition *from = store_partition(primary->store, 0);
    struct partition *to = store_partition(backup->store, 0);
    while (partition_last_seq(to) < partition_last_seq(from)) {
        struct effect effect;
        struct bytes old_value;
        uint64_t old_seq;
        partition_effect(from, partition_last_seq(to) + 1, &effect, &old_value, &old_seq);
        partition_append(to, &effect);
    }
}

static void load_entry(void *context, const struct entry *entry)
{
    partition_load(context, bytes_of_text("map"), entry);
}

static void load_result(void *context, const struct fill_result *result)
{
    partition_load_result(context, result);
}

static void fill(struct world *backup, struct world *primary)
{
    struct partition *from = store_partition(primary->store, 0);
    struct partition *to = store_partition(backup->store, 0);
    uint64_t position = 0;
    partition_reset(to, partition_last_seq(from));
    while (partition_walk(from, bytes_of_text("map"), &position, load_entry, to))
        ;
    partition_each_result(from, load_result, to);
}

// ---- Retries ----

struct answers {
    struct op_result results[2 * KINDS];
    uint8_t values[2 * KINDS][16];
};

// Each kind once, on an entry that is there (even numbers) and on one that is not (odd ones).
static void answers_make(struct world *world, struct answers *answers)
{
    for (int i = 0; i < 2 * KINDS; i++) {
        enum op_kind kind = kinds[i / 2];
        if (i % 2 == 0 && kind == OP_MERGE)
            put_map(world, i);
        else if (i % 2 == 0)
            world_put(world, i, 3, 0);
        answers->results[i] = execute(world, kind, i, (uint64_t)i + 1, false);
        struct bytes value = answers->results[i].value;
        cr_assert_leq(value.size, sizeof answers->values[i]);
        if (value.size > 0)
            memcpy(answers->values[i], value.data, value.size);
    }
}

static void check_answers(struct world *world, const struct answers *answers)
{
    uint64_t last_seq = partition_last_seq(store_partition(world->store, 0));
    for (int i = 0; i < 2 * KINDS; i++) {
        const struct op_result *first = &answers->results[i];
        if (first->seq == 0 || first->error != ERROR_NONE || (i % 2 && kinds[i / 2] == OP_REMOVE) ||
            (i % 2 && kinds[i / 2] == OP_TOUCH))
            continue; // no effect: executed again
        struct op_result again = retry(world, kinds[i / 2], i, (uint64_t)i + 1);
        cr_assert_eq(again.error, ERROR_NONE);
        cr_assert(again.found == first->found && again.version == first->version, "kind %d", i);
        cr_assert(again.seq == first->seq || again.seq == 0);
        cr_assert(bytes_equal(again.value, bytes_of(answers->values[i], first->value.size)));
    }
    cr_assert_eq(partition_last_seq(store_partition(world->store, 0)), last_seq, "nothing is new");
}

Test(store_remember, a_retry_is_answered_as_the_first_time)
{
    struct world world = world_new(1, MIB);
    struct answers answers;
    answers_make(&world, &answers);
    check_answers(&world, &answers);
    world_free(&world);
}

Test(store_remember, a_backup_answers_like_its_primary)
{
    struct world world = world_new(1, MIB), backup = world_new(1, MIB);
    struct answers answers;
    answers_make(&world, &answers);
    follow(&backup, &world);
    check_answers(&backup, &answers);
    world_free(&world);
    world_free(&backup);
}

Test(store_remember, a_backup_that_was_filled_answers_like_its_primary)
{
    struct world world = world_new(1, MIB), backup = world_new(1, MIB), third = world_new(1, MIB);
    struct answers answers;
    answers_make(&world, &answers);
    fill(&backup, &world);
    check_answers(&backup, &answers);
    fill(&third, &backup);
    check_answers(&third, &answers);
    world_free(&world);
    world_free(&backup);
    world_free(&third);
}

// The table of a fill is newer than the effects that follow it: what they did cannot be told from
// it, so what the primary remembers of them comes first.
Test(store_remember, what_a_fill_brought_stays)
{
    struct world world = world_new(1, MIB), backup = world_new(1, MIB);
    world_put(&world, 2, 1, 0);
    cr_assert_not(execute(&world, OP_PUT, 1, 1, false).found);
    execute(&world, OP_GET_AND_PUT, 1, 2, false);
    struct partition *to = store_partition(backup.store, 0);
    uint64_t position = 0;
    partition_reset(to, 1);
    while (partition_walk(store_partition(world.store, 0), bytes_of_text("map"), &position,
                          load_entry, to))
        ;
    partition_each_result(store_partition(world.store, 0), load_result, to);
    follow(&backup, &world);
    cr_assert_eq(partition_last_seq(to), 3);
    cr_assert_not(retry(&backup, OP_PUT, 1, 1).found);
    cr_assert_eq(retry(&backup, OP_GET_AND_PUT, 1, 2).version, 3);
    world_free(&world);
    world_free(&backup);
}

Test(store_remember, without_an_effect_nothing_is_remembered)
{
    struct world world = world_new(1, MIB);
    world_put(&world, 1, 1, 0);
    struct op op = numbered(&world, OP_PUT, 1, 1);
    op.condition = CONDITION_IF_ABSENT;
    cr_assert_eq(world_execute(&world, &op).error, ERROR_EXISTS);
    cr_assert_not(execute(&world, OP_REMOVE, 2, 2, false).found);
    world_do(&world, OP_REMOVE, 1);
    op = numbered(&world, OP_PUT, 1, 1);
    op.condition = CONDITION_IF_ABSENT;
    op.is_retry = true;
    cr_assert_eq(world_execute(&world, &op).error, ERROR_NONE, "executed again");
    cr_assert_eq(world_get(&world, 1), 4);
    world_free(&world);
}

// The removal of what was due has an effect, but not the operation's own.
Test(store_remember, an_entry_that_expired_on_the_way_is_not_the_operations_effect)
{
    struct world world = world_new(1, MIB);
    world_put(&world, 1, 1, 10);
    world.now_ms += 50;
    cr_assert_not(execute(&world, OP_REMOVE, 1, 1, false).found);
    struct effect effect;
    struct bytes old_value;
    uint64_t old_seq;
    partition_effect(store_partition(world.store, 0), 2, &effect, &old_value, &old_seq);
    cr_assert(effect.cause == CAUSE_EXPIRE && effect.origin.client == 0);
    world_free(&world);
}

Test(store_remember, a_retry_of_what_is_not_committed_waits_for_it)
{
    struct world world = world_new(1, MIB);
    world_put(&world, 1, 1, 0);
    execute(&world, OP_PUT, 1, 1, false);
    world_put(&world, 1, 1, 0);
    cr_assert_eq(retry(&world, OP_PUT, 1, 1).seq, 2);
    world_free(&world);
}

Test(store_remember, an_answer_too_large_to_be_kept_is_said_to_be)
{
    static const uint8_t zeros[5000];
    struct world world = world_new(1, MIB);
    struct op op = world_op(&world, OP_PUT, 1);
    write_bin(&world.value, bytes_of(zeros, sizeof zeros));
    op.value = buffer_bytes(&world.value);
    world_execute(&world, &op);
    op = numbered(&world, OP_GET_AND_PUT, 1, 1);
    world_execute(&world, &op);
    op.is_retry = true;
    struct op_result result = world_execute(&world, &op);
    cr_assert_eq(result.error, ERROR_INDETERMINATE);
    cr_assert_not_null(strstr(result.text, "version 2"));
    cr_assert(result.version == 2 && result.seq == 2);
    cr_assert_eq(world_get(&world, 1), 4);
    world_free(&world);
}

Test(store_remember, a_number_used_for_two_operations_is_refused)
{
    struct world world = world_new(1, MIB);
    execute(&world, OP_PUT, 1, 1, false);
    cr_assert_eq(retry(&world, OP_REMOVE, 1, 1).error, ERROR_INVALID_ARGUMENT);
    cr_assert_eq(world_get(&world, 1), 4);
    world_free(&world);
}

Test(store_remember, a_retry_of_what_its_client_knows_is_not_applied)
{
    struct world world = world_new(1, MIB);
    for (uint64_t number = 1; number <= 200; number++) {
        struct op op = numbered(&world, OP_INCREMENT, 1, number);
        op.floor = number;
        cr_assert_eq(world_execute(&world, &op).error, ERROR_NONE);
    }
    cr_assert_eq(retry(&world, OP_INCREMENT, 1, 3).error, ERROR_INDETERMINATE);
    cr_assert_eq(world_get(&world, 1), 800);
    world_free(&world);
}

static void forget_much(struct world *world)
{
    execute(world, OP_INCREMENT, 1, 1, false);
    for (uint64_t client = 100; client < 100 + 5000; client++) {
        struct op op = numbered(world, OP_PUT, 2, 1);
        op.client = client;
        world_execute(world, &op);
    }
}

static void check_forgotten(struct world *world)
{
    cr_assert_eq(retry(world, OP_INCREMENT, 1, 1).error, ERROR_INDETERMINATE);
    cr_assert_eq(world_get(world, 1), 4);
    struct op op = numbered(world, OP_INCREMENT, 1, 9);
    world->now_ms += 11000;
    op.is_retry = true;
    op.age_ms = 500;
    cr_assert_eq(world_execute(world, &op).error, ERROR_NONE, "sent after all that was forgotten");
    cr_assert_eq(world_get(world, 1), 8);
}

Test(store_remember, what_was_forgotten_is_said_to_be)
{
    struct world world = world_new(1, MIB);
    forget_much(&world);
    check_forgotten(&world);
    world_free(&world);
}

Test(store_remember, a_backup_knows_what_its_primary_has_forgotten)
{
    struct world world = world_new(1, MIB), filled = world_new(1, MIB), fed = world_new(1, MIB);
    forget_much(&world);
    fill(&filled, &world);
    follow(&fed, &world);
    check_forgotten(&filled);
    check_forgotten(&fed);
    world_free(&world);
    world_free(&filled);
    world_free(&fed);
}

Test(store_remember, a_fill_that_brought_no_word_of_it_leaves_all_in_doubt)
{
    struct world world = world_new(1, MIB);
    partition_reset(store_partition(world.store, 0), 5);
    cr_assert_eq(retry(&world, OP_PUT, 1, 1).error, ERROR_INDETERMINATE);
    cr_assert_eq(world_get(&world, 1), nothing);
    partition_reset(store_partition(world.store, 0), 0);
    cr_assert_eq(retry(&world, OP_PUT, 1, 1).error, ERROR_NONE, "an empty log forgot nothing");
    world_free(&world);
}

Test(store_remember, a_cut_forgets_what_it_takes_back)
{
    struct world world = world_new(1, MIB);
    execute(&world, OP_INCREMENT, 1, 1, false);
    execute(&world, OP_INCREMENT, 1, 2, false);
    partition_cut(store_partition(world.store, 0), 1);
    cr_assert_eq(retry(&world, OP_INCREMENT, 1, 1).version, 1);
    cr_assert_eq(world_get(&world, 1), 4);
    cr_assert_eq(retry(&world, OP_INCREMENT, 1, 2).error, ERROR_NONE);
    cr_assert_eq(world_get(&world, 1), 8);
    world_free(&world);
}

Test(store_remember, a_remove_that_a_backup_lacks_is_applied_but_not_known)
{
    struct world world = world_new(1, MIB);
    struct partition *partition = store_partition(world.store, 0);
    partition_reset(partition, 41);
    struct effect effect = {
        .seq = 42,
        .time_us = (uint64_t)world.now_ms * US_PER_MS,
        .cause = CAUSE_REMOVE,
        .map = bytes_of_text("map"),
        .key = world_key(&world, 1),
        .origin = {.client = CLIENT, .number = 1, .kind = OP_REMOVE},
    };
    partition_append(partition, &effect);
    struct op_result result = retry(&world, OP_REMOVE, 1, 1);
    cr_assert(result.error == ERROR_INDETERMINATE && result.version == 42);
    world_free(&world);
}

Test(store_remember, its_memory_is_the_stores)
{
    struct world world = world_new(1, MIB);
    world_put(&world, 1, 1, 0);
    uint64_t before = store_memory(world.store).table_bytes;
    for (uint64_t number = 1; number <= 1000; number++)
        world_put(&world, 1, 1, 0);
    cr_assert_eq(store_memory(world.store).table_bytes, before, "without a client nothing is kept");
    for (uint64_t number = 1; number <= 1000; number++)
        execute(&world, OP_PUT, 1, number, false);
    cr_assert_geq(store_memory(world.store).table_bytes, before + 1000 * 48);
    partition_reset(store_partition(world.store, 0), 0);
    cr_assert_lt(store_memory(world.store).table_bytes, before);
    world_free(&world);
}
