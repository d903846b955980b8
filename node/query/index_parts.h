// SPDX-License-Identifier: Apache-2.0
// The inside of index.h.
//
//   index -> group (one per map) -> predicates by text
//                                -> lists by access key -> postings -> predicates
//
// Groups, lists and predicates are in one slab and name each other by handles.
#pragma once

#include "node/query/access.h"
#include "node/query/code.h"
#include "node/query/handles.h"
#include "node/query/index.h"
#include "node/query/postings.h"
#include "node/query/rings.h"

enum {
    FORMS_MAX = 4096,     // of one map; every update looks for each
    FORMS_CHEAP = 32,     // beyond these a form must be worth its look
    PLACES_MAX = 16384,   // keys of one predicate
    SAMPLED_FIRST = 128,  // updates, all of them
    SAMPLE_INTERVAL = 64, // updates per sampled one, later
};

// A form of keys that lists of this map have.
struct form {
    struct access_form key;
    uint32_t list_count;   // 0: the number is free
    uint32_t grain_mask;   // in use by CELL, PREFIX or SUFFIX
    uint32_t *grain_lists; // owned; lists of each grain; NULL for other kinds
};

// The predicates under one access key.
struct key_list {
    struct handle_item item; // in group->lists
    struct postings postings;
    uint16_t form;
    uint8_t grain;
    uint8_t key_size;
    uint8_t key[];
};

struct group {
    struct handle_item item; // in index->groups
    uint8_t *map;            // owned
    size_t map_size;
    struct fields *fields;      // owned
    struct access_stats *stats; // owned
    struct handles predicates;
    struct handles lists;
    struct form *forms; // owned; the lists name them by number
    uint32_t form_count;
    uint64_t update_count;
    // Upkeep: the predicates in buckets before this one were looked at since tended_at.
    uint32_t tend_bucket;
    uint64_t tended_at; // samples seen when the last round ended
};

enum {
    PREDICATE_EXACT = 1,   // its places say all: it has no code
    PREDICATE_BOUND = 2,   // it has a bound (EXACT only)
    PREDICATE_OPEN = 4,    // the bound itself is outside
    PREDICATE_ALWAYS = 8,  // counts against always_max
    PREDICATE_ALL = 16,    // EXACT, and TRUE for every entry
    PREDICATE_SINGLE = 32, // EXACT, and a document has one of its keys at most
};

enum {
    MARK_FOUND = 1,
    MARK_OLD = 2, // found for the old value; once verified: TRUE for it
    MARK_NEW = 4,
};

// The standing queries with one WHERE text on one map.
//
// Behind the struct, without padding:
//   EXACT: the lists (4 bytes each), the bound (a double, with BOUND), the text
//   else:  the places (8 bytes each), the slots that the code reads (64 bits, by slot modulo 64),
//   the
//          size of the code (4 bytes), the text, the code
struct predicate {
    struct handle_item item; // in group->predicates
    uint32_t ring;           // of its entries
    uint8_t flags;
    uint8_t marks; // 0 outside of index_match
    uint16_t text_size;
    int32_t group; // its distance from here, in units of the slab
    uint16_t place_count;
    uint8_t rest[];
};

// Where a predicate is filed.
struct place {
    uint32_t list;
    uint32_t threshold;
};

// What an update found: its entries, and what there is to verify.
struct found_item {
    struct predicate *predicate; // NULL: nothing, the marks are right
    uint32_t ring;
    unsigned marks; // 0 without predicate: they are at the ring
};

struct found {
    struct found_item *items; // owned
    size_t count;
    size_t capacity;
};

struct index {
    struct index_options options;
    struct slab slab;
    struct rings rings;
    struct handles groups;
    struct code_stack *stack; // owned
    struct bytes *slots;      // owned; room for two documents
    uint32_t slot_capacity;   // of one
    struct found found;       // by the update at hand
    struct buffer code;       // of the predicate at hand
    struct index_figures figures;
    uint32_t tend_group; // bucket
};

// ---- index.c ----

struct plan;

struct group *group_find(const struct index *index, struct bytes map); // NULL: none on this map

// Files the predicate anew, as planned now; its entries follow. NULL: the slab is full, and
// everything is as it was.
struct predicate *predicate_move(struct index *index, struct predicate *predicate,
                                 const struct plan *plan);

// ---- index_plan.c: what becomes of a WHERE ----

struct plan {
    struct arena arena;
    struct access *accesses; // in the arena; one for each conjunction
    uint32_t access_count;
    uint32_t place_count; // the keys of all accesses
    enum access_class access;
    bool is_exact;
};

// Compiles the WHERE into index->code, which holds its slots, and chooses its keys.
// ERROR_TOO_LARGE: too many fields; nothing is held, and there is no plan.
MUST_USE enum error plan_init(struct plan *plan, struct index *index, struct group *group,
                              const struct query *query);
void plan_deinit(struct plan *plan);

// ---- index_lists.c ----

struct key_list *list_at(const struct index *index, uint32_t handle);

// The number of the form, which is made if need be. A new one must be given a list at once.
uint32_t form_take(struct group *group, const struct access_form *form);

// The list of this key, which is made if need be. 0 of list_find: there is none.
uint32_t list_take(struct index *index, struct group *group, uint32_t form,
                   const struct access_key *key, uint32_t hash, unsigned grain);
uint32_t list_find(const struct index *index, const struct group *group, uint32_t form,
                   const struct access_key *key, uint32_t hash);
// Frees the list if it is empty, with the form if it has no others.
void list_release(struct index *index, struct group *group, uint32_t handle);

// For access_choose.
double form_cost(const void *group, const struct access_form *form);

// Of addresses, not of memory: far more than the standing queries of one worker may take.
#define INDEX_RANGE_BYTES (4 * GIB)

// A posting names a SINGLE predicate by its ring, with this bit: the threshold tells whether it
// matches, so that it needs not be touched. Others it names by their handle.
#define POSTING_SINGLE (UINT32_C(1) << 31)

// ---- index_predicate.c ----

// The handle of an object in the slab.
uint32_t handle_of(const struct index *index, const void *object);

// A predicate with this ring of entries that is filed as planned, with the text (borrowed until
// return) and, unless it is exact, a copy of index->code. The hold of index->code passes to it, or
// ends. NULL: the slab is full.
struct predicate *predicate_new(struct index *index, struct group *group, const struct plan *plan,
                                uint32_t ring, struct bytes text);
// Takes it from its lists and frees it, not its ring; it is in no table any more.
void predicate_free(struct index *index, struct predicate *predicate);

struct group *predicate_group(const struct predicate *predicate);
struct place predicate_place(const struct index *index, const struct predicate *predicate,
                             uint32_t number);
struct bytes predicate_text(const struct predicate *predicate);
struct bytes predicate_code(const struct predicate *predicate);
uint64_t predicate_slots(const struct predicate *predicate); // not of an exact one
enum access_class predicate_class(const struct predicate *predicate);

// Whether an exact predicate's bound admits the value.
bool predicate_admits(const struct predicate *predicate, enum access_bound bound,
                      const struct value *value);

// ---- index_shares.c: 0 to 1, or a little more where keys overlap ----

double predicate_share(const struct index *index, const struct predicate *predicate);
double plan_share(const struct group *group, const struct plan *plan);

// The share of updates that a bound admits at this threshold; 1 without one.
double bound_share(const struct group *group, const struct part *bound, uint32_t threshold);
