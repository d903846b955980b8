// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/store/world.h"

#include <stdio.h>

enum { KEY = 7, OTHER = 8, MISSING = 9 };

static const int64_t nothing = INT64_MIN;

Test(store_execute, put_and_get)
{
    struct world world = world_new(4, MIB);
    cr_assert_eq(world_get(&world, KEY), nothing);
    struct op_result result = world_put(&world, KEY, 42, 0);
    cr_assert_not(result.found);
    cr_assert(result.version == 1 && result.seq == 1);
    cr_assert_eq(world_get(&world, KEY), 42);
    result = world_put(&world, KEY, 43, 0);
    cr_assert(result.found && result.version == 2);
    cr_assert_eq(world_get(&world, KEY), 43);
    cr_assert_eq(world_do(&world, OP_GET, KEY).version, 2);
    world_free(&world);
}

Test(store_execute, maps_and_partitions_are_apart)
{
    struct world world = world_new(4, MIB);
    world_put(&world, KEY, 1, 0);
    struct op op = world_op(&world, OP_GET, KEY);
    op.map = bytes_of_text("other");
    cr_assert_not(world_execute(&world, &op).found);
    op = world_op(&world, OP_PUT, KEY);
    op.map = bytes_of_text("other");
    op.value = world_value(&world, 2);
    world_execute(&world, &op);
    cr_assert_eq(world_get(&world, KEY), 1);
    world_free(&world);
}

Test(store_execute, put_if_absent_refuses_what_is_there)
{
    struct world world = world_new(1, MIB);
    struct op op = world_op(&world, OP_PUT, KEY);
    op.value = world_value(&world, 1);
    op.condition = CONDITION_IF_ABSENT;
    cr_assert_eq(world_execute(&world, &op).error, ERROR_NONE);
    struct op_result result = world_execute(&world, &op);
    cr_assert_eq(result.error, ERROR_EXISTS);
    cr_assert(result.found && result.version == 1);
    cr_assert_eq(result.seq, 1, "what was observed must be committed first");
    cr_assert_eq(partition_last_seq(world_partition(&world, KEY)), 1, "no effect");
    world_free(&world);
}

Test(store_execute, put_if_version_needs_that_version)
{
    struct world world = world_new(1, MIB);
    struct op op = world_op(&world, OP_PUT, KEY);
    op.value = world_value(&world, 1);
    op.condition = CONDITION_IF_VERSION;
    op.version = 1;
    struct op_result result = world_execute(&world, &op);
    cr_assert_eq(result.error, ERROR_VERSION_MISMATCH, "also when missing");
    cr_assert_eq(result.version, 0);
    world_put(&world, KEY, 5, 0);
    op = world_op(&world, OP_PUT, KEY);
    op.value = world_value(&world, 2);
    op.condition = CONDITION_IF_VERSION;
    op.version = 1;
    cr_assert_eq(world_execute(&world, &op).version, 2);
    result = world_execute(&world, &op);
    cr_assert_eq(result.error, ERROR_VERSION_MISMATCH);
    cr_assert_eq(result.version, 2);
    cr_assert_not_null(strstr(result.text, "version 2"));
    cr_assert_not_null(strstr(result.text, "map \"map\""));
    world_free(&world);
}

Test(store_execute, replace_needs_an_entry)
{
    struct world world = world_new(1, MIB);
    struct op op = world_op(&world, OP_REPLACE, KEY);
    op.value = world_value(&world, 1);
    cr_assert_eq(world_execute(&world, &op).error, ERROR_NOT_FOUND);
    world_put(&world, KEY, 5, 0);
    op = world_op(&world, OP_REPLACE, KEY);
    op.value = world_value(&world, 2);
    cr_assert_eq(world_execute(&world, &op).error, ERROR_NONE);
    cr_assert_eq(world_get(&world, KEY), 2);
    op = world_op(&world, OP_REPLACE, KEY);
    op.value = world_value(&world, 3);
    op.condition = CONDITION_IF_VERSION;
    op.version = 1;
    cr_assert_eq(world_execute(&world, &op).error, ERROR_VERSION_MISMATCH);
    world_free(&world);
}

Test(store_execute, get_and_put_answers_the_old_value)
{
    // The log keeps next to nothing, yet the old value lives until the next change.
    struct world world = world_new(1, 1);
    partition_retain_from(store_partition(world.store, 0), UINT64_MAX);
    struct op op = world_op(&world, OP_GET_AND_PUT, KEY);
    op.value = world_value(&world, 1);
    cr_assert_not(world_execute(&world, &op).found);
    for (int64_t value = 2; value < 50; value++) {
        op = world_op(&world, OP_GET_AND_PUT, KEY);
        op.value = world_value(&world, value);
        struct op_result result = world_execute(&world, &op);
        cr_assert(result.found && result.version == (uint64_t)value);
        cr_assert(bytes_equal(result.value, world_value(&world, value - 1)));
    }
    world_free(&world);
}

