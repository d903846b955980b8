// SPDX-License-Identifier: Apache-2.0
#include "node/store/table.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"

#include <criterion/criterion.h>

struct table_world {
    struct slab slab;
    struct table table;
};

static struct table_world *table_world_new(uint64_t range_bytes)
{
    struct table_world *world = memory_new(sizeof *world);
    slab_init(&world->slab, range_bytes);
    return world;
}

static void table_world_free(struct table_world *world)
{
    slab_deinit(&world->slab);
    free(world);
}

struct numbered_key {
    uint8_t data[5];
};

// An uint 32 in MessagePack, though not its shortest form.
static struct numbered_key key_numbered(uint32_t number)
{
    struct numbered_key key = {{0xce}};
    memcpy(key.data + 1, &number, sizeof number);
    return key;
}

static uint64_t hash_of(uint32_t number)
{
    struct numbered_key key = key_numbered(number);
    return key_hash(bytes_of(key.data, sizeof key.data));
}

static uint32_t record_numbered(struct table_world *world, uint32_t number)
{
    struct numbered_key key = key_numbered(number);
    struct record_fields fields = {
        .key = bytes_of(key.data, sizeof key.data), .value = bytes_of("", 0), .seq = number};
    return record_new(&world->slab, &fields);
}

static struct place find(struct table_world *world, uint32_t number)
{
    struct numbered_key key = key_numbered(number);
    return table_find(&world->table, &world->slab, hash_of(number),
                      bytes_of(key.data, sizeof key.data));
}

static void insert(struct table_world *world, uint32_t number)
{
    cr_assert(
        table_insert(&world->table, &world->slab, hash_of(number), record_numbered(world, number)));
}

static void take_out(struct table_world *world, uint32_t number)
{
    struct place place = find(world, number);
    uint32_t handle = place_handle(place);
    cr_assert_neq(handle, 0);
    table_remove(&world->table, &world->slab, hash_of(number), place);
    record_free(&world->slab, handle);
}

// Directory and segments fit together: each segment is named by just the hashes it covers.
static uint32_t check_invariants(struct table_world *world)
{
    uint32_t count = 0, segments = 0, deepest = 0;
    uint64_t position = 0;
    for (;;) {
        struct table_segment segment = table_segment_at(&world->table, &world->slab, position);
        uint32_t handles[SEGMENT_SLOTS_MAX];
        uint32_t taken = segment_collect(segment.buckets, segment.mask, &world->slab, handles);
        cr_assert_eq(segment.first_hash, position);
        for (uint32_t i = 0; i < taken; i++) {
            uint64_t hash = record_hash(record_at(&world->slab, handles[i]));
            cr_assert(hash >= segment.first_hash && hash <= segment.last_hash);
        }
        count += taken;
        segments++;
        deepest += world->table.depth > 0 && segment.buckets->depth == world->table.depth;
        if (segment.last_hash == UINT64_MAX)
            break;
        position = segment.last_hash + 1;
    }
    cr_assert_eq(count, world->table.entry_count);
    cr_assert_eq(segments, world->table.segment_count);
    if (world->table.depth > 0)
        cr_assert_eq(deepest, world->table.deepest_count);
    return segments;
}

Test(table, entries_are_found_however_it_grows)
{
    enum { COUNT = 60000 };
    struct table_world *world = table_world_new(64 * MIB);
    for (uint32_t number = 0; number < COUNT; number++) {
        insert(world, number);
        if ((number & (number + 1)) == 0)
            check_invariants(world);
    }
    uint32_t segments = check_invariants(world);
    cr_assert_gt((double)COUNT / (segments * SEGMENT_SLOTS_MAX), 0.6, "splits come late");
    for (uint32_t number = 0; number < COUNT; number++)
        cr_assert_neq(place_handle(find(world, number)), 0);
    for (uint32_t number = COUNT; number < 2 * COUNT; number++)
        cr_assert_eq(place_handle(find(world, number)), 0);
    table_world_free(world);
}

