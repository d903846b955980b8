// SPDX-License-Identifier: Apache-2.0
// An update against the standing queries of its map, in two passes: the keys of the old and the new
// value lead to predicates, each of which is noted once; then those that are noted are verified
// where their key does not say all, and their entries are told.
#include "cluster/base/memory.h"
#include "node/query/index_parts.h"

#include <assert.h>

static_assert((MARK_OLD | MARK_NEW) == RING_MARKS, "rings have room for just these");

enum {
    OLD = 0,
    NEW = 1,
    AHEAD = 8,         // entries fetched before they are told
    PIECES_SEEN = 256, // pieces of a text that are remembered, to be looked up once
};

// What is looked up.
struct match {
    struct index *index;
    const struct group *group;
    struct bytes key;
    const struct bytes *slots[2]; // NULL: there is no entry on this side
    bool is_changed;              // some field differs
};

// Predicates under a key are candidates of a side up to its threshold.
struct limits {
    int64_t thresholds[2]; // -1: none on this side
    struct value values[2];
    enum access_bound bound;
    bool is_only; // the form is looked for only once: both sides at a time, or there is one side
};

// ---- Found ----

static void found_add(struct found *found, struct found_item item)
{
    if (__builtin_expect(found->count == found->capacity, 0)) {
        found->capacity = found->capacity == 0 ? 64 : found->capacity * 2;
        found->items = memory_resize_array(found->items, found->capacity, sizeof *found->items);
    }
    found->items[found->count++] = item;
}

// At the threshold itself images are equal, not the values.
static bool is_at_bound(const struct predicate *predicate, const struct limits *limits, int side)
{
    return !(predicate->flags & PREDICATE_BOUND) ||
           predicate_admits(predicate, limits->bound, &limits->values[side]);
}

static unsigned side_mark(const struct predicate *predicate, int64_t threshold,
                          const struct limits *limits, int side)
{
    unsigned mark = side == OLD ? MARK_OLD : MARK_NEW;
    if (threshold == limits->thresholds[side])
        return is_at_bound(predicate, limits, side) ? mark : 0;
    return threshold < limits->thresholds[side] ? mark : 0;
}

// Notes a predicate that may be found again.
static void predicate_note(struct index *index, struct predicate *predicate, int64_t threshold,
                           const struct limits *limits)
{
    unsigned marks =
        side_mark(predicate, threshold, limits, OLD) | side_mark(predicate, threshold, limits, NEW);
    if (marks == 0)
        return;
    if (predicate->marks == 0)
        found_add(&index->found,
                  (struct found_item){.predicate = predicate, .ring = predicate->ring});
    predicate->marks |= (uint8_t)(marks | MARK_FOUND);
}

// The predicate that a posting names.
static struct predicate *posting_predicate(const struct index *index, uint32_t name)
{
    if (name & POSTING_SINGLE)
        return ring_first(&index->rings, name & ~POSTING_SINGLE)->predicate;
    return slab_at(&index->slab, name);
}

static void posting_fetch(const struct index *index, uint32_t name)
{
    if (name & POSTING_SINGLE)
        __builtin_prefetch(ring_at(&index->rings, name & ~POSTING_SINGLE));
    else
        __builtin_prefetch(slab_at(&index->slab, name));
}

static unsigned single_marks(const struct index *index, uint32_t name, int64_t threshold,
                             const struct limits *limits)
{
    if (threshold != limits->thresholds[OLD] && threshold != limits->thresholds[NEW])
        return (threshold < limits->thresholds[OLD] ? MARK_OLD : 0U) |
               (threshold < limits->thresholds[NEW] ? MARK_NEW : 0U);
    const struct predicate *predicate = posting_predicate(index, name);
    return side_mark(predicate, threshold, limits, OLD) |
           side_mark(predicate, threshold, limits, NEW);
}

// Notes a SINGLE predicate without touching it.
static void single_note(struct index *index, uint32_t name, int64_t threshold,
                        const struct limits *limits)
{
    struct found_item item = {.ring = name & ~POSTING_SINGLE};
    unsigned marks = single_marks(index, name, threshold, limits);
    if (limits->is_only) {
        item.marks = marks;
        if (marks != 0)
            found_add(&index->found, item);
        return;
    }
    uintptr_t *word = ring_at(&index->rings, item.ring);
    if (marks != 0 && (*word & RING_MARKS) == 0)
        found_add(&index->found, item);
    *word |= marks;
}

