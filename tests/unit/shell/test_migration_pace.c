// SPDX-License-Identifier: Apache-2.0
#include "client/shell/migration_pace.h"

#include <criterion/criterion.h>

static const struct {
    const char *what;
    struct migration_look first;
    struct migration_look second;
    struct migration_pace pace;
} rows[] = {
    {"nothing to do", {.at_us = 0}, {.at_us = 1000000}, {0, 0, 0}},
    {"copies are filled",
     {.at_us = 0, .to_fill = 30, .hand_over = 8, .to_drop = 30, .bytes = 1000},
     {.at_us = 2000000, .to_fill = 20, .hand_over = 9, .to_drop = 35, .bytes = 5000},
     {2000, 5, 4}},
    {"then primaries are handed over",
     {.at_us = 500000, .to_fill = 2, .hand_over = 9, .to_drop = 9},
     {.at_us = 1500000, .hand_over = 4, .to_drop = 6},
     {0, 10, 1}},
    {"all is done meanwhile",
     {.at_us = 0, .to_fill = 4, .bytes = 10},
     {.at_us = 500000, .bytes = 20},
     {20, 8, 0}},
    {"nothing moves", {.to_fill = 3}, {.at_us = 1000000, .to_fill = 3}, {0, 0, -1}},
    {"there is more to do, and a member has taken its figures with it",
     {.to_fill = 3, .bytes = 900},
     {.at_us = 1000000, .to_fill = 5, .bytes = 100},
     {0, 0, -1}},
    {"one look twice", {.at_us = 7, .to_fill = 3}, {.at_us = 7, .to_fill = 2}, {0, 0, -1}},
};

Test(shell_migration_pace, follows_from_two_looks)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct migration_pace pace = migration_pace_of(&rows[i].first, &rows[i].second);
        cr_assert_float_eq(pace.bytes_per_s, rows[i].pace.bytes_per_s, 1e-9, "%s", rows[i].what);
        cr_assert_float_eq(pace.partitions_per_s, rows[i].pace.partitions_per_s, 1e-9, "%s: %f",
                           rows[i].what, pace.partitions_per_s);
        cr_assert_float_eq(pace.left_s, rows[i].pace.left_s, 1e-9, "%s: %f", rows[i].what,
                           pace.left_s);
    }
}
