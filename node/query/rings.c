// SPDX-License-Identifier: Apache-2.0
#include "node/query/rings.h"

#include "cluster/base/memory.h"

void rings_deinit(struct rings *rings)
{
    for (uint32_t segment = 0; segment < rings->segment_count; segment++)
        free(rings->segments[segment]);
    free(rings->segments);
}

size_t rings_bytes(const struct rings *rings)
{
    return rings->segment_count *
           (sizeof *rings->segments + RINGS_SEGMENT * sizeof **rings->segments);
}

uint32_t rings_take(struct rings *rings)
{
    uint32_t ring = rings->free_head;
    if (ring != 0) {
        rings->free_head = (uint32_t)*ring_at(rings, --ring);
        *ring_at(rings, ring) = 0;
        return ring;
    }
    if (rings->taken_count / RINGS_SEGMENT == rings->segment_count) {
        rings->segments =
            memory_resize_array(rings->segments, rings->segment_count + 1, sizeof *rings->segments);
        rings->segments[rings->segment_count++] =
            memory_new_array(RINGS_SEGMENT, sizeof **rings->segments);
    }
    return rings->taken_count++;
}

void rings_release(struct rings *rings, uint32_t ring)
{
    CHECK(*ring_at(rings, ring) == 0);
    *ring_at(rings, ring) = rings->free_head;
    rings->free_head = ring + 1;
}

void ring_add(struct rings *rings, uint32_t ring, struct index_entry *entry)
{
    struct index_entry *first = ring_first(rings, ring);
    if (first == NULL) {
        list_init(&entry->link);
        *ring_at(rings, ring) = (uintptr_t)entry;
        return;
    }
    list_append(&first->link, &entry->link);
    *ring_at(rings, ring) |= RING_SHARED;
}

void ring_remove(struct rings *rings, uint32_t ring, struct index_entry *entry)
{
    struct index_entry *next = entry_next(entry);
    list_remove(&entry->link);
    if (next == entry) {
        *ring_at(rings, ring) = 0;
        return;
    }
    struct index_entry *first = ring_first(rings, ring);
    uintptr_t shared = entry_next(next) != next ? RING_SHARED : 0;
    *ring_at(rings, ring) = (uintptr_t)(first == entry ? next : first) | shared;
}
