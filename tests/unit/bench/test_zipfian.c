// SPDX-License-Identifier: Apache-2.0
#include "bench/zipfian.h"

#include <criterion/criterion.h>
#include <math.h>

enum { ITEMS = 1000, DRAWS = 1000000 };

static double expected_share(uint64_t rank, double zeta)
{
    return 1 / pow((double)(rank + 1), ZIPFIAN_THETA) / zeta;
}

Test(zipfian, ranks_follow_the_power_law)
{
    static uint64_t counts[ITEMS];
    struct zipfian zipfian;
    struct random random = {.state = 11};
    zipfian_init(&zipfian, ITEMS);
    for (int i = 0; i < DRAWS; i++)
        counts[zipfian_next(&zipfian, &random)]++;
    // The first two ranks are exact in Gray's method, the others an approximation of the tail.
    for (uint64_t rank = 0; rank < 2; rank++)
        cr_assert_float_eq((double)counts[rank] / DRAWS, expected_share(rank, zipfian.zeta), 0.002);
    uint64_t below = 0;
    double expected_below = 0;
    for (uint64_t rank = 0; rank < ITEMS; rank++) {
        below += counts[rank];
        expected_below += expected_share(rank, zipfian.zeta);
        if (rank >= 9)
            cr_assert_float_eq((double)below / DRAWS, expected_below, 0.02, "rank %lu", rank);
    }
}

Test(zipfian, every_rank_is_within_the_items)
{
    static const uint64_t item_counts[] = {1, 2, 3, 10};
    for (size_t i = 0; i < sizeof item_counts / sizeof *item_counts; i++) {
        struct zipfian zipfian;
        struct random random = {.state = i};
        uint64_t seen = 0;
        zipfian_init(&zipfian, item_counts[i]);
        for (int draw = 0; draw < 10000; draw++) {
            uint64_t rank = zipfian_next(&zipfian, &random);
            cr_assert_lt(rank, item_counts[i]);
            seen |= UINT64_C(1) << rank;
        }
        cr_assert_eq(seen, (UINT64_C(1) << item_counts[i]) - 1);
    }
}

Test(zipfian, growing_equals_beginning_larger)
{
    struct zipfian grown, whole;
    zipfian_init(&grown, 100);
    zipfian_grow(&grown, ITEMS);
    zipfian_init(&whole, ITEMS);
    cr_assert_eq(grown.item_count, whole.item_count);
    cr_assert_float_eq(grown.zeta, whole.zeta, 1e-9);
    cr_assert_float_eq(grown.eta, whole.eta, 1e-9);
}