// False: all that come later are beyond the limits.
static bool run_scan(struct index *index, const struct postings_run *run,
                     const struct limits *limits)
{
    int64_t old_limit = limits->thresholds[OLD];
    int64_t new_limit = limits->thresholds[NEW];
    int64_t limit = old_limit > new_limit ? old_limit : new_limit;
    for (uint32_t at = 0; at < run->count; at++) {
        int64_t threshold = posting_threshold(run->postings[at]);
        if (threshold > limit)
            return false;
        // Predicates and rings are anywhere in memory: what is next is fetched ahead.
        if (at + AHEAD < run->count)
            posting_fetch(index, posting_handle(run->postings[at + AHEAD]));
        uint32_t name = posting_handle(run->postings[at]);
        if (name & POSTING_SINGLE)
            single_note(index, name, threshold, limits);
        else
            predicate_note(index, slab_at(&index->slab, name), threshold, limits);
    }
    return true;
}

static void key_look(const struct match *match, uint32_t form, const struct access_key *key,
                     const struct limits *limits)
{
    uint32_t hash = access_key_hash(key, form);
    uint32_t handle = list_find(match->index, match->group, form, key, hash);
    if (handle == 0)
        return;
    const struct postings *postings = &list_at(match->index, handle)->postings;
    struct postings_run run;
    for (uint32_t number = 0; postings_run(postings, &match->index->slab, number, &run); number++)
        if (!run_scan(match->index, &run, limits))
            return;
}

// ---- Keys of a document ----

static struct bytes part_object(const struct match *match, const struct part *part, int side)
{
    return part->is_key ? match->key : match->slots[side][part->slot];
}

static bool part_is_changed(const struct match *match, const struct part *part)
{
    return part->kind != PART_NONE && !part->is_key &&
           !bytes_equal(match->slots[OLD][part->slot], match->slots[NEW][part->slot]);
}

static void cells_look(const struct match *match, uint32_t number, struct access_key *key,
                       const struct value *value, const struct limits *limits)
{
    const struct form *form = &match->group->forms[number];
    uint64_t image;
    if (!order_image(value, (enum family)form->key.second.family, &image))
        return;
    uint16_t size = key->size;
    for (uint32_t grains = form->grain_mask; grains != 0; grains &= grains - 1) {
        unsigned grain = (unsigned)__builtin_ctz(grains);
        key->size = size;
        access_key_add_cell(key, grain, cell_of(image, grain));
        key_look(match, number, key, limits);
    }
}

static void affixes_look(const struct match *match, uint32_t number, struct access_key *key,
                         struct bytes text, const struct limits *limits)
{
    const struct form *form = &match->group->forms[number];
    uint16_t size = key->size;
    for (uint32_t grains = form->grain_mask; grains != 0; grains &= grains - 1) {
        uint32_t affix = affix_bytes((unsigned)__builtin_ctz(grains));
        if (affix > text.size)
            return;
        bool is_suffix = form->key.second.kind == PART_SUFFIX;
        key->size = size;
        access_key_add_affix(key, bytes_of(text.data + (is_suffix ? text.size - affix : 0), affix));
        key_look(match, number, key, limits);
    }
}

static void pieces_look(const struct match *match, uint32_t number, struct access_key *key,
                        struct bytes text, const struct limits *limits)
{
    uint32_t seen[PIECES_SEEN] = {0};
    uint16_t size = key->size;
    for (size_t at = 0; at + PIECE_BYTES <= text.size; at++) {
        const uint8_t *bytes = text.data + at;
        uint32_t piece = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
        uint32_t *place = &seen[(piece * UINT32_C(0x9E3779B1)) >> 24];
        if (*place == piece + 1)
            continue;
        *place = piece + 1;
        key->size = size;
        access_key_add_piece(key, bytes);
        key_look(match, number, key, limits);
    }
}

// Looks for the keys of one side's document.
static void form_look(const struct match *match, uint32_t number, int side,
                      const struct limits *limits)
{
    const struct access_form *form = &match->group->forms[number].key;
    struct access_key key;
    key.size = 0;
    if (form->first.kind != PART_NONE) {
        struct value value = value_load(part_object(match, &form->first, side));
        if (!access_key_add_point(&key, &value))
            return;
    }
    if (form->second.kind == PART_NONE) {
        key_look(match, number, &key, limits);
        return;
    }
    struct bytes object = part_object(match, &form->second, side);
    struct value value = value_load(object);
    switch ((enum part_kind)form->second.kind) {
    case PART_POINT:
        if (access_key_add_point(&key, &value))
            key_look(match, number, &key, limits);
        return;
    case PART_EXISTS:
        if (object.size > 0)
            key_look(match, number, &key, limits);
        return;
    case PART_CELL:
        cells_look(match, number, &key, &value, limits);
        return;
    case PART_PREFIX:
    case PART_SUFFIX:
        if (value.kind == VALUE_STR)
            affixes_look(match, number, &key, value.bytes, limits);
        return;
    case PART_CONTAINS:
        if (value.kind == VALUE_STR)
            pieces_look(match, number, &key, value.bytes, limits);
        return;
    case PART_NONE:
        return;
    }
}

