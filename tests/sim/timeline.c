// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/timeline.h"

enum { HEAP_FIRST = 1024 };

static bool is_before(const struct occasion *a, const struct occasion *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

void timeline_deinit(struct timeline *timeline)
{
    free(timeline->heap);
    *timeline = (struct timeline){0};
}

static void sift_up(struct occasion *heap, uint32_t place)
{
    struct occasion moved = heap[place];
    while (place > 0 && is_before(&moved, &heap[(place - 1) / 2])) {
        heap[place] = heap[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    heap[place] = moved;
}

static void sift_down(struct occasion *heap, uint32_t count)
{
    struct occasion moved = heap[0];
    uint32_t place = 0;
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= count)
            break;
        if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (!is_before(&heap[child], &moved))
            break;
        heap[place] = heap[child];
        place = child;
    }
    heap[place] = moved;
}

void timeline_plan(struct timeline *timeline, uint64_t at_us,
                   void (*run)(void *context, uint64_t argument), void *context, uint64_t argument)
{
    if (timeline->count == timeline->capacity) {
        timeline->capacity = timeline->capacity ? 2 * timeline->capacity : HEAP_FIRST;
        timeline->heap =
            memory_resize_array(timeline->heap, timeline->capacity, sizeof *timeline->heap);
    }
    timeline->heap[timeline->count] = (struct occasion){
        .at_us = at_us > timeline->now_us ? at_us : timeline->now_us,
        .number = timeline->planned_count++,
        .run = run,
        .context = context,
        .argument = argument,
    };
    sift_up(timeline->heap, timeline->count++);
}

bool timeline_next(struct timeline *timeline, struct occasion *next)
{
    if (timeline->count == 0)
        return false;
    *next = timeline->heap[0];
    timeline->heap[0] = timeline->heap[--timeline->count];
    if (timeline->count > 0)
        sift_down(timeline->heap, timeline->count);
    CHECK(next->at_us >= timeline->now_us);
    timeline->now_us = next->at_us;
    return true;
}