Test(store_execute, remove_takes_the_entry_out)
{
    struct world world = world_new(1, MIB);
    struct op_result result = world_do(&world, OP_REMOVE, KEY);
    cr_assert(result.error == ERROR_NONE && !result.found);
    cr_assert_eq(partition_last_seq(world_partition(&world, KEY)), 0, "no effect");
    world_put(&world, KEY, 1, 0);
    struct op op = world_op(&world, OP_REMOVE, KEY);
    op.condition = CONDITION_IF_VERSION;
    op.version = 9;
    cr_assert_eq(world_execute(&world, &op).error, ERROR_VERSION_MISMATCH);
    op.version = 1;
    result = world_execute(&world, &op);
    cr_assert(result.found && result.seq == 2);
    cr_assert_eq(world_get(&world, KEY), nothing);
    world_free(&world);
}

Test(store_execute, increment_counts_from_zero_and_keeps_the_expiry)
{
    struct world world = world_new(1, MIB);
    for (int64_t sum = 5; sum <= 20; sum += 5) {
        struct op op = world_op(&world, OP_INCREMENT, KEY);
        op.value = world_value(&world, 5);
        op.ttl_ms = sum == 5 ? 1000 : 0;
        struct op_result result = world_execute(&world, &op);
        cr_assert_eq(result.error, ERROR_NONE);
        cr_assert(bytes_equal(result.value, world_value(&world, sum)));
        world.now_ms += 100;
    }
    cr_assert_eq(world_get(&world, KEY), 20);
    world.now_ms += 600;
    cr_assert_eq(world_get(&world, KEY), nothing, "1000 ms after the first");
    world_free(&world);
}

Test(store_execute, increment_refuses_non_numbers_and_overflow)
{
    struct world world = world_new(1, MIB);
    struct op op = world_op(&world, OP_PUT, KEY);
    buffer_clear(&world.value);
    write_text(&world.value, "text");
    op.value = buffer_bytes(&world.value);
    world_execute(&world, &op);
    op.kind = OP_INCREMENT;
    op.value = world_value(&world, 1);
    struct op_result result = world_execute(&world, &op);
    cr_assert(result.error == ERROR_WRONG_TYPE && result.version == 1 && result.seq == 1);
    world_put(&world, KEY, INT64_MIN, 0);
    op = world_op(&world, OP_INCREMENT, KEY);
    op.value = world_value(&world, -1);
    cr_assert_eq(world_execute(&world, &op).error, ERROR_OVERFLOW);
    cr_assert_eq(partition_last_seq(world_partition(&world, KEY)), 2);
    world_free(&world);
}

Test(store_execute, merge_patches_maps_only)
{
    static const uint8_t patch[] = {0x82, 0xa1, 'a', 1, 0xa1, 'b', 0xc0};
    static const uint8_t merged[] = {0x81, 0xa1, 'a', 1};
    struct world world = world_new(1, MIB);
    struct op op = world_op(&world, OP_MERGE, KEY);
    op.value = bytes_of(patch, sizeof patch);
    op.max_idle_ms = 500;
    struct op_result result = world_execute(&world, &op);
    cr_assert_not(result.found);
    cr_assert(bytes_equal(result.value, bytes_of(merged, sizeof merged)));
    op.max_idle_ms = 0;
    result = world_execute(&world, &op);
    cr_assert(result.found && result.version == 2);
    world.now_ms += 499;
    cr_assert(world_do(&world, OP_CONTAINS, KEY).found);
    world.now_ms += 500;
    cr_assert_not(world_do(&world, OP_CONTAINS, KEY).found, "max idle was kept");
    world_put(&world, OTHER, 1, 0);
    op = world_op(&world, OP_MERGE, OTHER);
    op.value = bytes_of(patch, sizeof patch);
    cr_assert_eq(world_execute(&world, &op).error, ERROR_WRONG_TYPE);
    world_free(&world);
}

Test(store_execute, touch_sets_expiry_and_keeps_the_value)
{
    struct world world = world_new(1, MIB);
    cr_assert_not(world_do(&world, OP_TOUCH, MISSING).found);
    world_put(&world, KEY, 1, 0);
    struct op op = world_op(&world, OP_TOUCH, KEY);
    op.ttl_ms = 1000;
    struct op_result result = world_execute(&world, &op);
    cr_assert(result.found && result.version == 2);
    struct effect effect;
    struct bytes old_value;
    uint64_t old_seq;
    partition_effect(world_partition(&world, KEY), 2, &effect, &old_value, &old_seq);
    cr_assert_eq(effect.cause, CAUSE_TOUCH);
    cr_assert_eq(effect.expiry_ms, world.now_ms + 1000);
    cr_assert(bytes_equal(effect.value, old_value));
    world.now_ms += 999;
    cr_assert_eq(world_get(&world, KEY), 1);
    cr_assert(world_do(&world, OP_TOUCH, KEY).found, "0 removes the expiry");
    world.now_ms += 100000;
    cr_assert_eq(world_get(&world, KEY), 1);
    world_free(&world);
}

