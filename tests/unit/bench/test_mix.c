// SPDX-License-Identifier: Apache-2.0
#include "bench/mix.h"

#include <criterion/criterion.h>
#include <string.h>

enum { DRAWS = 200000 };

// The shares of Cooper et al., SoCC 2010, table 2.
static const struct {
    const char *name;
    double percent[CLASS_COUNT]; // read, update, insert, scan, read-modify-write
    enum distribution keys;
} rows[] = {
    {"a", {50, 50, 0, 0, 0}, DISTRIBUTION_ZIPFIAN},
    {"b", {95, 5, 0, 0, 0}, DISTRIBUTION_ZIPFIAN},
    {"c", {100, 0, 0, 0, 0}, DISTRIBUTION_ZIPFIAN},
    {"d", {95, 0, 5, 0, 0}, DISTRIBUTION_LATEST},
    {"e", {0, 0, 5, 95, 0}, DISTRIBUTION_ZIPFIAN},
    {"f", {50, 0, 0, 0, 50}, DISTRIBUTION_ZIPFIAN},
    {"get", {100, 0, 0, 0, 0}, DISTRIBUTION_UNIFORM},
    {"put", {0, 100, 0, 0, 0}, DISTRIBUTION_UNIFORM},
    {"mixed", {50, 50, 0, 0, 0}, DISTRIBUTION_UNIFORM},
};

Test(mix, draws_have_the_published_shares)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct mix *mix = mix_find(rows[i].name);
        struct random random = {.state = i};
        unsigned counts[CLASS_COUNT] = {0};
        cr_assert_not_null(mix);
        for (int draw = 0; draw < DRAWS; draw++)
            counts[mix_draw(mix, &random)]++;
        for (unsigned class = 0; class < CLASS_COUNT; class ++)
            cr_assert_float_eq(counts[class] * 100.0 / DRAWS, rows[i].percent[class], 0.5,
                               "workload %s, class %u", rows[i].name, class);
    }
}

Test(mix, keys_are_distributed_as_published)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(mix_find(rows[i].name)->keys, rows[i].keys, "workload %s", rows[i].name);
}

Test(mix, unknown_names_are_not_found)
{
    cr_assert_null(mix_find("g"));
    cr_assert_null(mix_find(""));
    cr_assert_null(mix_find("A"));
}
