// SPDX-License-Identifier: Apache-2.0
// Three real nodes with one backup each: what is acknowledged is on two nodes, survives the death
// of one, is copied again, and the dead one, started again, takes its share back.
#include "client/grid.h"
#include "tests/system/support/nodes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 3000, VICTIM = 2 };

static const char map[] = "accounts";

struct key {
    uint8_t bytes[16];
    size_t size;
};

struct world {
    struct nodes nodes;
    struct grid *grid;
    struct key keys[KEYS];
};

static struct grid_bytes key_bytes_of(const struct key *key)
{
    return (struct grid_bytes){key->bytes, key->size};
}

static void keys_make(struct world *world)
{
    struct grid_builder *builder = grid_builder_new();
    for (int i = 0; i < KEYS; i++) {
        struct key *key = &world->keys[i];
        grid_builder_clear(builder);
        grid_build_int(builder, i);
        key->size = grid_builder_bytes(builder).size;
        memcpy(key->bytes, grid_builder_bytes(builder).data, key->size);
    }
    grid_builder_free(builder);
}

static enum grid_error put(struct world *world, const struct key *key, int64_t value)
{
    struct grid_builder *builder = grid_builder_new();
    grid_build_int(builder, value);
    enum grid_error error =
        grid_put(world->grid, map, key_bytes_of(key), grid_builder_bytes(builder), 0);
    grid_builder_free(builder);
    return error;
}

static bool holds(struct world *world, const struct key *key, int64_t value)
{
    struct grid_bytes found;
    int64_t number;
    return grid_get(world->grid, map, key_bytes_of(key), &found) == GRID_OK &&
           grid_value_int(found, &number) && number == value;
}

// Entries on a member, primaries and backups together.
static uint64_t entries_of(struct world *world, size_t member)
{
    struct grid_member info;
    uint64_t total = 0;
    if (!grid_member_get(world->grid, member, &info))
        return 0;
    for (uint16_t worker = 0; worker < info.worker_count; worker++) {
        struct grid_bytes stats;
        int64_t entries = 0;
        if (grid_stats(world->grid, member, worker, &stats) == GRID_OK &&
            grid_value_int(grid_value_field(stats, "entries"), &entries))
            total += (uint64_t)entries;
    }
    return total;
}

static bool everything_is_there_twice(void *context)
{
    struct world *world = context;
    uint64_t total = 0;
    for (size_t member = 0; member < grid_member_count(world->grid); member++)
        total += entries_of(world, member);
    return total == 2 * KEYS;
}

static void check_load(struct world *world)
{
    bool all_put = true;
    for (int i = 0; i < KEYS; i++)
        all_put = all_put && put(world, &world->keys[i], i) == GRID_OK;
    case_report(all_put, "puts are acknowledged");
    case_report(everything_is_there_twice(world),
                "each acknowledged entry is on two nodes at once");
}

static void check_dead_member(struct world *world)
{
    bool all_put = true, all_held = true;
    node_kill(&world->nodes, VICTIM, SIGKILL);
    for (int i = 0; i < KEYS; i++) {
        all_held = all_held && holds(world, &world->keys[i], i);
        all_put = all_put && put(world, &world->keys[i], i + 1) == GRID_OK;
    }
    case_report(all_held, "reads find all that was acknowledged before a member died");
    case_report(all_put, "writes go on without the dead member");
    case_report(wait_until(everything_is_there_twice, world),
                "each entry is on two nodes again, without the dead member");
}

static bool all_members_hold_entries(void *context)
{
    struct world *world = context;
    uint32_t holders = 0;
    grid_run(world->grid, 0);
    for (size_t member = 0; member < grid_member_count(world->grid); member++)
        holders += entries_of(world, member) > KEYS / 3;
    return holders == world->nodes.count && everything_is_there_twice(world);
}

static void check_return(struct world *world)
{
    bool all_held = true;
    node_restart(&world->nodes, VICTIM);
    case_report(wait_until(all_members_hold_entries, world),
                "the returned member takes a share of the entries");
    for (int i = 0; i < KEYS; i++)
        all_held = all_held && holds(world, &world->keys[i], i + 1);
    case_report(all_held, "nothing was lost or undone on the way");
}

int main(void)
{
    static const char *const options[] = {"--workers=2", NULL};
    static struct world world;
    nodes_start(&world.nodes, 3, options);
    struct grid_options grid_options = {.seeds = world.nodes.seeds, .timeout_ms = WAIT_MS};
    world.grid = grid_new(&grid_options, NULL);
    case_report(grid_connect(world.grid, WAIT_MS) == GRID_OK, "a client connects to all nodes");
    keys_make(&world);
    check_load(&world);
    check_dead_member(&world);
    check_return(&world);
    grid_free(world.grid);
    case_report(nodes_stop(&world.nodes), "the nodes end cleanly");
    return case_status();
}
