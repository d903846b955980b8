// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/placement.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "cluster/rules/ring.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { NAME_BYTES = 16 };

// Members, the table that stands, and what became of it.
struct grid {
    uint32_t member_count;
    uint32_t partition_count;
    uint32_t replica_count;
    struct placement_member members[MEMBERS_MAX];
    char names[MEMBERS_MAX][NAME_BYTES];
    uint16_t *standing; // owned
    uint16_t *target;   // owned
};

// What one placement has moved.
struct moves {
    uint32_t copies;      // on members that held none before
    uint32_t primaries;   // now elsewhere
    uint32_t new_leaders; // of those: on members that held no copy before
};

// `weight`: of all; 0: random from 1 to 10. `zone_count` 0: none.
static struct grid *grid_new(uint32_t member_count, uint32_t partition_count,
                             uint32_t replica_count, uint32_t weight, uint32_t zone_count)
{
    static const char *const zones[] = {"", "a", "b", "c", "d", "e"};
    struct random random = {.state = member_count};
    struct grid *grid = memory_new(sizeof *grid);
    grid->member_count = member_count;
    grid->partition_count = partition_count;
    grid->replica_count = replica_count;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        snprintf(grid->names[i], NAME_BYTES, "node-%u", i);
        uint32_t drawn = weight > 0 ? weight : 1 + (uint32_t)random_below(&random, 10);
        grid->members[i] = (struct placement_member){
            .name = grid->names[i],
            .zone = zones[zone_count > 0 ? 1 + i % zone_count : 0],
            .weight = drawn,
        };
    }
    size_t size = (size_t)partition_count * replica_count;
    grid->standing = memory_new_array(size, sizeof *grid->standing);
    grid->target = memory_new_array(size, sizeof *grid->target);
    for (size_t i = 0; i < size; i++)
        grid->standing[i] = RING_NO_MEMBER;
    return grid;
}

static void grid_free(struct grid *grid)
{
    free(grid->standing);
    free(grid->target);
    free(grid);
}

static const uint16_t *row_of(const struct grid *grid, const uint16_t *table, uint32_t partition)
{
    return table + (size_t)partition * grid->replica_count;
}

static bool row_has(const struct grid *grid, const uint16_t *row, uint16_t member)
{
    for (uint32_t i = 0; i < grid->replica_count; i++) {
        if (row[i] == member)
            return true;
    }
    return false;
}

static uint32_t live_count(const struct grid *grid)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < grid->member_count; i++)
        count += grid->members[i].weight > 0;
    return count;
}

static uint32_t copies_of(const struct grid *grid)
{
    uint32_t live = live_count(grid);
    return live < grid->replica_count ? live : grid->replica_count;
}

// ---- What must hold of every table ----

static void assert_full(const struct grid *grid, const char *what)
{
    uint32_t copies = copies_of(grid);
    for (uint32_t p = 0; p < grid->partition_count; p++) {
        const uint16_t *row = row_of(grid, grid->target, p);
        for (uint32_t i = 0; i < grid->replica_count; i++) {
            if (i >= copies) {
                cr_assert_eq(row[i], RING_NO_MEMBER, "%s", what);
                continue;
            }
            cr_assert_lt(row[i], grid->member_count, "%s", what);
            cr_assert_gt(grid->members[row[i]].weight, 0, "%s", what);
            for (uint32_t j = 0; j < i; j++)
                cr_assert_neq(row[i], row[j], "%s: partition %u", what, p);
        }
    }
}

