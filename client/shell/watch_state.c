// SPDX-License-Identifier: Apache-2.0
#include "client/shell/watch_state.h"

#include "client/shell/load_progress.h"
#include "cluster/base/units.h"

enum {
    STARTING_HOLD_US = 2 * US_PER_S,       // a start that takes no longer is no news
    CATCHING_UP_HOLD_US = 500 * US_PER_MS, // nor is a lag that is over so soon
    LAG_EVERY_US = US_PER_S,               // between two lines about how far behind it is
};

void watch_state_init(struct watch_state *watch, int64_t now_us)
{
    *watch = (struct watch_state){
        .state = GRID_SUBSCRIPTION_STARTING, .since_us = now_us, .shown = GRID_SUBSCRIPTION_LIVE};
}

void watch_state_note(struct watch_state *watch, enum grid_subscription_state state,
                      uint64_t behind, int64_t now_us)
{
    if (state != watch->state)
        watch->since_us = now_us;
    watch->state = state;
    watch->behind = behind;
}

static int64_t hold_us(enum grid_subscription_state state)
{
    switch (state) {
    case GRID_SUBSCRIPTION_STARTING:
        return STARTING_HOLD_US;
    case GRID_SUBSCRIPTION_CATCHING_UP:
        return CATCHING_UP_HOLD_US;
    case GRID_SUBSCRIPTION_LIVE:
    case GRID_SUBSCRIPTION_RESETTING:
    case GRID_SUBSCRIPTION_LOST:
    case GRID_SUBSCRIPTION_ENDED:
        return 0;
    }
    CHECK(false);
}

// What has ended says why by itself.
static bool is_due(const struct watch_state *watch, int64_t now_us)
{
    if (watch->state == GRID_SUBSCRIPTION_ENDED)
        return false;
    if (watch->state != watch->shown)
        return now_us - watch->since_us >= hold_us(watch->state);
    return watch->state == GRID_SUBSCRIPTION_CATCHING_UP && watch->behind != watch->shown_behind &&
           now_us - watch->shown_us >= LAG_EVERY_US;
}

static const char *text_of(enum grid_subscription_state state)
{
    switch (state) {
    case GRID_SUBSCRIPTION_STARTING:
        return "starting: not every partition has answered yet";
    case GRID_SUBSCRIPTION_LIVE:
        return "live";
    case GRID_SUBSCRIPTION_CATCHING_UP:
        return "catching up";
    case GRID_SUBSCRIPTION_RESETTING:
        return "reset: the log of some partition does not reach back so far; what differs follows";
    case GRID_SUBSCRIPTION_LOST:
        return "lost: some partition is not heard; trying to go on";
    case GRID_SUBSCRIPTION_ENDED:
        break;
    }
    CHECK(false);
}

bool watch_state_line(struct watch_state *watch, int64_t now_us, struct buffer *out)
{
    if (!is_due(watch, now_us))
        return false;
    const char *text = text_of(watch->state);
    buffer_append(out, text, strlen(text));
    if (watch->behind > 0 && watch->state != GRID_SUBSCRIPTION_LIVE) {
        char count[32];
        char lag[64];
        load_count_write(count, watch->behind);
        int size =
            snprintf(lag, sizeof lag, ", %s change%s behind", count, watch->behind == 1 ? "" : "s");
        buffer_append(out, lag, (size_t)size);
    }
    watch->shown = watch->state;
    watch->shown_behind = watch->behind;
    watch->shown_us = now_us;
    return true;
}
