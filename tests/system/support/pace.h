// SPDX-License-Identifier: Apache-2.0
// An event loop in which operations are due at a constant rate, whatever became of earlier ones.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct event_base;

struct pace {
    struct event_base *base; // owned; clients share it
    uint32_t rate;           // operations per second
    uint64_t due_us;         // the next one
    void (*submit)(void *context, uint64_t due_us);
    void *context;
};

void pace_init(struct pace *pace, uint32_t rate, void (*submit)(void *context, uint64_t due_us),
               void *context);
void pace_deinit(struct pace *pace); // after the clients

// Lets the clients work for half a millisecond.
void pace_turn(struct pace *pace);

// With load until this time has passed, or the condition is met (false: it was not; NULL: none).
// What was due while nothing ran is not made up for.
bool pace_run_until(struct pace *pace, bool (*is_met)(void *context), void *context,
                    uint32_t limit_ms);

// Likewise, without load.
bool pace_rest_until(struct pace *pace, bool (*is_met)(void *context), void *context,
                     uint32_t limit_ms);
