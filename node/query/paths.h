// SPDX-License-Identifier: Apache-2.0
// All paths that one clause uses, as a tree, so that one walk over a document finds them all.
// Where a map has a key twice, the first one counts.
#pragma once

#include "node/query/ast.h"

struct paths_node {
    struct path_part part; // from the parent to here
    uint16_t slot;
    // While the tree grows: the children as a list.
    struct paths_node *first_child;
    struct paths_node *next;
    // When it is finished: by kind of container. Names are sorted by size, then bytes.
    uint64_t name_sizes; // bit n: a name of n bytes, modulo 64
    struct paths_node **names;
    struct paths_node **indexes; // ascending
    uint32_t name_count;
    uint32_t index_count;
};

struct paths {
    struct paths_node root; // has no slot
    uint32_t slot_count;
};

// The slot of this path, which is added if need be; names are copied into the arena. False when the
// tree has PATH_NODES_MAX slots.
MUST_USE bool paths_add(struct paths *paths, struct arena *arena, const struct path *path,
                        uint16_t *slot);

// To be called once, after the last paths_add and before paths_find.
void paths_finish(struct paths *paths, struct arena *arena);

// Sets slots[0..slot_count): borrowed from the document.
void paths_find(const struct paths *paths, struct bytes document, struct bytes *slots);
