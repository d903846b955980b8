// SPDX-License-Identifier: Apache-2.0
#include "node/store/log.h"

enum {
    DIRECTORY_CAPACITY_MIN = 4,
    // Dropping frees records, which may miss the cache: an append pays for a few, and catches up
    // because it adds only one.
    DROPS_PER_APPEND = 8,
};

void log_init(struct log *log, uint64_t bound_bytes)
{
    *log = (struct log){.first_seq = 1, .retain_from = 1, .bound_bytes = bound_bytes};
}

// Keeps first_block and last_block, after first_seq has left a block or a block was added.
static void blocks_note(struct log *log, const struct slab *slab)
{
    bool is_empty = log_block_count(log) == 0;
    log->first_block = is_empty ? 0 : *log_block(log, slab, log->first_seq >> LOG_BLOCK_BITS);
    log->last_block = is_empty ? 0 : *log_block(log, slab, log->end_block - 1);
}

static void drop_oldest(struct log *log, struct slab *slab)
{
    uint32_t old_record = log_first(log, slab)->old_record;
    if (old_record != 0) {
        log->old_bytes -= slab_object_bytes(slab, old_record);
        record_free(slab, old_record);
    }
    log->first_seq++;
    if (log->first_seq % LOG_BLOCK_SLOTS != 0)
        return;
    slab_release(slab, log->first_block);
    blocks_note(log, slab);
}

void log_reset(struct log *log, struct slab *slab, uint64_t seq)
{
    while (log->first_seq <= log->last_seq)
        drop_oldest(log, slab);
    if (log_block_count(log) > 0)
        slab_release(slab, log->last_block);
    if (log->directory != 0)
        slab_release(slab, log->directory);
    log->directory = log->directory_capacity = 0;
    log->first_block = log->last_block = 0;
    log->last_seq = seq;
    log->first_seq = seq + 1;
    log->end_block = log->first_seq >> LOG_BLOCK_BITS;
}

static bool directory_resize(struct log *log, struct slab *slab, uint32_t capacity)
{
    uint32_t handle = slab_alloc(slab, SLAB_LOG, capacity * sizeof(uint32_t));
    if (handle == 0)
        return false;
    uint32_t *directory = slab_at(slab, handle);
    for (uint64_t block = log->first_seq >> LOG_BLOCK_BITS; block < log->end_block; block++)
        directory[block & (capacity - 1)] = *log_block(log, slab, block);
    if (log->directory != 0)
        slab_release(slab, log->directory);
    log->directory = handle;
    log->directory_capacity = capacity;
    return true;
}

static bool block_add(struct log *log, struct slab *slab)
{
    uint64_t count = log_block_count(log);
    uint32_t capacity = log->directory_capacity;
    if (capacity == 0 && !directory_resize(log, slab, DIRECTORY_CAPACITY_MIN))
        return false;
    if (capacity > 0 && count == capacity && !directory_resize(log, slab, capacity * 2))
        return false;
    if (capacity > DIRECTORY_CAPACITY_MIN && count < capacity / 8)
        (void)directory_resize(log, slab, capacity / 2);
    uint32_t block = slab_alloc(slab, SLAB_LOG, LOG_BLOCK_BYTES);
    if (block == 0)
        return false;
    *log_block(log, slab, log->end_block) = block;
    log->end_block++;
    blocks_note(log, slab);
    return true;
}

bool log_reserve(struct log *log, struct slab *slab)
{
    for (int drops = 0; drops < DROPS_PER_APPEND && log_is_full(log); drops++)
        drop_oldest(log, slab);
    return (log->last_seq + 1) >> LOG_BLOCK_BITS < log->end_block || block_add(log, slab);
}

void log_append(struct log *log, struct slab *slab, const struct log_slot *effect)
{
    CHECK((log->last_seq + 1) >> LOG_BLOCK_BITS < log->end_block);
    *log_next(log, slab) = *effect;
    log->last_seq++;
    if (effect->old_record != 0) {
        record_at(slab, effect->old_record)->state = RECORD_IN_LOG;
        log->old_bytes += slab_object_bytes(slab, effect->old_record);
    }
}

struct log_slot log_pop(struct log *log, struct slab *slab)
{
    CHECK(log->first_seq <= log->last_seq);
    struct log_slot effect = *log_at(log, slab, log->last_seq);
    if (effect.old_record != 0)
        log->old_bytes -= slab_object_bytes(slab, effect.old_record);
    // log_next wants the last block to be that of the next effect.
    if (log->end_block - 1 > log->last_seq >> LOG_BLOCK_BITS) {
        slab_release(slab, log->last_block);
        log->end_block--;
        blocks_note(log, slab);
    }
    log->last_seq--;
    return effect;
}
