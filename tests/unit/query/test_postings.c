// SPDX-License-Identifier: Apache-2.0
#include "node/query/postings.h"

#include "cluster/base/random.h"

#include <criterion/criterion.h>
#include <signal.h>

enum { COUNT = 5000 };

struct set {
    struct slab slab;
    struct postings postings;
};

static void set_init(struct set *set)
{
    slab_init(&set->slab, 64 * MIB);
    set->postings = (struct postings){0};
}

// Ascending, and exactly those that `is_there` says.
static void expect_content(const struct set *set, const uint64_t *postings, const bool *is_there)
{
    uint32_t seen = 0;
    uint32_t expected = 0;
    uint64_t last = 0;
    uint64_t sum = 0;
    struct postings_run run;
    for (uint32_t number = 0; postings_run(&set->postings, &set->slab, number, &run); number++)
        for (uint32_t at = 0; at < run.count; at++, seen++) {
            cr_assert_leq(last, run.postings[at]);
            last = run.postings[at];
            sum += last;
        }
    for (uint32_t at = 0; at < COUNT; at++) {
        expected += is_there[at];
        sum -= is_there[at] ? postings[at] : 0;
    }
    cr_assert_eq(seen, expected);
    cr_assert_eq(set->postings.count, expected);
    cr_assert_eq(sum, 0);
}

Test(postings, are_in_order_whatever_comes_and_goes)
{
    static uint64_t postings[COUNT];
    static bool is_there[COUNT];
    struct set set;
    struct random random = {7};
    set_init(&set);
    for (uint32_t at = 0; at < COUNT; at++)
        postings[at] = posting_of((uint32_t)random_below(&random, 100), at + 1);
    // Up, down, and up again, so that every shape is left in both directions.
    static const uint32_t shares[] = {90, 10, 100, 1, 60, 0};
    for (size_t phase = 0; phase < sizeof shares / sizeof *shares; phase++) {
        for (unsigned step = 0; step < 4 * COUNT; step++) {
            uint32_t at = (uint32_t)random_below(&random, COUNT);
            bool wanted = random_below(&random, 100) < shares[phase];
            if (wanted && !is_there[at])
                postings_add(&set.postings, &set.slab, postings[at]);
            else if (!wanted && is_there[at])
                postings_remove(&set.postings, &set.slab, postings[at]);
            is_there[at] = wanted;
            if (step % 1000 == 0)
                expect_content(&set, postings, is_there);
        }
    }
    for (uint32_t at = 0; at < COUNT; at++)
        if (is_there[at])
            postings_remove(&set.postings, &set.slab, postings[at]);
    cr_expect_eq(slab_live_bytes(&set.slab), 0);
    slab_deinit(&set.slab);
}

Test(postings, the_same_one_counts_as_often_as_it_was_added)
{
    enum { TIMES = 1500 };
    struct set set;
    set_init(&set);
    uint64_t twin = posting_of(5, 5);
    for (unsigned at = 0; at < TIMES; at++)
        postings_add(&set.postings, &set.slab, twin);
    postings_add(&set.postings, &set.slab, posting_of(4, 1));
    for (unsigned at = 0; at < TIMES; at++)
        postings_remove(&set.postings, &set.slab, twin);
    cr_expect_eq(set.postings.count, 1);
    postings_remove(&set.postings, &set.slab, posting_of(4, 1));
    cr_expect_eq(slab_live_bytes(&set.slab), 0);
    slab_deinit(&set.slab);
}

Test(postings, take_eight_bytes_each_and_a_little)
{
    struct set set;
    set_init(&set);
    for (uint32_t at = 0; at < COUNT; at++)
        postings_add(&set.postings, &set.slab, posting_of(0, at + 1));
    cr_expect_lt(slab_live_bytes(&set.slab), 2 * COUNT * sizeof(uint64_t) + 1024);
    for (uint32_t at = 0; at < COUNT; at++)
        postings_remove(&set.postings, &set.slab, posting_of(0, at + 1));
    for (uint32_t at = 0; at < 31; at++)
        postings_add(&set.postings, &set.slab, posting_of(0, at + 1));
    cr_expect_leq(slab_live_bytes(&set.slab), 32 * sizeof(uint64_t));
    slab_deinit(&set.slab);
}

Test(postings, what_is_not_there_is_not_removed, .signal = SIGABRT)
{
    struct set set;
    set_init(&set);
    postings_add(&set.postings, &set.slab, 7);
    postings_remove(&set.postings, &set.slab, 8);
}
