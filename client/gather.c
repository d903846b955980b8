// SPDX-License-Identifier: Apache-2.0
// Synchronous calls that ask all workers of all members, and put the answers together.
#include "client/clock.h"
#include "client/operation.h"
#include "client/sync.h"
#include "cluster/base/memory.h"
#include "cluster/wire/cursor.h"

#include <event2/event.h>
#include <stdio.h>

struct map_count {
    struct bytes name; // in the client's keep
    uint64_t entry_count;
};

struct gather {
    struct grid *grid;
    struct op op;           // what each worker is asked
    uint64_t first_version; // of the views under which workers were asked and answered
    uint64_t last_version;
    uint32_t generation; // of the topology when they were asked
    uint32_t under_way;
    enum error error; // the first
    uint64_t total;
    struct map_count *maps; // owned
    size_t map_count;
};

struct part {
    struct gather *gather;
    struct client_link *link;
    struct op op;
};

static void gather_fail(struct gather *gather, enum error error, struct bytes text)
{
    char copy[ERROR_TEXT_BYTES_MAX + 1];
    if (gather->error != ERROR_NONE)
        return;
    gather->error = error;
    snprintf(copy, sizeof copy, "%.*s", (int)text.size, (const char *)text.data);
    client_sync_fail(gather->grid, (enum grid_error)error,
                     copy[0] != '\0' ? copy : error_name(error));
}

static void part_answered(void *context, const struct op_reply *reply, uint8_t view);

static void part_send(struct part *part)
{
    struct gather *gather = part->gather;
    enum error error =
        client_operation_send(gather->grid, part->link, &part->op, part_answered, part);
    if (error == ERROR_NONE)
        gather->under_way++;
    else
        gather_fail(gather, error, bytes_of_text("too many operations are under way"));
}

static bool maps_add(struct gather *gather, struct bytes body)
{
    struct cursor cursor = cursor_of(body);
    uint32_t count;
    if (!cursor_read_array(&cursor, &count))
        return false;
    gather->maps =
        memory_resize_array(gather->maps, gather->map_count + count + 1, sizeof *gather->maps);
    for (uint32_t i = 0; i < count; i++) {
        struct map_count *map = &gather->maps[gather->map_count];
        uint32_t fields;
        struct bytes name;
        if (!cursor_read_array(&cursor, &fields) || fields != 2 ||
            !cursor_read_str(&cursor, &name) || !cursor_read_uint(&cursor, &map->entry_count))
            return false;
        map->name = client_keep_copy(&gather->grid->keep, name);
        gather->map_count++;
    }
    return true;
}

static void part_answered(void *context, const struct op_reply *reply, uint8_t view)
{
    struct part *part = context;
    struct gather *gather = part->gather;
    gather->under_way--;
    if (reply->error != ERROR_NONE) {
        gather_fail(gather, reply->error, reply->text);
        return;
    }
    uint64_t version = client_sync_version(gather->grid, view);
    if (version < gather->first_version)
        gather->first_version = version;
    if (version > gather->last_version)
        gather->last_version = version;
    gather->total += reply->count;
    if (part->op.kind == OP_MAPS && !maps_add(gather, reply->value))
        gather_fail(gather, ERROR_MALFORMED_FRAME, bytes_of_text("the list of maps is malformed"));
    if (part->op.kind == OP_CLEAR && reply->more) {
        part->op.position = reply->position;
        if (gather->grid->topology.generation == gather->generation)
            part_send(part);
        else // the link may be gone
            gather_fail(gather, ERROR_MOVED, bytes_of_text("members came or went all the time"));
    }
}

