// SPDX-License-Identifier: Apache-2.0
// How long placement takes, and how much it moves: a new table, one member more, one member less.
// With arguments: MEMBERS PARTITIONS COPIES [ZONES].
#include "cluster/rules/placement.h"
#include "cluster/base/memory.h"
#include "cluster/base/units.h"
#include "cluster/rules/ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NAME_BYTES = 16 };

struct grid {
    uint32_t member_count;
    uint32_t partition_count;
    uint32_t replica_count;
    struct placement_member members[MEMBERS_MAX];
    char names[MEMBERS_MAX][NAME_BYTES];
    char zones[MEMBERS_MAX][NAME_BYTES];
    uint16_t *standing; // owned
    uint16_t *target;   // owned
};

// Processor time: other load on the machine shall not count.
static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * NS_PER_S + (double)now.tv_nsec;
}

static bool row_has(const struct grid *grid, const uint16_t *row, uint16_t member)
{
    for (uint32_t i = 0; i < grid->replica_count; i++) {
        if (row[i] == member)
            return true;
    }
    return false;
}

static uint32_t moved_count(const struct grid *grid)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < grid->partition_count; p++) {
        size_t row = (size_t)p * grid->replica_count;
        for (uint32_t i = 0; i < grid->replica_count; i++) {
            uint16_t member = grid->target[row + i];
            count += member != RING_NO_MEMBER && !row_has(grid, grid->standing + row, member);
        }
    }
    return count;
}

static uint32_t load_of(const struct grid *grid, uint32_t member)
{
    uint32_t load = 0;
    for (size_t i = 0; i < (size_t)grid->partition_count * grid->replica_count; i++)
        load += grid->standing[i] == member;
    return load;
}

static void measure(struct grid *grid, const char *what, double ideal)
{
    double start = now_ns();
    enum error error = placement_make(grid->members, grid->member_count, grid->partition_count,
                                      grid->replica_count, grid->standing, grid->target);
    double took_ms = (now_ns() - start) / (NS_PER_US * US_PER_MS);
    CHECK(error == ERROR_NONE);
    uint32_t moved = moved_count(grid);
    memcpy(grid->standing, grid->target,
           (size_t)grid->partition_count * grid->replica_count * sizeof *grid->target);
    uint32_t load_max = 0;
    for (uint32_t i = 0; i < grid->member_count; i++) {
        uint32_t load = load_of(grid, i);
        load_max = load > load_max ? load : load_max;
    }
    printf(
        "placement of %4u members x %5u partitions x %u, %-6s: %6.1f ms, moved %5u, ideal %7.1f, "
        "max load %u\n",
        grid->member_count, grid->partition_count, grid->replica_count, what, took_ms, moved, ideal,
        load_max);
}

static void measure_all(uint32_t member_count, uint32_t partition_count, uint32_t replica_count,
                        uint32_t zone_count)
{
    struct grid *grid = memory_new(sizeof *grid);
    size_t size = (size_t)partition_count * replica_count;
    grid->member_count = member_count - 1;
    grid->partition_count = partition_count;
    grid->replica_count = replica_count;
    grid->standing = memory_new_array(size, sizeof *grid->standing);
    grid->target = memory_new_array(size, sizeof *grid->target);
    for (uint32_t i = 0; i < member_count; i++) {
        snprintf(grid->names[i], NAME_BYTES, "node-%u", i);
        if (zone_count > 0)
            snprintf(grid->zones[i], NAME_BYTES, "zone-%u", i % zone_count);
        grid->members[i] = (struct placement_member){grid->names[i], grid->zones[i], 1};
    }
    for (size_t i = 0; i < size; i++)
        grid->standing[i] = RING_NO_MEMBER;
    measure(grid, "new", (double)size);
    grid->member_count++;
    measure(grid, "join", (double)size / member_count);
    grid->members[0].weight = 0;
    measure(grid, "leave", load_of(grid, 0));
    free(grid->standing);
    free(grid->target);
    free(grid);
}

int main(int argument_count, char **arguments)
{
    unsigned long numbers[4] = {0}; // members, partitions, copies, zones
    for (int i = 1; i < argument_count && i <= 4; i++)
        numbers[i - 1] = strtoul(arguments[i], NULL, 10);
    if (argument_count > 3) {
        if (numbers[0] < 2 || numbers[0] > MEMBERS_MAX || numbers[1] < 1 ||
            numbers[1] > PARTITIONS_MAX || numbers[2] < 1 || numbers[2] > REPLICAS_MAX) {
            fprintf(stderr, "usage: %s MEMBERS PARTITIONS COPIES [ZONES]\n", arguments[0]);
            return 1;
        }
        measure_all((uint32_t)numbers[0], (uint32_t)numbers[1], (uint32_t)numbers[2],
                    (uint32_t)numbers[3]);
        return 0;
    }
    measure_all(4, 1024, 2, 0);
    measure_all(100, 1024, 2, 3);
    measure_all(1000, 4096, 2, 0);
    measure_all(1000, 4096, 2, 3);
    measure_all(1000, PARTITIONS_MAX, REPLICAS_MAX, 0);
    return 0;
}
