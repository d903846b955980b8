// SPDX-License-Identifier: Apache-2.0
// The watches of one reader by their ids: open addressing, at most three quarters full.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct watch;

struct watch_table {
    struct watch **slots; // owned array, borrowed watches; NULL: free
    uint32_t capacity;    // a power of two; 0: none yet
    uint32_t count;
};

void watch_table_deinit(struct watch_table *table);

struct watch *watch_table_find(const struct watch_table *table, uint32_t id); // NULL: none
void watch_table_add(struct watch_table *table, struct watch *watch);         // its id is free
void watch_table_remove(struct watch_table *table, uint32_t id);              // it is there

// The next watch from slot *at on, which moves behind it; NULL at the end. Start with 0. While the
// table does not change, all are visited.
struct watch *watch_table_next(const struct watch_table *table, uint32_t *at);
