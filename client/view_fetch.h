// SPDX-License-Identifier: Apache-2.0
// Keeping the view current: asked of one member after the other while it is out of date, and of the
// seeds when no member is left, or none knows better.
#pragma once

#include "client/link.h"
#include "cluster/model/view.h"

struct grid;

struct client_view_fetch {
    bool is_wanted;
    int64_t due_ms;            // with is_wanted: not asked before (monotonic, as the next)
    int64_t asked_ms;          // last time; 0: never
    struct client_link *asked; // borrowed; has not answered yet; NULL: nobody
    struct client_link *hint;  // borrowed; has another view than this client; NULL: nobody
    uint32_t next;             // number of the member to ask next
    uint32_t trouble;          // askings since requests are stuck and no newer view came
    struct client_link *scout; // owned; speaks to the seeds; NULL: not needed
    bool has_new;              // `fresh` waits for the end of the loop turn
    struct view fresh;
};

void client_view_stop(struct grid *grid);

// The view is unknown or may be stale: ask for it, but not within `interval_ms` of the last time.
// `hint`: a link whose node has another one; may be NULL.
void client_view_want(struct grid *grid, uint32_t interval_ms, struct client_link *hint);

// Requests are stuck: as above, and the seeds are asked too when that goes on.
void client_view_want_badly(struct grid *grid);

// Compares the lowest byte of the version with which the link's node answered.
void client_view_compare(struct grid *grid, struct client_link *link, uint8_t version_byte);

// The answer to VIEW. NULL, or why the link is to be given up.
const char *client_view_answer(struct grid *grid, struct client_link *link,
                               const struct frame *frame);

// The link has lost its connection, or goes away.
void client_view_detach(struct grid *grid, struct client_link *link);

// The end of a loop turn: asks when it is time to, and lets go of seeds that are not needed.
void client_view_turn(struct grid *grid);
