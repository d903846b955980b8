// SPDX-License-Identifier: Apache-2.0
// The effects of one partition in order: a ring of small blocks, so that it grows and shrinks
// without copying effects. It drops its oldest effects beyond its bound, unless a feed still needs
// them.
//
// Invariant: effects first_seq to last_seq are kept; there are blocks for first_seq to the end of
// block end_block - 1; effect seq lies in block seq / LOG_BLOCK_SLOTS.
#pragma once

#include "cluster/model/effect.h"
#include "node/store/record.h"

struct log_slot {
    uint64_t time_us;
    uint32_t new_record; // borrowed: see record.h for why it lives long enough; 0: none
    uint32_t old_record; // owned; 0: none. With new_record 0 it provides the key
    uint16_t map;        // number
    uint8_t cause;       // enum cause
};

static_assert(sizeof(struct log_slot) == 24, "what each effect pays");

enum {
    LOG_BLOCK_BITS = 6,
    LOG_BLOCK_SLOTS = 1 << LOG_BLOCK_BITS,
    LOG_BLOCK_BYTES = LOG_BLOCK_SLOTS * (int)sizeof(struct log_slot),
};

struct log {
    uint64_t first_seq; // last_seq + 1 when empty
    uint64_t last_seq;
    uint64_t end_block;
    uint64_t retain_from;        // effects from here on are never dropped
    uint64_t bound_bytes;        // of blocks and old records
    uint64_t old_bytes;          // slots of the old records
    uint32_t first_block;        // handle of the block of first_seq; 0: no block
    uint32_t last_block;         // handle of block end_block - 1; 0: no block
    uint32_t directory;          // handle of a ring of block handles; 0: capacity is 0
    uint32_t directory_capacity; // a power of two
};

void log_init(struct log *log, uint64_t bound_bytes);

// Drops all effects, freeing their old records; the next effect is `seq` + 1.
void log_reset(struct log *log, struct slab *slab, uint64_t seq);

// Drops what is beyond the bound, a few effects at most, and makes sure that the next append has a
// slot. False when the slab is exhausted.
MUST_USE bool log_reserve(struct log *log, struct slab *slab);

// Appends effect last_seq + 1 after a log_reserve. The old record moves to the log.
void log_append(struct log *log, struct slab *slab, const struct log_slot *effect);

// Takes the last effect off and returns it; its old record moves to the caller.
struct log_slot log_pop(struct log *log, struct slab *slab);

static inline uint32_t *log_block(const struct log *log, const struct slab *slab, uint64_t block)
{
    uint32_t *directory = slab_at(slab, log->directory);
    return &directory[block & (log->directory_capacity - 1)];
}

static inline struct log_slot *log_at(const struct log *log, const struct slab *slab, uint64_t seq)
{
    struct log_slot *slots = slab_at(slab, *log_block(log, slab, seq >> LOG_BLOCK_BITS));
    return &slots[seq & (LOG_BLOCK_SLOTS - 1)];
}

// The slot of the oldest effect, and that of the next: without a look at the directory. There must
// be such a slot.
static inline struct log_slot *log_first(const struct log *log, const struct slab *slab)
{
    struct log_slot *slots = slab_at(slab, log->first_block);
    return &slots[log->first_seq & (LOG_BLOCK_SLOTS - 1)];
}

static inline struct log_slot *log_next(const struct log *log, const struct slab *slab)
{
    struct log_slot *slots = slab_at(slab, log->last_block);
    return &slots[(log->last_seq + 1) & (LOG_BLOCK_SLOTS - 1)];
}

static inline uint64_t log_count(const struct log *log)
{
    return log->last_seq + 1 - log->first_seq;
}

static inline uint64_t log_block_count(const struct log *log)
{
    return log->end_block - (log->first_seq >> LOG_BLOCK_BITS);
}

// Whether the next log_reserve will drop the oldest effect.
static inline bool log_is_full(const struct log *log)
{
    return log_block_count(log) * LOG_BLOCK_BYTES + log->old_bytes > log->bound_bytes &&
           log->first_seq <= log->last_seq && log->first_seq < log->retain_from;
}

// Warms the cache for an append: the slot to be written, and that of the effect to be dropped.
static inline void log_prefetch(const struct log *log, const struct slab *slab)
{
    if ((log->last_seq + 1) >> LOG_BLOCK_BITS < log->end_block)
        __builtin_prefetch(log_next(log, slab), 1);
    if (log_is_full(log))
        __builtin_prefetch(log_first(log, slab));
}
