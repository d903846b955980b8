// SPDX-License-Identifier: Apache-2.0
// One connection: its subscriptions come and go, and say where they begin.
#include "cluster/base/memory.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"
#include "node/feed/core.h"

#include <stdio.h>

enum {
    PRESSED_OUTLET_BYTES = 256 * 1024,  // what a reader may have waiting when all have too much
    SIDES_BYTES_MAX = 64 * 1024 * 1024, // of a reader's side courses together
};

struct reader *reader_new(struct watches *watches, struct outlet *outlet, const char *client)
{
    struct reader *reader = memory_new(sizeof *reader);
    reader->watches = watches;
    reader->outlet = outlet;
    reader->client = client;
    reader->told = memory_new_array(watches->options.place_count, sizeof *reader->told);
    list_init(&reader->sides);
    list_init(&reader->busy_link);
    list_init(&reader->touched_link);
    list_append(&watches->readers, &reader->all_link);
    course_init(&reader->main, reader, false);
    return reader;
}

// The course must be the watch's no more.
static void side_free(struct course *course)
{
    CHECK(course->member_count == 0);
    course->reader->side_count--;
    course_deinit(course);
    free(course);
}

static void watch_free(struct watch *watch)
{
    struct reader *reader = watch->reader;
    struct watches *watches = reader->watches;
    if (watch->course) {
        course_remove_member(watch->course, watch);
        if (watch->course->member_count == 0)
            side_free(watch->course);
    }
    watch_table_remove(&reader->table, watch->id);
    index_remove(watches->index, &watch->entry);
    formats_release(&watches->formats, watch->format);
    reader->conflating_count -= watch->policy == POLICY_CONFLATE;
    reader->disconnecting_count -= watch->policy == POLICY_DISCONNECT;
    watches->figures.watch_count--;
    free(watch);
}

void reader_free(struct reader *reader)
{
    uint32_t at = 0;
    while (reader->table.count > 0) {
        struct watch *watch = watch_table_next(&reader->table, &at);
        if (watch)
            watch_free(watch);
        else
            at = 0; // some have moved to where it was looked already
    }
    watch_table_deinit(&reader->table);
    course_deinit(&reader->main);
    list_remove(&reader->all_link);
    list_remove(&reader->busy_link);
    free(reader->matches);
    free(reader->told);
    free(reader);
}

void reader_wake(struct reader *reader)
{
    if (list_is_empty(&reader->busy_link))
        list_append(&reader->watches->busy, &reader->busy_link);
}

// ---- Room ----

bool reader_is_full(const struct reader *reader)
{
    return outlet_is_full(reader->outlet) ||
           (reader->watches->is_pressed &&
            buffer_size(&reader->outlet->out) > PRESSED_OUTLET_BYTES);
}

void reader_fall_behind(struct reader *reader, uint32_t place, uint64_t seq)
{
    if (course_state(&reader->main, place) == PART_LEVEL)
        course_set(&reader->main, place, PART_LAGGING, seq, 0);
    else
        course_restart(&reader->main, place);
    for (struct list *link = reader->sides.next; link != &reader->sides; link = link->next)
        course_restart(LIST_ENTRY(link, struct course, link), place);
    reader->has_fallen_behind = true;
    reader_wake(reader);
}

// ---- What the client is told ----

// What the main course has delivered; false: it has no position there.
static bool main_position(const struct reader *reader, const struct source *source, uint64_t *seq)
{
    const struct part *part = &reader->main.parts[source->place];
    bool is_lagging = part->state == PART_LAGGING;
    *seq = is_lagging ? part->seq - 1 : source->committed_seq;
    return is_lagging || part_is_fed((enum part_state)part->state);
}

static uint32_t news_collect(struct reader *reader)
{
    struct watches *watches = reader->watches;
    uint32_t count = 0;
    for (uint32_t place = 0; place < watches->options.place_count; place++) {
        const struct source *source = watches->sources[place];
        uint64_t seq;
        if (!source || !main_position(reader, source, &seq) || reader->told[place] == seq)
            continue;
        reader->told[place] = seq;
        watches->told_marks[count++] = source_mark(source, seq);
    }
    return count;
}

void reader_tell_all(struct reader *reader, uint64_t behind)
{
    uint32_t count = news_collect(reader);
    progress_encode(&reader->outlet->out, behind, reader->watches->told_marks, count);
    outlet_changed(reader->outlet);
}

void reader_tell(struct reader *reader)
{
    uint32_t count = news_collect(reader);
    if (count == 0)
        return;
    progress_encode(&reader->outlet->out, reader_behind(reader), reader->watches->told_marks,
                    count);
    outlet_changed(reader->outlet);
}

uint64_t reader_behind(const struct reader *reader)
{
    uint64_t behind = course_behind(&reader->main);
    for (struct list *link = reader->sides.next; link != &reader->sides; link = link->next)
        behind += course_behind(LIST_ENTRY(link, struct course, link));
    return behind;
}

uint32_t reader_followed_count(const struct reader *reader)
{
    return reader->watches->options.place_count - reader->main.counts[PART_UNFOLLOWED];
}

