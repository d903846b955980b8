// SPDX-License-Identifier: Apache-2.0
// All memory of a store that grows with its data: records, table segments and directories, log
// blocks, timer chunks. One reserved address range, so that a pointer fits in a handle of 4 bytes.
//
//   range = chunks of 64 KiB; a chunk = slots of one size class of one kind, or part of a run
//
// Size classes are 8 bytes apart up to 1 KiB, then 32 per doubling up to 32 KiB (rounding wastes at
// most 3 %). Larger objects take runs of whole chunks, first fit. Slots are handed out from a
// chunk's start, so that pages never used are never resident; an empty chunk gives its pages back.
#pragma once

#include "cluster/base/check.h"
#include "cluster/base/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum slab_kind {
    SLAB_RECORD,
    SLAB_TABLE, // segments and directories
    SLAB_LOG,   // blocks of effects and their directories
    SLAB_TIMER, // chunks of the timing wheels
    SLAB_KIND_COUNT,
};

enum {
    SLAB_UNIT_BYTES = 8, // what a handle counts
    SLAB_CHUNK_BYTES = 64 * 1024,
    SLAB_SLOT_BYTES_MAX = 32 * 1024, // larger objects take whole chunks
    SLAB_CLASS_COUNT = 289,
    SLAB_SPARE_MAX = 16, // empty chunks that stay resident for the next taker
};

// What 32 bits of units can reach.
#define SLAB_RANGE_BYTES (32 * GIB)

struct slab_chunk {
    uint32_t next;       // in its class's list of chunks with a free slot; of a run's first: chunks
    uint32_t previous;   // in that list; 0: it is the first
    uint16_t class_key;  // kind * SLAB_CLASS_COUNT + class
    uint16_t free_unit;  // first free slot, in units from the chunk's start
    uint16_t bump_count; // slots handed out so far; those beyond were never touched
    uint16_t used_count; // live slots; of a run's first: live pages
};

struct slab {
    uint8_t *base;             // the range; its first chunk is never used, so that no handle is 0
    struct slab_chunk *chunks; // one per chunk of the range
    uint64_t *used;            // one bit per chunk
    uint32_t chunk_count;      // of the range
    uint32_t used_chunk_count;
    uint32_t committed_end; // chunks from here on are not accessible yet
    uint32_t search_from;   // no chunk before it is free
    uint32_t spare_count;
    uint32_t spare[SLAB_SPARE_MAX];
    uint32_t partial[SLAB_KIND_COUNT * SLAB_CLASS_COUNT]; // first chunk with a free slot; 0: none
    uint16_t class_bytes[SLAB_CLASS_COUNT];
    uint16_t class_slots[SLAB_CLASS_COUNT]; // per chunk
    uint64_t live_bytes[SLAB_KIND_COUNT];   // rounding included
    uint64_t touched_bytes;                 // slots that were handed out once, runs; without spares
};

// `range_bytes`: a multiple of 4 MiB, at most SLAB_RANGE_BYTES.
void slab_init(struct slab *slab, uint64_t range_bytes);
void slab_deinit(struct slab *slab);

// A slot of at least `bytes` (1 or more), aligned to 8 bytes, and to 64 where `bytes` is a multiple
// of 64. Not cleared. 0 when the range is exhausted.
MUST_USE uint32_t slab_alloc(struct slab *slab, enum slab_kind kind, size_t bytes);
void slab_release(struct slab *slab, uint32_t handle);

// What a live object takes, rounding included.
size_t slab_object_bytes(const struct slab *slab, uint32_t handle);

// What an object of this size would take.
size_t slab_rounded_bytes(const struct slab *slab, size_t bytes);

// Whether the handle, which may be stale, names a slot (live or free) that was handed out as `kind`
// since its chunk was last empty. Its first 8 bytes may then be read: of a free slot, bytes 2 to 7
// are as its last owner left them.
bool slab_is_slot(const struct slab *slab, enum slab_kind kind, uint32_t handle);

uint64_t slab_live_bytes(const struct slab *slab);     // of all kinds
uint64_t slab_resident_bytes(const struct slab *slab); // at most; free slots included
uint64_t slab_free_range_bytes(const struct slab *slab);

static inline void *slab_at(const struct slab *slab, uint32_t handle)
{
    return slab->base + (size_t)handle * SLAB_UNIT_BYTES;
}
