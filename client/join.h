// SPDX-License-Identifier: Apache-2.0
// Where one subscription stands on each link, and which partitions still owe their snapshot.
#pragma once

#include "cluster/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct client_link;

enum client_join_state {
    JOIN_NONE = 0, // never asked, refused, ended or lost: no frame comes from there
    JOIN_ASKED,    // SUBSCRIBE is sent
    JOIN_LIVE,
    JOIN_LEAVING, // UNSUBSCRIBE is sent: frames are dropped until it is answered
};

struct client_join {
    struct client_link *link; // borrowed; NULL: lost
    enum client_join_state state;
    uint32_t listed_count; // partitions that it feeds
};

enum client_listing {
    LISTING_NEW = 0,
    LISTING_REPEATED, // the same worker has listed it already, or there is no such partition
    LISTING_DISPUTED, // another worker feeds it as well: it moves
};

#define JOIN_NO_LISTER UINT32_MAX

struct client_joins {
    struct client_join *array; // owned; the link numbered n is at n, as long as numbers stand
    uint32_t count;
    uint32_t asked_count;
    uint32_t leaving_count;
    uint8_t *owing;   // owned; a bit per partition: listed, its snapshot is not READY
    uint32_t *lister; // owned; by partition: place in `array` of the worker that feeds it;
                      // JOIN_NO_LISTER: none
    uint32_t listed_count;
    uint32_t owing_count;
    uint32_t partition_count;
};

void client_joins_init(struct client_joins *joins, uint32_t link_count, uint32_t partition_count);
void client_joins_deinit(struct client_joins *joins);

// NULL when the subscription never asked this link.
struct client_join *client_joins_find(const struct client_joins *joins,
                                      const struct client_link *link, uint32_t link_number);

// Moves on, and counts.
void client_joins_set(struct client_joins *joins, struct client_join *join,
                      enum client_join_state state);

// The links were numbered afresh: each join moves to the place of its link.
void client_joins_renumber(struct client_joins *joins, uint32_t link_count);

// The worker feeds this partition.
MUST_USE enum client_listing client_joins_list(struct client_joins *joins, struct client_join *join,
                                               uint16_t partition, bool owes_snapshot);

// The link over which this partition is fed; NULL: none.
struct client_link *client_joins_feeder(const struct client_joins *joins, uint16_t partition);

// The snapshot of this partition is complete. False when it was not owed.
MUST_USE bool client_joins_ready(struct client_joins *joins, uint16_t partition);

// All workers have answered, and no snapshot is owed.
static inline bool client_joins_are_ready(const struct client_joins *joins)
{
    return joins->asked_count == 0 && joins->owing_count == 0;
}
