// SPDX-License-Identifier: Apache-2.0
// Merging the changes of one key, for a reader that is behind:
//
//   first   then     merged
//   ENTER   UPDATE   ENTER(new 2)
//   ENTER   LEAVE    nothing
//   UPDATE  UPDATE   UPDATE(old 1, new 2)
//   UPDATE  LEAVE    LEAVE(old 1)
//   LEAVE   ENTER    UPDATE(old 1, new 2)
//
// A chunk of the log is read twice: once to merge, once to write each event in its order, a merged
// one in the place of its last change. All of it is one frame, since a position in the middle would
// promise what is yet to be merged; it ends with the position behind the chunk. A watch on its way
// has no such position, and gets every change.
#include "cluster/base/memory.h"
#include "cluster/model/limits.h"
#include "cluster/wire/event_codec.h"
#include "node/feed/core.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

// What has become of one key for one watch. Bytes are the log's: nothing is written meanwhile.
struct slot {
    const struct watch *watch; // NULL: free
    struct bytes key;
    struct bytes map;
    struct bytes old_value; // of the first change
    uint64_t last_seq;
    enum transition transition; // NONE: the changes cancel each other
};

struct chunk {
    const struct course *course;
    const struct source *source;
    const struct delivery *delivery; // being read
    struct slot *slots;              // owned; open addressing
    uint32_t capacity;               // a power of two
    uint32_t count;
};

// ---- Slots ----

static struct slot *slot_find(const struct chunk *chunk, const struct watch *watch,
                              struct bytes key)
{
    uint64_t hash = XXH3_64bits_withSeed(key.data, key.size, (uintptr_t)watch);
    uint32_t at = (uint32_t)hash & (chunk->capacity - 1);
    while (chunk->slots[at].watch &&
           !(chunk->slots[at].watch == watch && bytes_equal(chunk->slots[at].key, key)))
        at = (at + 1) & (chunk->capacity - 1);
    return &chunk->slots[at];
}

static void chunk_grow(struct chunk *chunk)
{
    struct chunk grown = *chunk;
    grown.capacity = chunk->capacity * 2;
    grown.slots = memory_new_array(grown.capacity, sizeof *grown.slots);
    for (uint32_t i = 0; i < chunk->capacity; i++) {
        if (chunk->slots[i].watch)
            *slot_find(&grown, chunk->slots[i].watch, chunk->slots[i].key) = chunk->slots[i];
    }
    free(chunk->slots);
    *chunk = grown;
}

// After `first`, `then` follows. NONE as `first`: the entry is not in the result.
static enum transition transition_merge(enum transition first, enum transition then)
{
    if (first == TRANSITION_NONE)
        return then;
    bool was_in = first == TRANSITION_UPDATE || first == TRANSITION_LEAVE;
    bool is_in = then != TRANSITION_LEAVE;
    if (was_in)
        return is_in ? TRANSITION_UPDATE : TRANSITION_LEAVE;
    return is_in ? TRANSITION_ENTER : TRANSITION_NONE;
}

static void slot_merge(struct chunk *chunk, const struct watch *watch, enum transition transition)
{
    const struct effect *effect = &chunk->delivery->effect;
    if (chunk->count >= chunk->capacity / 2)
        chunk_grow(chunk);
    struct slot *slot = slot_find(chunk, watch, effect->key);
    if (!slot->watch) {
        *slot = (struct slot){.watch = watch, .key = effect->key};
        chunk->count++;
    }
    // Out of the result, the next change begins anew.
    if (slot->transition == TRANSITION_NONE)
        slot->old_value = chunk->delivery->old_value;
    slot->transition = transition_merge(slot->transition, transition);
    slot->last_seq = effect->seq;
}

// ---- The two readings ----

static bool is_conflated(const struct watch *watch)
{
    return watch->policy == POLICY_CONFLATE;
}

static void merge_match(void *context, struct index_entry *entry, enum transition transition)
{
    struct chunk *chunk = context;
    const struct watch *watch = LIST_ENTRY(entry, struct watch, entry);
    if (is_conflated(watch))
        slot_merge(chunk, watch, transition);
}

static void write_match(void *context, struct index_entry *entry, enum transition transition)
{
    const struct chunk *chunk = context;
    struct watch *watch = LIST_ENTRY(entry, struct watch, entry);
    enum cause cause = chunk->delivery->effect.cause;
    if (is_conflated(watch)) {
        const struct slot *slot = slot_find(chunk, watch, chunk->delivery->effect.key);
        if (slot->last_seq != chunk->delivery->effect.seq || slot->transition == TRANSITION_NONE)
            return;
        transition = slot->transition;
    }
    if (watch_wants(watch, transition, cause))
        reader_add_match(watch->reader, watch, transition);
}

// Those of one effect, one by one: their old values may differ.
static void matches_write(struct reader *reader, const struct chunk *chunk)
{
    for (uint32_t i = 0; i < reader->match_count; i++) {
        const struct match *match = &reader->matches[i];
        struct event event = delivery_event(chunk->delivery);
        event.kind = (uint8_t)transition_frame((enum transition)match->transition);
        if (is_conflated(match->watch))
            event.old_value = slot_find(chunk, match->watch, event.key)->old_value;
        event_write(reader, &event, match, 1);
    }
    reader->match_count = 0;
}

static void chunk_read(struct chunk *chunk, uint64_t from_seq, uint64_t to_seq, bool is_merging)
{
    struct reader *reader = chunk->course->reader;
    for (uint64_t seq = from_seq; seq <= to_seq; seq++) {
        struct delivery delivery;
        delivery_init(&delivery, reader->watches, chunk->source, seq);
        delivery.only = chunk->course;
        chunk->delivery = &delivery;
        const struct effect *effect = &delivery.effect;
        course_match(chunk->course, chunk->source->place, effect->map, effect->key,
                     delivery.old_value, effect->value, is_merging ? merge_match : write_match,
                     chunk);
        if (!is_merging)
            matches_write(reader, chunk);
    }
    chunk->delivery = NULL;
}

bool conflate(struct course *course, const struct source *source, uint64_t from_seq,
              uint64_t to_seq)
{
    enum { CAPACITY_MIN = 64 };
    CHECK(!course->is_side);
    struct reader *reader = course->reader;
    struct buffer *out = &reader->outlet->out;
    struct chunk chunk = {.course = course, .source = source, .capacity = CAPACITY_MIN};
    chunk.slots = memory_new_array(CAPACITY_MIN, sizeof *chunk.slots);
    chunk_read(&chunk, from_seq, to_seq, true);
    size_t before = buffer_size(out);
    size_t mark = batch_begin(out);
    size_t empty = buffer_size(out);
    chunk_read(&chunk, from_seq, to_seq, false);
    free(chunk.slots);
    size_t size = buffer_size(out) - before;
    if (size == empty - before || size > BATCH_BODY_BYTES_MAX - FRAME_OVERHEAD_BYTES) {
        buffer_drop(out, size);
        return size == empty - before;
    }
    // Changes after the last event may have been merged away: the position is behind them all.
    const struct mark end = source_mark(source, to_seq);
    progress_encode(out, reader_behind(reader), &end, 1);
    batch_end(out, mark);
    reader->told[source->place] = to_seq;
    outlet_changed(reader->outlet);
    return true;
}