Test(table, a_segment_is_at_least_85_percent_full_before_it_splits)
{
    enum { ROUNDS = 200 };
    double full = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct table_world *world = table_world_new(4 * MIB);
        uint32_t number = 0;
        while (world->table.depth == 0)
            insert(world, round * 1000 + number++);
        full += (double)(number - 1) / SEGMENT_SLOTS_MAX;
        table_world_free(world);
    }
    cr_assert_gt(full / ROUNDS, 0.85, "%.3f", full / ROUNDS);
}

Test(table, a_young_table_is_one_cache_line)
{
    struct table_world *world = table_world_new(4 * MIB);
    insert(world, 1);
    cr_assert_eq(world->slab.live_bytes[SLAB_TABLE], sizeof(struct bucket));
    for (uint32_t number = 2; number <= BUCKET_SLOTS; number++)
        insert(world, number);
    cr_assert_eq(world->slab.live_bytes[SLAB_TABLE], sizeof(struct bucket));
    insert(world, 100);
    cr_assert_eq(world->slab.live_bytes[SLAB_TABLE], 2 * sizeof(struct bucket));
    table_world_free(world);
}

Test(table, a_drained_table_gives_all_its_memory_back)
{
    enum { COUNT = 20000 };
    struct table_world *world = table_world_new(64 * MIB);
    for (uint32_t number = 0; number < COUNT; number++)
        insert(world, number);
    uint64_t full_bytes = world->slab.live_bytes[SLAB_TABLE];
    for (uint32_t number = 0; number < COUNT; number++) {
        take_out(world, number);
        if (number % 1000 == 0)
            check_invariants(world);
        if (number == COUNT * 19 / 20)
            cr_assert_lt(world->slab.live_bytes[SLAB_TABLE], full_bytes / 3, "segments merge");
    }
    cr_assert_eq(world->slab.live_bytes[SLAB_TABLE], 0);
    cr_assert_eq(world->table.root, 0);
    table_world_free(world);
}

Test(table, random_changes_keep_the_invariants)
{
    enum { KEYS = 3000, STEPS = 60000 };
    struct table_world *world = table_world_new(64 * MIB);
    struct random random = {.state = 5};
    static bool present[KEYS];
    for (int step = 0; step < STEPS; step++) {
        uint32_t number = (uint32_t)random_below(&random, KEYS);
        // Waves of growing and shrinking.
        bool adds = random_below(&random, 10) < (step / 6000 % 2 ? 2U : 8U);
        if (present[number] != adds) {
            if (adds)
                insert(world, number);
            else
                take_out(world, number);
            present[number] = adds;
        }
        if (step % 500 == 0 && world->table.root != 0)
            check_invariants(world);
    }
    for (uint32_t number = 0; number < KEYS; number++)
        cr_assert_eq(place_handle(find(world, number)) != 0, present[number]);
    table_world_free(world);
}

// Keys chosen for the top 10 bits of their hashes must cost an error in the end, not all memory.
Test(table, keys_of_one_hash_are_refused_when_a_segment_is_full_of_them)
{
    struct table_world *world = table_world_new(64 * MIB);
    bool is_refused = false;
    uint32_t count = 0;
    for (uint32_t number = 0; !is_refused; number++) {
        if (hash_of(number) >> 54 != 0x155)
            continue;
        is_refused = !table_insert(&world->table, &world->slab, hash_of(number),
                                   record_numbered(world, number));
        count += !is_refused;
    }
    cr_assert_eq(count, SEGMENT_SLOTS_MAX);
    cr_assert_lt(world->slab.live_bytes[SLAB_TABLE], 64 * KIB);
    check_invariants(world);
    table_world_free(world);
}

Test(table, an_exhausted_slab_refuses_and_leaves_the_table_whole)
{
    struct table_world *world = table_world_new(4 * MIB);
    uint32_t number = 0;
    for (;; number++) {
        uint32_t handle = record_numbered(world, number);
        if (handle == 0 || !table_insert(&world->table, &world->slab, hash_of(number), handle))
            break;
    }
    cr_assert_gt(number, 10000);
    check_invariants(world);
    for (uint32_t i = 0; i < number; i++)
        cr_assert_neq(place_handle(find(world, i)), 0);
    table_clear(&world->table, &world->slab);
    cr_assert_eq(world->slab.live_bytes[SLAB_TABLE], 0);
    table_world_free(world);
}