void watch_end(struct watch *watch, enum error error, const char *text)
{
    struct outlet *outlet = watch->reader->outlet;
    error_encode(&outlet->out, FRAME_ENDED, watch->id, PARTITION_ANY, error, text, 0);
    outlet_changed(outlet);
    watch_free(watch);
}

struct audience course_audience(const struct course *course)
{
    struct buffer *ids = &course->reader->watches->ids;
    if (!course->is_side)
        return (struct audience){.subscription = SUBSCRIPTIONS_JOINED};
    if (course->member_count == 1)
        return (struct audience){.subscription = course->members[0]->id};
    buffer_clear(ids);
    for (uint32_t i = 0; i < course->member_count; i++)
        buffer_append(ids, &course->members[i]->id, sizeof course->members[i]->id);
    return (struct audience){.ids = buffer_bytes(ids)};
}

void course_tell_ready(struct course *course, const struct mark *marks, uint32_t count)
{
    struct reader *reader = course->reader;
    if (count == 0)
        return;
    struct audience audience = course_audience(course);
    bool is_everywhere = course->is_side && count == reader_followed_count(reader);
    milestone_encode(&reader->outlet->out, FRAME_READY, &audience, marks,
                     is_everywhere ? 0 : count);
    outlet_changed(reader->outlet);
}

void course_dissolve(struct course *course)
{
    for (uint32_t i = 0; i < course->member_count; i++)
        course->members[i]->course = NULL;
    course->member_count = 0;
    side_free(course);
}

// ---- SUBSCRIBE ----

static struct course *side_new(struct reader *reader)
{
    struct course *course = memory_new(sizeof *course);
    course_init(course, reader, true);
    course->event_clock = reader->watches->event_clock;
    list_append(&reader->sides, &course->link);
    reader->side_count++;
    reader_wake(reader);
    return course;
}

// The first subscription follows all that is led here.
static void reader_follow_all(struct reader *reader)
{
    struct watches *watches = reader->watches;
    for (uint32_t place = 0; place < watches->options.place_count; place++) {
        if (!watches->sources[place])
            continue;
        course_set(&reader->main, place, PART_LEVEL, 0, 0);
        reader->told[place] = UINT64_MAX; // nothing was told yet
    }
}

// Where the reader is level, a snapshot is registered at once; elsewhere as soon as it is.
static void course_start(struct course *course, enum start start)
{
    struct reader *reader = course->reader;
    for (uint32_t place = 0; place < reader->watches->options.place_count; place++) {
        enum part_state state = course_state(&reader->main, place);
        const struct source *source = reader->watches->sources[place];
        if (!source)
            continue;
        if (start == START_NONE || state == PART_UNFOLLOWED)
            course_set(course, place, PART_UNFOLLOWED, 0, 0);
        else if (start == START_EARLIEST)
            course_set(course, place, PART_LAGGING, source_earliest(source), 0);
        else if (state == PART_LEVEL)
            course_set(course, place, PART_WAITING, source->committed_seq, 0);
        else
            course_set(course, place, PART_PENDING, 0, 0);
    }
}

// A watch that begins with changes from now on goes with the reader, from where that stands.
static bool needs_course(const struct reader *reader, enum start start)
{
    bool follows_any = reader->main.counts[PART_UNFOLLOWED] < reader->watches->options.place_count;
    return start == START_SNAPSHOT || start == START_EARLIEST ||
           (start == START_NONE && follows_any);
}

// A snapshot that was begun in this turn, with nothing in between, so that this watch can share it.
static struct course *course_to_share(const struct reader *reader, const struct watch *watch)
{
    if (!watch->has_rows || list_is_empty(&reader->sides))
        return NULL;
    struct course *last = LIST_ENTRY(reader->sides.previous, struct course, link);
    const struct watch *other = last->members[0];
    bool is_fresh = last->is_open && last->event_clock == reader->watches->event_clock;
    bool is_alike = bytes_equal(index_entry_map(&other->entry), index_entry_map(&watch->entry));
    return is_fresh && is_alike ? last : NULL;
}

static void watch_start(struct watch *watch, enum start start)
{
    struct reader *reader = watch->reader;
    if (reader->table.count == 1 && start != START_NONE)
        reader_follow_all(reader);
    reader_tell(reader);
    subscribed_encode(&reader->outlet->out, watch->id, reader_followed_count(reader));
    outlet_changed(reader->outlet);
    if (!needs_course(reader, start))
        return;
    struct course *course = course_to_share(reader, watch);
    if (!course) {
        course = side_new(reader);
        course->is_open = start == START_SNAPSHOT;
        course_start(course, start);
    }
    course_add_member(course, watch);
    course_register_member(course, watch);
}

// Whether it can have a course of its own, which takes memory until it is level with the reader.
static bool reader_has_course(const struct reader *reader)
{
    size_t course_bytes = reader->watches->options.place_count * sizeof(struct part);
    return reader->side_count < 1 + SIDES_BYTES_MAX / (course_bytes + 1);
}

