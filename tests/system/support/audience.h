// SPDX-License-Identifier: Apache-2.0
// A subscriber that holds its continuous query to its promise: the state at one point, then every
// later change, in order, once; or an end that is told.
#pragma once

#include "client/grid.h"

#include <stdbool.h>
#include <stdint.h>

struct audience {
    struct grid *grid; // borrowed
    struct grid_subscription *subscription;
    const char *query; // borrowed
    uint32_t key_count;
    int64_t *seen;                 // owned; by key: the number that it has seen last; 0: none
    bool is_ready;                 // the snapshot is complete
    bool has_ended;                // by an error
    uint32_t starts;               // subscriptions so far
    uint32_t faults;               // events that do not follow from those before
    uint32_t ends[GRID_MOVED + 1]; // by error
};

// Keys are the ints below key_count; values are maps whose field "n" is the key's number.
void audience_init(struct audience *audience, struct grid *grid, const char *query,
                   uint32_t key_count);
void audience_deinit(struct audience *audience);

// Ends for another reason than that a partition moved or a node was lost.
uint32_t audience_unexpected_ends(const struct audience *audience);

// Subscribes, also again after an end.
void audience_tick(struct audience *audience);
