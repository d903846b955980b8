// SPDX-License-Identifier: Apache-2.0
// How a watch is, in a line where that is news: not each state that it passes through, but what
// lasts, what was lost, and when all is well again.
#pragma once

#include "client/grid.h"
#include "cluster/base/buffer.h"
#include "cluster/base/check.h"

struct watch_state {
    enum grid_subscription_state state; // as last heard
    uint64_t behind;                    // likewise
    int64_t since_us;                   // when it came into this state
    enum grid_subscription_state shown; // what the last line said
    uint64_t shown_behind;
    int64_t shown_us;
};

void watch_state_init(struct watch_state *watch, int64_t now_us);

void watch_state_note(struct watch_state *watch, enum grid_subscription_state state,
                      uint64_t behind, int64_t now_us);

// Appends the line that is due, without its end. False: none is.
MUST_USE bool watch_state_line(struct watch_state *watch, int64_t now_us, struct buffer *out);