Test(store_execute, reads_wait_for_what_is_not_committed)
{
    struct world world = world_new(1, MIB);
    world_put(&world, KEY, 1, 0);
    world_put(&world, OTHER, 1, 0);
    cr_assert_eq(world_do(&world, OP_GET, KEY).seq, 1);
    cr_assert_eq(world_do(&world, OP_CONTAINS, OTHER).seq, 2);
    cr_assert_eq(world_do(&world, OP_GET, MISSING).seq, 2, "a removal may be the reason");
    cr_assert_eq(world_do(&world, OP_SIZE, KEY).seq, 2);
    world.commit_seq = 1;
    cr_assert_eq(world_do(&world, OP_GET, KEY).seq, 0);
    cr_assert_eq(world_do(&world, OP_GET, OTHER).seq, 2);
    world.commit_seq = 2;
    cr_assert_eq(world_do(&world, OP_GET, OTHER).seq, 0);
    cr_assert_eq(world_do(&world, OP_GET, MISSING).seq, 0);
    cr_assert_eq(world_do(&world, OP_SIZE, KEY).seq, 0);
    world_free(&world);
}

Test(store_execute, clear_goes_segment_by_segment)
{
    enum { COUNT = 3000 };
    struct world world = world_new(1, 64 * MIB);
    for (int64_t key = 0; key < COUNT; key++)
        world_put(&world, key, key, 0);
    struct op op = {.kind = OP_CLEAR, .map = bytes_of_text("map")};
    struct op_result result;
    uint64_t count = 0;
    int calls = 0;
    do {
        partition_execute(store_partition(world.store, 0), &op, world.now_ms * US_PER_MS, 0,
                          &result);
        cr_assert_leq(result.count, 192);
        count += result.count;
        op.position = result.position;
        calls++;
    } while (result.more);
    cr_assert_eq(count, COUNT);
    cr_assert_gt(calls, 4);
    cr_assert_eq(world_do(&world, OP_SIZE, 0).count, 0);
    cr_assert_eq(partition_last_seq(store_partition(world.store, 0)), 2 * COUNT);
    struct effect effect;
    struct bytes old_value;
    uint64_t old_seq;
    partition_effect(store_partition(world.store, 0), 2 * COUNT, &effect, &old_value, &old_seq);
    cr_assert_eq(effect.cause, CAUSE_CLEAR);
    cr_assert_eq(effect.value.size, 0);
    cr_assert(effect.key.size > 0 && old_value.size > 0 && old_seq > 0);
    partition_execute(store_partition(world.store, 0), &op, world.now_ms * US_PER_MS, 0, &result);
    cr_assert(result.count == 0 && !result.more);
    world_free(&world);
}

Test(store_execute, an_operation_of_another_level_is_refused)
{
    struct world world = world_new(1, MIB);
    cr_assert_eq(world_do(&world, OP_SCAN, KEY).error, ERROR_UNKNOWN_OPERATION);
    world_free(&world);
}

Test(store_execute, too_many_maps_are_refused)
{
    struct world world = world_new(1, MIB);
    char name[16];
    struct op op = world_op(&world, OP_PUT, KEY);
    op.value = world_value(&world, 1);
    for (int i = 0; i <= MAPS_MAX; i++) {
        (void)snprintf(name, sizeof name, "m%d", i);
        op.map = bytes_of_text(name);
        cr_assert_eq(world_execute(&world, &op).error,
                     i < MAPS_MAX ? ERROR_NONE : ERROR_OVERLOADED);
    }
    world_free(&world);
}

Test(store_execute, beyond_the_memory_limit_writes_are_refused_and_removals_are_not)
{
    struct world world = world_new(1, MIB);
    store_set_memory_limit(world.store, 300000);
    int64_t count = 0;
    struct op_result result;
    while ((result = world_put(&world, count, 0, 0)).error == ERROR_NONE)
        count++;
    cr_assert_eq(result.error, ERROR_OUT_OF_MEMORY);
    cr_assert_not_null(strstr(result.text, "max-memory-bytes reached: "));
    cr_assert_gt(count, 1000);
    struct op op = world_op(&world, OP_INCREMENT, MISSING * 1000000);
    op.value = world_value(&world, 1);
    cr_assert_eq(world_execute(&world, &op).error, ERROR_OUT_OF_MEMORY);
    op = world_op(&world, OP_TOUCH, KEY);
    cr_assert_eq(world_execute(&world, &op).error, ERROR_OUT_OF_MEMORY);
    cr_assert_eq(world_get(&world, KEY), 0, "reads go on");
    partition_retain_from(store_partition(world.store, 0), UINT64_MAX);
    for (int64_t key = 0; key < count; key++)
        cr_assert(world_do(&world, OP_REMOVE, key).found);
    store_set_memory_limit(world.store, 0);
    cr_assert_eq(world_put(&world, KEY, 0, 0).error, ERROR_NONE);
    world_free(&world);
}
