// SPDX-License-Identifier: Apache-2.0
#include "node/store/map.h"

#include "cluster/base/memory.h"

enum { MAPS_FIRST = 8, TABLES_FIRST = 8 };

static void map_free(struct map *map, struct slab *slab)
{
    if (map->expiry != NULL)
        expiry_free(map->expiry, slab);
    free(map->tables);
    free(map->name);
    free(map);
}

void map_list_deinit(struct map_list *list, struct slab *slab)
{
    for (uint32_t number = 0; number < list->count; number++)
        map_free(list->maps[number], slab);
    free(list->maps);
    free(list->index);
}

// The slot of the index that holds the name's number, or the free one where it belongs.
static uint16_t *index_slot(const struct map_list *list, struct bytes name)
{
    uint32_t mask = list->index_capacity - 1;
    for (uint32_t at = (uint32_t)key_hash(name);; at++) {
        uint16_t *slot = &list->index[at & mask];
        if (*slot == 0 || bytes_equal(map_name(list->maps[*slot - 1]), name))
            return slot;
    }
}

struct map *map_list_find(struct map_list *list, struct bytes name)
{
    if (list->last != NULL && bytes_equal(map_name(list->last), name))
        return list->last;
    if (list->count == 0)
        return NULL;
    uint16_t number = *index_slot(list, name);
    if (number == 0)
        return NULL;
    list->last = list->maps[number - 1];
    return list->last;
}

// Doubles the arrays; the index is at most half full.
static void map_list_grow(struct map_list *list)
{
    uint32_t capacity = list->capacity ? list->capacity * 2 : MAPS_FIRST;
    list->maps = memory_resize_array(list->maps, capacity, sizeof *list->maps);
    free(list->index);
    list->index_capacity = capacity * 2;
    list->index = memory_new_array(list->index_capacity, sizeof *list->index);
    list->heap_bytes +=
        (capacity - list->capacity) * (sizeof *list->maps + 2 * sizeof *list->index);
    list->capacity = capacity;
    for (uint32_t number = 0; number < list->count; number++)
        *index_slot(list, map_name(list->maps[number])) = (uint16_t)(number + 1);
}

struct map *map_list_add(struct map_list *list, struct bytes name, uint32_t maps_max)
{
    struct map *map = map_list_find(list, name);
    if (map != NULL || list->count >= maps_max)
        return map;
    if (list->count == list->capacity)
        map_list_grow(list);
    map = memory_new(sizeof *map);
    map->name = memory_copy_text((const char *)name.data, name.size);
    map->name_size = name.size;
    map->number = (uint16_t)list->count;
    list->maps[list->count++] = map;
    *index_slot(list, name) = (uint16_t)list->count;
    list->heap_bytes += sizeof *map + name.size + 1;
    list->last = map;
    return map;
}

void map_grow_tables(struct map_list *list, struct map *map, uint32_t last_index)
{
    if (last_index < map->table_count)
        return;
    uint32_t count = map->table_count ? map->table_count : TABLES_FIRST;
    while (count <= last_index)
        count *= 2;
    uint32_t added = count - map->table_count;
    map->tables = memory_resize_array(map->tables, count, sizeof *map->tables);
    memset(map->tables + map->table_count, 0, added * sizeof *map->tables);
    list->heap_bytes += added * sizeof *map->tables;
    map->table_count = count;
}
