// SPDX-License-Identifier: Apache-2.0
// The entries of each predicate, by number: 8 bytes next to each other, so that telling a match
// touches little memory although predicates are anywhere in it.
#pragma once

#include "node/query/index.h"

enum { RINGS_SEGMENT = 4096 };

struct rings {
    uintptr_t **segments; // owned; never given back before the end
    uint32_t segment_count;
    uint32_t taken_count; // numbers handed out so far
    uint32_t free_head;   // the next to be handed out again, plus 1; 0: none
};

void rings_deinit(struct rings *rings);

// A number for a ring, which is empty.
uint32_t rings_take(struct rings *rings);
void rings_release(struct rings *rings, uint32_t ring);

size_t rings_bytes(const struct rings *rings);

// The entry is borrowed.
void ring_add(struct rings *rings, uint32_t ring, struct index_entry *entry);
void ring_remove(struct rings *rings, uint32_t ring, struct index_entry *entry);

// What the lowest bits of a ring's word say.
enum {
    RING_SHARED = 1,                      // there is more than one entry
    RING_MARKS = 2 | 4,                   // left to who matches; none otherwise
    RING_BITS = RING_SHARED | RING_MARKS, // entries are aligned to 8 bytes
};

// The first entry, and RING_BITS; 0: the ring is empty.
static inline uintptr_t *ring_at(const struct rings *rings, uint32_t ring)
{
    return &rings->segments[ring / RINGS_SEGMENT][ring % RINGS_SEGMENT];
}

static inline struct index_entry *ring_first(const struct rings *rings, uint32_t ring)
{
    return (struct index_entry *)(*ring_at(rings, ring) & ~(uintptr_t)RING_BITS);
}

static inline bool ring_is_shared(const struct rings *rings, uint32_t ring)
{
    return (*ring_at(rings, ring) & RING_SHARED) != 0;
}

static inline struct index_entry *entry_next(const struct index_entry *entry)
{
    return LIST_ENTRY(entry->link.next, struct index_entry, link);
}
