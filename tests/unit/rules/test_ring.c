// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/ring.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { NAME_BYTES = 16 };

struct names {
    char text[MEMBERS_MAX][NAME_BYTES];
    struct ring_member members[MEMBERS_MAX];
};

static void names_init(struct names *names, uint32_t weight)
{
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        snprintf(names->text[i], NAME_BYTES, "node-%u", i);
        names->members[i] = (struct ring_member){names->text[i], weight};
    }
}

static void count_points(const struct ring *ring, uint32_t *counts)
{
    for (size_t i = 0; i < ring->count; i++)
        counts[ring->points[i].member]++;
}

Test(ring, a_member_has_points_by_weight)
{
    static struct names names;
    names_init(&names, 1);
    names.members[1].weight = 3;
    names.members[2].weight = 0;
    struct ring ring;
    ring_init(&ring, names.members, 4);
    uint32_t counts[4] = {0};
    count_points(&ring, counts);
    cr_assert_eq(counts[0], 128);
    cr_assert_eq(counts[1], 384);
    cr_assert_eq(counts[2], 0);
    cr_assert_eq(counts[3], 128);
    ring_deinit(&ring);
}

Test(ring, many_heavy_members_do_not_make_it_larger)
{
    static struct names names;
    names_init(&names, RING_WEIGHT_MAX);
    names.members[7].weight = 1;
    struct ring ring;
    ring_init(&ring, names.members, MEMBERS_MAX);
    static uint32_t counts[MEMBERS_MAX];
    count_points(&ring, counts);
    cr_assert_leq(ring.count, (size_t)RING_POINTS_MAX + MEMBERS_MAX);
    cr_assert_eq(counts[7], 1);
    cr_assert_geq(counts[8], 128);
    ring_deinit(&ring);
}

Test(ring, points_are_the_same_whoever_else_is_there)
{
    static struct names names;
    names_init(&names, 1);
    struct ring all;
    struct ring one;
    ring_init(&all, names.members, 5);
    ring_init(&one, &names.members[3], 1);
    size_t matched = 0;
    for (size_t i = 0; i < all.count && matched < one.count; i++)
        matched +=
            all.points[i].member == 3 && all.points[i].position == one.points[matched].position;
    cr_assert_eq(matched, one.count);
    ring_deinit(&all);
    ring_deinit(&one);
}

Test(ring, a_walk_starts_at_the_next_point_and_goes_round)
{
    static struct names names;
    names_init(&names, 1);
    struct ring ring;
    ring_init(&ring, names.members, 3);
    for (size_t i = 0; i + 1 < ring.count; i++) {
        cr_assert_lt(ring.points[i].position, ring.points[i + 1].position);
        cr_assert_eq(ring_start(&ring, ring.points[i].position), i);
        cr_assert_eq(ring_start(&ring, ring.points[i].position + 1), i + 1);
        cr_assert_eq(ring_next(&ring, i), i + 1);
    }
    cr_assert_eq(ring_start(&ring, 0), 0);
    cr_assert_eq(ring_start(&ring, UINT64_MAX), 0);
    cr_assert_eq(ring_next(&ring, ring.count - 1), 0);
    ring_deinit(&ring);
}

// The same on every machine and in every release: others would place partitions elsewhere.
Test(ring, positions_are_fixed)
{
    cr_assert_eq(ring_position(0), UINT64_C(0xDBF31CC7B4E07437));
    cr_assert_eq(ring_position(4095), UINT64_C(0xD342D9F5D3CBC95B));
}
