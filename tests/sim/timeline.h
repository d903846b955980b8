// SPDX-License-Identifier: Apache-2.0
// The virtual clock and what is to happen: a binary heap of events by time, then by the order in
// which they were planned, so that the same seed gives the same run.
#pragma once

#include "cluster/base/memory.h"

struct occasion {
    uint64_t at_us;
    uint64_t number; // in the order of planning; unique
    void (*run)(void *context, uint64_t argument);
    void *context; // borrowed until it has run
    uint64_t argument;
};

struct timeline {
    uint64_t now_us;
    uint64_t planned_count;
    struct occasion *heap; // owned
    uint32_t count;
    uint32_t capacity;
};

void timeline_deinit(struct timeline *timeline);

// `at_us` in the past means now.
void timeline_plan(struct timeline *timeline, uint64_t at_us,
                   void (*run)(void *context, uint64_t argument), void *context, uint64_t argument);

// Takes the next event and moves the clock to it. False: there is none.
bool timeline_next(struct timeline *timeline, struct occasion *next);
