// SPDX-License-Identifier: Apache-2.0
#include "node/store/log.h"

#include <criterion/criterion.h>
#include <signal.h>

enum { OLD_VALUE_BYTES = 100, OLD_SLOT_BYTES = 120 };

struct log_world {
    struct slab slab;
    struct log log;
};

static void log_world_init(struct log_world *world, uint64_t bound_bytes)
{
    slab_init(&world->slab, 64 * MIB);
    log_init(&world->log, bound_bytes);
}

static uint32_t old_record(struct log_world *world)
{
    static const uint8_t key = 1;
    static const uint8_t value[OLD_VALUE_BYTES] = {0};
    struct record_fields fields = {
        .key = bytes_of(&key, 1), .value = bytes_of(value, sizeof value), .seq = 1};
    return record_new(&world->slab, &fields);
}

static void append(struct log_world *world, bool has_old)
{
    uint32_t old = has_old ? old_record(world) : 0;
    struct log_slot effect = {.time_us = world->log.last_seq + 1, .old_record = old};
    cr_assert(log_reserve(&world->log, &world->slab));
    log_append(&world->log, &world->slab, &effect);
    for (uint64_t seq = world->log.first_seq; seq <= world->log.last_seq; seq += 7)
        cr_assert_eq(log_at(&world->log, &world->slab, seq)->time_us, seq);
}

Test(store_log, it_starts_empty_and_without_memory)
{
    struct log_world world;
    log_world_init(&world, 1000);
    cr_assert_eq(world.log.last_seq, 0);
    cr_assert_eq(world.log.first_seq, 1);
    cr_assert_eq(log_count(&world.log), 0);
    cr_assert_eq(slab_live_bytes(&world.slab), 0);
    slab_deinit(&world.slab);
}

Test(store_log, nothing_is_dropped_that_a_feed_retains)
{
    struct log_world world;
    log_world_init(&world, 1000);
    for (int i = 0; i < 500; i++)
        append(&world, true);
    cr_assert_eq(world.log.first_seq, 1);
    cr_assert_eq(world.log.old_bytes, 500 * OLD_SLOT_BYTES);
    slab_deinit(&world.slab);
}

Test(store_log, the_oldest_go_beyond_the_bound)
{
    struct log_world world;
    log_world_init(&world, 2 * LOG_BLOCK_BYTES + 10 * OLD_SLOT_BYTES);
    world.log.retain_from = UINT64_MAX;
    for (int i = 0; i < 500; i++)
        append(&world, true);
    cr_assert_eq(world.log.last_seq, 500);
    cr_assert_geq(log_count(&world.log), 10);
    cr_assert_eq(world.slab.live_bytes[SLAB_RECORD], world.log.old_bytes);
    cr_assert_leq(world.log.old_bytes + log_block_count(&world.log) * LOG_BLOCK_BYTES,
                  2 * LOG_BLOCK_BYTES + 11 * OLD_SLOT_BYTES);
    slab_deinit(&world.slab);
}

Test(store_log, effects_without_old_values_fill_their_blocks_and_no_more)
{
    struct log_world world;
    log_world_init(&world, 4 * LOG_BLOCK_BYTES);
    world.log.retain_from = UINT64_MAX;
    for (int i = 0; i < 2000; i++) {
        append(&world, false);
        cr_assert_leq(log_block_count(&world.log), 5);
        cr_assert(i < 256 || log_count(&world.log) >= 3 * LOG_BLOCK_SLOTS);
    }
    slab_deinit(&world.slab);
}

Test(store_log, a_log_that_had_to_grow_comes_back_to_its_bound)
{
    struct log_world world;
    log_world_init(&world, 2 * LOG_BLOCK_BYTES);
    for (int i = 0; i < 5000; i++)
        append(&world, i % 2);
    cr_assert_eq(log_count(&world.log), 5000);
    cr_assert_geq(world.log.directory_capacity, 64);
    world.log.retain_from = 4990;
    for (int i = 0; i < 3000; i++) {
        append(&world, false);
        world.log.retain_from = world.log.last_seq;
    }
    cr_assert_eq(world.log.old_bytes, 0);
    cr_assert_leq(world.log.directory_capacity, 32);
    cr_assert_leq(world.slab.live_bytes[SLAB_LOG], 3 * LOG_BLOCK_BYTES + 32 * 4);
    slab_deinit(&world.slab);
}

Test(store_log, a_reset_log_goes_on_after_the_given_seq)
{
    struct log_world world;
    log_world_init(&world, 10000);
    for (int i = 0; i < 20; i++)
        append(&world, true);
    log_reset(&world.log, &world.slab, 1000);
    cr_assert_eq(slab_live_bytes(&world.slab), 0);
    cr_assert_eq(world.log.first_seq, 1001);
    append(&world, true);
    cr_assert_eq(world.log.last_seq, 1001);
    slab_deinit(&world.slab);
}

Test(store_log, an_exhausted_slab_refuses_to_grow)
{
    struct log_world world;
    slab_init(&world.slab, 4 * MIB);
    log_init(&world.log, GIB);
    while (log_reserve(&world.log, &world.slab)) {
        struct log_slot effect = {.time_us = 1};
        log_append(&world.log, &world.slab, &effect);
    }
    cr_assert_eq(log_count(&world.log) % LOG_BLOCK_SLOTS, LOG_BLOCK_SLOTS - 1);
    cr_assert_eq(log_at(&world.log, &world.slab, world.log.last_seq)->time_us, 1);
    slab_deinit(&world.slab);
}

Test(store_log, appending_without_a_reserve_is_a_bug, .signal = SIGABRT)
{
    struct log_world world;
    struct log_slot effect = {.time_us = 1};
    log_world_init(&world, 1000);
    log_append(&world.log, &world.slab, &effect);
}
