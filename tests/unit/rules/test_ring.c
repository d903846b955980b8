// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/ring.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { NAME_BYTES = 16 };

// A set of members named node-<first>, node-<first + 1> ..., and the ring that they give.
struct grid {
    uint32_t member_count;
    uint32_t partition_count;
    uint32_t replica_count;
    struct ring_member *members; // owned
    char (*names)[NAME_BYTES];   // owned
    uint16_t *owners;            // owned
};

static struct grid grid_new(uint32_t first, uint32_t member_count, uint32_t partition_count,
                            uint32_t replica_count)
{
    struct grid grid = {
        .member_count = member_count,
        .partition_count = partition_count,
        .replica_count = replica_count,
        .members = memory_new_array(member_count, sizeof(struct ring_member)),
        .names = memory_new_array(member_count, NAME_BYTES),
        .owners = memory_new_array((size_t)partition_count * replica_count, sizeof(uint16_t)),
    };
    for (uint32_t i = 0; i < member_count; i++) {
        snprintf(grid.names[i], NAME_BYTES, "node-%u", first + i);
        grid.members[i] = (struct ring_member){.name = grid.names[i], .weight = 1};
    }
    return grid;
}

static void grid_build(struct grid *grid)
{
    cr_assert_eq(ring_build(grid->members, grid->member_count, grid->partition_count,
                            grid->replica_count, grid->owners),
                 ERROR_NONE);
}

static void grid_free(struct grid *grid)
{
    free(grid->members);
    free(grid->names);
    free(grid->owners);
}

static const uint16_t *grid_owners(const struct grid *grid, uint32_t partition)
{
    return grid->owners + (size_t)partition * grid->replica_count;
}

// Each partition has min(replica_count, member_count) different owners, and then nobody.
static void assert_full(const struct grid *grid, const char *what)
{
    uint32_t owner_count =
        grid->replica_count < grid->member_count ? grid->replica_count : grid->member_count;
    for (uint32_t partition = 0; partition < grid->partition_count; partition++) {
        const uint16_t *owners = grid_owners(grid, partition);
        for (uint32_t i = 0; i < grid->replica_count; i++) {
            if (i >= owner_count) {
                cr_assert_eq(owners[i], RING_NO_MEMBER, "%s", what);
                continue;
            }
            cr_assert_lt(owners[i], grid->member_count, "%s", what);
            for (uint32_t j = 0; j < i; j++)
                cr_assert_neq(owners[i], owners[j], "%s partition %u", what, partition);
        }
    }
}

// The fair shares by the definition, in floating point: the heaviest member that would get more
// than all partitions gets just these, and the others share the rest.
static void fair_shares(const struct grid *grid, double total, double *shares)
{
    double weight_sum = 0;
    for (uint32_t i = 0; i < grid->member_count; i++) {
        shares[i] = -1;
        weight_sum += grid->members[i].weight;
    }
    for (;;) {
        uint32_t heaviest = RING_NO_MEMBER;
        for (uint32_t i = 0; i < grid->member_count; i++)
            if (shares[i] < 0 && (heaviest == RING_NO_MEMBER ||
                                  grid->members[i].weight > grid->members[heaviest].weight))
                heaviest = i;
        if (heaviest == RING_NO_MEMBER ||
            total * grid->members[heaviest].weight / weight_sum <= grid->partition_count)
            break;
        shares[heaviest] = grid->partition_count;
        total -= grid->partition_count;
        weight_sum -= grid->members[heaviest].weight;
    }
    for (uint32_t i = 0; i < grid->member_count; i++)
        if (shares[i] < 0)
            shares[i] = total * grid->members[i].weight / weight_sum;
}

