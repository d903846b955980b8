// SPDX-License-Identifier: Apache-2.0
#include "node/feed/watch.h"

#include "cluster/base/memory.h"
#include "cluster/model/key.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"
#include "node/query/index.h"

enum {
    WALK_SEGMENTS_PER_TURN = 16,
    // A snapshot waits while more than this is to be written: deltas still have room up to the
    // outlet's limit.
    WALK_OUTLET_BYTES = 256 * 1024,
};

// One partition of a watch until its snapshot is complete.
enum part_state {
    PART_WAITING = 0, // for S0 to be committed, or for its turn
    PART_WALKING,     // watch->hash is the position
    PART_DONE,
};

struct part {
    uint64_t s0;
    enum part_state state;
    struct buffer held; // ROW(old) frames that may not leave before S0 is committed
};

struct watch {
    struct watches *watches;
    struct query *query; // owned
    struct outlet *outlet;
    struct index_entry *index_entry;
    struct watch_options options;
    struct list owner_link;   // in the connection's list
    struct list watches_link; // in watches->all
    struct list walking_link; // in watches->walking while parts != NULL
    struct part *parts;       // owned; one for each source until all are done, then NULL
    uint32_t parts_left;
    uint32_t part_number; // where the search for the next part goes on, or the one walked
    uint64_t hash;        // position in the partition walked
    bool is_slow;         // its outlet was full when an event came: to be ended
};

struct watches {
    struct source *const *sources;
    uint32_t source_count;
    struct index *index;
    struct list all;
    struct list walking;
    uint64_t count;
    uint64_t slow_count;
    uint32_t progress_round;   // counts the PROGRESS rounds; an outlet remembers its last
    struct buffer new_scratch; // projections
    struct buffer old_scratch;
};

struct watches *watches_new(struct source *const *sources, uint32_t source_count)
{
    struct watches *watches = memory_new(sizeof *watches);
    watches->sources = sources;
    watches->source_count = source_count;
    watches->index = index_new();
    list_init(&watches->all);
    list_init(&watches->walking);
    return watches;
}

void watches_free(struct watches *watches)
{
    while (!list_is_empty(&watches->all))
        watch_free(LIST_ENTRY(watches->all.next, struct watch, watches_link));
    index_free(watches->index);
    buffer_deinit(&watches->new_scratch);
    buffer_deinit(&watches->old_scratch);
    free(watches);
}

void watches_set_sources(struct watches *watches, struct source *const *sources,
                         uint32_t source_count)
{
    CHECK(watches->count == 0);
    watches->sources = sources;
    watches->source_count = source_count;
}

uint64_t watches_count(const struct watches *watches)
{
    return watches->count;
}

bool watches_are_walking(const struct watches *watches)
{
    return !list_is_empty(&watches->walking);
}

// ---- Registration ----

struct watch *watch_new(struct watches *watches, struct query *query, struct outlet *outlet,
                        const struct watch_options *options, struct list *owner)
{
    struct watch *watch = memory_new(sizeof *watch);
    watch->watches = watches;
    watch->query = query;
    watch->outlet = outlet;
    watch->options = *options;
    watch->parts = memory_new_array(watches->source_count, sizeof *watch->parts);
    watch->parts_left = watches->source_count;
    for (uint32_t i = 0; i < watches->source_count; i++)
        watch->parts[i].s0 = partition_last_seq(watches->sources[i]->partition);
    watch->index_entry = index_add(watches->index, query, watch);
    list_append(owner, &watch->owner_link);
    list_append(&watches->all, &watch->watches_link);
    list_append(&watches->walking, &watch->walking_link);
    watches->count++;
    return watch;
}

static void parts_free(struct watch *watch)
{
    for (uint32_t i = 0; watch->parts && i < watch->watches->source_count; i++)
        buffer_deinit(&watch->parts[i].held);
    free(watch->parts);
    watch->parts = NULL;
    list_remove(&watch->walking_link);
}

void watch_free(struct watch *watch)
{
    parts_free(watch);
    // The analyzer takes a watch that was freed before for still linked.
    index_remove(watch->watches->index, watch->index_entry); // NOLINT(clang-analyzer-unix.Malloc)
    list_remove(&watch->owner_link);
    list_remove(&watch->watches_link);
    watch->watches->count--;
    watch->watches->slow_count -= watch->is_slow;
    query_free(watch->query);
    free(watch);
}

struct watch *watch_find(struct list *owner, uint32_t subscription)
{
    for (struct list *link = owner->next; link != owner; link = link->next) {
        struct watch *watch = LIST_ENTRY(link, struct watch, owner_link);
        if (watch->options.subscription == subscription)
            return watch;
    }
    return NULL;
}

struct watch *watch_first(struct list *owner)
{
    return list_is_empty(owner) ? NULL : LIST_ENTRY(owner->next, struct watch, owner_link);
}

// ---- Events ----

