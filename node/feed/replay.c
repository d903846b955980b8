// SPDX-License-Identifier: Apache-2.0
// A course that is behind reads the log by itself. What the log has dropped is reset.
#include "cluster/rules/epochs.h"
#include "node/feed/core.h"

enum {
    REPLAY_OUTLET_BYTES = 256 * 1024, // no more is read while so much is to be written
    CHUNK_EFFECTS_MAX = 1024,         // that are conflated together
    CHUNK_BYTES = 256 * 1024,
};

bool source_can_replay(const struct source *source, uint64_t epoch, uint64_t seq)
{
    uint64_t first_seq = partition_first_seq(source->partition);
    if (epoch == 0 && seq == 0)
        return first_seq == 1 && source->exact_seq == 0;
    uint64_t run_last_seq;
    return seq <= partition_last_seq(source->partition) && seq + 1 >= first_seq &&
           seq >= source->exact_seq && epoch != 0 &&
           epochs_at(source->epochs, seq, &run_last_seq) == epoch;
}

uint64_t source_earliest(const struct source *source)
{
    uint64_t first_seq = partition_first_seq(source->partition);
    return first_seq > source->exact_seq ? first_seq : source->exact_seq + 1;
}

// ---- Reading ----

static void replay_match(void *context, struct index_entry *entry, enum transition transition)
{
    const struct delivery *delivery = context;
    struct watch *watch = LIST_ENTRY(entry, struct watch, entry);
    if (watch_wants(watch, transition, delivery->effect.cause))
        reader_add_match(watch->reader, watch, transition);
}

static void replay_one(struct course *course, const struct source *source, uint64_t seq)
{
    struct delivery delivery;
    delivery_init(&delivery, course->reader->watches, source, seq);
    delivery.only = course;
    const struct effect *effect = &delivery.effect;
    course_match(course, source->place, effect->map, effect->key, delivery.old_value, effect->value,
                 replay_match, &delivery);
    if (course->reader->match_count > 0)
        reader_emit(course->reader, &delivery);
}

// The last effect of a chunk that begins here.
static uint64_t chunk_end(struct course *course, const struct source *source, uint64_t from_seq,
                          uint64_t to_seq)
{
    size_t bytes = 0;
    uint64_t seq = from_seq;
    for (; seq < to_seq && seq - from_seq < CHUNK_EFFECTS_MAX - 1; seq++) {
        struct delivery delivery;
        delivery_init(&delivery, course->reader->watches, source, seq);
        bytes += delivery.effect.key.size + delivery.effect.value.size + delivery.old_value.size;
        if (bytes >= CHUNK_BYTES)
            break;
    }
    return seq;
}

static bool course_conflates(const struct course *course)
{
    return !course->is_side && course->reader->conflating_count > 0;
}

// Reads a chunk, or as much of it as fits into a frame; alone, an effect has nothing to be merged
// with. Returns its last effect.
static uint64_t chunk_read(struct course *course, const struct source *source, uint64_t from_seq,
                           uint64_t to_seq)
{
    uint64_t end_seq = chunk_end(course, source, from_seq, to_seq);
    while (end_seq > from_seq && !conflate(course, source, from_seq, end_seq))
        end_seq = from_seq + (end_seq - from_seq) / 2;
    if (end_seq == from_seq)
        replay_one(course, source, from_seq);
    return end_seq;
}

// Reads on up to `to_seq` as far as there is room.
static void part_read(struct course *course, const struct source *source, uint64_t to_seq,
                      uint32_t *budget)
{
    struct part *part = &course->parts[source->place];
    const struct outlet *outlet = course->reader->outlet;
    while (part->seq <= to_seq && *budget > 0 && buffer_size(&outlet->out) <= REPLAY_OUTLET_BYTES) {
        uint64_t from_seq = part->seq;
        if (course_conflates(course))
            part->seq = chunk_read(course, source, from_seq, to_seq);
        else
            replay_one(course, source, from_seq);
        part->seq++;
        uint64_t cost = part->seq - from_seq;
        *budget -= cost < *budget ? (uint32_t)cost : *budget;
    }
}

// ---- One partition ----

// Where the course may read to, and what it is level at then; false: not now.
static bool part_limit(const struct course *course, const struct source *source, uint64_t *to_seq,
                       uint64_t *level_seq)
{
    const struct course *main = &course->reader->main;
    *to_seq = source->committed_seq;
    *level_seq = source->committed_seq + 1;
    if (!course->is_side)
        return true;
    switch (course_state(main, source->place)) {
    case PART_LEVEL:
        return true;
    case PART_UNFOLLOWED: // it goes on by itself
        *level_seq = UINT64_MAX;
        return true;
    case PART_LAGGING:
        *level_seq = main->parts[source->place].seq;
        if (*level_seq <= *to_seq)
            *to_seq = *level_seq - 1;
        return true;
    case PART_PENDING:
    case PART_WAITING:
    case PART_WALKING:
    case PART_STATE_COUNT:
        break;
    }
    return false;
}

// True when the part is level now.
static bool part_replay(struct course *course, const struct source *source, uint32_t *budget)
{
    uint32_t place = source->place;
    const struct part *part = &course->parts[place];
    uint64_t to_seq;
    uint64_t level_seq;
    if (!part_limit(course, source, &to_seq, &level_seq))
        return false;
    if (part->seq <= to_seq && part->seq < partition_first_seq(source->partition)) {
        course_set(course, place, PART_PENDING, 0, PART_RESET);
        return false;
    }
    part_read(course, source, to_seq, budget);
    if (part->seq != level_seq)
        return false;
    course_set(course, place, PART_LEVEL, 0, 0);
    return true;
}

bool course_replay(struct course *course, uint32_t *budget)
{
    struct reader *reader = course->reader;
    struct watches *watches = reader->watches;
    uint32_t place_count = watches->options.place_count;
    uint32_t ready_count = 0;
    if (course->counts[PART_LAGGING] == 0)
        return false;
    for (uint32_t tried = 0; tried<place_count && * budget> 0; tried++) {
        uint32_t place = course->replay_place;
        const struct source *source = watches->sources[place];
        bool is_blocked = buffer_size(&reader->outlet->out) > REPLAY_OUTLET_BYTES;
        if (is_blocked)
            break;
        course->replay_place = place + 1 == place_count ? 0 : place + 1;
        if (course_state(course, place) != PART_LAGGING)
            continue;
        if (part_replay(course, source, budget) && course->is_side)
            watches->ready_marks[ready_count++] = source_mark(source, source->committed_seq);
    }
    // The client goes on from the common position: it must know it first.
    if (ready_count > 0)
        reader_tell(reader);
    course_tell_ready(course, watches->ready_marks, ready_count);
    return *budget == 0;
}
