// SPDX-License-Identifier: Apache-2.0
// The state of a partition at S0, exactly once, while it changes.
//
// S0 is the commit point at the moment of registration. The walk emits an entry iff entry.seq <=
// S0. An effect after S0 whose old value has old_seq <= S0 takes such an entry away: it emits
// ROW(old) when it is appended, if the walk has not passed the key, and at the registration, if it
// was appended and not committed before. Its own delta comes when it is committed, so after the
// row.
#include "cluster/model/key.h"
#include "cluster/wire/event_codec.h"
#include "node/feed/core.h"

enum {
    WALK_OUTLET_BYTES = 256 * 1024, // a walk waits while more is to be written: deltas still have
                                    // room up to the outlet's limit
    ENTRIES_PER_STEP = 64,          // what a step costs beside the entries that it visits
};

void course_restart(struct course *course, uint32_t place)
{
    enum part_state state = course_state(course, place);
    if (state == PART_WAITING || state == PART_WALKING)
        course_set(course, place, PART_PENDING, 0, PART_RESET);
}

// ---- Rows that are overwritten ----

static void row_match(void *context, struct index_entry *entry, enum transition transition)
{
    struct watch *watch = LIST_ENTRY(entry, struct watch, entry);
    (void)context;
    reader_add_match(watch->reader, watch, transition);
}

// ROW(old) of an effect after S0 to those of the course whom the old value matches.
static void course_row_old(const struct course *course, const struct delivery *delivery)
{
    const struct effect *effect = &delivery->effect;
    course_match(course, delivery->source->place, effect->map, effect->key, bytes_of(NULL, 0),
                 delivery->old_value, row_match, NULL);
    reader_emit_row(course->reader, delivery->source, effect->key, delivery->old_value,
                    delivery->old_seq);
}

static bool takes_row(const struct delivery *delivery, uint64_t s0)
{
    return delivery->old_seq != 0 && delivery->old_seq <= s0;
}

// The walk of this part has not come to the key.
static bool is_ahead(const struct course *course, const struct delivery *delivery)
{
    const struct source *source = delivery->source;
    if (course_state(course, source->place) == PART_WAITING)
        return true;
    uint32_t number = partition_map_number(source->partition, delivery->effect.map);
    return number > course->map_number ||
           (number == course->map_number && key_hash(delivery->effect.key) >= course->hash);
}

void course_appended(struct course *course, const struct delivery *delivery)
{
    uint32_t place = delivery->source->place;
    enum part_state state = course_state(course, place);
    if ((state != PART_WAITING && state != PART_WALKING) ||
        !takes_row(delivery, course->parts[place].seq) || !is_ahead(course, delivery))
        return;
    if (reader_is_full(course->reader))
        course_restart(course, place);
    else
        course_row_old(course, delivery);
}

// ---- Registration ----

void course_register_member(struct course *course, struct watch *watch)
{
    struct reader *reader = course->reader;
    struct watches *watches = reader->watches;
    if (course->counts[PART_WAITING] == 0)
        return;
    for (uint32_t place = 0; place < watches->options.place_count; place++) {
        const struct source *source = watches->sources[place];
        if (course_state(course, place) != PART_WAITING)
            continue;
        uint64_t last_seq = partition_last_seq(source->partition);
        for (uint64_t seq = source->committed_seq + 1; seq <= last_seq; seq++) {
            struct delivery delivery;
            delivery_init(&delivery, watches, source, seq);
            const struct effect *effect = &delivery.effect;
            if (!takes_row(&delivery, source->committed_seq) ||
                !bytes_equal(effect->map, index_entry_map(&watch->entry)) ||
                index_entry_match(watches->index, &watch->entry, effect->key, bytes_of(NULL, 0),
                                  delivery.old_value) == TRANSITION_NONE)
                continue;
            reader_add_match(reader, watch, TRANSITION_ENTER);
            reader_emit_row(reader, source, effect->key, delivery.old_value, delivery.old_seq);
        }
    }
}

