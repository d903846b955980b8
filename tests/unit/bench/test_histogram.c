// SPDX-License-Identifier: Apache-2.0
#include "bench/histogram.h"

#include "cluster/base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { SAMPLES = 100000 };

static const double percents[] = {0.1, 1, 10, 50, 90, 99, 99.9, 99.99, 100};

static int number_compare(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;
    return (*a > *b) - (*a < *b);
}

// Exponents from 0 to 39 are equally frequent, so every part of the range is used.
static uint64_t sample_draw(struct random *random)
{
    return random_next(random) >> (24 + random_below(random, 40));
}

Test(histogram, percentiles_are_exact_to_three_digits)
{
    static uint64_t samples[SAMPLES];
    struct random random = {.state = 7};
    struct histogram histogram;
    histogram_init(&histogram);
    for (int i = 0; i < SAMPLES; i++) {
        samples[i] = sample_draw(&random);
        histogram_record(&histogram, samples[i]);
    }
    qsort(samples, SAMPLES, sizeof *samples, number_compare);
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        uint64_t exact = samples[(size_t)ceil(SAMPLES * percents[i] / 100) - 1];
        uint64_t given = histogram_percentile(&histogram, percents[i]);
        cr_assert_geq(given, exact, "p%g: %lu < %lu", percents[i], given, exact);
        cr_assert_leq((double)given, (double)exact * (1 + 1.0 / 1024), "p%g: %lu, exact %lu",
                      percents[i], given, exact);
    }
    histogram_deinit(&histogram);
}

Test(histogram, values_below_2048_are_kept_exactly)
{
    struct histogram histogram;
    histogram_init(&histogram);
    for (uint64_t value = 1; value <= 2000; value++)
        histogram_record(&histogram, value);
    cr_assert_eq(histogram_percentile(&histogram, 50), 1000);
    cr_assert_eq(histogram_percentile(&histogram, 99), 1980);
    cr_assert_eq(histogram_percentile(&histogram, 99.95), 1999);
    cr_assert_eq(histogram.minimum, 1);
    cr_assert_eq(histogram.maximum, 2000);
    cr_assert_float_eq(histogram_mean(&histogram), 1000.5, 1e-9);
    histogram_deinit(&histogram);
}

Test(histogram, values_beyond_its_range_keep_the_exact_maximum)
{
    struct histogram histogram;
    histogram_init(&histogram);
    histogram_record(&histogram, 0);
    histogram_record(&histogram, HISTOGRAM_VALUE_MAX);
    histogram_record(&histogram, UINT64_MAX);
    cr_assert_eq(histogram_percentile(&histogram, 60), HISTOGRAM_VALUE_MAX);
    cr_assert_eq(histogram_percentile(&histogram, 100), UINT64_MAX);
    histogram_deinit(&histogram);
}

Test(histogram, an_empty_one_answers_zero)
{
    struct histogram histogram;
    histogram_init(&histogram);
    cr_assert_eq(histogram_percentile(&histogram, 99), 0);
    cr_assert_float_eq(histogram_mean(&histogram), 0, 1e-9);
    histogram_deinit(&histogram);
}

Test(histogram, merging_equals_recording_both)
{
    struct random random = {.state = 3};
    struct histogram parts[2], whole;
    histogram_init(&parts[0]);
    histogram_init(&parts[1]);
    histogram_init(&whole);
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t value = sample_draw(&random);
        histogram_record(&parts[i % 3 == 0], value);
        histogram_record(&whole, value);
    }
    histogram_merge(&parts[0], &parts[1]);
    cr_assert_eq(parts[0].count, whole.count);
    cr_assert_eq(parts[0].minimum, whole.minimum);
    cr_assert_eq(parts[0].maximum, whole.maximum);
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++)
        cr_assert_eq(histogram_percentile(&parts[0], percents[i]),
                     histogram_percentile(&whole, percents[i]));
    histogram_deinit(&parts[0]);
    histogram_deinit(&parts[1]);
    histogram_deinit(&whole);
}

Test(histogram, clearing_forgets_everything)
{
    struct histogram histogram;
    histogram_init(&histogram);
    histogram_record(&histogram, 123456);
    histogram_clear(&histogram);
    histogram_record(&histogram, 7);
    cr_assert_eq(histogram.count, 1);
    cr_assert_eq(histogram.maximum, 7);
    cr_assert_eq(histogram_percentile(&histogram, 50), 7);
    histogram_deinit(&histogram);
}