// Asks everybody that has primaries, and waits for everything.
static void gather_attempt(struct gather *gather, int64_t start_ms)
{
    const struct client_topology *topology = &gather->grid->topology;
    struct part *parts = memory_new_array(topology->link_count, sizeof *parts);
    gather->first_version = gather->last_version = topology->view.version;
    gather->generation = topology->generation;
    gather->error = ERROR_NONE;
    gather->map_count = 0;
    if (gather->op.kind != OP_CLEAR) // what was removed stays removed
        gather->total = 0;
    for (uint32_t i = 0; i < topology->link_count; i++) {
        struct client_link *link = client_topology_link(topology, i);
        if (link->member->primary_count == 0)
            continue;
        parts[i] = (struct part){.gather = gather, .link = link, .op = gather->op};
        part_send(&parts[i]);
    }
    while (gather->under_way > 0)
        event_base_loop(gather->grid->base, EVLOOP_ONCE);
    free(parts);
    // Otherwise partitions may be missing, or counted twice.
    if (gather->error == ERROR_NONE &&
        !client_sync_is_steady(gather->grid, gather->first_version, gather->last_version, start_ms))
        gather_fail(gather, ERROR_MOVED, bytes_of_text("partitions were moving all the time"));
}

// Attempts until no primary has moved meanwhile: then each partition counts once.
static enum grid_error gather_run(struct gather *gather)
{
    struct grid *grid = gather->grid;
    int64_t start_ms = client_clock_ms();
    enum grid_error error = client_sync_begin(grid);
    if (error != GRID_OK)
        return error;
    for (;;) {
        error = client_sync_wait_members(grid);
        if (error != GRID_OK)
            return error;
        gather_attempt(gather, start_ms);
        if (gather->error == ERROR_NONE) {
            grid->error_text[0] = '\0';
            return GRID_OK;
        }
        if (!client_sync_may_retry(grid, gather->error, start_ms))
            return (enum grid_error)gather->error;
        client_sync_pause(grid);
    }
}

static bool map_name_is_valid(const char *map)
{
    size_t size = map ? strnlen(map, MAP_NAME_BYTES_MAX + 1) : 0;
    return size >= 1 && size <= MAP_NAME_BYTES_MAX;
}

static enum grid_error map_gather(struct grid *grid, enum op_kind kind, const char *map,
                                  uint64_t *total)
{
    if (!map_name_is_valid(map))
        return client_sync_fail(grid, GRID_INVALID_ARGUMENT, "map name");
    struct gather gather = {.grid = grid, .op = {.kind = kind, .map = bytes_of_text(map)}};
    enum grid_error error = gather_run(&gather);
    *total = gather.total;
    return error;
}

enum grid_error grid_size(struct grid *grid, const char *map, uint64_t *count)
{
    return map_gather(grid, OP_SIZE, map, count);
}

enum grid_error grid_clear(struct grid *grid, const char *map, uint64_t *removed)
{
    uint64_t total = 0;
    enum grid_error error = map_gather(grid, OP_CLEAR, map, &total);
    if (removed)
        *removed = total;
    return error;
}

// ---- Maps ----

static int map_compare(const void *left, const void *right)
{
    const struct map_count *a = left;
    const struct map_count *b = right;
    return strcmp((const char *)a->name.data, (const char *)b->name.data);
}

// Adds up what several workers told of the same map.
static void maps_unite(struct gather *gather)
{
    if (gather->map_count == 0)
        return;
    qsort(gather->maps, gather->map_count, sizeof *gather->maps, map_compare);
    size_t last = 0;
    for (size_t i = 1; i < gather->map_count; i++) {
        if (map_compare(&gather->maps[last], &gather->maps[i]) == 0)
            gather->maps[last].entry_count += gather->maps[i].entry_count;
        else
            gather->maps[++last] = gather->maps[i];
    }
    gather->map_count = last + 1;
}

enum grid_error grid_maps(struct grid *grid, grid_map_fn *visit, void *context)
{
    struct gather gather = {.grid = grid, .op = {.kind = OP_MAPS}};
    enum grid_error error = gather_run(&gather);
    if (error == GRID_OK) {
        maps_unite(&gather);
        bool was_in_callback = client_callback_begin(grid);
        for (size_t i = 0; i < gather.map_count; i++)
            visit(context, (const char *)gather.maps[i].name.data, gather.maps[i].entry_count);
        client_callback_end(grid, was_in_callback);
    }
    free(gather.maps);
    return error;
}
