// SPDX-License-Identifier: Apache-2.0
#include "node/store/expiry.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "cluster/model/limits.h"

#include <criterion/criterion.h>

#define START_MS (EXPIRY_ORIGIN_MS + INT64_C(123456789))

enum { RECORDS_MAX = 20000 };

struct wheel {
    struct slab slab;
    struct expiry *expiry;
    int64_t now_ms;
    uint64_t live_count;
    uint64_t seq;
    uint64_t fired_count;
    int64_t latest_ms; // how late the latest firing was
};

static struct wheel *wheel_new(void)
{
    struct wheel *wheel = memory_new(sizeof *wheel);
    slab_init(&wheel->slab, 256 * MIB);
    wheel->expiry = expiry_new(START_MS);
    wheel->now_ms = START_MS;
    return wheel;
}

static void wheel_free(struct wheel *wheel)
{
    expiry_free(wheel->expiry, &wheel->slab);
    cr_assert_eq(wheel->slab.live_bytes[SLAB_TIMER], 0);
    slab_deinit(&wheel->slab);
    free(wheel);
}

static uint32_t wheel_file(struct wheel *wheel, int64_t expiry_ms, int64_t max_idle_ms)
{
    static const uint8_t key = 1;
    struct record_fields fields = {
        .key = bytes_of(&key, 1),
        .value = bytes_of("", 0),
        .seq = ++wheel->seq,
        .expiry_ms = expiry_ms,
        .max_idle_ms = max_idle_ms,
        .access_ms = wheel->now_ms,
    };
    uint32_t handle = record_new(&wheel->slab, &fields);
    wheel->live_count++;
    cr_assert(expiry_file(wheel->expiry, &wheel->slab, handle, wheel->live_count));
    return handle;
}

static void wheel_drop(struct wheel *wheel, uint32_t handle)
{
    record_free(&wheel->slab, handle);
    wheel->live_count--;
}

static int64_t judge(void *context, uint32_t handle)
{
    struct wheel *wheel = context;
    int64_t deadline_ms = record_deadline_ms(record_at(&wheel->slab, handle), 0);
    if (deadline_ms > wheel->now_ms)
        return deadline_ms;
    if (wheel->now_ms - deadline_ms > wheel->latest_ms)
        wheel->latest_ms = wheel->now_ms - deadline_ms;
    wheel->fired_count++;
    wheel_drop(wheel, handle);
    return 0;
}

static void wheel_run(struct wheel *wheel, int64_t now_ms)
{
    bool more = true;
    wheel->now_ms = now_ms;
    while (more) {
        uint32_t budget = 100;
        more = expiry_run(wheel->expiry, &wheel->slab, now_ms, &budget, judge, wheel);
    }
}

Test(expiry, each_record_fires_once_within_a_tick)
{
    struct wheel *wheel = wheel_new();
    struct random random = {.state = 9};
    for (int i = 0; i < RECORDS_MAX; i++)
        wheel_file(wheel, START_MS + (int64_t)random_below(&random, 100000), 0);
    for (int64_t at_ms = 0; at_ms < 100100; at_ms += 16)
        wheel_run(wheel, START_MS + at_ms);
    cr_assert_eq(wheel->fired_count, RECORDS_MAX);
    cr_assert_leq(wheel->latest_ms, 2 * EXPIRY_TICK_MS);
    cr_assert_eq(wheel->expiry->timer_count, 0);
    wheel_free(wheel);
}

Test(expiry, deadlines_of_all_distances_are_kept)
{
    struct wheel *wheel = wheel_new();
    int64_t distance_ms = 1;
    uint64_t count = 0;
    for (; distance_ms < TTL_MS_MAX; distance_ms = distance_ms * 3 + 1, count++)
        wheel_file(wheel, START_MS + distance_ms, 0);
    wheel_file(wheel, START_MS + TTL_MS_MAX, 0);
    uint64_t fired_count = 0;
    for (distance_ms = 1; distance_ms < TTL_MS_MAX; distance_ms = distance_ms * 3 + 1) {
        wheel_run(wheel, START_MS + distance_ms - 1);
        cr_assert_eq(wheel->fired_count, fired_count, "none is early");
        wheel_run(wheel, START_MS + distance_ms + EXPIRY_TICK_MS);
        fired_count = wheel->fired_count;
    }
    wheel_run(wheel, START_MS + TTL_MS_MAX + EXPIRY_TICK_MS);
    cr_assert_eq(wheel->fired_count, count + 1);
    wheel_free(wheel);
}

