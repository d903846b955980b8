// SPDX-License-Identifier: Apache-2.0
#include "node/query/index_parts.h"

#include <assert.h>

// ---- Layout ----

enum {
    FILED_TOGETHER = 8,
    CODED_HEAD_BYTES = sizeof(uint64_t) + sizeof(uint32_t), // slots, size of the code
};

static bool is_exact(const struct predicate *predicate)
{
    return (predicate->flags & PREDICATE_EXACT) != 0;
}

static size_t places_bytes(const struct predicate *predicate)
{
    size_t each = is_exact(predicate) ? sizeof(uint32_t) : sizeof(struct place);
    return predicate->place_count * each;
}

static size_t text_offset(const struct predicate *predicate)
{
    size_t bound = predicate->flags & PREDICATE_BOUND ? sizeof(double) : 0;
    return places_bytes(predicate) + (is_exact(predicate) ? bound : CODED_HEAD_BYTES);
}

static size_t predicate_bytes(const struct predicate *predicate, size_t code_size)
{
    return offsetof(struct predicate, rest) + text_offset(predicate) + predicate->text_size +
           code_size;
}

struct bytes predicate_text(const struct predicate *predicate)
{
    return bytes_of(predicate->rest + text_offset(predicate), predicate->text_size);
}

uint64_t predicate_slots(const struct predicate *predicate)
{
    uint64_t slots;
    memcpy(&slots, predicate->rest + places_bytes(predicate), sizeof slots);
    return slots;
}

struct bytes predicate_code(const struct predicate *predicate)
{
    if (is_exact(predicate))
        return bytes_of(NULL, 0);
    uint32_t size;
    memcpy(&size, predicate->rest + places_bytes(predicate) + sizeof(uint64_t), sizeof size);
    return bytes_of(predicate->rest + text_offset(predicate) + predicate->text_size, size);
}

static double predicate_bound(const struct predicate *predicate)
{
    double bound;
    memcpy(&bound, predicate->rest + places_bytes(predicate), sizeof bound);
    return bound;
}

uint32_t handle_of(const struct index *index, const void *object)
{
    return (uint32_t)((size_t)((const uint8_t *)object - index->slab.base) / SLAB_UNIT_BYTES);
}

struct group *predicate_group(const struct predicate *predicate)
{
    return (struct group *)((uintptr_t)predicate +
                            (uintptr_t)((intptr_t)predicate->group * SLAB_UNIT_BYTES));
}

static int32_t group_distance(const struct index *index, const struct group *group,
                              uint32_t predicate)
{
    return (int32_t)(handle_of(index, group) - predicate);
}

enum access_class predicate_class(const struct predicate *predicate)
{
    if (predicate->flags & PREDICATE_ALWAYS)
        return ACCESS_ALWAYS;
    if (predicate->place_count == 0)
        return ACCESS_NEVER;
    return predicate->flags & PREDICATE_ALL ? ACCESS_ALL : ACCESS_KEYED;
}

bool predicate_admits(const struct predicate *predicate, enum access_bound bound,
                      const struct value *value)
{
    struct value real = value_of_float(predicate_bound(predicate));
    enum order order = value_order(value, &real);
    if (order == ORDER_EQUAL)
        return (predicate->flags & PREDICATE_OPEN) == 0;
    return order == (bound == BOUND_LOW ? ORDER_GREATER : ORDER_LESS);
}

// ---- Places ----

struct place predicate_place(const struct index *index, const struct predicate *predicate,
                             uint32_t number)
{
    struct place place = {0};
    if (!is_exact(predicate)) {
        memcpy(&place, predicate->rest + number * sizeof place, sizeof place);
        return place;
    }
    memcpy(&place.list, predicate->rest + number * sizeof place.list, sizeof place.list);
    if (predicate->flags & PREDICATE_BOUND) {
        struct group *group = predicate_group(predicate);
        const struct form *form = &group->forms[list_at(index, place.list)->form];
        struct value bound = value_of_float(predicate_bound(predicate));
        CHECK(access_threshold(&form->key.bound, &bound, &place.threshold));
    }
    return place;
}

static void place_set(struct predicate *predicate, uint32_t number, struct place place)
{
    if (is_exact(predicate))
        memcpy(predicate->rest + number * sizeof place.list, &place.list, sizeof place.list);
    else
        memcpy(predicate->rest + number * sizeof place, &place, sizeof place);
}

// The predicate as postings name it.
static uint32_t posting_name(const struct index *index, const struct predicate *predicate)
{
    static_assert(INDEX_RANGE_BYTES / SLAB_UNIT_BYTES <= POSTING_SINGLE,
                  "a bit of handles is free");
    if (predicate->flags & PREDICATE_SINGLE)
        return predicate->ring | POSTING_SINGLE;
    return handle_of(index, predicate);
}

// Keys are filed some at a time, so that what each needs of memory is on its way together.
struct filing {
    struct access_key keys[FILED_TOGETHER];
    uint32_t hashes[FILED_TOGETHER];
    uint32_t lists[FILED_TOGETHER];
    unsigned grains[FILED_TOGETHER];
    uint32_t count;
};

