// SPDX-License-Identifier: Apache-2.0
// One connection of a load: requests under way, bytes to send, bytes half received.
#pragma once

#include "bench/destinations.h"
#include "bench/driver.h"
#include "bench/settings.h"

// Records are loaded at this depth, or --depth where that is more.
enum { LANE_LOAD_DEPTH = 32 };

struct lane {
    int fd; // -1: closed
    uint16_t group;
    const struct driver *driver; // borrowed
    uint32_t partition_count;
    uint32_t depth;       // slots: the bound of `out`
    uint32_t limit;       // requests under way at most in this phase; <= depth
    uint32_t in_flight;   // <= depth
    struct slot *slots;   // owned; depth
    uint32_t *free_slots; // owned; a stack of depth - in_flight
    uint32_t *order; // owned; slot numbers as they were sent, for SLOT_OLDEST: a ring of `depth`
    uint32_t order_start; // of the oldest
    struct buffer in;     // the beginning of a reply
    struct buffer out;
    bool wants_write; // the kernel took only a part of `out`
    bool touched;     // is in its thread's list of lanes to look at
};

// Connects and greets, then turns non-blocking.
MUST_USE bool lane_open(struct lane *lane, const struct settings *settings,
                        const struct destinations *destinations, uint16_t group,
                        char reason[static REASON_BYTES]);
void lane_close(struct lane *lane);

// Whether another request may be put under way now.
static inline bool lane_has_room(const struct lane *lane)
{
    return lane->in_flight < lane->limit;
}

// Puts a request under way; lane_has_room holds. It is written by lane_flush.
void lane_submit(struct lane *lane, const struct operation *operation,
                 const struct request *request);

// Writes what the kernel takes now; `wants_write` tells whether something is left.
MUST_USE bool lane_flush(struct lane *lane, char reason[static REASON_BYTES]);

// `slot` and `reply` are borrowed until return. The slot is free already: it may submit to the
// lane.
typedef void lane_reply_fn(void *context, struct lane *lane, const struct slot *slot,
                           const struct driver_reply *reply);

// Reads what has come, into `scratch` first, and calls back for each reply.
MUST_USE bool lane_read(struct lane *lane, uint8_t *scratch, size_t scratch_bytes,
                        lane_reply_fn *callback, void *context, char reason[static REASON_BYTES]);
