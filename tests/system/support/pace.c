// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/pace.h"

#include "cluster/base/check.h"
#include "tests/system/support/nodes.h"

#include <event2/event.h>

enum {
    SLICE_US = 500, // between two looks at what is due
    BEHIND_MAX_US = 100 * 1000,
};

// Slices are shorter than the milliseconds of epoll.
void pace_init(struct pace *pace, uint32_t rate, void (*submit)(void *context, uint64_t due_us),
               void *context)
{
    struct event_config *config = event_config_new();
    CHECK(config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0);
    *pace = (struct pace){.base = event_base_new_with_config(config),
                          .rate = rate,
                          .submit = submit,
                          .context = context};
    CHECK(pace->base != NULL);
    event_config_free(config);
}

void pace_deinit(struct pace *pace)
{
    event_base_free(pace->base);
}

void pace_turn(struct pace *pace)
{
    const struct timeval slice = {.tv_usec = SLICE_US};
    CHECK(event_base_loopexit(pace->base, &slice) == 0);
    CHECK(event_base_loop(pace->base, 0) >= 0);
}

bool pace_run_until(struct pace *pace, bool (*is_met)(void *context), void *context,
                    uint32_t limit_ms)
{
    uint64_t now = now_us();
    uint64_t end_us = now + (uint64_t)limit_ms * 1000;
    if (pace->due_us + BEHIND_MAX_US < now)
        pace->due_us = now;
    uint64_t step_ns = 1000000000 / pace->rate;
    uint64_t next_ns = pace->due_us * 1000;
    bool is_over = false;
    while (!is_over && now < end_us) {
        for (; next_ns <= now * 1000; next_ns += step_ns)
            pace->submit(pace->context, next_ns / 1000);
        pace_turn(pace);
        is_over = is_met && is_met(context);
        now = now_us();
    }
    pace->due_us = next_ns / 1000;
    return is_over;
}

bool pace_rest_until(struct pace *pace, bool (*is_met)(void *context), void *context,
                     uint32_t limit_ms)
{
    uint64_t end_ms = now_ms() + limit_ms;
    while (!is_met(context)) {
        if (now_ms() > end_ms)
            return false;
        pace_turn(pace);
    }
    return true;
}