Test(expiry, a_leap_of_the_clock_fires_all)
{
    struct wheel *wheel = wheel_new();
    for (int i = 1; i <= 5000; i++)
        wheel_file(wheel, START_MS + i * INT64_C(7919), 0);
    wheel_run(wheel, START_MS - 1000000);
    cr_assert_eq(wheel->fired_count, 0, "a clock that goes back fires nothing");
    wheel_run(wheel, 0);
    cr_assert_eq(wheel->fired_count, 0);
    wheel_run(wheel, START_MS + INT64_C(5000) * 7919 + EXPIRY_TICK_MS);
    cr_assert_eq(wheel->fired_count, 5000);
    wheel_free(wheel);
}

Test(expiry, a_deadline_that_has_passed_fires_at_once)
{
    struct wheel *wheel = wheel_new();
    wheel_run(wheel, START_MS + 1000000);
    wheel_file(wheel, START_MS, 0);
    wheel_run(wheel, START_MS + 1000000 + EXPIRY_TICK_MS);
    cr_assert_eq(wheel->fired_count, 1);
    wheel_free(wheel);
}

Test(expiry, the_budget_bounds_one_run)
{
    struct wheel *wheel = wheel_new();
    for (int i = 0; i < 1000; i++)
        wheel_file(wheel, START_MS + 500, 0);
    wheel->now_ms = START_MS + 1000;
    uint32_t budget = 10;
    cr_assert(expiry_run(wheel->expiry, &wheel->slab, wheel->now_ms, &budget, judge, wheel));
    cr_assert_eq(budget, 0);
    cr_assert_leq(wheel->fired_count, 10 + 11, "rounded up to a chunk");
    wheel_run(wheel, wheel->now_ms);
    cr_assert_eq(wheel->fired_count, 1000);
    wheel_free(wheel);
}

Test(expiry, an_access_puts_an_idle_record_off)
{
    struct wheel *wheel = wheel_new();
    uint32_t handle = wheel_file(wheel, 0, 1000);
    for (int64_t at_ms = 500; at_ms <= 5000; at_ms += 500) {
        wheel_run(wheel, START_MS + at_ms);
        record_access(record_at(&wheel->slab, handle), wheel->now_ms);
    }
    cr_assert_eq(wheel->fired_count, 0);
    wheel_run(wheel, START_MS + 5999);
    cr_assert_eq(wheel->fired_count, 0);
    wheel_run(wheel, START_MS + 6000 + EXPIRY_TICK_MS);
    cr_assert_eq(wheel->fired_count, 1);
    wheel_free(wheel);
}

Test(expiry, timers_of_removed_records_never_fire)
{
    struct wheel *wheel = wheel_new();
    uint32_t handles[1000];
    for (int i = 0; i < 1000; i++)
        handles[i] = wheel_file(wheel, START_MS + 100 + i, 0);
    for (int i = 0; i < 1000; i += 2)
        wheel_drop(wheel, handles[i]);
    wheel_run(wheel, START_MS + 2000);
    cr_assert_eq(wheel->fired_count, 500);
    wheel_free(wheel);
}

// The same entries written over and over: each write makes a timer stale, in slots used again.
Test(expiry, stale_timers_are_bounded)
{
    enum { LIVE = 500, WRITES = 300000 };
    struct wheel *wheel = wheel_new();
    uint32_t handles[LIVE] = {0};
    struct random random = {.state = 11};
    for (int i = 0; i < WRITES; i++) {
        uint64_t at = random_below(&random, LIVE);
        if (handles[at] != 0)
            wheel_drop(wheel, handles[at]);
        handles[at] = wheel_file(wheel, START_MS + 3600 * 1000 + i % 5000, i % 3 ? 0 : 7200 * 1000);
        cr_assert_leq(wheel->expiry->timer_count, 2 * LIVE + 1024 + 500);
    }
    wheel_run(wheel, START_MS + 3600 * 1000 + 6000);
    cr_assert_eq(wheel->fired_count, LIVE);
    cr_assert_eq(wheel->expiry->timer_count, 0);
    wheel_free(wheel);
}

Test(expiry, timers_cost_less_than_6_bytes)
{
    struct wheel *wheel = wheel_new();
    for (int i = 0; i < RECORDS_MAX; i++)
        wheel_file(wheel, START_MS + 3600 * 1000 + i % 100, 0);
    cr_assert_lt((double)wheel->slab.live_bytes[SLAB_TIMER] / RECORDS_MAX, 6.0);
    wheel_free(wheel);
}

Test(expiry, an_exhausted_slab_refuses_to_file)
{
    struct wheel *wheel = wheel_new();
    uint32_t handle = wheel_file(wheel, START_MS + 100, 0);
    while (slab_alloc(&wheel->slab, SLAB_TIMER, 64) != 0)
        ;
    bool filed = true;
    for (int i = 0; i < 13 && filed; i++)
        filed = expiry_file(wheel->expiry, &wheel->slab, handle, 1);
    cr_assert_not(filed);
    slab_deinit(&wheel->slab);
    free(wheel->expiry);
    free(wheel);
}