// The selected part of a value: the value itself, or its projection in `scratch`.
static struct bytes watch_project(const struct watch *watch, struct bytes key, struct bytes value,
                                  struct buffer *scratch)
{
    if (query_selects_all(watch->query))
        return value;
    buffer_clear(scratch);
    query_project(watch->query, key, value, scratch);
    return buffer_bytes(scratch);
}

static void row_encode(struct watch *watch, const struct source *source, struct buffer *out,
                       struct bytes key, struct bytes value, uint64_t seq)
{
    struct event event = {.kind = FRAME_ROW,
                          .partition = source->number,
                          .subscription = watch->options.subscription,
                          .epoch = source->epoch,
                          .seq = seq,
                          .key = key,
                          .has_new = true,
                          .new_value =
                              watch_project(watch, key, value, &watch->watches->new_scratch)};
    event_encode(out, &event);
}

static bool watch_has_room(struct watch *watch)
{
    if (watch->is_slow)
        return false;
    if (!outlet_is_full(watch->outlet))
        return true;
    watch->is_slow = true;
    watch->watches->slow_count++;
    return false;
}

// ---- Deltas ----

struct delivery {
    const struct source *source;
    struct effect effect;
    struct bytes old_value;
};

static const uint8_t transition_kinds[] = {
    [TRANSITION_ENTER] = FRAME_ENTER,
    [TRANSITION_UPDATE] = FRAME_UPDATE,
    [TRANSITION_LEAVE] = FRAME_LEAVE,
};

static void deliver_match(void *context, void *subscriber, enum transition transition)
{
    const struct delivery *delivery = context;
    struct watch *watch = subscriber;
    const struct effect *effect = &delivery->effect;
    if (watch->parts && effect->seq <= watch->parts[delivery->source->slot].s0)
        return;
    if (!watch_has_room(watch))
        return;
    struct watches *watches = watch->watches;
    struct event event = {.kind = transition_kinds[transition],
                          .partition = delivery->source->number,
                          .subscription = watch->options.subscription,
                          .epoch = delivery->source->epoch,
                          .seq = effect->seq,
                          .time_us = effect->time_us,
                          .cause = effect->cause,
                          .key = effect->key,
                          .has_new = effect->value.size > 0,
                          .has_old = delivery->old_value.size > 0 && watch->options.old};
    if (event.has_new)
        event.new_value = watch_project(watch, effect->key, effect->value, &watches->new_scratch);
    if (event.has_old)
        event.old_value =
            watch_project(watch, effect->key, delivery->old_value, &watches->old_scratch);
    event_encode(&watch->outlet->out, &event);
    outlet_changed(watch->outlet);
}

// Rows that had to wait for S0 leave before the first delta after it.
static void held_release(struct watches *watches, const struct source *source)
{
    for (struct list *link = watches->walking.next; link != &watches->walking; link = link->next) {
        struct watch *watch = LIST_ENTRY(link, struct watch, walking_link);
        struct part *part = &watch->parts[source->slot];
        if (buffer_size(&part->held) == 0 || source->committed_seq < part->s0)
            continue;
        buffer_append(&watch->outlet->out, part->held.data + part->held.start,
                      buffer_size(&part->held));
        buffer_deinit(&part->held);
        outlet_changed(watch->outlet);
    }
}

void watches_committed(struct watches *watches, const struct source *source, uint64_t from_seq)
{
    if (watches->count == 0)
        return;
    for (uint64_t seq = from_seq; seq <= source->committed_seq; seq++) {
        struct delivery delivery = {.source = source};
        uint64_t old_seq;
        partition_effect(source->partition, seq, &delivery.effect, &delivery.old_value, &old_seq);
        held_release(watches, source);
        index_match(watches->index, delivery.effect.map, delivery.effect.key, delivery.old_value,
                    delivery.effect.value, deliver_match, &delivery);
    }
}

// ---- Snapshot ----

static void walking_appended(struct watch *watch, const struct source *source, uint64_t key_hash,
                             const struct effect *effect, struct bytes old_value, uint64_t old_seq)
{
    struct part *part = &watch->parts[source->slot];
    bool is_ahead =
        part->state == PART_WAITING || (part->state == PART_WALKING && key_hash >= watch->hash);
    if (!watch->options.snapshot || !is_ahead || old_seq > part->s0 ||
        !bytes_equal(query_map(watch->query), effect->map) ||
        !query_matches(watch->query, effect->key, old_value) || !watch_has_room(watch))
        return;
    bool may_leave = source->committed_seq >= part->s0;
    row_encode(watch, source, may_leave ? &watch->outlet->out : &part->held, effect->key, old_value,
               old_seq);
    if (may_leave)
        outlet_changed(watch->outlet);
}

void watches_appended(struct watches *watches, const struct source *source, uint64_t seq)
{
    struct effect effect;
    struct bytes old_value;
    uint64_t old_seq;
    partition_effect(source->partition, seq, &effect, &old_value, &old_seq);
    if (old_seq == 0)
        return;
    uint64_t hash = key_hash(effect.key);
    for (struct list *link = watches->walking.next; link != &watches->walking; link = link->next)
        walking_appended(LIST_ENTRY(link, struct watch, walking_link), source, hash, &effect,
                         old_value, old_seq);
}