// The fair shares by the definition, in floating point: the heaviest member that would get more
// than all partitions gets just these, and the others share the rest.
static void fair_shares(const struct grid *grid, double total, double *shares)
{
    double weight_sum = 0;
    for (uint32_t i = 0; i < grid->member_count; i++) {
        shares[i] = grid->members[i].weight > 0 ? -1 : 0;
        weight_sum += grid->members[i].weight;
    }
    for (;;) {
        uint32_t heaviest = RING_NO_MEMBER;
        for (uint32_t i = 0; i < grid->member_count; i++) {
            if (shares[i] < 0 && (heaviest == RING_NO_MEMBER ||
                                  grid->members[i].weight > grid->members[heaviest].weight))
                heaviest = i;
        }
        if (heaviest == RING_NO_MEMBER ||
            total * grid->members[heaviest].weight / weight_sum <= grid->partition_count)
            break;
        shares[heaviest] = grid->partition_count;
        total -= grid->partition_count;
        weight_sum -= grid->members[heaviest].weight;
    }
    for (uint32_t i = 0; i < grid->member_count; i++) {
        if (shares[i] < 0)
            shares[i] = total * grid->members[i].weight / weight_sum;
    }
}

// Loads of replicas and of primaries.
static void loads_of(const struct grid *grid, const uint16_t *table, uint32_t *replicas,
                     uint32_t *primaries)
{
    memset(replicas, 0, MEMBERS_MAX * sizeof *replicas);
    memset(primaries, 0, MEMBERS_MAX * sizeof *primaries);
    for (uint32_t p = 0; p < grid->partition_count; p++) {
        const uint16_t *row = row_of(grid, table, p);
        for (uint32_t i = 0; i < grid->replica_count; i++)
            replicas[row[i]] += row[i] != RING_NO_MEMBER;
        primaries[row[0]] += row[0] != RING_NO_MEMBER;
    }
}

static void assert_bounded(const struct grid *grid, const char *what)
{
    static uint32_t replicas[RING_NO_MEMBER + 1];
    static uint32_t primaries[RING_NO_MEMBER + 1];
    static double shares[MEMBERS_MAX];
    loads_of(grid, grid->target, replicas, primaries);
    fair_shares(grid, (double)grid->partition_count * copies_of(grid), shares);
    for (uint32_t i = 0; i < grid->member_count; i++)
        cr_assert_leq(replicas[i], (uint32_t)ceil(1.05 * shares[i] - 1e-9),
                      "%s: member %u of weight %u holds %u, share %g", what, i,
                      grid->members[i].weight, replicas[i], shares[i]);
    fair_shares(grid, (double)grid->partition_count, shares);
    for (uint32_t i = 0; i < grid->member_count; i++)
        cr_assert_leq(primaries[i], (uint32_t)ceil(1.05 * shares[i] - 1e-9),
                      "%s: member %u of weight %u leads %u, share %g", what, i,
                      grid->members[i].weight, primaries[i], shares[i]);
}

// The table is placed anew, and what it must be at any time is checked.
static struct moves grid_place(struct grid *grid, const char *what)
{
    cr_assert_eq(placement_make(grid->members, grid->member_count, grid->partition_count,
                                grid->replica_count, grid->standing, grid->target),
                 ERROR_NONE, "%s", what);
    assert_full(grid, what);
    assert_bounded(grid, what);
    struct moves moves = {0};
    for (uint32_t p = 0; p < grid->partition_count; p++) {
        const uint16_t *old = row_of(grid, grid->standing, p);
        const uint16_t *new = row_of(grid, grid->target, p);
        for (uint32_t i = 0; i < grid->replica_count; i++)
            moves.copies += !row_has(grid, old, new[i]);
        moves.primaries += new[0] != old[0];
        moves.new_leaders += !row_has(grid, old, new[0]);
    }
    memcpy(grid->standing, grid->target,
           (size_t)grid->partition_count * grid->replica_count * sizeof *grid->target);
    return moves;
}

static double share_of(const struct grid *grid, uint32_t member, bool of_primaries)
{
    static double shares[MEMBERS_MAX];
    fair_shares(grid, (double)grid->partition_count * (of_primaries ? 1 : copies_of(grid)), shares);
    return shares[member];
}

