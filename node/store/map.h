// SPDX-License-Identifier: Apache-2.0
// The maps of one store: names become small numbers, given out in order and never taken back. A map
// has one table per partition of the store.
#pragma once

#include "node/store/expiry.h"
#include "node/store/table.h"

enum {
    // Maps that replication brings: other nodes may have used other names. Numbers are 16 bits.
    MAPS_REPLICATED_MAX = 65535,
};

struct map {
    char *name; // owned
    size_t name_size;
    uint16_t number;
    uint64_t entry_count;
    uint64_t timed_count; // entries with a deadline
    struct table *tables; // owned; by partition index, `table_count` of them
    uint32_t table_count;
    struct expiry *expiry; // owned; NULL until the first entry with a deadline
};

struct map_list {
    struct map **maps; // owned, by number
    uint32_t count;
    uint32_t capacity;
    uint16_t *index; // owned; open addressing over number + 1, 0: free
    uint32_t index_capacity;
    struct map *last; // found by the last lookup: most batches stay in one map
    uint64_t heap_bytes;
};

void map_list_deinit(struct map_list *list, struct slab *slab);

// NULL when there is no such map.
struct map *map_list_find(struct map_list *list, struct bytes name);

// The map of this name, made when it is new. NULL when there are `maps_max` others.
struct map *map_list_add(struct map_list *list, struct bytes name, uint32_t maps_max);

// Makes room for tables up to the partition index `last_index`. Tables move.
void map_grow_tables(struct map_list *list, struct map *map, uint32_t last_index);

static inline struct bytes map_name(const struct map *map)
{
    return bytes_of(map->name, map->name_size);
}

// The table of the partition with this index, or NULL when none was ever needed. Void after
// map_grow_tables.
static inline struct table *map_table(const struct map *map, uint32_t partition_index)
{
    return partition_index < map->table_count ? &map->tables[partition_index] : NULL;
}