struct walk_visit {
    struct watch *watch;
    const struct source *source;
    uint64_t s0;
};

static void walk_entry(void *context, const struct entry *entry)
{
    const struct walk_visit *visit = context;
    struct watch *watch = visit->watch;
    if (entry->seq <= visit->s0 && query_matches(watch->query, entry->key, entry->value))
        row_encode(watch, visit->source, &watch->outlet->out, entry->key, entry->value, entry->seq);
}

static void part_finish(struct watch *watch, const struct source *source, struct part *part)
{
    part->state = PART_DONE;
    watch->parts_left--;
    if (!watch->options.snapshot)
        return;
    struct mark mark = {.partition = source->number, .epoch = source->epoch, .seq = part->s0};
    ready_encode(&watch->outlet->out, watch->options.subscription, &mark);
    outlet_changed(watch->outlet);
}

// The part being walked, or the next whose S0 is committed; NULL: all that are left wait for a
// commit.
static struct part *part_next(struct watch *watch)
{
    struct watches *watches = watch->watches;
    for (uint32_t tried = 0; tried < watches->source_count; tried++) {
        uint32_t number = watch->part_number;
        struct part *part = &watch->parts[number];
        if (part->state == PART_WALKING)
            return part;
        if (part->state == PART_WAITING && watches->sources[number]->committed_seq >= part->s0) {
            part->state = PART_WALKING;
            watch->hash = 0;
            return part;
        }
        watch->part_number = number + 1 == watches->source_count ? 0 : number + 1;
    }
    return NULL;
}

// One table segment of one partition. False: nothing can be done now.
static bool watch_walk_segment(struct watch *watch)
{
    if (buffer_size(&watch->outlet->out) > WALK_OUTLET_BYTES)
        return false;
    struct part *part = part_next(watch);
    if (!part)
        return false;
    const struct source *source = watch->watches->sources[watch->part_number];
    CHECK(buffer_size(&part->held) == 0 || source->committed_seq >= part->s0);
    if (buffer_size(&part->held) > 0)
        held_release(watch->watches, source);
    struct walk_visit visit = {.watch = watch, .source = source, .s0 = part->s0};
    bool more =
        watch->options.snapshot && partition_walk(source->partition, query_map(watch->query),
                                                  &watch->hash, walk_entry, &visit);
    outlet_changed(watch->outlet);
    if (!more)
        part_finish(watch, source, part);
    return true;
}

bool watches_walk(struct watches *watches)
{
    bool more = false;
    struct list *next;
    for (struct list *link = watches->walking.next; link != &watches->walking; link = next) {
        next = link->next;
        struct watch *watch = LIST_ENTRY(link, struct watch, walking_link);
        bool advanced = true;
        for (int i = 0; i < WALK_SEGMENTS_PER_TURN && advanced && watch->parts_left > 0; i++)
            advanced = watch_walk_segment(watch);
        if (watch->parts_left == 0)
            parts_free(watch);
        else
            more = more || advanced;
    }
    return more;
}

// ---- Ends and progress ----

static void watch_end(struct watch *watch, enum error error, const char *text)
{
    // The analyzer takes a watch that was freed before for still linked.
    error_encode(&watch->outlet->out, FRAME_ENDED, // NOLINT(clang-analyzer-unix.Malloc)
                 watch->options.subscription, PARTITION_ANY, error, text, 0);
    outlet_changed(watch->outlet);
    watch_free(watch);
}

void watches_end_all(struct watches *watches, enum error error, const char *text)
{
    while (!list_is_empty(&watches->all))
        watch_end(LIST_ENTRY(watches->all.next, struct watch, watches_link), error, text);
}

void watches_reap(struct watches *watches)
{
    struct list *next;
    for (struct list *link = watches->all.next; watches->slow_count > 0; link = next) {
        CHECK(link != &watches->all);
        next = link->next;
        struct watch *watch = LIST_ENTRY(link, struct watch, watches_link);
        if (!watch->is_slow)
            continue;
        watch_end(watch, ERROR_SLOW_CONSUMER,
                  "the subscriber reads too slowly: more than connection-output-max-bytes wait");
    }
}

// The marks are the same for all watches of a worker: each outlet is told once.
void watches_progress(struct watches *watches, const struct mark *marks, uint32_t count)
{
    watches->progress_round++;
    for (struct list *link = watches->all.next; link != &watches->all; link = link->next) {
        struct outlet *outlet = LIST_ENTRY(link, struct watch, watches_link)->outlet;
        if (outlet->progress_round == watches->progress_round || outlet_is_full(outlet))
            continue;
        outlet->progress_round = watches->progress_round;
        marks_encode(&outlet->out, FRAME_PROGRESS, PROGRESS_REQUEST_ID, marks, count);
        outlet_changed(outlet);
    }
}
