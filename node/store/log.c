// SPDX-License-Identifier: Apache-2.0
#include "node/store/log.h"

enum {
    CAPACITY_MIN = 8,
    // Dropping frees records, which may miss the cache: an append pays for a few, and catches up
    // because it adds only one.
    DROPS_PER_APPEND = 8,
};

void log_init(struct log *log, uint64_t bound_bytes)
{
    *log = (struct log){.first_seq = 1, .retain_from = 1, .bound_bytes = bound_bytes};
}

static uint64_t ring_bytes(uint64_t capacity)
{
    return capacity * sizeof(struct log_slot);
}

static void drop_oldest(struct log *log, struct slab *slab)
{
    uint32_t old_record = log_at(log, slab, log->first_seq)->old_record;
    if (old_record != 0) {
        log->old_bytes -= slab_object_bytes(slab, old_record);
        record_free(slab, old_record);
    }
    log->first_seq++;
}

void log_reset(struct log *log, struct slab *slab, uint64_t seq)
{
    while (log->first_seq <= log->last_seq)
        drop_oldest(log, slab);
    if (log->ring != 0)
        slab_release(slab, log->ring);
    log->ring = log->capacity = 0;
    log->last_seq = seq;
    log->first_seq = seq + 1;
}

static bool ring_resize(struct log *log, struct slab *slab, uint32_t capacity)
{
    uint32_t ring = slab_alloc(slab, SLAB_LOG, ring_bytes(capacity));
    if (ring == 0)
        return false;
    struct log_slot *slots = slab_at(slab, ring);
    for (uint64_t seq = log->first_seq; seq <= log->last_seq; seq++)
        slots[seq & (capacity - 1)] = *log_at(log, slab, seq);
    if (log->ring != 0)
        slab_release(slab, log->ring);
    log->ring = ring;
    log->capacity = capacity;
    return true;
}

static bool is_droppable(const struct log *log)
{
    return log->first_seq <= log->last_seq && log->first_seq < log->retain_from;
}

bool log_reserve(struct log *log, struct slab *slab)
{
    for (int drops = 0; drops < DROPS_PER_APPEND && log_is_full(log); drops++)
        drop_oldest(log, slab);
    if (log->capacity > CAPACITY_MIN && ring_bytes(log->capacity) > log->bound_bytes &&
        log_count(log) < log->capacity / 4)
        (void)ring_resize(log, slab, log->capacity / 2);
    if (log_count(log) < log->capacity)
        return true;
    uint32_t wider = log->capacity ? log->capacity * 2 : CAPACITY_MIN;
    if (is_droppable(log) && ring_bytes(wider) + log->old_bytes > log->bound_bytes) {
        drop_oldest(log, slab);
        return true;
    }
    return ring_resize(log, slab, wider);
}

void log_append(struct log *log, struct slab *slab, const struct log_slot *effect)
{
    CHECK(log_count(log) < log->capacity);
    log->last_seq++;
    *log_at(log, slab, log->last_seq) = *effect;
    if (effect->old_record != 0) {
        record_at(slab, effect->old_record)->state = RECORD_IN_LOG;
        log->old_bytes += slab_object_bytes(slab, effect->old_record);
    }
}
