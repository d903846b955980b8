// SPDX-License-Identifier: Apache-2.0
// The standing queries of one worker, by map: which of them concern an update. Its users know only
// this border; what is behind may look at one predicate after the other or use access keys.
#pragma once

#include "node/query/query.h"

struct index;

enum transition {
    TRANSITION_NONE = 0,
    TRANSITION_ENTER,  // matches now, did not before
    TRANSITION_UPDATE, // matches now and before
    TRANSITION_LEAVE,  // matched before, does not now
};

struct index *index_new(void);
void index_free(struct index *index); // CHECKs that all entries were removed

// Adds a standing query. `query` is borrowed until index_remove; `subscriber` is handed to the
// match callback.
struct index_entry *index_add(struct index *index, const struct query *query, void *subscriber);
void index_remove(struct index *index, struct index_entry *entry);

// Whether any standing query is on this map: the quick way out.
bool index_has_map(const struct index *index, struct bytes map);

// Calls `on_match` for each standing query on `map` that the change from old to new value concerns
// (transition is never NONE). An empty value (size 0) stands for no entry. `on_match` must not add
// or remove.
void index_match(struct index *index, struct bytes map, struct bytes key, struct bytes old_value,
                 struct bytes new_value,
                 void (*on_match)(void *context, void *subscriber, enum transition transition),
                 void *context);

uint64_t index_count(const struct index *index);
