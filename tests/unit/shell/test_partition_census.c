// SPDX-License-Identifier: Apache-2.0
#include "client/shell/partition_census.h"

#include <criterion/criterion.h>

Test(shell_partition_census, tells_short_refusing_and_lost_apart)
{
    static const struct grid_view view = {.replica_count = 3, .min_in_sync = 2};
    static const struct {
        uint32_t in_sync_count;
        struct partition_census census;
    } rows[] = {
        {3, {0}},
        {4, {0}}, // one is about to be dropped
        {2, {.short_count = 1}},
        {1, {.short_count = 1, .refusing_count = 1}},
        {0, {.lost_count = 1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct partition_census census = {0};
        partition_census_count(&census, &view, rows[i].in_sync_count);
        cr_assert_eq(census.short_count, rows[i].census.short_count, "row %zu", i);
        cr_assert_eq(census.refusing_count, rows[i].census.refusing_count, "row %zu", i);
        cr_assert_eq(census.lost_count, rows[i].census.lost_count, "row %zu", i);
    }
}

Test(shell_partition_census, holdings_are_whole_behind_or_none)
{
    static const struct grid_partition partitions[] = {
        {.replica_count = 2, .in_sync_count = 2, .members = {1, 2}}, // primary
        {.replica_count = 3, .in_sync_count = 2, .members = {2, 1, 3}},
        {.replica_count = 2, .in_sync_count = 1, .members = {1, 2}}, // the last one
        {.replica_count = 2, .in_sync_count = 1, .members = {2, 1}}, // catches up
        {.replica_count = 1, .in_sync_count = 0, .members = {1}},    // nobody knows
        {.replica_count = 2, .in_sync_count = 2, .members = {2, 3}},
    };
    struct partition_holdings holdings = {0};
    for (size_t i = 0; i < sizeof partitions / sizeof partitions[0]; i++)
        partition_holdings_count(&holdings, &partitions[i], 1);
    cr_assert_eq(holdings.primary_count, 2);
    cr_assert_eq(holdings.sound_count, 3);
    cr_assert_eq(holdings.stale_count, 2);
    cr_assert_eq(holdings.absent_count, 1);
}
