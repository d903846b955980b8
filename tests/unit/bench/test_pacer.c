// SPDX-License-Identifier: Apache-2.0
#include "bench/pacer.h"

#include <criterion/criterion.h>
#include <math.h>

enum { OPERATIONS = 100000 };

Test(pacer, a_fixed_schedule_has_equal_gaps)
{
    struct pacer pacer;
    pacer_init(&pacer, SCHEDULE_FIXED, 1000, 5000000, 1);
    uint64_t before_ns = pacer_next_ns(&pacer);
    cr_assert(before_ns >= 5000000 && before_ns < 6000000);
    for (int i = 0; i < 1000; i++) {
        pacer_advance(&pacer);
        uint64_t gap_ns = pacer_next_ns(&pacer) - before_ns;
        cr_assert(gap_ns >= 999999 && gap_ns <= 1000001);
        before_ns = pacer_next_ns(&pacer);
    }
}

Test(pacer, a_poisson_schedule_has_exponential_gaps_of_the_wanted_mean)
{
    struct pacer pacer;
    int longer_than_mean = 0;
    pacer_init(&pacer, SCHEDULE_POISSON, 10000, 0, 1);
    double begin_ns = pacer.next_ns;
    for (int i = 0; i < OPERATIONS; i++) {
        double before_ns = pacer.next_ns;
        pacer_advance(&pacer);
        longer_than_mean += pacer.next_ns - before_ns > 100000;
    }
    cr_assert_float_eq((pacer.next_ns - begin_ns) / OPERATIONS, 100000, 1500);
    cr_assert_float_eq((double)longer_than_mean / OPERATIONS, exp(-1), 0.01);
}
