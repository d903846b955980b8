// SPDX-License-Identifier: Apache-2.0
// An effect becomes frames: one for each reader, whatever number of its watches it concerns.
#include "cluster/base/memory.h"
#include "cluster/rules/epochs.h"
#include "cluster/wire/event_codec.h"
#include "node/feed/core.h"

enum { DIRECT_WATCHES_MAX = 4 }; // so many are asked one by one, not found by the index

static const uint8_t transition_kinds[] = {
    [TRANSITION_ENTER] = FRAME_ENTER,
    [TRANSITION_UPDATE] = FRAME_UPDATE,
    [TRANSITION_LEAVE] = FRAME_LEAVE,
};

static const uint8_t transition_bits[] = {
    [TRANSITION_ENTER] = KIND_ENTER,
    [TRANSITION_UPDATE] = KIND_UPDATE,
    [TRANSITION_LEAVE] = KIND_LEAVE,
};

void delivery_init(struct delivery *delivery, struct watches *watches, const struct source *source,
                   uint64_t seq)
{
    uint64_t last_seq;
    delivery->watches = watches;
    delivery->source = source;
    delivery->only = NULL;
    delivery->made_epoch = epochs_at(source->epochs, seq, &last_seq);
    list_init(&delivery->touched);
    partition_effect(source->partition, seq, &delivery->effect, &delivery->old_value,
                     &delivery->old_seq);
}

bool watch_wants(const struct watch *watch, enum transition transition, enum cause cause)
{
    return (watch->kinds & transition_bits[transition]) != 0 &&
           (watch->causes >> (cause - 1) & 1) != 0;
}

void reader_add_match(struct reader *reader, struct watch *watch, enum transition transition)
{
    if (reader->match_count == reader->match_capacity) {
        reader->match_capacity = reader->match_capacity ? reader->match_capacity * 2 : 4;
        reader->matches =
            memory_resize_array(reader->matches, reader->match_capacity, sizeof *reader->matches);
    }
    reader->matches[reader->match_count++] =
        (struct match){.watch = watch, .transition = (uint8_t)transition};
}

// ---- Whom a change concerns ----

struct filter {
    const struct course *course;
    uint32_t place;
    index_match_fn *on_match;
    void *context;
};

static void filter_match(void *context, struct index_entry *entry, enum transition transition)
{
    const struct filter *filter = context;
    const struct watch *watch = LIST_ENTRY(entry, struct watch, entry);
    if (watch->reader == filter->course->reader &&
        watch_course_at(watch, filter->place) == filter->course)
        filter->on_match(filter->context, entry, transition);
}

static void watch_match(struct watches *watches, struct watch *watch, const struct filter *filter,
                        struct bytes map, struct bytes key, struct bytes old_value,
                        struct bytes new_value)
{
    if (!bytes_equal(index_entry_map(&watch->entry), map))
        return;
    enum transition transition =
        index_entry_match(watches->index, &watch->entry, key, old_value, new_value);
    if (transition != TRANSITION_NONE)
        filter_match((void *)(uintptr_t)filter, &watch->entry, transition);
}

void course_match(const struct course *course, uint32_t place, struct bytes map, struct bytes key,
                  struct bytes old_value, struct bytes new_value, index_match_fn *on_match,
                  void *context)
{
    struct reader *reader = course->reader;
    struct watches *watches = reader->watches;
    struct filter filter = {course, place, on_match, context};
    uint32_t count = course->is_side ? course->member_count : reader->table.count;
    if (count > DIRECT_WATCHES_MAX) {
        index_match(watches->index, map, key, old_value, new_value, filter_match, &filter);
        return;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct watch *watch =
            course->is_side ? course->members[i] : watch_table_next(&reader->table, &at);
        watch_match(watches, watch, &filter, map, key, old_value, new_value);
    }
}

// ---- Frames ----

static int match_order(const void *left, const void *right)
{
    const struct match *a = left;
    const struct match *b = right;
    // By their hashes before their addresses, so that a run can be repeated.
    const struct format *a_format = a->watch->format;
    const struct format *b_format = b->watch->format;
    if (a_format->hash != b_format->hash)
        return a_format->hash < b_format->hash ? -1 : 1;
    if (a_format != b_format)
        return (uintptr_t)a_format < (uintptr_t)b_format ? -1 : 1;
    return (int)a->transition - (int)b->transition;
}

static bool matches_are_alike(const struct match *a, const struct match *b)
{
    return a->watch->format == b->watch->format && a->transition == b->transition;
}

static struct audience matches_audience(struct watches *watches, const struct match *matches,
                                        uint32_t count)
{
    if (count == 1)
        return (struct audience){.subscription = matches[0].watch->id};
    struct buffer *ids = &watches->ids;
    buffer_clear(ids);
    buffer_reserve(ids, count * sizeof matches[0].watch->id);
    for (uint32_t i = 0; i < count; i++)
        buffer_append(ids, &matches[i].watch->id, sizeof matches[i].watch->id);
    return (struct audience){.ids = buffer_bytes(ids)};
}