static int64_t limit_of(const struct match *match, const struct part *bound, int side,
                        struct value *value)
{
    if (match->slots[side] == NULL)
        return -1;
    if (bound->kind == BOUND_NONE)
        return 1; // beyond all thresholds, which are 0
    uint32_t threshold;
    *value = value_load(part_object(match, bound, side));
    return access_threshold(bound, value, &threshold) ? (int64_t)threshold : -1;
}

static void form_match(const struct match *match, uint32_t number)
{
    const struct access_form *form = &match->group->forms[number].key;
    struct limits limits = {.bound = (enum access_bound)form->bound.kind, .is_only = true};
    for (int side = OLD; side <= NEW; side++)
        limits.thresholds[side] = limit_of(match, &form->bound, side, &limits.values[side]);
    bool has_old = limits.thresholds[OLD] >= 0;
    bool has_new = limits.thresholds[NEW] >= 0;
    if (has_old && has_new) {
        if (!match->is_changed ||
            (!part_is_changed(match, &form->first) && !part_is_changed(match, &form->second))) {
            form_look(match, number, NEW, &limits);
            return;
        }
        limits.is_only = false;
        struct limits old_limits = limits;
        old_limits.thresholds[NEW] = limits.thresholds[OLD] = -1;
        form_look(match, number, OLD, &old_limits);
        form_look(match, number, NEW, &limits);
    } else if (has_old || has_new) {
        form_look(match, number, has_new ? NEW : OLD, &limits);
    }
}

// ---- Verification ----

static bool code_says(const struct match *match, const struct predicate *predicate, int side)
{
    return code_matches(predicate_code(predicate), match->key, match->slots[side],
                        match->index->stack);
}

// What of the marks is true.
static unsigned predicate_verify(const struct match *match, const struct predicate *predicate,
                                 uint64_t changed)
{
    unsigned marks = predicate->marks;
    if (predicate->flags & PREDICATE_EXACT)
        return marks;
    if (marks & MARK_OLD && !code_says(match, predicate, OLD))
        marks &= ~(unsigned)MARK_OLD;
    if (!(marks & MARK_NEW))
        return marks;
    // The same fields give the same answer.
    bool is_same = match->slots[OLD] != NULL && (predicate_slots(predicate) & changed) == 0 &&
                   predicate->marks & MARK_OLD;
    bool matches = is_same ? (marks & MARK_OLD) != 0 : code_says(match, predicate, NEW);
    return matches ? marks : marks & ~(unsigned)MARK_NEW;
}

static enum transition transition_of(unsigned marks)
{
    if (marks & MARK_NEW)
        return marks & MARK_OLD ? TRANSITION_UPDATE : TRANSITION_ENTER;
    return marks & MARK_OLD ? TRANSITION_LEAVE : TRANSITION_NONE;
}

// The slots that differ, modulo 64.
static uint64_t slots_changed(const struct match *match, uint32_t slot_count)
{
    uint64_t changed = 0;
    if (match->slots[OLD] == NULL || match->slots[NEW] == NULL)
        return changed;
    for (uint32_t slot = 0; slot < slot_count; slot++)
        if (!bytes_equal(match->slots[OLD][slot], match->slots[NEW][slot]))
            changed |= UINT64_C(1) << (slot % 64);
    return changed;
}

// Returns how many there are.
static uint64_t entries_tell(const struct index *index, uint32_t ring, enum transition transition,
                             index_match_fn *on_match, void *context)
{
    struct index_entry *first = ring_first(&index->rings, ring);
    uint64_t count = 1;
    on_match(context, first, transition);
    // An entry is far away in memory: it is not looked at only to learn that it is the last.
    if (!ring_is_shared(&index->rings, ring))
        return count;
    for (struct index_entry *entry = entry_next(first); entry != first; entry = entry_next(entry)) {
        on_match(context, entry, transition);
        count++;
    }
    return count;
}

static void found_tell(const struct match *match, uint32_t slot_count, index_match_fn *on_match,
                       void *context)
{
    struct index *index = match->index;
    uint64_t changed = index->found.count > 0 ? slots_changed(match, slot_count) : 0;
    index->figures.candidate_count += index->found.count;
    for (size_t at = 0; at < index->found.count; at++) {
        if (at + AHEAD < index->found.count)
            __builtin_prefetch(ring_first(&index->rings, index->found.items[at + AHEAD].ring));
        const struct found_item *item = &index->found.items[at];
        unsigned marks = item->marks;
        if (item->predicate != NULL) {
            marks = predicate_verify(match, item->predicate, changed);
            item->predicate->marks = 0;
        } else if (marks == 0) {
            uintptr_t *word = ring_at(&index->rings, item->ring);
            marks = (unsigned)(*word & RING_MARKS);
            *word &= ~(uintptr_t)RING_MARKS;
        }
        enum transition transition = transition_of(marks);
        if (transition == TRANSITION_NONE)
            continue;
        index->figures.verified_count++;
        index->figures.match_count +=
            entries_tell(index, item->ring, transition, on_match, context);
    }
    index->found.count = 0;
}

