// SPDX-License-Identifier: Apache-2.0
#include "node/feed/watches.h"

#include "cluster/base/memory.h"
#include "cluster/wire/event_codec.h"
#include "node/feed/core.h"

#include <stdio.h>

enum {
    // What one turn does at most, so that operations do not wait for subscribers.
    REPLAY_EFFECTS_PER_TURN = 512,
    WALK_ENTRIES_PER_TURN = 4096,
};

struct watches *watches_new(const struct watches_options *options)
{
    struct watches *watches = memory_new(sizeof *watches);
    watches->options = *options;
    watches->sources = memory_new_array(options->place_count, sizeof(struct source *));
    watches->told_marks = memory_new_array(options->place_count, sizeof *watches->told_marks);
    watches->ready_marks = memory_new_array(options->place_count, sizeof *watches->ready_marks);
    const struct index_options index_options = {.always_max = options->always_max};
    watches->index = index_new(&index_options);
    list_init(&watches->readers);
    list_init(&watches->busy);
    return watches;
}

void watches_free(struct watches *watches)
{
    CHECK(list_is_empty(&watches->readers));
    index_free(watches->index);
    formats_deinit(&watches->formats);
    buffer_deinit(&watches->ids);
    buffer_deinit(&watches->new_scratch);
    buffer_deinit(&watches->old_scratch);
    free(watches->told_marks);
    free(watches->ready_marks);
    free(watches->sources);
    free(watches);
}

// ---- What the worker leads ----

void watches_lead(struct watches *watches, struct source *source)
{
    CHECK(!watches->sources[source->place]);
    watches->sources[source->place] = source;
}

static void reader_yield(struct reader *reader, const struct source *source)
{
    uint32_t place = source->place;
    const struct part *part = &reader->main.parts[place];
    bool was_followed = part->state != PART_UNFOLLOWED;
    uint64_t seq = part->state == PART_LAGGING ? part->seq - 1 : source->committed_seq;
    bool is_placed = part_is_fed((enum part_state)part->state) || part->state == PART_LAGGING;
    course_set(&reader->main, place, PART_UNFOLLOWED, 0, 0);
    for (struct list *link = reader->sides.next; link != &reader->sides; link = link->next)
        course_set(LIST_ENTRY(link, struct course, link), place, PART_LEVEL, 0, 0);
    if (!was_followed)
        return;
    struct mark mark = {.partition = source->number};
    if (is_placed)
        mark = source_mark(source, seq);
    marks_encode(&reader->outlet->out, FRAME_MOVED, SUBSCRIPTIONS_JOINED, &mark, 1);
    outlet_changed(reader->outlet);
}

void watches_yield(struct watches *watches, struct source *source)
{
    CHECK(watches->sources[source->place] == source);
    for (struct list *link = watches->readers.next; link != &watches->readers; link = link->next)
        reader_yield(LIST_ENTRY(link, struct reader, all_link), source);
    watches->sources[source->place] = NULL;
    watches->event_clock++;
}

// ---- Commits ----

bool watches_are_walking(const struct watches *watches)
{
    return watches->walking_parts > 0;
}

void watches_appended(struct watches *watches, const struct source *source, uint64_t seq)
{
    struct delivery delivery;
    watches->event_clock++;
    delivery_init(&delivery, watches, source, seq);
    if (delivery.old_seq == 0)
        return;
    for (struct list *link = watches->busy.next; link != &watches->busy; link = link->next) {
        struct reader *reader = LIST_ENTRY(link, struct reader, busy_link);
        course_appended(&reader->main, &delivery);
        for (struct list *at = reader->sides.next; at != &reader->sides; at = at->next)
            course_appended(LIST_ENTRY(at, struct course, link), &delivery);
    }
}