// Fills in what the format says; false: there is nothing to tell.
static bool event_select(struct watches *watches, const struct format *format, struct event *event)
{
    struct bytes new_value = event->new_value;
    struct bytes old_value = event->old_value;
    bool wants_old = format->content == CONTENT_OLD_AND_NEW ||
                     (format->only_changed && event->kind == FRAME_UPDATE);
    if (format->content != CONTENT_KEYS || format->only_changed)
        new_value = format_select(format, event->key, new_value, &watches->new_scratch);
    if (wants_old)
        old_value = format_select(format, event->key, old_value, &watches->old_scratch);
    if (format->only_changed && event->kind == FRAME_UPDATE && bytes_equal(old_value, new_value))
        return false;
    event->has_new = new_value.size > 0 && format->content != CONTENT_KEYS;
    event->has_old = old_value.size > 0 && format->content == CONTENT_OLD_AND_NEW;
    event->new_value = new_value;
    event->old_value = old_value;
    return true;
}

void event_write(struct reader *reader, const struct event *event, const struct match *matches,
                 uint32_t count)
{
    struct watches *watches = reader->watches;
    struct event selected = *event;
    if (!event_select(watches, matches[0].watch->format, &selected))
        return;
    selected.audience = matches_audience(watches, matches, count);
    event_encode(&reader->outlet->out, &selected);
    watches->figures.frame_count++;
    watches->figures.event_count += count;
    for (uint32_t i = 0; i < count; i++)
        matches[i].watch->event_count++;
}

// Writes the events of reader->matches, in runs of those that are alike. kind 0: by transition.
static void matches_write(struct reader *reader, const struct event *event)
{
    const struct match *matches = reader->matches;
    uint32_t count = reader->match_count;
    for (uint32_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && matches_are_alike(&matches[from], &matches[to]); to++)
            ;
        struct event one = *event;
        if (event->kind == 0)
            one.kind = transition_kinds[matches[from].transition];
        event_write(reader, &one, matches + from, to - from);
    }
}

// In runs. True: they are all alike, so that they make one frame.
static bool matches_sort(struct reader *reader)
{
    bool is_one = true;
    for (uint32_t i = 1; i < reader->match_count && is_one; i++)
        is_one = matches_are_alike(&reader->matches[0], &reader->matches[i]);
    if (!is_one)
        qsort(reader->matches, reader->match_count, sizeof *reader->matches, match_order);
    return is_one;
}

struct event delivery_event(const struct delivery *delivery)
{
    const struct effect *effect = &delivery->effect;
    return (struct event){.partition = delivery->source->number,
                          .is_replay = delivery->only && delivery->only->is_side,
                          .epoch = delivery->made_epoch,
                          .seq = effect->seq,
                          .time_us = effect->time_us,
                          .cause = effect->cause,
                          .key = effect->key,
                          .new_value = effect->value,
                          .old_value = delivery->old_value};
}

enum frame_kind transition_frame(enum transition transition)
{
    return (enum frame_kind)transition_kinds[transition];
}

// Several selections of large values do not fit into one frame: their watches are to end.
static void matches_doom(struct reader *reader)
{
    for (uint32_t i = 0; i < reader->match_count; i++)
        reader->matches[i].watch->is_doomed = true;
    reader->has_doomed = true;
    reader_wake(reader);
}

// All frames of one effect are taken together: a position is one between effects.
static void matches_write_batch(struct reader *reader, const struct event *event)
{
    struct buffer *out = &reader->outlet->out;
    size_t before = buffer_size(out);
    size_t mark = batch_begin(out);
    size_t empty = buffer_size(out);
    matches_write(reader, event);
    size_t size = buffer_size(out) - before;
    if (buffer_size(out) > empty && size <= BATCH_BODY_BYTES_MAX) {
        batch_end(out, mark);
        return;
    }
    if (size > BATCH_BODY_BYTES_MAX)
        matches_doom(reader);
    buffer_drop(out, size);
}

void reader_emit(struct reader *reader, const struct delivery *delivery)
{
    struct outlet *outlet = reader->outlet;
    size_t before = buffer_size(&outlet->out);
    struct event event = delivery_event(delivery);
    if (matches_sort(reader))
        matches_write(reader, &event);
    else
        matches_write_batch(reader, &event);
    reader->match_count = 0;
    if (buffer_size(&outlet->out) == before)
        return;
    if (!event.is_replay)
        reader->told[delivery->source->place] = event.seq;
    outlet_changed(outlet);
}

void reader_emit_row(struct reader *reader, const struct source *source, struct bytes key,
                     struct bytes value, uint64_t seq)
{
    if (reader->match_count == 0)
        return;
    struct event event = {.kind = FRAME_ROW,
                          .partition = source->number,
                          .epoch = source_mark(source, seq).epoch,
                          .seq = seq,
                          .key = key,
                          .new_value = value};
    matches_sort(reader);
    matches_write(reader, &event);
    reader->match_count = 0;
    outlet_changed(reader->outlet);
}