static void assert_bounded(const struct grid *grid, const char *what)
{
    uint32_t copies =
        grid->replica_count < grid->member_count ? grid->replica_count : grid->member_count;
    uint32_t *counts = memory_new_array(grid->member_count, 2 * sizeof(uint32_t));
    double *shares = memory_new_array(grid->member_count, sizeof(double));
    for (uint32_t partition = 0; partition < grid->partition_count; partition++) {
        counts[2 * grid_owners(grid, partition)[0]]++;
        for (uint32_t i = 0; i < copies; i++)
            counts[2 * grid_owners(grid, partition)[i] + 1]++;
    }
    for (uint32_t kind = 0; kind < 2; kind++) {
        fair_shares(grid, (double)grid->partition_count * (kind == 0 ? 1 : copies), shares);
        for (uint32_t i = 0; i < grid->member_count; i++)
            cr_assert_leq(counts[2 * i + kind], (uint32_t)ceil(1.05 * shares[i] - 1e-9),
                          "%s: member %u holds %u %s, share %g", what, i, counts[2 * i + kind],
                          kind == 0 ? "primaries" : "replicas", shares[i]);
    }
    free(counts);
    free(shares);
}

static void assert_sound(struct grid *grid, const char *what)
{
    grid_build(grid);
    assert_full(grid, what);
    assert_bounded(grid, what);
}

