// SPDX-License-Identifier: Apache-2.0
// One predicate after the other, but each different predicate of a map only once, however many
// subscribers ask for it.
#include "node/query/index.h"

#include "cluster/base/list.h"
#include "cluster/base/memory.h"
#include "node/query/compiled.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { BUCKETS_MIN = 64 };

// The standing queries on one map.
struct group {
    struct group *next; // in its bucket
    uint64_t hash;
    struct list predicates;
    uint8_t *map; // owned: the queries that name the map come and go
    size_t map_size;
};

// The standing queries with one WHERE text on one map.
struct predicate {
    struct predicate *next; // in its bucket
    uint64_t hash;
    struct group *group;
    struct list link;    // in group->predicates
    struct list entries; // never empty; the first one's query is evaluated for all
};

struct index_entry {
    struct list link; // in predicate->entries
    struct predicate *predicate;
    const struct query *query; // borrowed
    void *subscriber;          // borrowed
};

struct index {
    struct group **groups; // buckets by hash of the map's name
    uint64_t group_count;
    uint64_t group_buckets;        // a power of two
    struct predicate **predicates; // buckets by hash of map and WHERE text
    uint64_t predicate_count;
    uint64_t predicate_buckets; // a power of two
    uint64_t entry_count;
};

struct index *index_new(void)
{
    struct index *index = memory_new(sizeof *index);
    index->group_buckets = BUCKETS_MIN;
    index->groups = memory_new_array(BUCKETS_MIN, sizeof(struct group *));
    index->predicate_buckets = BUCKETS_MIN;
    index->predicates = memory_new_array(BUCKETS_MIN, sizeof(struct predicate *));
    return index;
}

void index_free(struct index *index)
{
    CHECK(index->entry_count == 0 && index->predicate_count == 0 && index->group_count == 0);
    free(index->groups);
    free(index->predicates);
    free(index);
}

// ---- Groups ----

static struct group **group_place(const struct index *index, struct bytes map, uint64_t hash)
{
    struct group **place = &index->groups[hash & (index->group_buckets - 1)];
    while (*place != NULL && !((*place)->hash == hash &&
                               bytes_equal(bytes_of((*place)->map, (*place)->map_size), map)))
        place = &(*place)->next;
    return place;
}

static void groups_grow(struct index *index)
{
    uint64_t buckets = index->group_buckets * 2;
    struct group **groups = memory_new_array(buckets, sizeof(struct group *));
    for (uint64_t bucket = 0; bucket < index->group_buckets; bucket++) {
        struct group *next;
        for (struct group *group = index->groups[bucket]; group != NULL; group = next) {
            next = group->next;
            group->next = groups[group->hash & (buckets - 1)];
            groups[group->hash & (buckets - 1)] = group;
        }
    }
    free(index->groups);
    index->groups = groups;
    index->group_buckets = buckets;
}

static struct group *group_take(struct index *index, struct bytes map)
{
    uint64_t hash = XXH3_64bits(map.data, map.size);
    struct group **place = group_place(index, map, hash);
    if (*place != NULL)
        return *place;
    if (index->group_count == index->group_buckets) {
        groups_grow(index);
        place = group_place(index, map, hash);
    }
    struct group *group = memory_new(sizeof *group);
    group->hash = hash;
    group->map = (uint8_t *)memory_copy_text((const char *)map.data, map.size);
    group->map_size = map.size;
    list_init(&group->predicates);
    index->group_count++;
    return *place = group;
}

static void group_release(struct index *index, struct group *group)
{
    if (!list_is_empty(&group->predicates))
        return;
    struct group **place = group_place(index, bytes_of(group->map, group->map_size), group->hash);
    *place = group->next;
    index->group_count--;
    free(group->map);
    free(group);
}

// ---- Predicates ----

static const struct query *predicate_query(const struct predicate *predicate)
{
    return LIST_ENTRY(predicate->entries.next, struct index_entry, link)->query;
}

static struct predicate *predicate_find(const struct index *index, const struct group *group,
                                        struct bytes where, uint64_t hash)
{
    struct predicate *predicate = index->predicates[hash & (index->predicate_buckets - 1)];
    while (predicate != NULL && !(predicate->hash == hash && predicate->group == group &&
                                  bytes_equal(predicate_query(predicate)->where, where)))
        predicate = predicate->next;
    return predicate;
}

