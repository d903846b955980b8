// SPDX-License-Identifier: Apache-2.0
// The standing queries of one worker, by map: which of them concern an update. Matching does not
// grow with the number of standing queries but with that of the matches: each predicate is filed
// under its most selective access key, and only what an update's keys lead to is verified.
#pragma once

#include "cluster/base/list.h"
#include "node/query/query.h"

struct index;
struct predicate;

enum transition {
    TRANSITION_NONE = 0,
    TRANSITION_ENTER,  // matches now, did not before
    TRANSITION_UPDATE, // matches now and before
    TRANSITION_LEAVE,  // matched before, does not now
};

struct index_options {
    uint32_t always_max; // predicates without an access key, which every update must evaluate
};

struct index *index_new(const struct index_options *options);
void index_free(struct index *index); // CHECKs that all entries were removed

// One standing query, part of its owner's struct. Entries with the same map and WHERE text share
// one predicate.
struct index_entry {
    struct list link;            // in the predicate's entries
    struct predicate *predicate; // NULL: in no index
};

// Files the WHERE of `query`, which is needed no longer than the call. ERROR_OVERLOADED with `text`
// when it can only be always evaluated and there are always_max such; ERROR_TOO_LARGE when the
// standing queries of this map use too many different fields.
MUST_USE enum error index_add(struct index *index, const struct query *query,
                              struct index_entry *entry, char *text, size_t capacity);
void index_remove(struct index *index, struct index_entry *entry);

// Calls `on_match` for each standing query on `map` that the change from old to new value concerns
// (transition is never NONE). An empty value (size 0) stands for no entry. `on_match` must not use
// the index.
typedef void index_match_fn(void *context, struct index_entry *entry, enum transition transition);
void index_match(struct index *index, struct bytes map, struct bytes key, struct bytes old_value,
                 struct bytes new_value, index_match_fn *on_match, void *context);

// The same question about one standing query, whatever its access key.
enum transition index_entry_match(struct index *index, const struct index_entry *entry,
                                  struct bytes key, struct bytes old_value, struct bytes new_value);

// Whether any standing query is on this map: the quick way out.
bool index_has_map(const struct index *index, struct bytes map);

struct bytes index_entry_map(const struct index_entry *entry);   // borrowed from the index
struct bytes index_entry_where(const struct index_entry *entry); // the text; empty: no WHERE

// ---- What becomes of a predicate ----

enum access_class {
    ACCESS_ALL = 0, // no WHERE: every update matches
    ACCESS_NEVER,   // can never be TRUE: costs nothing
    ACCESS_KEYED,   // found by access keys
    ACCESS_ALWAYS,  // evaluated for every update
};

enum { EXPLANATION_KEY_BYTES = 256 };

struct explanation {
    enum access_class access;
    char key[EXPLANATION_KEY_BYTES]; // "region = and symbol IN (3), price > sorted"; "" without one
    double candidates; // expected of an update that has the key's value: predicates to be verified
    double hit_share;  // of updates that lead to it, as seen lately; 0: not known yet
};

// What index_add would do with the query now.
void index_explain(struct index *index, const struct query *query, struct explanation *explanation);
void index_entry_explain(struct index *index, const struct index_entry *entry,
                         struct explanation *explanation);

// ---- Upkeep and figures ----

// Re-picks the access keys of a few predicates whose key turned out badly: to be called each turn
// that has time. True when there is more to do.
bool index_tend(struct index *index);

struct index_figures {
    uint64_t entry_count;
    uint64_t predicate_count; // different ones
    uint64_t always_count;
    uint64_t update_count;    // index_match calls on a map with standing queries
    uint64_t candidate_count; // predicates verified
    uint64_t verified_count;  // of these, TRUE for old or new
    uint64_t match_count;     // calls of on_match
    uint64_t repick_count;
    uint64_t bytes; // of the index, texts included
};

void index_figures(const struct index *index, struct index_figures *figures);