// The client's position in a partition must be S0 when a side course is registered there; a RESET
// comes before a position that it does not stand for yet.
static void part_register(struct course *course, uint32_t place)
{
    struct reader *reader = course->reader;
    const struct source *source = reader->watches->sources[place];
    uint64_t s0 = source->committed_seq;
    bool is_reset = (course->parts[place].flags & PART_RESET) != 0;
    if (course->is_side)
        reader_tell(reader);
    course_set(course, place, PART_WAITING, s0, 0);
    if (is_reset) {
        struct audience audience = course_audience(course);
        struct mark mark = source_mark(source, s0);
        milestone_encode(&reader->outlet->out, FRAME_RESET, &audience, &mark, 1);
        outlet_changed(reader->outlet);
        reader->watches->figures.reset_count++;
    }
    if (!course->is_side)
        reader_tell(reader);
    for (uint64_t seq = s0 + 1; seq <= partition_last_seq(source->partition); seq++) {
        struct delivery delivery;
        delivery_init(&delivery, reader->watches, source, seq);
        if (takes_row(&delivery, s0))
            course_row_old(course, &delivery);
    }
}

// ---- The walk ----

struct walk {
    struct course *course;
    const struct source *source;
    struct bytes map;
    uint32_t visited_count;
};

static void walk_visit(void *context, const struct entry *entry)
{
    struct walk *walk = context;
    struct course *course = walk->course;
    uint32_t place = walk->source->place;
    walk->visited_count++;
    if (entry->seq > course->parts[place].seq)
        return;
    course_match(course, place, walk->map, entry->key, bytes_of(NULL, 0), entry->value, row_match,
                 NULL);
    reader_emit_row(course->reader, walk->source, entry->key, entry->value, entry->seq);
}

// A side course's members are all of one map.
static bool walks_map(const struct course *course, struct bytes map)
{
    return course->is_side ? bytes_equal(index_entry_map(&course->members[0]->entry), map)
                           : index_has_map(course->reader->watches->index, map);
}

// One table segment of the WALKING part. False: there was none left.
static bool walk_step(struct course *course, const struct source *source, uint32_t *budget)
{
    struct partition *partition = source->partition;
    while (course->map_number < partition_map_count(partition)) {
        struct walk walk = {.course = course,
                            .source = source,
                            .map = partition_map_name(partition, course->map_number)};
        bool more = walks_map(course, walk.map) &&
                    partition_walk(partition, walk.map, &course->hash, walk_visit, &walk);
        if (!more) {
            course->map_number++;
            course->hash = 0;
        }
        uint32_t cost = walk.visited_count + 1;
        *budget -= cost < *budget ? cost : *budget;
        if (more || walk.visited_count > 0)
            return true;
    }
    return false;
}

static bool may_register(const struct course *course, uint32_t place)
{
    const struct reader *reader = course->reader;
    return reader->watches->sources[place] &&
           (!course->is_side || course_state(&reader->main, place) == PART_LEVEL);
}

// The part to go on with is WALKING at walk_place then. False: none can.
static bool walk_find(struct course *course)
{
    uint32_t place_count = course->reader->watches->options.place_count;
    if (course->counts[PART_WALKING] > 0)
        return true;
    if (course->counts[PART_WAITING] + course->counts[PART_PENDING] == 0)
        return false;
    for (uint32_t tried = 0; tried < place_count; tried++) {
        uint32_t place = (course->walk_place + tried) % place_count;
        if (course_state(course, place) == PART_PENDING && may_register(course, place))
            part_register(course, place);
        if (course_state(course, place) != PART_WAITING)
            continue;
        course->walk_place = place;
        course->map_number = 0;
        course->hash = 0;
        course_set(course, place, PART_WALKING, course->parts[place].seq, 0);
        return true;
    }
    return false;
}

bool course_walk(struct course *course, uint32_t *budget)
{
    struct reader *reader = course->reader;
    struct watches *watches = reader->watches;
    uint32_t ready_count = 0;
    bool more = true;
    while (*budget > 0 && more) {
        more = buffer_size(&reader->outlet->out) <= WALK_OUTLET_BYTES && walk_find(course);
        if (!more)
            break;
        uint32_t place = course->walk_place;
        const struct source *source = watches->sources[place];
        if (walk_step(course, source, budget))
            continue;
        watches->ready_marks[ready_count++] = source_mark(source, course->parts[place].seq);
        course_set(course, place, PART_LEVEL, 0, 0);
    }
    course_tell_ready(course, watches->ready_marks, ready_count);
    return more;
}