// Once for each effect and reader it is decided whether there is room for all of its events.
static bool reader_accepts(struct reader *reader, struct delivery *delivery)
{
    uint64_t stamp = delivery->watches->stamp;
    uint32_t place = delivery->source->place;
    if (reader->stamp != stamp) {
        reader->stamp = stamp;
        reader->is_refusing = reader_is_full(reader);
        if (reader->is_refusing)
            reader_fall_behind(reader, place, delivery->effect.seq);
        else
            list_append(&delivery->touched, &reader->touched_link);
    }
    return !reader->is_refusing;
}

static void live_match(void *context, struct index_entry *entry, enum transition transition)
{
    struct delivery *delivery = context;
    struct watch *watch = LIST_ENTRY(entry, struct watch, entry);
    uint32_t place = delivery->source->place;
    if (part_is_fed(course_state(watch_course_at(watch, place), place)) &&
        watch_wants(watch, transition, delivery->effect.cause) &&
        reader_accepts(watch->reader, delivery))
        reader_add_match(watch->reader, watch, transition);
}

void watches_committed(struct watches *watches, const struct source *source, uint64_t from_seq)
{
    if (watches->figures.watch_count == 0)
        return;
    watches->event_clock++;
    for (uint64_t seq = from_seq; seq <= source->committed_seq; seq++) {
        struct delivery delivery;
        delivery_init(&delivery, watches, source, seq);
        watches->stamp++;
        const struct effect *effect = &delivery.effect;
        index_match(watches->index, effect->map, effect->key, delivery.old_value, effect->value,
                    live_match, &delivery);
        struct list *link;
        while ((link = list_pop(&delivery.touched)) != NULL)
            reader_emit(LIST_ENTRY(link, struct reader, touched_link), &delivery);
    }
}

// ---- The turn ----

static void reader_end_doomed(struct reader *reader)
{
    uint32_t at = 0;
    struct watch *watch;
    while ((watch = watch_table_next(&reader->table, &at)) != NULL) {
        bool is_slow = reader->has_fallen_behind && watch->policy == POLICY_DISCONNECT;
        if (watch->is_doomed)
            watch_end(watch, ERROR_TOO_LARGE,
                      "a change did not fit into one frame with those of your other subscriptions");
        else if (is_slow)
            watch_end(watch, ERROR_SLOW_CONSUMER,
                      "the subscriber reads too slowly: too much waits for its connection");
        else
            continue;
        at = 0; // others have moved
    }
    reader->has_doomed = false;
}

struct budget {
    uint32_t effects;
    uint32_t entries;
};

static bool course_work(struct course *course, struct budget *budget)
{
    bool more = course_replay(course, &budget->effects);
    return course_walk(course, &budget->entries) || more;
}

static bool is_idle(const struct reader *reader)
{
    const uint32_t *counts = reader->main.counts;
    return list_is_empty(&reader->sides) && counts[PART_LAGGING] + counts[PART_PENDING] +
                                                    counts[PART_WAITING] + counts[PART_WALKING] ==
                                                0;
}

static bool reader_work(struct reader *reader, struct budget *budget)
{
    if (reader->has_doomed || (reader->has_fallen_behind && reader->disconnecting_count > 0))
        reader_end_doomed(reader);
    reader->has_fallen_behind = false;
    bool more = course_work(&reader->main, budget);
    struct list *next;
    for (struct list *link = reader->sides.next; link != &reader->sides; link = next) {
        struct course *side = LIST_ENTRY(link, struct course, link);
        next = link->next;
        more = course_work(side, budget) || more;
        if (side->counts[PART_LEVEL] == reader->watches->options.place_count)
            course_dissolve(side);
    }
    return more;
}

