// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/random.h"

#include <criterion/criterion.h>

// The first outputs of the published SplitMix64 for seed 1234567.
Test(random, is_the_published_generator)
{
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)};
    struct random random = {.state = 1234567};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        cr_assert_eq(random_next(&random), expected[i]);
}

Test(random, below_is_uniform_within_its_bound)
{
    static const uint64_t bounds[] = {1, 2, 3, 10, 1000};
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        struct random random = {.state = i};
        double sum = 0;
        for (int j = 0; j < 20000; j++) {
            uint64_t number = random_below(&random, bounds[i]);
            cr_assert_lt(number, bounds[i]);
            sum += (double)number;
        }
        double mean = (double)(bounds[i] - 1) / 2;
        cr_assert_float_eq(sum / 20000, mean, 0.02 * (double)bounds[i]);
    }
}

Test(random, below_reaches_the_ends_of_the_widest_bound)
{
    struct random random = {.state = 5};
    uint64_t lowest = UINT64_MAX;
    uint64_t highest = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t number = random_below(&random, UINT64_MAX);
        lowest = number < lowest ? number : lowest;
        highest = number > highest ? number : highest;
    }
    cr_assert_lt(lowest, UINT64_MAX / 100);
    cr_assert_gt(highest, UINT64_MAX / 100 * 99);
}

Test(random, unit_is_at_least_0_and_below_1)
{
    struct random random = {.state = 9};
    double sum = 0;
    for (int i = 0; i < 20000; i++) {
        double number = random_unit(&random);
        cr_assert_geq(number, 0.0);
        cr_assert_lt(number, 1.0);
        sum += number;
    }
    cr_assert_float_eq(sum / 20000, 0.5, 0.01);
}
