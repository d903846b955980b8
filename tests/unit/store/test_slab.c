// SPDX-License-Identifier: Apache-2.0
#include "node/store/slab.h"

#include "cluster/base/random.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

enum { SMALL_RANGE = 4 * 1024 * 1024, CHUNKS = SMALL_RANGE / SLAB_CHUNK_BYTES };

Test(slab, rounding_wastes_at_most_7_bytes_or_one_32th)
{
    struct slab slab;
    slab_init(&slab, SMALL_RANGE);
    for (size_t bytes = 1; bytes <= SLAB_SLOT_BYTES_MAX; bytes++) {
        size_t rounded = slab_rounded_bytes(&slab, bytes);
        size_t waste_max = bytes <= 1024 ? 7 : bytes / 32;
        cr_assert(rounded >= bytes && rounded - bytes <= waste_max, "%zu gets %zu", bytes, rounded);
        cr_assert_eq(slab_rounded_bytes(&slab, rounded), rounded);
        cr_assert_eq(rounded % SLAB_UNIT_BYTES, 0);
    }
    slab_deinit(&slab);
}

Test(slab, large_objects_are_rounded_to_pages)
{
    struct slab slab;
    slab_init(&slab, SMALL_RANGE);
    uint32_t handle = slab_alloc(&slab, SLAB_RECORD, SLAB_SLOT_BYTES_MAX + 1);
    cr_assert_eq(slab_object_bytes(&slab, handle), 9 * 4096);
    cr_assert_eq(slab_rounded_bytes(&slab, SLAB_SLOT_BYTES_MAX + 1), 9 * 4096);
    cr_assert_eq(slab.live_bytes[SLAB_RECORD], 9 * 4096);
    slab_release(&slab, handle);
    cr_assert_eq(slab_live_bytes(&slab), 0);
    slab_deinit(&slab);
}

Test(slab, multiples_of_a_cache_line_are_aligned_to_it)
{
    struct slab slab;
    slab_init(&slab, SMALL_RANGE);
    for (size_t bytes = 64; bytes <= 2048; bytes *= 2) {
        for (int i = 0; i < 5; i++) {
            uint32_t handle = slab_alloc(&slab, SLAB_TABLE, bytes);
            cr_assert_eq((uintptr_t)slab_at(&slab, handle) % 64, 0);
        }
    }
    slab_deinit(&slab);
}

// Every object keeps its bytes whatever happens to the others.
Test(slab, objects_of_all_sizes_do_not_overlap)
{
    enum { OBJECTS = 400, STEPS = 20000 };
    static const size_t sizes_max[] = {100, 2000, 40000, 200000};
    struct slab slab;
    slab_init(&slab, 64 * MIB);
    struct random random = {.state = 1};
    uint32_t handles[OBJECTS] = {0};
    size_t sizes[OBJECTS];
    for (int i = 0; i < STEPS; i++) {
        uint64_t at = random_below(&random, OBJECTS);
        if (handles[at] != 0) {
            const uint8_t *object = slab_at(&slab, handles[at]);
            cr_assert_eq(object[0], (uint8_t)at);
            cr_assert_eq(object[sizes[at] - 1], (uint8_t)at);
            cr_assert(slab_is_slot(&slab, SLAB_RECORD, handles[at]));
            slab_release(&slab, handles[at]);
            handles[at] = 0;
            continue;
        }
        sizes[at] = 1 + random_below(&random, sizes_max[at % 4]);
        handles[at] = slab_alloc(&slab, SLAB_RECORD, sizes[at]);
        cr_assert_neq(handles[at], 0);
        memset(slab_at(&slab, handles[at]), (int)(uint8_t)at, sizes[at]);
    }
    for (unsigned at = 0; at < OBJECTS; at++) {
        if (handles[at] != 0)
            slab_release(&slab, handles[at]);
    }
    cr_assert_eq(slab_live_bytes(&slab), 0);
    cr_assert_leq(slab_resident_bytes(&slab), SLAB_SPARE_MAX * SLAB_CHUNK_BYTES);
    cr_assert_leq(slab.used_chunk_count, SLAB_SPARE_MAX + 1U);
    slab_deinit(&slab);
}