static uint32_t load_of(const struct grid *grid, uint16_t member, bool of_primaries)
{
    static uint32_t replicas[RING_NO_MEMBER + 1];
    static uint32_t primaries[RING_NO_MEMBER + 1];
    loads_of(grid, grid->standing, replicas, primaries);
    return of_primaries ? primaries[member] : replicas[member];
}

// ---- A new grid ----

Test(placement, a_new_table_keeps_the_bounds)
{
    static const uint32_t members[] = {1, 2, 3, 4, 5, 7, 16, 50, 333, 1000, 1024};
    static const uint32_t partitions[] = {1, 2, 8, 64, 271, 1024, 4096};
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        for (size_t p = 0; p < sizeof partitions / sizeof *partitions; p++) {
            for (uint32_t replicas = 1; replicas <= REPLICAS_MAX; replicas++) {
                for (uint32_t weight = 0; weight <= 1; weight++) {
                    char what[96];
                    snprintf(what, sizeof what, "%u members, %u partitions, %u copies, weight %u",
                             members[m], partitions[p], replicas, weight);
                    struct grid *grid = grid_new(members[m], partitions[p], replicas, weight, 0);
                    grid_place(grid, what);
                    struct moves again = grid_place(grid, what);
                    cr_assert_eq(again.copies + again.primaries, 0, "%s", what);
                    grid_free(grid);
                }
            }
        }
    }
}

// ---- Joins and leaves ----

static void describe(const struct grid *grid, const char *when, char *what, size_t size)
{
    snprintf(what, size, "%s: %u members, %u partitions, %u copies", when, live_count(grid),
             grid->partition_count, grid->replica_count);
}

// What the members lack to be within their bounds.
static double lacking(const struct grid *grid)
{
    static uint32_t replicas[RING_NO_MEMBER + 1];
    static uint32_t primaries[RING_NO_MEMBER + 1];
    static double shares[MEMBERS_MAX];
    loads_of(grid, grid->standing, replicas, primaries);
    fair_shares(grid, (double)grid->partition_count * copies_of(grid), shares);
    double sum = 0;
    for (uint32_t i = 0; i < grid->member_count; i++) {
        double low = shares[i] < grid->partition_count ? floor(0.95 * shares[i]) : shares[i];
        sum += fmax(0, low - replicas[i]);
    }
    return sum;
}

// Moves for each ideal one. Where zones have different numbers of members, some more get apart.
static double factor_of(const struct grid *grid)
{
    return grid->members[0].zone[0] == '\0' ? 1.1 : 1.5;
}

static void assert_join(struct grid *grid, const char *when)
{
    char what[96];
    uint32_t copies_before = copies_of(grid);
    uint16_t newcomer = (uint16_t)grid->member_count++;
    describe(grid, when, what, sizeof what);
    struct moves moves = grid_place(grid, what);
    double ideal = share_of(grid, newcomer, false);
    if (copies_before == copies_of(grid))
        cr_assert_leq(moves.copies, (uint32_t)ceil(factor_of(grid) * ideal),
                      "%s: %u moved, ideal %g", what, moves.copies, ideal);
    double primaries = share_of(grid, newcomer, true);
    cr_assert_leq(moves.primaries, (uint32_t)(1.5 * primaries) + 6 + grid->member_count / 4,
                  "%s: %u primaries, ideal %g", what, moves.primaries, primaries);
    // Where zones have different numbers of members, those of the largest get less.
    double part = grid->members[0].zone[0] == '\0' ? 0.95 : 0.6;
    cr_assert_geq(load_of(grid, newcomer, false), (uint32_t)floor(part * ideal), "%s", what);
    cr_assert_geq(load_of(grid, newcomer, true), (uint32_t)floor(part * primaries), "%s", what);
}