Test(ring, every_size_is_full_and_bounded)
{
    static const struct {
        uint32_t member_count, partition_count, replica_count;
    } rows[] = {
        {1, 1, 1},       {1, 4096, 3},    {2, 1, 3},       {2, 1024, 2},     {3, 1024, 2},
        {3, 4096, 3},    {4, 1024, 3},    {5, 7, 4},       {7, 1024, 2},     {10, 1024, 2},
        {31, 3, 3},      {100, 4096, 3},  {100, 100, 2},   {333, 1024, 3},   {1000, 1, 3},
        {1000, 1000, 3}, {1000, 4096, 1}, {1000, 4096, 3}, {1024, 16384, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct grid grid =
            grid_new(1, rows[i].member_count, rows[i].partition_count, rows[i].replica_count);
        char what[64];
        snprintf(what, sizeof what, "%u members, %u partitions, %u replicas", grid.member_count,
                 grid.partition_count, grid.replica_count);
        assert_sound(&grid, what);
        grid_free(&grid);
    }
}

// Weights of 1, of a few sizes, or of all sizes; the sum is bounded for the sake of time.
static void weights_draw(struct grid *grid, struct random *random)
{
    uint32_t spread = (uint32_t)(uint32_t[]){1, 3, 20, RING_WEIGHT_MAX}[random_below(random, 4)];
    while (spread > 1 && grid->member_count * spread > 4000)
        spread /= 2;
    uint32_t heavy = (uint32_t)random_below(random, grid->member_count);
    for (uint32_t i = 0; i < grid->member_count; i++)
        grid->members[i].weight = 1 + (uint32_t)random_below(random, spread);
    if (random_below(random, 3) == 0)
        grid->members[heavy].weight = RING_WEIGHT_MAX;
}

static void assert_random_grid_sound(uint64_t seed, uint32_t members_max, uint32_t partitions_max)
{
    struct random random = {.state = seed};
    struct grid grid = grid_new((uint32_t)random_below(&random, 1000),
                                1 + (uint32_t)random_below(&random, members_max),
                                1 + (uint32_t)random_below(&random, partitions_max),
                                1 + (uint32_t)random_below(&random, 3));
    weights_draw(&grid, &random);
    char what[96];
    snprintf(what, sizeof what, "seed %llu: %u members, %u partitions, %u replicas",
             (unsigned long long)seed, grid.member_count, grid.partition_count, grid.replica_count);
    assert_sound(&grid, what);
    grid_free(&grid);
}

// Few members and random weights are where walks get stuck and have to be repaired.
Test(ring, random_small_grids_are_full_and_bounded)
{
    for (uint64_t seed = 0; seed < 1500; seed++)
        assert_random_grid_sound(seed, 8, 64);
}

Test(ring, random_grids_are_full_and_bounded)
{
    for (uint64_t seed = 5000; seed < 5040; seed++)
        assert_random_grid_sound(seed, 1000, 4096);
}

Test(ring, a_member_holds_a_partition_once_however_heavy_it_is)
{
    struct grid grid = grid_new(1, 4, 512, 3);
    grid.members[2].weight = RING_WEIGHT_MAX;
    assert_sound(&grid, "one heavy member");
    uint32_t held = 0;
    for (uint32_t i = 0; i < 512 * 3; i++)
        held += grid.owners[i] == 2;
    cr_assert_eq(held, 512);
    grid_free(&grid);
}

Test(ring, the_same_members_give_the_same_ring_in_any_order)
{
    struct grid grid = grid_new(1, 12, 256, 3);
    struct grid turned = grid_new(1, 12, 256, 3);
    for (uint32_t i = 0; i < 12; i++) {
        grid.members[i].weight = 1 + i % 3;
        turned.members[(i * 5 + 3) % 12] = grid.members[i];
    }
    grid_build(&grid);
    grid_build(&turned);
    for (uint32_t i = 0; i < 256 * 3; i++)
        cr_assert_eq(turned.owners[i], (grid.owners[i] * 5 + 3) % 12);
    grid_free(&grid);
    grid_free(&turned);
}

// Nodes of different builds and machines have to agree: these owners must never change.
Test(ring, a_known_ring_stays_as_it_is)
{
    static const uint16_t expected[8][2] = {{2, 1}, {2, 1}, {3, 1}, {3, 0},
                                            {3, 2}, {1, 3}, {2, 0}, {1, 3}};
    struct grid grid = grid_new(1, 4, 8, 2);
    grid_build(&grid);
    for (uint32_t i = 0; i < 8; i++)
        for (uint32_t j = 0; j < 2; j++)
            cr_assert_eq(grid_owners(&grid, i)[j], expected[i][j], "partition %u: %u, %u", i,
                         grid_owners(&grid, i)[0], grid_owners(&grid, i)[1]);
    grid_free(&grid);
}

// Replicas that `after`, which lacks the last member of `before`, places on somebody new.
static uint32_t moved_count(const struct grid *before, const struct grid *after)
{
    uint32_t moved = 0;
    for (uint32_t partition = 0; partition < before->partition_count; partition++) {
        for (uint32_t i = 0; i < after->replica_count; i++) {
            bool held = false;
            for (uint32_t j = 0; j < before->replica_count; j++)
                held |= grid_owners(before, partition)[j] == grid_owners(after, partition)[i];
            moved += !held;
        }
    }
    return moved;
}

Test(ring, removing_a_member_moves_little_more_than_its_share)
{
    static const struct {
        uint32_t member_count, partition_count;
        double share_max; // of the ideal: what the removed member held
    } rows[] = {{5, 1024, 1.2}, {10, 1024, 1.3}, {50, 4096, 1.6}, {200, 4096, 2.2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct grid before = grid_new(1, rows[i].member_count, rows[i].partition_count, 2);
        struct grid after = grid_new(1, rows[i].member_count - 1, rows[i].partition_count, 2);
        grid_build(&before);
        grid_build(&after);
        double ideal = 2.0 * rows[i].partition_count / rows[i].member_count;
        double share = moved_count(&before, &after) / ideal;
        cr_assert_leq(share, rows[i].share_max, "%u members: %.2f", rows[i].member_count, share);
        grid_free(&before);
        grid_free(&after);
    }
}

Test(ring, bad_arguments_are_refused)
{
    static const struct {
        struct ring_member members[2];
        uint32_t member_count, partition_count, replica_count;
    } rows[] = {
        {{{"a", 1}, {"b", 1}}, 0, 8, 1}, {{{"a", 1}, {"b", 1}}, MEMBERS_MAX + 1, 8, 1},
        {{{"a", 1}, {"b", 1}}, 2, 0, 1}, {{{"a", 1}, {"b", 1}}, 2, PARTITIONS_MAX + 1, 1},
        {{{"a", 1}, {"b", 1}}, 2, 8, 0}, {{{"a", 1}, {"b", 1}}, 2, 8, REPLICAS_MAX + 1},
        {{{"a", 1}, {"a", 2}}, 2, 8, 1}, {{{"a", 1}, {"", 1}}, 2, 8, 1},
        {{{"a", 1}, {"b", 0}}, 2, 8, 1}, {{{"a", 1}, {"b", RING_WEIGHT_MAX + 1}}, 2, 8, 1},
    };
    uint16_t owners[8 * REPLICAS_MAX];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(ring_build(rows[i].members, rows[i].member_count, rows[i].partition_count,
                                rows[i].replica_count, owners),
                     ERROR_INVALID_ARGUMENT, "row %zu", i);
}
