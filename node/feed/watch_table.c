// SPDX-License-Identifier: Apache-2.0
#include "node/feed/watch_table.h"

#include "cluster/base/memory.h"
#include "node/feed/core.h"

enum { CAPACITY_MIN = 8 };

void watch_table_deinit(struct watch_table *table)
{
    free(table->slots);
    *table = (struct watch_table){0};
}

// Ids are often consecutive: they are spread (Fibonacci hashing).
static uint32_t home_of(const struct watch_table *table, uint32_t id)
{
    return (id * UINT32_C(2654435769)) >> (__builtin_clz(table->capacity) + 1);
}

// The slot of the id, or the free one where it belongs.
static uint32_t slot_of(const struct watch_table *table, uint32_t id)
{
    uint32_t slot = home_of(table, id);
    while (table->slots[slot] && table->slots[slot]->id != id)
        slot = (slot + 1) & (table->capacity - 1);
    return slot;
}

struct watch *watch_table_find(const struct watch_table *table, uint32_t id)
{
    return table->count > 0 ? table->slots[slot_of(table, id)] : NULL;
}

static void table_grow(struct watch_table *table)
{
    struct watch_table grown = {.count = table->count};
    grown.capacity = table->capacity ? table->capacity * 2 : CAPACITY_MIN;
    grown.slots = memory_new_array(grown.capacity, sizeof(struct watch *));
    for (uint32_t i = 0; i < table->capacity; i++) {
        if (table->slots[i])
            grown.slots[slot_of(&grown, table->slots[i]->id)] = table->slots[i];
    }
    free(table->slots);
    *table = grown;
}

void watch_table_add(struct watch_table *table, struct watch *watch)
{
    if (table->count >= table->capacity / 4 * 3)
        table_grow(table);
    uint32_t slot = slot_of(table, watch->id);
    CHECK(!table->slots[slot]);
    table->slots[slot] = watch;
    table->count++;
}

// Whoever was pushed on by the removed one moves up (Knuth, TAOCP 3, 6.4, algorithm R).
void watch_table_remove(struct watch_table *table, uint32_t id)
{
    uint32_t mask = table->capacity - 1;
    uint32_t hole = slot_of(table, id);
    CHECK(table->slots[hole]);
    for (uint32_t slot = (hole + 1) & mask; table->slots[slot]; slot = (slot + 1) & mask) {
        uint32_t home = home_of(table, table->slots[slot]->id);
        if (((slot - home) & mask) < ((slot - hole) & mask))
            continue;
        table->slots[hole] = table->slots[slot];
        hole = slot;
    }
    table->slots[hole] = NULL;
    table->count--;
}

struct watch *watch_table_next(const struct watch_table *table, uint32_t *at)
{
    while (*at < table->capacity) {
        struct watch *watch = table->slots[(*at)++];
        if (watch)
            return watch;
    }
    return NULL;
}