static void predicates_grow(struct index *index)
{
    uint64_t buckets = index->predicate_buckets * 2;
    struct predicate **predicates = memory_new_array(buckets, sizeof(struct predicate *));
    for (uint64_t bucket = 0; bucket < index->predicate_buckets; bucket++) {
        struct predicate *next;
        for (struct predicate *at = index->predicates[bucket]; at != NULL; at = next) {
            next = at->next;
            at->next = predicates[at->hash & (buckets - 1)];
            predicates[at->hash & (buckets - 1)] = at;
        }
    }
    free(index->predicates);
    index->predicates = predicates;
    index->predicate_buckets = buckets;
}

static struct predicate *predicate_take(struct index *index, struct group *group,
                                        struct bytes where)
{
    uint64_t hash = XXH3_64bits_withSeed(where.data, where.size, group->hash);
    struct predicate *predicate = predicate_find(index, group, where, hash);
    if (predicate != NULL)
        return predicate;
    if (index->predicate_count == index->predicate_buckets)
        predicates_grow(index);
    predicate = memory_new(sizeof *predicate);
    predicate->hash = hash;
    predicate->group = group;
    list_init(&predicate->entries);
    list_append(&group->predicates, &predicate->link);
    struct predicate **bucket = &index->predicates[hash & (index->predicate_buckets - 1)];
    predicate->next = *bucket;
    *bucket = predicate;
    index->predicate_count++;
    return predicate;
}

static void predicate_release(struct index *index, struct predicate *predicate)
{
    if (!list_is_empty(&predicate->entries))
        return;
    struct predicate **place = &index->predicates[predicate->hash & (index->predicate_buckets - 1)];
    while (*place != predicate)
        place = &(*place)->next;
    *place = predicate->next;
    index->predicate_count--;
    list_remove(&predicate->link);
    group_release(index, predicate->group);
    free(predicate);
}

// ---- Border ----

struct index_entry *index_add(struct index *index, const struct query *query, void *subscriber)
{
    struct group *group = group_take(index, query->map);
    struct predicate *predicate = predicate_take(index, group, query->where);
    struct index_entry *entry = memory_new(sizeof *entry);
    entry->predicate = predicate;
    entry->query = query;
    entry->subscriber = subscriber;
    list_append(&predicate->entries, &entry->link);
    index->entry_count++;
    return entry;
}

void index_remove(struct index *index, struct index_entry *entry)
{
    list_remove(&entry->link);
    predicate_release(index, entry->predicate);
    index->entry_count--;
    free(entry);
}

bool index_has_map(const struct index *index, struct bytes map)
{
    return index->entry_count > 0 &&
           *group_place(index, map, XXH3_64bits(map.data, map.size)) != NULL;
}

static enum transition transition_of(bool matched, bool matches)
{
    if (matches)
        return matched ? TRANSITION_UPDATE : TRANSITION_ENTER;
    return matched ? TRANSITION_LEAVE : TRANSITION_NONE;
}

void index_match(struct index *index, struct bytes map, struct bytes key, struct bytes old_value,
                 struct bytes new_value,
                 void (*on_match)(void *context, void *subscriber, enum transition transition),
                 void *context)
{
    struct group *group = *group_place(index, map, XXH3_64bits(map.data, map.size));
    if (group == NULL)
        return;
    for (struct list *link = group->predicates.next; link != &group->predicates;
         link = link->next) {
        struct predicate *predicate = LIST_ENTRY(link, struct predicate, link);
        const struct query *query = predicate_query(predicate);
        bool matched = old_value.size > 0 && query_matches(query, key, old_value);
        bool matches = new_value.size > 0 && query_matches(query, key, new_value);
        enum transition transition = transition_of(matched, matches);
        if (transition == TRANSITION_NONE)
            continue;
        for (struct list *at = predicate->entries.next; at != &predicate->entries; at = at->next)
            on_match(context, LIST_ENTRY(at, struct index_entry, link)->subscriber, transition);
    }
}

uint64_t index_count(const struct index *index)
{
    return index->entry_count;
}
