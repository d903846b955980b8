// SPDX-License-Identifier: Apache-2.0
// Synchronous calls that ask all workers of all members, and put the answers together.
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
    struct op op; // what each worker is asked
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

static void part_answered(void *context, const struct op_reply *reply);

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

static void part_answered(void *context, const struct op_reply *reply)
{
    struct part *part = context;
    struct gather *gather = part->gather;
    gather->under_way--;
    if (reply->error != ERROR_NONE) {
        gather_fail(gather, reply->error, reply->text);
        return;
    }
    gather->total += reply->count;
    if (part->op.kind == OP_MAPS && !maps_add(gather, reply->value))
        gather_fail(gather, ERROR_MALFORMED_FRAME, bytes_of_text("the list of maps is malformed"));
    if (part->op.kind == OP_CLEAR && reply->more) {
        part->op.position = reply->position;
        part_send(part);
    }
}

// Asks everybody and waits for everything. The parts of what failed may be missing in the result.
static enum grid_error gather_run(struct gather *gather)
{
    struct grid *grid = gather->grid;
    enum grid_error error = client_sync_begin(grid);
    if (error == GRID_OK)
        error = client_sync_wait_members(grid);
    if (error != GRID_OK)
        return error;
    uint32_t count = grid->topology.link_count;
    struct part *parts = client_keep_take(&grid->keep, count * sizeof *parts);
    for (uint32_t i = 0; i < count; i++) {
        parts[i] = (struct part){
            .gather = gather, .link = client_topology_link(&grid->topology, i), .op = gather->op};
        part_send(&parts[i]);
    }
    while (gather->under_way > 0)
        event_base_loop(grid->base, EVLOOP_ONCE);
    return (enum grid_error)gather->error;
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

// ---- One worker's figures ----

struct stats_wait {
    struct grid *grid;
    struct grid_bytes *stats;
    enum grid_error error;
    bool is_done;
};

static void stats_answered(void *context, const struct op_reply *reply)
{
    struct stats_wait *wait = context;
    wait->is_done = true;
    if (reply->error == ERROR_NONE) {
        struct bytes copy = client_keep_copy(&wait->grid->keep, reply->value);
        *wait->stats = (struct grid_bytes){copy.data, copy.size};
        return;
    }
    struct bytes text = client_keep_copy(&wait->grid->keep, reply->text);
    wait->error =
        client_sync_fail(wait->grid, (enum grid_error)reply->error,
                         text.size > 0 ? (const char *)text.data : error_name(reply->error));
}

enum grid_error grid_stats(struct grid *grid, size_t member, uint16_t worker,
                           struct grid_bytes *stats)
{
    *stats = (struct grid_bytes){0};
    enum grid_error error = client_sync_begin(grid);
    if (error == GRID_OK && !grid->topology.is_known)
        error = client_sync_wait_members(grid);
    if (error != GRID_OK)
        return error;
    const struct client_topology *topology = &grid->topology;
    if (member >= topology->view.member_count || worker >= topology->members[member]->link_count)
        return client_sync_fail(grid, GRID_INVALID_ARGUMENT, "there is no such member or worker");
    struct stats_wait wait = {.grid = grid, .stats = stats};
    struct op op = {.kind = OP_STATS};
    struct client_link *link = topology->members[member]->links[worker];
    if (client_operation_send(grid, link, &op, stats_answered, &wait) != ERROR_NONE)
        return client_sync_fail(grid, GRID_OVERLOADED, "too many operations are under way");
    client_sync_wait(grid, &wait.is_done);
    return wait.error;
}
