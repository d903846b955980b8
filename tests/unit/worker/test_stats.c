// SPDX-License-Identifier: Apache-2.0
#include "node/worker/stats.h"

#include "cluster/base/memory.h"
#include "cluster/wire/cursor.h"

#include <criterion/criterion.h>

enum { PARTITIONS = 4 };

// A worker of two of a single member, that never runs.
struct world {
    struct view view;
    struct router router;
    struct worker *worker;
};

static struct world *world_new(void)
{
    struct world *world = memory_new(sizeof *world);
    world->view = (struct view){
        .version = 1, .partition_count = PARTITIONS, .replica_count = 1, .member_count = 1};
    world->view.members = memory_new_array(1, sizeof *world->view.members);
    world->view.owners = memory_new_array(PARTITIONS, sizeof *world->view.owners);
    world->view.epochs = memory_new_array(PARTITIONS, sizeof *world->view.epochs);
    world->router = (struct router){.view = &world->view, .worker_count = 2};
    struct worker_options options = {
        .number = 1, .router = &world->router, .log_bytes_max = 1 << 20};
    world->worker = worker_new(&options);
    return world;
}

static void world_free(struct world *world)
{
    worker_free(world->worker);
    view_deinit(&world->view);
    free(world);
}

// The figure of this name; UINT64_MAX: there is none.
static uint64_t figure_of(const struct worker *worker, const char *name)
{
    struct buffer out = {0};
    uint32_t count = 0;
    uint64_t found = UINT64_MAX;
    stats_write(worker, &out);
    struct cursor cursor = cursor_of(buffer_bytes(&out));
    cr_assert(cursor_read_map(&cursor, &count));
    for (uint32_t i = 0; i < count; i++) {
        struct bytes key;
        uint64_t figure;
        cr_assert(cursor_read_str(&cursor, &key) && cursor_read_uint(&cursor, &figure));
        if (bytes_equal(key, bytes_of_text(name)))
            found = figure;
    }
    cr_assert_eq(cursor_left(&cursor), 0);
    buffer_deinit(&out);
    return found;
}

Test(stats, a_worker_tells_which_it_is_and_what_it_holds)
{
    struct world *world = world_new();
    cr_assert_eq(figure_of(world->worker, "worker"), 1);
    cr_assert_eq(figure_of(world->worker, "primaries"), PARTITIONS / 2);
    cr_assert_eq(figure_of(world->worker, "backups"), 0);
    cr_assert_eq(figure_of(world->worker, "entries"), 0);
    world_free(world);
}

Test(stats, counters_are_those_of_the_worker)
{
    struct world *world = world_new();
    world->worker->counters.operations = 5;
    world->worker->counters.connections_opened = 7;
    world->worker->counters.connections_closed = 3;
    cr_assert_eq(figure_of(world->worker, "operations"), 5);
    cr_assert_eq(figure_of(world->worker, "connections"), 4);
    cr_assert_eq(figure_of(world->worker, "subscriptions"), 0);
    cr_assert_eq(figure_of(world->worker, "no such figure"), UINT64_MAX);
    world_free(world);
}
