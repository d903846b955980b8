// SPDX-License-Identifier: Apache-2.0
#include "node/store/segment.h"

#include "cluster/base/random.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(bucket, both_probes_agree)
{
    struct random random = {.state = 3};
    for (int round = 0; round < 20000; round++) {
        _Alignas(64) struct bucket bucket = {.overflow = 0x0101, .reach = 1, .depth = 1};
        for (int slot = 0; slot < BUCKET_SLOTS; slot++)
            bucket.fingerprints[slot] = (uint8_t)random_below(&random, 4);
        for (uint8_t fingerprint = 0; fingerprint < 5; fingerprint++) {
            uint32_t expected = 0;
            for (int slot = 0; slot < BUCKET_SLOTS; slot++)
                expected |= (bucket.fingerprints[slot] == fingerprint ? 1U : 0U) << slot;
            cr_assert_eq(bucket_match_portable(&bucket, fingerprint), expected);
            cr_assert_eq(bucket_match(&bucket, fingerprint), expected);
#if defined(__SSE2__)
            cr_assert_eq(bucket_match_sse2(&bucket, fingerprint), expected);
#endif
        }
    }
}

Test(bucket, no_entry_has_the_fingerprint_of_a_free_slot)
{
    cr_assert_eq(bucket_fingerprint(0), 1);
    cr_assert_eq(bucket_fingerprint(UINT64_C(0xAB) << 24), 0xAB);
}

struct segment_world {
    struct slab slab;
    struct bucket *buckets;
    uint32_t mask;
};

static struct segment_world segment_world_new(uint32_t bucket_count)
{
    struct segment_world world = {.mask = bucket_count - 1};
    slab_init(&world.slab, 4 * MIB);
    uint32_t handle = slab_alloc(&world.slab, SLAB_TABLE, bucket_count * sizeof(struct bucket));
    world.buckets = slab_at(&world.slab, handle);
    memset(world.buckets, 0, bucket_count * sizeof(struct bucket));
    return world;
}

// A record under a key of its own; where it goes is decided by the hash that the test makes up.
static uint32_t record_numbered(struct segment_world *world, uint8_t number)
{
    struct record_fields fields = {.key = bytes_of(&number, 1), .value = bytes_of("", 0), .seq = 1};
    return record_new(&world->slab, &fields);
}

static uint64_t hash_at_home(uint32_t home)
{
    return (uint64_t)home << 16 | UINT64_C(7) << 24;
}

static struct place find(struct segment_world *world, uint32_t home, uint8_t number)
{
    return segment_find(world->buckets, world->mask, &world->slab, hash_at_home(home),
                        bytes_of(&number, 1));
}

Test(segment, overflow_goes_around_and_is_found)
{
    struct segment_world world = segment_world_new(4);
    for (uint8_t number = 0; number < 40; number++) {
        uint32_t handle = record_numbered(&world, number);
        cr_assert(segment_insert(world.buckets, world.mask, 4, hash_at_home(3), handle));
    }
    cr_assert_eq(world.buckets[3].overflow, 40 - BUCKET_SLOTS);
    cr_assert_eq(world.buckets[3].reach, 3);
    cr_assert_eq(segment_count(world.buckets, world.mask), 40);
    for (uint8_t number = 0; number < 40; number++)
        cr_assert_neq(place_handle(find(&world, 3, number)), 0);
    cr_assert_eq(place_handle(find(&world, 3, 41)), 0);
    slab_deinit(&world.slab);
}

Test(segment, the_window_bounds_how_far_an_insert_goes)
{
    struct segment_world world = segment_world_new(8);
    uint8_t number = 0;
    while (segment_insert(world.buckets, world.mask, 2, hash_at_home(5),
                          record_numbered(&world, number)))
        number++;
    cr_assert_eq(number, 2 * BUCKET_SLOTS);
    cr_assert(segment_insert(world.buckets, world.mask, 3, hash_at_home(5),
                             record_numbered(&world, number)));
    slab_deinit(&world.slab);
}

Test(segment, the_last_overflowing_removal_ends_the_reach)
{
    struct segment_world world = segment_world_new(2);
    for (uint8_t number = 0; number < BUCKET_SLOTS + 2; number++)
        cr_assert(segment_insert(world.buckets, world.mask, 2, hash_at_home(0),
                                 record_numbered(&world, number)));
    segment_remove(world.buckets, world.mask, hash_at_home(0), find(&world, 0, BUCKET_SLOTS));
    cr_assert_eq(world.buckets[0].reach, 1);
    segment_remove(world.buckets, world.mask, hash_at_home(0), find(&world, 0, BUCKET_SLOTS + 1));
    cr_assert_eq(world.buckets[0].reach, 0);
    cr_assert_eq(world.buckets[0].overflow, 0);
    segment_remove(world.buckets, world.mask, hash_at_home(0), find(&world, 0, 4));
    cr_assert_eq(place_handle(find(&world, 0, 4)), 0);
    cr_assert_eq(segment_count(world.buckets, world.mask), BUCKET_SLOTS - 1);
    slab_deinit(&world.slab);
}

Test(segment, removing_overflow_that_is_not_noted_is_a_bug, .signal = SIGABRT)
{
    struct segment_world world = segment_world_new(2);
    cr_assert(
        segment_insert(world.buckets, world.mask, 2, hash_at_home(1), record_numbered(&world, 1)));
    segment_remove(world.buckets, world.mask, hash_at_home(0), find(&world, 1, 1));
}
