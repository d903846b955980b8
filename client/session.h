// SPDX-License-Identifier: Apache-2.0
// The client's sessions as a whole: links that come and go, and what is done at the end of a loop
// turn.
#pragma once

#include "client/core.h"

// Starts to look for the view; `turn` events must exist.
void client_session_start(struct grid *grid);
void client_session_stop(struct grid *grid);

// Let the end of this loop turn, or of the next one, do its work.
void client_session_want_turn(struct grid *grid);

// Let there be a turn at that time (monotonic), which also routes. Only the earliest is remembered:
// whoever still waits at a turn says so again.
void client_session_turn_at(struct grid *grid, int64_t when_ms);

// stream.out of the link has got something to write at the end of the turn.
static inline void client_session_dirty(struct grid *grid, struct client_link *link)
{
    if (link->is_dirty)
        return;
    link->is_dirty = true;
    list_append(&grid->dirty, &link->dirty);
    client_session_want_turn(grid);
}

// Says in the frame at `mark` of stream.out which view this client has.
static inline void client_session_stamp(const struct grid *grid, struct client_link *link,
                                        size_t mark)
{
    frame_set_view(&link->stream.out, mark, (uint8_t)grid->topology.view.version);
}

// Why no way is known or no member is connected: "" when there is nothing to say.
const char *client_session_failure(const struct grid *grid);
