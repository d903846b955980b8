// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/name.h"

#include <criterion/criterion.h>

Test(name, distance_counts_slips)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},        {"port", "port", 0},      {"PORT", "port", 0}, {"prot", "port", 2},
        {"por", "port", 1}, {"kitten", "sitting", 3}, {"", "abc", 3},      {"abc", "", 3},
        {"a[b", "a{b", 1}, // case is a matter of letters only
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t distance = name_distance(bytes_of_text(rows[i].a), bytes_of_text(rows[i].b));
        cr_expect_eq(distance, rows[i].distance, "%s, %s: %zu", rows[i].a, rows[i].b, distance);
    }
}

Test(name, long_names_are_never_near)
{
    static const char text[NAME_DISTANCE_BYTES_MAX + 2] = {0};
    struct bytes longest = bytes_of(text, NAME_DISTANCE_BYTES_MAX);
    struct bytes longer = bytes_of(text, NAME_DISTANCE_BYTES_MAX + 1);
    cr_expect_eq(name_distance(longest, longest), 0);
    cr_expect_eq(name_distance(longer, longest), SIZE_MAX);
    cr_expect_eq(name_distance(longest, longer), SIZE_MAX);
}