static void assert_leave(struct grid *grid, uint16_t leaver, const char *when)
{
    char what[96];
    uint32_t copies_before = copies_of(grid);
    uint32_t held = load_of(grid, leaver, false);
    uint32_t led = load_of(grid, leaver, true);
    grid->members[leaver].weight = 0;
    describe(grid, when, what, sizeof what);
    double ideal = fmax(held, lacking(grid));
    struct moves moves = grid_place(grid, what);
    if (copies_before == copies_of(grid))
        cr_assert_leq(moves.copies, (uint32_t)ceil(factor_of(grid) * ideal),
                      "%s: %u moved, ideal %g", what, moves.copies, ideal);
    if (grid->members[0].zone[0] == '\0')
        cr_assert_leq(moves.primaries, (uint32_t)(1.5 * led) + 6 + grid->member_count / 4,
                      "%s: %u of %u", what, moves.primaries, led);
    // A copy that is there takes the place of the primary that is gone.
    if (copies_of(grid) > 1)
        cr_assert_leq(moves.new_leaders, led / 5 + 3, "%s: %u of %u", what, moves.new_leaders, led);
}

Test(placement, one_at_a_time_from_3_to_100_members_and_back_to_few)
{
    for (uint32_t replicas = 1; replicas <= REPLICAS_MAX; replicas++) {
        for (uint32_t weight = 0; weight <= 1; weight++) {
            struct grid *grid = grid_new(3, 1024, replicas, weight, 0);
            grid_place(grid, "start");
            while (grid->member_count < 100)
                assert_join(grid, weight == 0 ? "weights, join" : "join");
            for (uint16_t i = 0; i < 95 - replicas; i++)
                assert_leave(grid, i, weight == 0 ? "weights, leave" : "leave");
            grid_free(grid);
        }
    }
}

Test(placement, joins_and_leaves_in_any_order)
{
    static const uint32_t partitions[] = {8, 97, 256, 4096};
    struct random random = {.state = 20};
    for (uint32_t n = 0; n < 16; n++) {
        struct grid *grid = grid_new(6, partitions[n % 4], 1 + n / 4, (n / 2) % 2, 0);
        grid_place(grid, "start");
        for (uint32_t step = 0; step < 60; step++) {
            uint16_t leaver = (uint16_t)random_below(&random, grid->member_count);
            if (random_below(&random, 5) < 3 || live_count(grid) < 5)
                assert_join(grid, "any order, join");
            else if (grid->members[leaver].weight > 0)
                assert_leave(grid, leaver, "any order, leave");
        }
        grid_free(grid);
    }
}

Test(placement, eight_partitions_on_seven_members)
{
    for (uint32_t replicas = 1; replicas <= REPLICAS_MAX; replicas++) {
        struct grid *grid = grid_new(1, 8, replicas, 1, 0);
        grid_place(grid, "start");
        while (grid->member_count < 7)
            assert_join(grid, "few, join");
        for (uint16_t i = 0; i < 6; i++)
            assert_leave(grid, i, "few, leave");
        grid_free(grid);
    }
}

Test(placement, a_thousand_members)
{
    struct grid *grid = grid_new(1000, 4096, 2, 1, 0);
    grid_place(grid, "start");
    for (uint32_t i = 0; i < 20; i++)
        assert_join(grid, "many, join");
    for (uint16_t i = 0; i < 40; i++)
        assert_leave(grid, (uint16_t)(i * 25), "many, leave");
    grid_free(grid);
}

// Shares that reach all partitions, next to shares that do not reach one.
Test(placement, very_different_weights_keep_the_bounds)
{
    struct random random = {.state = 5};
    for (uint32_t n = 0; n < 150; n++) {
        uint32_t member_count = 1 + (uint32_t)random_below(&random, 12);
        uint32_t partition_count = 1 + (uint32_t)random_below(&random, 300);
        struct grid *grid = grid_new(member_count, partition_count, 1 + n % REPLICAS_MAX, 1, 0);
        char what[96];
        for (uint32_t step = 0; step < 6; step++) {
            for (uint32_t i = 0; i < member_count; i++) {
                static const uint32_t weights[] = {0, 1, 1, 2, 30, RING_WEIGHT_MAX};
                if (step % 2 == 0 || random_below(&random, 4) == 0)
                    grid->members[i].weight = weights[random_below(&random, 6)];
            }
            if (live_count(grid) == 0)
                grid->members[0].weight = 1;
            describe(grid, "very different", what, sizeof what);
            grid_place(grid, what);
            struct moves again = grid_place(grid, what);
            cr_assert_eq(again.copies + again.primaries, 0, "%s: %u and %u move again", what,
                         again.copies, again.primaries);
        }
        grid_free(grid);
    }
}