// ---- Border ----

// Room for the fields of two documents.
static struct bytes *slots_room(struct index *index, uint32_t slot_count)
{
    // Some room even for no slots: an address says that there is an entry.
    if (slot_count >= index->slot_capacity) {
        index->slot_capacity = slot_count * 2 + 1;
        free(index->slots);
        index->slots = memory_new_array(2 * (size_t)index->slot_capacity, sizeof *index->slots);
    }
    return index->slots;
}

static void match_fill(struct match *match, struct bytes old_value, struct bytes new_value)
{
    const struct fields *fields = match->group->fields;
    uint32_t slot_count = fields_slot_count(fields);
    struct bytes *slots = slots_room(match->index, slot_count);
    if (old_value.size > 0) {
        fields_find(fields, old_value, slots);
        match->slots[OLD] = slots;
    }
    if (new_value.size > 0) {
        struct bytes *new_slots = slots + slot_count;
        fields_find(fields, new_value, new_slots);
        match->slots[NEW] = new_slots;
    }
    if (old_value.size == 0 || new_value.size == 0)
        return;
    for (uint32_t slot = 0; slot < slot_count && !match->is_changed; slot++)
        match->is_changed = !bytes_equal(match->slots[OLD][slot], match->slots[NEW][slot]);
}

void index_match(struct index *index, struct bytes map, struct bytes key, struct bytes old_value,
                 struct bytes new_value, index_match_fn *on_match, void *context)
{
    struct group *group = group_find(index, map);
    if (group == NULL)
        return;
    struct match match = {.index = index, .group = group, .key = key};
    match_fill(&match, old_value, new_value);
    index->figures.update_count++;
    uint32_t slot_count = fields_slot_count(group->fields);
    bool is_sampled =
        group->update_count < SAMPLED_FIRST || group->update_count % SAMPLE_INTERVAL == 0;
    if (is_sampled && match.slots[NEW] != NULL)
        access_stats_see(group->stats, key, match.slots[NEW], slot_count);
    group->update_count++;
    for (uint32_t form = 0; form < group->form_count; form++)
        if (group->forms[form].list_count > 0)
            form_match(&match, form);
    found_tell(&match, slot_count, on_match, context);
}

// The key of points that a document has in this form. False: none.
static bool points_key(const struct match *match, const struct access_form *form, int side,
                       struct access_key *key)
{
    key->size = 0;
    for (unsigned at = 0; at < 2; at++) {
        const struct part *part = at == 0 ? &form->first : &form->second;
        if (part->kind == PART_NONE)
            continue;
        struct value value = value_load(part_object(match, part, side));
        if (!access_key_add_point(key, &value))
            return false;
    }
    return true;
}

// Whether one of an exact predicate's places is where the document leads.
static bool exact_matches(const struct match *match, const struct predicate *predicate, int side)
{
    for (uint32_t at = 0; at < predicate->place_count; at++) {
        const struct key_list *list =
            list_at(match->index, predicate_place(match->index, predicate, at).list);
        const struct access_form *form = &match->group->forms[list->form].key;
        struct access_key key;
        if (!points_key(match, form, side, &key) || key.size != list->key_size ||
            memcmp(key.bytes, list->key, key.size) != 0)
            continue;
        if (form->bound.kind == BOUND_NONE)
            return true;
        struct value value = value_load(part_object(match, &form->bound, side));
        return predicate_admits(predicate, (enum access_bound)form->bound.kind, &value);
    }
    return false;
}

enum transition index_entry_match(struct index *index, const struct index_entry *entry,
                                  struct bytes key, struct bytes old_value, struct bytes new_value)
{
    const struct predicate *predicate = entry->predicate;
    struct match match = {.index = index, .group = predicate_group(predicate), .key = key};
    match_fill(&match, old_value, new_value);
    unsigned marks = 0;
    for (int side = OLD; side <= NEW; side++) {
        bool is_exact = (predicate->flags & PREDICATE_EXACT) != 0;
        if (match.slots[side] != NULL && (is_exact ? exact_matches(&match, predicate, side)
                                                   : code_says(&match, predicate, side)))
            marks |= side == OLD ? MARK_OLD : MARK_NEW;
    }
    return transition_of(marks);
}