enum error reader_subscribe(struct reader *reader, uint32_t id, const struct query *query,
                            const struct subscribe *options, char *text, size_t capacity)
{
    struct watches *watches = reader->watches;
    if (id == SUBSCRIPTIONS_JOINED || watch_table_find(&reader->table, id)) {
        snprintf(text, capacity, "SUBSCRIBE: its request id %u is 0 or taken", id);
        return ERROR_INVALID_ARGUMENT;
    }
    if (reader->table.count >= AUDIENCE_IDS_MAX) {
        snprintf(text, capacity, "this connection has %u subscriptions already",
                 reader->table.count);
        return ERROR_OVERLOADED;
    }
    if (!reader_has_course(reader)) {
        snprintf(text, capacity, "%u snapshots and replays of this connection are under way",
                 reader->side_count);
        return ERROR_OVERLOADED;
    }
    struct watch *watch = memory_new(sizeof *watch);
    enum error error = index_add(watches->index, query, &watch->entry, text, capacity);
    if (error != ERROR_NONE) {
        free(watch);
        return error;
    }
    watch->reader = reader;
    watch->format = formats_hold(&watches->formats, query, options);
    watch->id = id;
    watch->kinds = options->kinds;
    watch->causes = options->causes;
    watch->policy = (uint8_t)options->policy;
    watch->has_rows = options->start == START_SNAPSHOT;
    watch_table_add(&reader->table, watch);
    reader->conflating_count += options->policy == POLICY_CONFLATE;
    reader->disconnecting_count += options->policy == POLICY_DISCONNECT;
    watches->figures.watch_count++;
    watch_start(watch, options->start);
    return ERROR_NONE;
}

enum error reader_unsubscribe(struct reader *reader, uint32_t id)
{
    struct watch *watch = watch_table_find(&reader->table, id);
    if (!watch)
        return ERROR_UNKNOWN_SUBSCRIPTION;
    watch_free(watch);
    return ERROR_NONE;
}

// ---- FOLLOW ----

// The whole reader goes on after this position. Snapshots under way are not concerned: they are
// registered, or will be, where the partition's history stands then.
static void main_follow(struct reader *reader, const struct source *source, const struct mark *mark)
{
    struct course *main = &reader->main;
    uint32_t place = source->place;
    course_restart(main, place);
    for (struct list *link = reader->sides.next; link != &reader->sides; link = link->next) {
        struct course *side = LIST_ENTRY(link, struct course, link);
        course_restart(side, place);
        if (course_state(side, place) == PART_UNFOLLOWED)
            course_set(side, place, PART_LEVEL, 0, 0);
    }
    reader->told[place] = mark->seq;
    bool is_known = source_can_replay(source, mark->epoch, mark->seq);
    if (mark->seq == FOLLOW_LATEST_SEQ || (is_known && mark->seq == source->committed_seq))
        course_set(main, place, PART_LEVEL, 0, 0);
    else if (is_known)
        course_set(main, place, PART_LAGGING, mark->seq + 1, 0);
    else
        course_set(main, place, PART_PENDING, 0, PART_RESET);
}

// A course of this watch alone, with the states of the one that it shares.
static struct course *watch_part_company(struct watch *watch)
{
    struct course *shared = watch->course;
    if (shared && shared->member_count == 1) {
        shared->is_open = false;
        return shared;
    }
    struct course *own = side_new(watch->reader);
    for (uint32_t place = 0; shared && place < watch->reader->watches->options.place_count;
         place++) {
        const struct part *part = &shared->parts[place];
        course_set(own, place, (enum part_state)part->state, part->seq, part->flags);
        course_restart(own, place);
    }
    if (shared)
        course_remove_member(shared, watch);
    course_add_member(own, watch);
    return own;
}

static void watch_follow(struct course *course, const struct source *source,
                         const struct mark *mark)
{
    bool is_known = source_can_replay(source, mark->epoch, mark->seq);
    if (mark->seq == FOLLOW_LATEST_SEQ)
        course_set(course, source->place, PART_LEVEL, 0, 0);
    else if (is_known)
        course_set(course, source->place, PART_LAGGING, mark->seq + 1, 0);
    else
        course_set(course, source->place, PART_PENDING, 0, PART_RESET);
}

enum error reader_follow(struct reader *reader, const struct follow *follow, struct mark *refused,
                         uint32_t *refused_count)
{
    struct watches *watches = reader->watches;
    struct course *course = NULL;
    *refused_count = 0;
    if (follow->subscription != SUBSCRIPTIONS_JOINED) {
        struct watch *watch = watch_table_find(&reader->table, follow->subscription);
        if (!watch)
            return ERROR_UNKNOWN_SUBSCRIPTION;
        if (!watch->course && !reader_has_course(reader))
            return ERROR_OVERLOADED;
        course = watch_part_company(watch);
        reader_wake(reader);
    }
    struct bytes marks = follow->marks;
    struct mark mark;
    while (mark_next(&marks, &mark)) {
        const struct source *source = watches_source(watches, mark.partition);
        if (!source)
            refused[(*refused_count)++] = mark;
        else if (course)
            watch_follow(course, source, &mark);
        else
            main_follow(reader, source, &mark);
    }
    return ERROR_NONE;
}
