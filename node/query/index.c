// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/memory.h"
#include "node/query/index_parts.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct index *index_new(const struct index_options *options)
{
    struct index *index = memory_new(sizeof *index);
    index->options = *options;
    slab_init(&index->slab, INDEX_RANGE_BYTES);
    handles_init(&index->groups);
    index->stack = code_stack_new();
    return index;
}

void index_free(struct index *index)
{
    CHECK(index->figures.entry_count == 0 && index->groups.item_count == 0);
    handles_deinit(&index->groups);
    slab_deinit(&index->slab);
    rings_deinit(&index->rings);
    code_stack_free(index->stack);
    buffer_deinit(&index->code);
    free(index->found.items);
    free(index->slots);
    free(index);
}

// ---- Groups ----

static uint32_t map_hash(struct bytes map)
{
    return (uint32_t)XXH3_64bits(map.data, map.size);
}

struct group *group_find(const struct index *index, struct bytes map)
{
    if (index->groups.item_count == 0)
        return NULL;
    uint32_t hash = map_hash(map);
    uint32_t handle = handles_first(&index->groups, hash);
    while (handle != 0) {
        struct group *group = slab_at(&index->slab, handle);
        if (group->item.hash == hash && bytes_equal(bytes_of(group->map, group->map_size), map))
            return group;
        handle = group->item.next;
    }
    return NULL;
}

// NULL: the slab is full.
static struct group *group_take(struct index *index, struct bytes map)
{
    struct group *group = group_find(index, map);
    if (group != NULL)
        return group;
    uint32_t handle = slab_alloc(&index->slab, SLAB_TABLE, sizeof *group);
    if (handle == 0)
        return NULL;
    group = slab_at(&index->slab, handle);
    *group = (struct group){.item.hash = map_hash(map),
                            .map = (uint8_t *)memory_copy_text((const char *)map.data, map.size),
                            .map_size = map.size,
                            .fields = fields_new(),
                            .stats = access_stats_new()};
    handles_init(&group->predicates);
    handles_init(&group->lists);
    handles_add(&index->groups, &index->slab, handle);
    return group;
}

static void group_release(struct index *index, struct group *group)
{
    if (group->predicates.item_count > 0)
        return;
    uint32_t handle = handle_of(index, group);
    handles_remove(&index->groups, &index->slab, handle);
    handles_deinit(&group->predicates);
    handles_deinit(&group->lists);
    fields_free(group->fields);
    access_stats_free(group->stats);
    free(group->forms);
    free(group->map);
    slab_release(&index->slab, handle);
}

// ---- Predicates ----

static uint32_t text_hash(struct bytes text)
{
    return (uint32_t)XXH3_64bits(text.data, text.size);
}

static struct predicate *predicate_find(const struct index *index, const struct group *group,
                                        struct bytes text)
{
    uint32_t hash = text_hash(text);
    uint32_t handle = handles_first(&group->predicates, hash);
    while (handle != 0) {
        struct predicate *predicate = slab_at(&index->slab, handle);
        if (predicate->item.hash == hash && bytes_equal(predicate_text(predicate), text))
            return predicate;
        handle = predicate->item.next;
    }
    return NULL;
}

static void predicate_link(struct index *index, struct group *group, struct predicate *predicate)
{
    predicate->item.hash = text_hash(predicate_text(predicate));
    handles_add(&group->predicates, &index->slab, handle_of(index, predicate));
    index->figures.predicate_count++;
    index->figures.always_count += predicate_class(predicate) == ACCESS_ALWAYS;
}

static void predicate_unlink(struct index *index, struct group *group, struct predicate *predicate)
{
    handles_remove(&group->predicates, &index->slab, handle_of(index, predicate));
    index->figures.predicate_count--;
    index->figures.always_count -= predicate_class(predicate) == ACCESS_ALWAYS;
}

struct predicate *predicate_move(struct index *index, struct predicate *predicate,
                                 const struct plan *plan)
{
    struct group *group = predicate_group(predicate);
    struct predicate *moved =
        predicate_new(index, group, plan, predicate->ring, predicate_text(predicate));
    if (moved == NULL)
        return NULL;
    struct index_entry *first = ring_first(&index->rings, predicate->ring);
    struct index_entry *entry = first;
    do {
        entry->predicate = moved;
        entry = entry_next(entry);
    } while (entry != first);
    predicate_unlink(index, group, predicate);
    predicate_link(index, group, moved);
    predicate_free(index, predicate);
    return moved;
}

// ---- Add and remove ----

static enum error always_refuse(const struct index *index, char *text, size_t capacity)
{
    snprintf(
        text, capacity,
        "every update would have to evaluate this WHERE, and %u such are the most: AND it with "
        "something to find it by, as field = value, IN, IS NULL, a range, or LIKE with three "
        "or more plain characters",
        index->options.always_max);
    return ERROR_OVERLOADED;
}

static enum error predicate_add(struct index *index, struct group *group, const struct query *query,
                                struct predicate **predicate, char *text, size_t capacity)
{
    struct plan plan;
    enum error error = plan_init(&plan, index, group, query);
    if (error != ERROR_NONE) {
        snprintf(text, capacity, "the standing queries on this map use more than %d fields",
                 FIELDS_MAX);
    } else if (plan.access == ACCESS_ALWAYS &&
               index->figures.always_count >= index->options.always_max) {
        code_release(buffer_bytes(&index->code), group->fields);
        error = always_refuse(index, text, capacity);
    } else {
        uint32_t ring = rings_take(&index->rings);
        *predicate = predicate_new(index, group, &plan, ring, query_where(query));
        if (*predicate == NULL) {
            rings_release(&index->rings, ring);
            snprintf(text, capacity, "the index of standing queries is full");
            error = ERROR_OVERLOADED;
        } else {
            predicate_link(index, group, *predicate);
        }
    }
    plan_deinit(&plan);
    return error;
}

enum error index_add(struct index *index, const struct query *query, struct index_entry *entry,
                     char *text, size_t capacity)
{
    struct group *group = group_take(index, query_map(query));
    if (group == NULL) {
        snprintf(text, capacity, "the index of standing queries is full");
        return ERROR_OVERLOADED;
    }
    struct predicate *predicate = predicate_find(index, group, query_where(query));
    if (predicate == NULL) {
        enum error error = predicate_add(index, group, query, &predicate, text, capacity);
        if (error != ERROR_NONE) {
            group_release(index, group);
            return error;
        }
    }
    ring_add(&index->rings, predicate->ring, entry);
    entry->predicate = predicate;
    index->figures.entry_count++;
    return ERROR_NONE;
}

void index_remove(struct index *index, struct index_entry *entry)
{
    struct predicate *predicate = entry->predicate;
    ring_remove(&index->rings, predicate->ring, entry);
    entry->predicate = NULL;
    index->figures.entry_count--;
    if (ring_first(&index->rings, predicate->ring) != NULL)
        return;
    rings_release(&index->rings, predicate->ring);
    struct group *group = predicate_group(predicate);
    predicate_unlink(index, group, predicate);
    predicate_free(index, predicate);
    group_release(index, group);
}

bool index_has_map(const struct index *index, struct bytes map)
{
    return group_find(index, map) != NULL;
}

struct bytes index_entry_map(const struct index_entry *entry)
{
    const struct group *group = predicate_group(entry->predicate);
    return bytes_of(group->map, group->map_size);
}

struct bytes index_entry_where(const struct index_entry *entry)
{
    return predicate_text(entry->predicate);
}
