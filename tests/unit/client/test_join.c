// SPDX-License-Identifier: Apache-2.0
#include "client/join.h"

#include "client/link.h"

#include <criterion/criterion.h>

// Only the addresses and numbers of links matter here.
static struct client_link links[4];

static struct client_link *link_of(int number)
{
    return &links[number];
}

static struct client_joins joins_of(uint32_t link_count)
{
    struct client_joins joins;
    client_joins_init(&joins, link_count, 10);
    for (uint32_t i = 0; i < link_count; i++) {
        joins.array[i].link = link_of((int)i);
        client_joins_set(&joins, &joins.array[i], JOIN_ASKED);
    }
    return joins;
}

Test(join, ready_when_all_have_answered_and_no_snapshot_is_owed)
{
    struct client_joins joins = joins_of(2);
    cr_assert_not(client_joins_are_ready(&joins));
    cr_assert_eq(client_joins_list(&joins, &joins.array[0], 3, true), LISTING_NEW);
    client_joins_set(&joins, &joins.array[0], JOIN_LIVE);
    cr_assert(client_joins_ready(&joins, 3));
    cr_assert_not(client_joins_are_ready(&joins));
    cr_assert_eq(client_joins_list(&joins, &joins.array[1], 4, true), LISTING_NEW);
    client_joins_set(&joins, &joins.array[1], JOIN_LIVE);
    cr_assert_not(client_joins_are_ready(&joins));
    cr_assert(client_joins_ready(&joins, 4));
    cr_assert(client_joins_are_ready(&joins));
    client_joins_deinit(&joins);
}

Test(join, a_partition_is_listed_once_and_ready_once)
{
    struct client_joins joins = joins_of(2);
    cr_assert_eq(client_joins_list(&joins, &joins.array[1], 9, true), LISTING_NEW);
    cr_assert_eq(client_joins_list(&joins, &joins.array[1], 9, true), LISTING_REPEATED);
    cr_assert_eq(client_joins_list(&joins, &joins.array[0], 9, true), LISTING_DISPUTED);
    cr_assert_eq(client_joins_list(&joins, &joins.array[1], 10, true), LISTING_REPEATED,
                 "out of range");
    cr_assert_eq(client_joins_feeder(&joins, 9), link_of(1));
    cr_assert_null(client_joins_feeder(&joins, 8));
    cr_assert_null(client_joins_feeder(&joins, 10));
    cr_assert_not(client_joins_ready(&joins, 8), "never listed");
    cr_assert_not(client_joins_ready(&joins, 10), "out of range");
    cr_assert(client_joins_ready(&joins, 9));
    cr_assert_not(client_joins_ready(&joins, 9));
    cr_assert_eq(joins.listed_count, 1);
    client_joins_deinit(&joins);
}

Test(join, without_snapshot_nothing_is_owed)
{
    struct client_joins joins = joins_of(1);
    cr_assert_eq(client_joins_list(&joins, &joins.array[0], 0, false), LISTING_NEW);
    client_joins_set(&joins, &joins.array[0], JOIN_LIVE);
    cr_assert(client_joins_are_ready(&joins));
    cr_assert_not(client_joins_ready(&joins, 0));
    client_joins_deinit(&joins);
}

Test(join, a_link_is_found_by_its_number_or_by_looking)
{
    struct client_joins joins = joins_of(3);
    cr_assert_eq(client_joins_find(&joins, link_of(1), 1), &joins.array[1]);
    cr_assert_eq(client_joins_find(&joins, link_of(1), 2), &joins.array[1]);
    cr_assert_eq(client_joins_find(&joins, link_of(1), 99), &joins.array[1]);
    cr_assert_null(client_joins_find(&joins, link_of(3), 0));
    client_joins_deinit(&joins);
}

Test(join, states_are_counted)
{
    struct client_joins joins = joins_of(3);
    cr_assert_eq(joins.asked_count, 3);
    client_joins_set(&joins, &joins.array[0], JOIN_LEAVING);
    client_joins_set(&joins, &joins.array[1], JOIN_LIVE);
    client_joins_set(&joins, &joins.array[1], JOIN_LEAVING);
    cr_assert_eq(joins.asked_count, 1);
    cr_assert_eq(joins.leaving_count, 2);
    client_joins_set(&joins, &joins.array[0], JOIN_NONE);
    cr_assert_eq(joins.leaving_count, 1);
    client_joins_deinit(&joins);
}

Test(join, links_that_are_numbered_afresh_take_their_joins_and_partitions_along)
{
    struct client_joins joins = joins_of(3);
    for (uint16_t i = 0; i < 3; i++)
        cr_assert_eq(client_joins_list(&joins, &joins.array[i], i, true), LISTING_NEW);
    joins.array[1].link = NULL; // lost
    client_joins_set(&joins, &joins.array[1], JOIN_NONE);
    client_joins_set(&joins, &joins.array[2], JOIN_LIVE);
    links[0].number = 3;
    links[2].number = 1;
    client_joins_renumber(&joins, 4);
    cr_assert_eq(joins.count, 4);
    cr_assert_eq(client_joins_find(&joins, link_of(2), 1), &joins.array[1]);
    cr_assert_eq(client_joins_find(&joins, link_of(0), 3), &joins.array[3]);
    cr_assert_eq(joins.array[1].state, JOIN_LIVE);
    cr_assert_eq(joins.array[3].state, JOIN_ASKED);
    cr_assert_eq(joins.array[0].state, JOIN_NONE);
    cr_assert_eq(client_joins_feeder(&joins, 0), link_of(0));
    cr_assert_null(client_joins_feeder(&joins, 1));
    cr_assert_eq(client_joins_feeder(&joins, 2), link_of(2));
    cr_assert_eq(joins.asked_count, 1);
    client_joins_deinit(&joins);
}
