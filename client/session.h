// SPDX-License-Identifier: Apache-2.0
// The client's sessions as a whole: finding the view, links that come and go, and what is done at
// the end of a loop turn.
#pragma once

#include "client/core.h"

// Starts to look for the view; `turn` events must exist.
void client_session_start(struct grid *grid);
void client_session_stop(struct grid *grid);

// The view is stale or unknown: fetch it, soon.
void client_session_want_view(struct grid *grid);

// Let the end of this loop turn, or of the next one, do its work.
void client_session_want_turn(struct grid *grid);

// stream.out of the link has got something to write at the end of the turn.
static inline void client_session_dirty(struct grid *grid, struct client_link *link)
{
    if (link->is_dirty)
        return;
    link->is_dirty = true;
    list_append(&grid->dirty, &link->dirty);
    client_session_want_turn(grid);
}

// Why no way is known or no member is connected: "" when there is nothing to say.
const char *client_session_failure(const struct grid *grid);