// ---- Zones ----

static uint32_t zones_of(const struct grid *grid, uint32_t partition)
{
    const uint16_t *row = row_of(grid, grid->standing, partition);
    uint32_t count = 0;
    for (uint32_t i = 0; i < copies_of(grid); i++) {
        uint32_t j = 0;
        while (j < i && strcmp(grid->members[row[j]].zone, grid->members[row[i]].zone) != 0)
            j++;
        count += j == i;
    }
    return count;
}

static uint32_t crowded_count(const struct grid *grid, uint32_t zone_count)
{
    uint32_t wanted = copies_of(grid) < zone_count ? copies_of(grid) : zone_count;
    uint32_t count = 0;
    for (uint32_t p = 0; p < grid->partition_count; p++)
        count += zones_of(grid, p) < wanted;
    return count;
}

Test(placement, copies_are_in_different_zones_while_members_come_and_go)
{
    for (uint32_t zone_count = 2; zone_count <= 4; zone_count++) {
        for (uint32_t replicas = 2; replicas <= zone_count; replicas++) {
            struct grid *grid = grid_new(6 * zone_count, 512, replicas, 1, zone_count);
            grid_place(grid, "start");
            cr_assert_eq(crowded_count(grid, zone_count), 0);
            for (uint32_t i = 0; i < 3 * zone_count; i++) {
                assert_join(grid, "zones, join");
                // Where all zones are needed and one has more members, the others lack room.
                if (replicas < zone_count || grid->member_count % zone_count == 0)
                    cr_assert_eq(crowded_count(grid, zone_count), 0, "%u zones, %u copies, %u",
                                 zone_count, replicas, grid->member_count);
            }
            for (uint16_t i = 0; i < 3 * zone_count; i++) {
                assert_leave(grid, i, "zones, leave");
                if (replicas < zone_count || live_count(grid) % zone_count == 0)
                    cr_assert_eq(crowded_count(grid, zone_count), 0, "%u zones, %u copies, %u",
                                 zone_count, replicas, live_count(grid));
            }
            grid_free(grid);
        }
    }
}

// One member in a zone, nine in the other: its bound is what limits how many can be apart.
Test(placement, a_small_zone_is_used_up_to_its_bound)
{
    struct grid *grid = grid_new(10, 1000, 2, 1, 2);
    for (uint32_t i = 0; i < 10; i++)
        grid->members[i].zone = i == 4 ? "small" : "large";
    grid_place(grid, "start");
    cr_assert_eq(load_of(grid, 4, false), 210); // ceil(1.05 x 200)
    cr_assert_eq(crowded_count(grid, 2), 1000 - 210);
    struct moves again = grid_place(grid, "again");
    cr_assert_eq(again.copies + again.primaries, 0);
    grid_free(grid);
}

Test(placement, zones_that_become_known_are_used)
{
    struct grid *grid = grid_new(12, 512, 3, 1, 0);
    grid_place(grid, "start");
    for (uint32_t i = 0; i < 12; i++)
        grid->members[i].zone = i < 4 ? "a" : i < 8 ? "b" : "c";
    cr_assert_gt(crowded_count(grid, 3), 0);
    grid_place(grid, "zones");
    cr_assert_eq(crowded_count(grid, 3), 0);
    grid_free(grid);
}

// ---- What stands ----