static void filing_prepare(struct filing *filing, struct index *index, struct group *group,
                           const struct access *access, uint32_t form, uint32_t from)
{
    filing->count = access_key_count(access) - from;
    if (filing->count > FILED_TOGETHER)
        filing->count = FILED_TOGETHER;
    for (uint32_t at = 0; at < filing->count; at++) {
        access_key_at(access, from + at, &filing->keys[at], &filing->grains[at]);
        filing->hashes[at] = access_key_hash(&filing->keys[at], form);
        uint32_t bucket = handles_bucket_of(&group->lists, filing->hashes[at]);
        __builtin_prefetch(handles_head(&group->lists, bucket));
    }
    for (uint32_t at = 0; at < filing->count; at++)
        __builtin_prefetch(list_at(index, handles_first(&group->lists, filing->hashes[at])));
    for (uint32_t at = 0; at < filing->count; at++) {
        filing->lists[at] = list_take(index, group, form, &filing->keys[at], filing->hashes[at],
                                      filing->grains[at]);
        const struct postings *postings = &list_at(index, filing->lists[at])->postings;
        if (postings->count > 1)
            __builtin_prefetch(slab_at(&index->slab, postings->array));
    }
}

static void predicate_file(struct index *index, struct group *group, struct predicate *predicate,
                           const struct plan *plan)
{
    uint32_t name = posting_name(index, predicate);
    uint32_t filed = 0;
    for (uint32_t at = 0; at < plan->access_count; at++) {
        const struct access *access = &plan->accesses[at];
        uint32_t form = form_take(group, &access->form);
        struct filing filing;
        for (uint32_t from = 0; from < access_key_count(access); from += filing.count) {
            filing_prepare(&filing, index, group, access, form, from);
            for (uint32_t key = 0; key < filing.count; key++) {
                struct place place = {.list = filing.lists[key], .threshold = access->threshold};
                postings_add(&list_at(index, place.list)->postings, &index->slab,
                             posting_of(place.threshold, name));
                place_set(predicate, filed++, place);
            }
        }
    }
    CHECK(filed == plan->place_count);
}

static void predicate_unfile(struct index *index, struct group *group,
                             const struct predicate *predicate)
{
    uint32_t name = posting_name(index, predicate);
    for (uint32_t number = 0; number < predicate->place_count; number++) {
        struct place place = predicate_place(index, predicate, number);
        postings_remove(&list_at(index, place.list)->postings, &index->slab,
                        posting_of(place.threshold, name));
        list_release(index, group, place.list);
    }
}

// ---- Life ----

static void slot_note(void *context, uint16_t slot)
{
    *(uint64_t *)context |= UINT64_C(1) << (slot % 64);
}

// What cannot be told from the places.
static void predicate_fill(struct predicate *predicate, const struct plan *plan, struct bytes text,
                           struct bytes code)
{
    uint8_t *at = predicate->rest + places_bytes(predicate);
    if (!is_exact(predicate)) {
        uint64_t slots = 0;
        uint32_t code_size = (uint32_t)code.size;
        code_each_slot(code, slot_note, &slots);
        memcpy(at, &slots, sizeof slots);
        memcpy(at + sizeof slots, &code_size, sizeof code_size);
        memcpy(predicate->rest + text_offset(predicate) + text.size, code.data, code.size);
    } else if (predicate->flags & PREDICATE_BOUND) {
        memcpy(at, &plan->accesses[0].bound_real, sizeof plan->accesses[0].bound_real);
    }
    if (text.size > 0)
        memcpy(predicate->rest + text_offset(predicate), text.data, text.size);
}

static uint8_t plan_flags(const struct plan *plan)
{
    unsigned flags = plan->access == ACCESS_ALWAYS ? PREDICATE_ALWAYS : 0;
    if (!plan->is_exact)
        return (uint8_t)flags;
    flags |= PREDICATE_EXACT;
    if (plan->access == ACCESS_ALL)
        flags |= PREDICATE_ALL;
    if (plan->access_count == 1)
        flags |= PREDICATE_SINGLE;
    if (plan->access_count == 1 && plan->accesses[0].bound != NULL)
        flags |= PREDICATE_BOUND | (plan->accesses[0].is_open ? PREDICATE_OPEN : 0U);
    return (uint8_t)flags;
}

// Beyond what the predicate itself takes: for each key a list, and a block and a directory of
// postings. More than ever needed.
static bool has_room(const struct index *index, const struct plan *plan, size_t bytes)
{
    enum { PLACE_BYTES = 16 * 1024 };
    uint64_t needed =
        bytes + (uint64_t)plan->place_count * PLACE_BYTES + 64 * (uint64_t)SLAB_CHUNK_BYTES;
    return slab_free_range_bytes(&index->slab) > needed;
}

struct predicate *predicate_new(struct index *index, struct group *group, const struct plan *plan,
                                uint32_t ring, struct bytes text)
{
    struct bytes code = buffer_bytes(&index->code);
    struct predicate head = {.ring = ring,
                             .flags = plan_flags(plan),
                             .text_size = (uint16_t)text.size,
                             .place_count = (uint16_t)plan->place_count};
    CHECK(text.size <= UINT16_MAX);
    size_t bytes = predicate_bytes(&head, is_exact(&head) ? 0 : code.size);
    uint32_t handle = 0;
    if (has_room(index, plan, bytes))
        handle = slab_alloc(&index->slab, SLAB_RECORD, bytes);
    if (handle == 0) {
        if (code.size > 0)
            code_release(code, group->fields);
        return NULL;
    }
    struct predicate *predicate = slab_at(&index->slab, handle);
    memcpy(predicate, &head, offsetof(struct predicate, rest));
    predicate->group = group_distance(index, group, handle);
    predicate_fill(predicate, plan, text, code);
    predicate_file(index, group, predicate, plan);
    // The forms hold what an exact one reads.
    if (is_exact(predicate) && code.size > 0)
        code_release(code, group->fields);
    return predicate;
}

void predicate_free(struct index *index, struct predicate *predicate)
{
    struct group *group = predicate_group(predicate);
    struct bytes code = predicate_code(predicate);
    predicate_unfile(index, group, predicate);
    if (code.size > 0)
        code_release(code, group->fields);
    slab_release(&index->slab, handle_of(index, predicate));
}
