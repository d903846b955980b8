// SPDX-License-Identifier: Apache-2.0
#include "node/store/expiry.h"

#include "cluster/base/memory.h"
#include "cluster/model/limits.h"

enum {
    CHUNK_TIMERS = 12,
    // Stale timers that are too few to bother.
    STALE_FREE_COUNT = 1024,
    NOTHING_FOUND = EXPIRY_LEVELS * EXPIRY_BUCKETS,
};

// The tag is a part of the record's seq: it tells a record from its successors in the same slot. A
// false match (one in 256) does no harm but to keep a stale timer.
struct timer_chunk {
    uint32_t next;
    uint8_t tags[CHUNK_TIMERS];
    uint32_t handles[CHUNK_TIMERS]; // filled from the start; 0: empty
};

static_assert(sizeof(struct timer_chunk) == 64, "5.3 bytes per timer");

static uint64_t tick_of(int64_t unix_ms)
{
    int64_t offset = unix_ms - EXPIRY_ORIGIN_MS;
    return offset < 0 ? 0 : (uint64_t)offset / EXPIRY_TICK_MS;
}

struct expiry *expiry_new(int64_t now_ms)
{
    struct expiry *expiry = memory_new(sizeof *expiry);
    expiry->tick = tick_of(now_ms);
    expiry->purge_next = EXPIRY_BUCKETS;
    return expiry;
}

static void chunks_release(struct slab *slab, uint32_t chunk)
{
    while (chunk != 0) {
        uint32_t next = ((struct timer_chunk *)slab_at(slab, chunk))->next;
        slab_release(slab, chunk);
        chunk = next;
    }
}

void expiry_free(struct expiry *expiry, struct slab *slab)
{
    for (int level = 0; level < EXPIRY_LEVELS; level++) {
        for (int index = 0; index < EXPIRY_BUCKETS; index++)
            chunks_release(slab, expiry->buckets[level][index]);
    }
    chunks_release(slab, expiry->purge_list);
    free(expiry);
}

static unsigned level_index(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> (level * EXPIRY_LEVEL_BITS)) % EXPIRY_BUCKETS;
}

// The bucket's level is that of the highest digit in which the tick differs from the present one.
static bool timer_add(struct expiry *expiry, struct slab *slab, uint32_t handle, uint64_t tick)
{
    if (tick < expiry->tick)
        tick = expiry->tick;
    uint64_t difference = tick ^ expiry->tick;
    unsigned level =
        difference ? (63 - (unsigned)__builtin_clzl(difference)) / EXPIRY_LEVEL_BITS : 0;
    unsigned index = level_index(tick, level);
    uint32_t *first = &expiry->buckets[level][index];
    struct timer_chunk *chunk = *first ? slab_at(slab, *first) : NULL;
    if (chunk == NULL || chunk->handles[CHUNK_TIMERS - 1] != 0) {
        uint32_t fresh = slab_alloc(slab, SLAB_TIMER, sizeof *chunk);
        if (fresh == 0)
            return false;
        chunk = slab_at(slab, fresh);
        *chunk = (struct timer_chunk){.next = *first};
        *first = fresh;
        expiry->occupied[level] |= UINT64_C(1) << index;
    }
    unsigned slot = 0;
    while (chunk->handles[slot] != 0)
        slot++;
    chunk->handles[slot] = handle;
    chunk->tags[slot] = (uint8_t)record_at(slab, handle)->seq_low;
    expiry->timer_count++;
    return true;
}

// Files anew what was filed before. The slab keeps enough in reserve for that (store.c).
static void timer_move(struct expiry *expiry, struct slab *slab, uint32_t handle, int64_t due_ms)
{
    CHECK(timer_add(expiry, slab, handle, tick_of(due_ms + EXPIRY_TICK_MS - 1)));
}

// A record of this slot that has a deadline and the timer's tag, or NULL: the timer is stale.
static const struct record *timer_record(const struct slab *slab, uint32_t handle, uint8_t tag)
{
    if (!slab_is_slot(slab, SLAB_RECORD, handle))
        return NULL;
    const struct record *record = record_at(slab, handle);
    if (record->state != RECORD_IN_TABLE || (uint8_t)record->seq_low != tag)
        return NULL;
    return (record_flags(record) & (RECORD_EXPIRES | RECORD_IDLES)) ? record : NULL;
}

// Takes the first chunk off a list; its records are on their way into the cache.
static struct timer_chunk chunk_pop(struct expiry *expiry, struct slab *slab, uint32_t *first,
                                    unsigned *count)
{
    struct timer_chunk chunk = *(struct timer_chunk *)slab_at(slab, *first);
    slab_release(slab, *first);
    *first = chunk.next;
    for (*count = 0; *count < CHUNK_TIMERS && chunk.handles[*count] != 0; (*count)++)
        __builtin_prefetch(record_at(slab, chunk.handles[*count]));
    expiry->timer_count -= *count;
    return chunk;
}

// Files the live timers of one chunk again, where they belong by now. Returns the timers looked at.
static unsigned chunk_refile(struct expiry *expiry, struct slab *slab, uint32_t *first)
{
    unsigned count;
    struct timer_chunk chunk = chunk_pop(expiry, slab, first, &count);
    for (unsigned i = 0; i < count; i++) {
        const struct record *record = timer_record(slab, chunk.handles[i], chunk.tags[i]);
        if (record != NULL)
            timer_move(expiry, slab, chunk.handles[i], record_deadline_ms(record, 0));
    }
    return count;
}