// Each reader gets its turn first now and then.
bool watches_work(struct watches *watches)
{
    struct budget budget = {.effects = REPLAY_EFFECTS_PER_TURN, .entries = WALK_ENTRIES_PER_TURN};
    bool more = false;
    struct list *next;
    if (!list_is_empty(&watches->busy)) {
        watches->event_clock++;
        struct list *first = list_pop(&watches->busy);
        list_append(&watches->busy, first);
    }
    for (struct list *link = watches->busy.next; link != &watches->busy; link = next) {
        struct reader *reader = LIST_ENTRY(link, struct reader, busy_link);
        next = link->next;
        more = reader_work(reader, &budget) || more;
        if (is_idle(reader))
            list_remove(&reader->busy_link);
    }
    return index_tend(watches->index) || more;
}

void watches_tick(struct watches *watches)
{
    uint64_t bytes = 0;
    for (struct list *link = watches->readers.next; link != &watches->readers; link = link->next)
        bytes += buffer_size(&LIST_ENTRY(link, struct reader, all_link)->outlet->out);
    watches->is_pressed = bytes > watches->options.output_bytes_max;
}

// ---- Progress ----

// A silent connection is a dead one: each reader is told, be it nothing.
void watches_progress(struct watches *watches)
{
    for (struct list *link = watches->readers.next; link != &watches->readers; link = link->next) {
        struct reader *reader = LIST_ENTRY(link, struct reader, all_link);
        if (reader->table.count > 0 && !reader_is_full(reader))
            reader_tell_all(reader, reader_behind(reader));
    }
}

// ---- Figures ----

void watches_figures(const struct watches *watches, struct watches_figures *figures)
{
    *figures = watches->figures;
    for (struct list *link = watches->readers.next; link != &watches->readers; link = link->next) {
        const struct reader *reader = LIST_ENTRY(link, struct reader, all_link);
        uint64_t behind = reader_behind(reader);
        figures->reader_count++;
        figures->lagging_count += behind > 0;
        figures->behind_count += behind;
    }
    index_figures(watches->index, &figures->index);
}

void watches_explain(struct watches *watches, const struct query *query,
                     struct explanation *explanation)
{
    index_explain(watches->index, query, explanation);
}

static const char *watch_state(const struct watch *watch, uint64_t behind)
{
    if (watch->course)
        return watch->has_rows ? "snapshot" : "replay";
    return behind > 0 ? "catching up" : "live";
}

static void watch_describe(struct watches *watches, struct watch *watch, uint64_t behind,
                           void (*visit)(void *context,
                                         const struct watch_description *description),
                           void *context)
{
    struct bytes map = index_entry_map(&watch->entry);
    struct bytes where = index_entry_where(&watch->entry);
    char *text;
    CHECK(asprintf(&text, "SELECT %s FROM %.*s%s%.*s", watch->format->columns, (int)map.size,
                   (const char *)map.data, where.size > 0 ? " WHERE " : "", (int)where.size,
                   where.size > 0 ? (const char *)where.data : "") >= 0);
    struct watch_description description = {.client = watch->reader->client,
                                            .id = watch->id,
                                            .text = text,
                                            .policy = (enum policy)watch->policy,
                                            .state = watch_state(watch, behind),
                                            .behind_count = behind,
                                            .event_count = watch->event_count};
    index_entry_explain(watches->index, &watch->entry, &description.explanation);
    visit(context, &description);
    free(text);
}

uint64_t watches_describe(struct watches *watches, uint64_t skip, uint64_t limit,
                          void (*visit)(void *context, const struct watch_description *description),
                          void *context)
{
    uint64_t number = 0;
    for (struct list *link = watches->readers.next; link != &watches->readers; link = link->next) {
        const struct reader *reader = LIST_ENTRY(link, struct reader, all_link);
        bool is_asked = number < skip + limit && number + reader->table.count > skip;
        uint64_t behind = reader_behind(reader);
        uint32_t at = 0;
        struct watch *watch;
        uint64_t place = number;
        while (is_asked && (watch = watch_table_next(&reader->table, &at)) != NULL) {
            if (place >= skip && place < skip + limit)
                watch_describe(watches, watch, behind, visit, context);
            place++;
        }
        number += reader->table.count;
    }
    return number;
}