Test(placement, several_leaves_at_once_move_what_is_gone_and_no_more)
{
    struct grid *grid = grid_new(20, 1024, 3, 1, 0);
    grid_place(grid, "start");
    uint32_t held = 0;
    for (uint16_t i = 0; i < 3; i++) {
        held += load_of(grid, i, false);
        grid->members[i].weight = 0;
    }
    struct moves moves = grid_place(grid, "three leave");
    cr_assert_leq(moves.copies, held + held / 10);
    grid_free(grid);
}

Test(placement, a_standing_table_may_be_anything)
{
    struct random random = {.state = 9};
    for (uint32_t n = 0; n < 200; n++) {
        struct grid *grid =
            grid_new(1 + (uint32_t)random_below(&random, 20), 64, 1 + n % REPLICAS_MAX, 0, n % 4);
        for (uint32_t i = 0; i < 64 * grid->replica_count; i++) {
            uint64_t drawn = random_below(&random, grid->member_count + 3);
            grid->standing[i] =
                drawn < grid->member_count + 1 ? (uint16_t)drawn : (uint16_t)RING_NO_MEMBER;
        }
        grid_place(grid, "anything");
        struct moves again = grid_place(grid, "anything, again");
        cr_assert_eq(again.copies + again.primaries, 0, "round %u", n);
        grid_free(grid);
    }
}

Test(placement, a_copy_beyond_those_wanted_is_used_before_a_new_one)
{
    struct grid *grid = grid_new(3, 300, 2, 1, 0);
    grid_place(grid, "start");
    grid->member_count = 4;
    // The fourth one has copies already, of partitions that are enough for its share.
    enum { HELD = 3 };
    uint16_t *held = memory_new_array(300 * HELD, sizeof *held);
    for (uint32_t p = 0; p < 300; p++) {
        memcpy(held + p * HELD, row_of(grid, grid->standing, p), 2 * sizeof *held);
        held[p * HELD + 2] = p % 2 == 0 ? 3 : RING_NO_MEMBER;
    }
    cr_assert_eq(placement_choose(grid->members, 4, 300, 2, held, HELD, grid->target), ERROR_NONE);
    assert_full(grid, "held");
    assert_bounded(grid, "held");
    uint32_t used = 0;
    uint32_t made = 0;
    for (uint32_t p = 0; p < 300; p++) {
        bool has = row_has(grid, row_of(grid, grid->target, p), 3);
        used += has && p % 2 == 0;
        made += has && p % 2 == 1;
    }
    cr_assert_geq(used, 140);
    cr_assert_leq(made, 10);
    free(held);
    grid_free(grid);
}

Test(placement, the_handover_of_one_partition_is_not_undone_by_the_next_placement)
{
    struct grid *grid = grid_new(5, 128, 3, 1, 0);
    grid_place(grid, "start");
    // Primary and first backup change places: still within the bounds.
    uint16_t *row = grid->standing;
    uint16_t former = row[0];
    row[0] = row[1];
    row[1] = former;
    struct moves moves = grid_place(grid, "again");
    cr_assert_eq(moves.copies, 0);
    cr_assert_eq(moves.primaries, 0);
    grid_free(grid);
}

Test(placement, what_is_out_of_range_is_refused)
{
    static const struct placement_member members[] = {{"a", "", 1}, {"b", "", 0}, {"c", "", 101}};
    uint16_t standing[8] = {0};
    uint16_t target[8];
    static const struct {
        uint32_t first, count, partitions, replicas;
    } rows[] = {
        {0, 0, 1, 1}, {0, MEMBERS_MAX + 1, 1, 1},  {0, 1, 0, 1}, {0, 1, PARTITIONS_MAX + 1, 1},
        {0, 1, 1, 0}, {0, 1, 1, REPLICAS_MAX + 1}, {1, 1, 1, 1}, {0, 3, 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(placement_make(members + rows[i].first, rows[i].count, rows[i].partitions,
                                    rows[i].replicas, standing, target),
                     ERROR_INVALID_ARGUMENT, "row %zu", i);
}