// ---- Purging stale timers ----

// The first occupied bucket from `from` on, as level * EXPIRY_BUCKETS + index.
static unsigned bucket_search(const struct expiry *expiry, unsigned from)
{
    for (unsigned at = from; at < NOTHING_FOUND;) {
        uint64_t rest = expiry->occupied[at / EXPIRY_BUCKETS] >> (at % EXPIRY_BUCKETS);
        if (rest != 0)
            return at + (unsigned)__builtin_ctzl(rest);
        at = (at / EXPIRY_BUCKETS + 1) * EXPIRY_BUCKETS;
    }
    return NOTHING_FOUND;
}

// Level 0 is left alone: it drains within a second.
static void purge_step(struct expiry *expiry, struct slab *slab)
{
    if (expiry->purge_list == 0) {
        unsigned found = bucket_search(expiry, expiry->purge_next);
        expiry->purge_next = found == NOTHING_FOUND ? EXPIRY_BUCKETS : found + 1;
        if (found == NOTHING_FOUND)
            return;
        unsigned level = found / EXPIRY_BUCKETS;
        unsigned index = found % EXPIRY_BUCKETS;
        expiry->purge_list = expiry->buckets[level][index];
        expiry->buckets[level][index] = 0;
        expiry->occupied[level] &= ~(UINT64_C(1) << index);
    }
    chunk_refile(expiry, slab, &expiry->purge_list);
}

bool expiry_file(struct expiry *expiry, struct slab *slab, uint32_t handle, uint64_t live_count)
{
    int64_t due_ms = record_deadline_ms(record_at(slab, handle), 0);
    if (!timer_add(expiry, slab, handle, tick_of(due_ms + EXPIRY_TICK_MS - 1)))
        return false;
    if (expiry->timer_count > 2 * live_count + STALE_FREE_COUNT)
        purge_step(expiry, slab);
    return true;
}

// ---- Running ----

static void bucket_mark_empty(struct expiry *expiry, unsigned level, unsigned index)
{
    if (expiry->buckets[level][index] == 0)
        expiry->occupied[level] &= ~(UINT64_C(1) << index);
}

// Moves what the present tick has reached on higher levels down. False when out of budget.
static bool cascade(struct expiry *expiry, struct slab *slab, uint32_t *budget)
{
    while (expiry->purge_list != 0 && *budget > 0) {
        unsigned count = chunk_refile(expiry, slab, &expiry->purge_list);
        *budget -= count < *budget ? count : *budget;
    }
    for (unsigned level = EXPIRY_LEVELS - 1; level > 0; level--) {
        unsigned index = level_index(expiry->tick, level);
        uint32_t *first = &expiry->buckets[level][index];
        while (*first != 0 && *budget > 0) {
            unsigned count = chunk_refile(expiry, slab, first);
            *budget -= count < *budget ? count : *budget;
        }
        bucket_mark_empty(expiry, level, index);
    }
    return *budget > 0;
}

// Empties the bucket of the present tick. False when out of budget.
static bool fire(struct expiry *expiry, struct slab *slab, uint32_t *budget, expiry_judge *judge,
                 void *context)
{
    unsigned index = level_index(expiry->tick, 0);
    uint32_t *first = &expiry->buckets[0][index];
    while (*first != 0 && *budget > 0) {
        unsigned count;
        struct timer_chunk chunk = chunk_pop(expiry, slab, first, &count);
        for (unsigned i = 0; i < count; i++) {
            if (timer_record(slab, chunk.handles[i], chunk.tags[i]) == NULL)
                continue;
            int64_t again_ms = judge(context, chunk.handles[i]);
            if (again_ms != 0)
                timer_move(expiry, slab, chunk.handles[i], again_ms);
        }
        *budget -= count < *budget ? count : *budget;
    }
    bucket_mark_empty(expiry, 0, index);
    return *first == 0;
}

// The next tick, but not beyond `limit`, at which a bucket wants attention.
static uint64_t tick_next(const struct expiry *expiry, uint64_t limit)
{
    for (unsigned level = 0; level < EXPIRY_LEVELS; level++) {
        unsigned index = level_index(expiry->tick, level);
        uint64_t ahead =
            index == EXPIRY_BUCKETS - 1 ? 0 : expiry->occupied[level] & (UINT64_MAX << (index + 1));
        if (ahead == 0)
            continue;
        unsigned shift = level * EXPIRY_LEVEL_BITS;
        uint64_t upper = expiry->tick >> (shift + EXPIRY_LEVEL_BITS) << EXPIRY_LEVEL_BITS;
        uint64_t tick = (upper + (unsigned)__builtin_ctzl(ahead)) << shift;
        return tick < limit ? tick : limit;
    }
    return limit;
}

bool expiry_run(struct expiry *expiry, struct slab *slab, int64_t now_ms, uint32_t *budget,
                expiry_judge *judge, void *context)
{
    uint64_t now_tick = tick_of(now_ms);
    if (now_ms < EXPIRY_ORIGIN_MS)
        return false;
    while (expiry->tick <= now_tick) {
        if (!cascade(expiry, slab, budget) || !fire(expiry, slab, budget, judge, context))
            return true;
        expiry->tick = tick_next(expiry, now_tick + 1);
    }
    return false;
}