Test(slab, an_exhausted_range_gives_no_handle_and_recovers)
{
    struct slab slab;
    slab_init(&slab, SMALL_RANGE);
    uint32_t handles[CHUNKS];
    unsigned count = 0;
    while ((handles[count] = slab_alloc(&slab, SLAB_RECORD, SLAB_CHUNK_BYTES)) != 0)
        count++;
    cr_assert_eq(count, CHUNKS - 1, "the first chunk is never used");
    cr_assert_eq(slab_alloc(&slab, SLAB_TIMER, 64), 0);
    cr_assert_eq(slab_free_range_bytes(&slab), 0);
    slab_release(&slab, handles[17]);
    cr_assert_eq(slab_alloc(&slab, SLAB_RECORD, 2 * SLAB_CHUNK_BYTES), 0);
    cr_assert_eq(slab_alloc(&slab, SLAB_RECORD, SLAB_CHUNK_BYTES), handles[17]);
    slab_deinit(&slab);
}

Test(slab, neighbouring_free_runs_become_one)
{
    struct slab slab;
    slab_init(&slab, SMALL_RANGE);
    uint32_t a = slab_alloc(&slab, SLAB_RECORD, 3 * SLAB_CHUNK_BYTES);
    uint32_t b = slab_alloc(&slab, SLAB_RECORD, 2 * SLAB_CHUNK_BYTES);
    uint32_t c = slab_alloc(&slab, SLAB_RECORD, SLAB_CHUNK_BYTES);
    slab_release(&slab, b);
    slab_release(&slab, a);
    cr_assert_eq(slab_alloc(&slab, SLAB_RECORD, 5 * SLAB_CHUNK_BYTES), a);
    cr_assert_neq(c, 0);
    slab_deinit(&slab);
}

Test(slab, an_object_larger_than_the_range_is_refused)
{
    struct slab slab;
    slab_init(&slab, SMALL_RANGE);
    cr_assert_eq(slab_alloc(&slab, SLAB_LOG, GIB), 0);
    cr_assert_eq(slab_alloc(&slab, SLAB_LOG, SMALL_RANGE), 0);
    slab_deinit(&slab);
}

Test(slab, stale_handles_are_recognised)
{
    struct slab slab;
    slab_init(&slab, SMALL_RANGE);
    uint32_t kept = slab_alloc(&slab, SLAB_RECORD, 24);
    uint32_t other = slab_alloc(&slab, SLAB_RECORD, 24);
    cr_assert(slab_is_slot(&slab, SLAB_RECORD, other));
    cr_assert_not(slab_is_slot(&slab, SLAB_TABLE, other), "another kind");
    cr_assert_not(slab_is_slot(&slab, SLAB_RECORD, other + 1), "inside a slot");
    cr_assert_not(slab_is_slot(&slab, SLAB_RECORD, other + 3), "never handed out");
    slab_release(&slab, kept);
    cr_assert(slab_is_slot(&slab, SLAB_RECORD, kept), "free, but a slot");
    slab_release(&slab, other);
    cr_assert_not(slab_is_slot(&slab, SLAB_RECORD, kept), "its chunk is empty");
    uint32_t run = slab_alloc(&slab, SLAB_RECORD, 2 * SLAB_CHUNK_BYTES);
    uint32_t chunk_units = SLAB_CHUNK_BYTES / SLAB_UNIT_BYTES;
    cr_assert(slab_is_slot(&slab, SLAB_RECORD, run));
    cr_assert_not(slab_is_slot(&slab, SLAB_RECORD, run + chunk_units), "the middle of a run");
    slab_release(&slab, run);
    cr_assert_not(slab_is_slot(&slab, SLAB_RECORD, run));
    slab_deinit(&slab);
}

Test(slab, releasing_twice_is_a_bug, .signal = SIGABRT)
{
    struct slab slab;
    slab_init(&slab, SMALL_RANGE);
    uint32_t handle = slab_alloc(&slab, SLAB_RECORD, 2 * SLAB_CHUNK_BYTES);
    slab_release(&slab, handle);
    slab_release(&slab, handle);
}
