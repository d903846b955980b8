// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/memory.h"
#include "cluster/rules/epochs.h"
#include "node/feed/core.h"

// Of the main course everything is UNFOLLOWED, of a side course LEVEL.
void course_init(struct course *course, struct reader *reader, bool is_side)
{
    uint32_t place_count = reader->watches->options.place_count;
    enum part_state state = is_side ? PART_LEVEL : PART_UNFOLLOWED;
    *course = (struct course){.reader = reader, .is_side = is_side};
    course->parts = memory_new_array(place_count, sizeof *course->parts);
    for (uint32_t place = 0; place < place_count; place++)
        course->parts[place].state = (uint8_t)state;
    course->counts[state] = place_count;
    list_init(&course->link);
}

static bool is_walking(enum part_state state)
{
    return state == PART_WAITING || state == PART_WALKING;
}

void course_deinit(struct course *course)
{
    course->reader->watches->walking_parts -=
        course->counts[PART_WAITING] + course->counts[PART_WALKING];
    list_remove(&course->link);
    free(course->parts);
    free(course->members);
}

void course_set(struct course *course, uint32_t place, enum part_state state, uint64_t seq,
                uint8_t flags)
{
    struct part *part = &course->parts[place];
    struct watches *watches = course->reader->watches;
    enum part_state before = (enum part_state)part->state;
    course->counts[before]--;
    course->counts[state]++;
    watches->walking_parts += is_walking(state);
    watches->walking_parts -= is_walking(before);
    *part = (struct part){.seq = seq, .state = (uint8_t)state, .flags = flags};
    if (state != PART_LEVEL && state != PART_UNFOLLOWED)
        reader_wake(course->reader);
}

void course_add_member(struct course *course, struct watch *watch)
{
    if (course->member_count == course->member_capacity) {
        course->member_capacity = course->member_capacity ? course->member_capacity * 2 : 1;
        course->members =
            memory_resize_array(course->members, course->member_capacity, sizeof(struct watch *));
    }
    course->members[course->member_count++] = watch;
    watch->course = course;
}

void course_remove_member(struct course *course, const struct watch *watch)
{
    uint32_t at = 0;
    while (course->members[at] != watch)
        at++;
    course->members[at] = course->members[--course->member_count];
}

uint64_t course_behind(const struct course *course)
{
    const struct watches *watches = course->reader->watches;
    uint64_t behind = 0;
    if (course->counts[PART_LAGGING] + course->counts[PART_PENDING] == 0)
        return 0;
    for (uint32_t place = 0; place < watches->options.place_count; place++) {
        const struct part *part = &course->parts[place];
        const struct source *source = watches->sources[place];
        if (source && part->state == PART_LAGGING && part->seq <= source->committed_seq)
            behind += source->committed_seq + 1 - part->seq;
        else if (source && part->state == PART_PENDING)
            behind++; // nobody knows how much it will be
    }
    return behind;
}

struct mark source_mark(const struct source *source, uint64_t seq)
{
    uint64_t last_seq;
    return (struct mark){.partition = source->number,
                         .epoch = seq > 0 ? epochs_at(source->epochs, seq, &last_seq) : 0,
                         .seq = seq};
}
