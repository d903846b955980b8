// SPDX-License-Identifier: Apache-2.0
// Three real nodes with one backup each: what is acknowledged is on two nodes, a dead member means
// clear errors for its partitions and nothing for the others, and a backup that comes back empty is
// filled again.
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
    uint16_t primary;
    uint16_t backup;
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
        struct grid_location location;
        grid_builder_clear(builder);
        grid_build_int(builder, i);
        key->size = grid_builder_bytes(builder).size;
        memcpy(key->bytes, grid_builder_bytes(builder).data, key->size);
        if (grid_locate_key(world->grid, key_bytes_of(key), &location) != GRID_OK)
            exit(EXIT_FAILURE);
        key->primary = location.members[0];
        key->backup = location.members[1];
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

static bool has_member(const struct key *key, uint16_t member)
{
    return key->primary == member || key->backup == member;
}

// Until the loss of the victim has been noticed everywhere: a write to each of its partitions is
// refused.
static bool victims_writes_are_refused(void *context)
{
    struct world *world = context;
    for (int i = 0; i < KEYS; i++) {
        const struct key *key = &world->keys[i];
        if (key->backup == VICTIM && put(world, key, i) == GRID_OK)
            return false;
    }
    return true;
}

static void check_dead_member(struct world *world)
{
    bool reads_go_on = true, writes_go_on = true, text_names_it = true;
    node_kill(&world->nodes, VICTIM, SIGKILL);
    case_report(wait_until(victims_writes_are_refused, world),
                "writes whose backup is dead are refused");
    for (int i = 0; i < KEYS; i++) {
        const struct key *key = &world->keys[i];
        if (key->primary == VICTIM)
            continue;
        reads_go_on = reads_go_on && holds(world, key, i);
        if (!has_member(key, VICTIM)) {
            writes_go_on = writes_go_on && put(world, key, i) == GRID_OK;
        } else {
            text_names_it = text_names_it && put(world, key, i) == GRID_BACKUP_UNAVAILABLE &&
                            strstr(grid_error_text(world->grid), "n3") != NULL;
        }
    }
    case_report(reads_go_on, "reads of living primaries go on");
    case_report(writes_go_on, "writes to partitions of living members go on");
    case_report(text_names_it, "the refusal names the dead backup");
}

static bool backups_are_filled(void *context)
{
    struct world *world = context;
    for (int i = 0; i < KEYS; i++) {
        const struct key *key = &world->keys[i];
        if (key->backup == VICTIM && put(world, key, i) != GRID_OK)
            return false;
    }
    return true;
}

// The client may still be connecting to the returned node.
static bool returned_holds_its_entries(void *context)
{
    struct world *world = context;
    uint64_t wanted = 0;
    grid_run(world->grid, 0);
    for (int i = 0; i < KEYS; i++)
        wanted += world->keys[i].backup == VICTIM;
    return entries_of(world, VICTIM) == wanted;
}

static void check_return(struct world *world)
{
    bool lost_is_said = true;
    node_restart(&world->nodes, VICTIM);
    case_report(wait_until(backups_are_filled, world),
                "writes go on once the dead backup is back and filled");
    case_report(wait_until(returned_holds_its_entries, world),
                "the returned backup holds its entries again");
    for (int i = 0; i < KEYS; i++) {
        if (world->keys[i].primary == VICTIM)
            lost_is_said = lost_is_said && put(world, &world->keys[i], i) == GRID_PARTITION_LOST;
    }
    case_report(lost_is_said, "a primary that lost its memory does not overwrite its backup");
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
