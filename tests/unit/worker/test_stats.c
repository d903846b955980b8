// SPDX-License-Identifier: Apache-2.0
#include "node/worker/stats.h"

#include "cluster/base/memory.h"
#include "cluster/wire/cursor.h"

#include <criterion/criterion.h>

enum { PARTITIONS = 4 };

// The second worker of two of a single member, that never runs.
struct world {
    struct worker *worker;
};

static void ignore_wishes(void *context, uint16_t worker, const struct wish *wishes, uint32_t count)
{
    (void)context;
    (void)worker;
    (void)wishes;
    (void)count;
}

static void ignore_view(struct worker *worker)
{
    (void)worker;
}

static struct published_view *view_make(void)
{
    struct view_member member = {.id = 5, .weight = 1};
    struct view_partition partitions[PARTITIONS];
    for (int i = 0; i < PARTITIONS; i++)
        partitions[i] = (struct view_partition){.epoch = 1,
                                                .version = 1,
                                                .replica_count = 1,
                                                .in_sync_count = 1,
                                                .handover = VIEW_NO_MEMBER};
    struct view view = {.grid_id = 1,
                        .version = 1,
                        .partition_count = PARTITIONS,
                        .replica_count = 1,
                        .min_in_sync = 1,
                        .member_count = 1,
                        .members = &member,
                        .partitions = partitions};
    return published_view_new(&view);
}

static struct world *world_new(void)
{
    struct world *world = memory_new(sizeof *world);
    struct worker_options options = {
        .number = 1,
        .worker_count = 2,
        .shard = {.number = 1, .worker_count = 2, .member_id = 5, .log_bytes_max = 1 << 20},
        .wished = ignore_wishes};
    world->worker = worker_new(&options);
    world->worker->view_changed = ignore_view;
    struct published_view *published = view_make();
    worker_post_view(world->worker, published);
    published_view_release(published);
    mailbox_drain(world->worker->mailbox, world->worker);
    return world;
}

static void world_free(struct world *world)
{
    worker_free(world->worker);
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
    world->worker->counters.hops = 5;
    world->worker->counters.connections_opened = 7;
    world->worker->counters.connections_closed = 3;
    cr_assert_eq(figure_of(world->worker, "hops"), 5);
    cr_assert_eq(figure_of(world->worker, "connections"), 4);
    cr_assert_eq(figure_of(world->worker, "subscriptions"), 0);
    cr_assert_eq(figure_of(world->worker, "no such figure"), UINT64_MAX);
    world_free(world);
}
