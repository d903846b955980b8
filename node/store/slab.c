// SPDX-License-Identifier: Apache-2.0
#include "node/store/slab.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_POISONS 1
#endif
#endif

#ifdef SLAB_POISONS
#include <sanitizer/asan_interface.h>
#define POISON(start, bytes)   ASAN_POISON_MEMORY_REGION(start, bytes)
#define UNPOISON(start, bytes) ASAN_UNPOISON_MEMORY_REGION(start, bytes)
#else
#define POISON(start, bytes)   ((void)(start), (void)(bytes))
#define UNPOISON(start, bytes) ((void)(start), (void)(bytes))
#endif

enum {
    STEP_BYTES_MAX = 1024, // classes are 8 bytes apart up to here
    STEP_CLASSES = STEP_BYTES_MAX / SLAB_UNIT_BYTES,
    STEP_POWER = 10,     // STEP_BYTES_MAX = 2^10
    DOUBLING_POWER = 5,  // 32 classes per doubling above
    CHUNK_POWER = 13,    // units of a chunk = 2^13
    UNIT_NONE = 0xFFFF,  // end of a chunk's free list
    CLASS_FREE = 0xFFFF, // class_key of a chunk that holds nothing
    CLASS_RUN = 0xFF00,  // class_key of a run's chunks, plus the kind
    COMMIT_CHUNKS = 16,  // made accessible at a time: system calls are rare
    PAGE_BYTES = 4096,
    WORD_BITS = 64,
};

static_assert(SLAB_CHUNK_BYTES / SLAB_UNIT_BYTES == 1 << CHUNK_POWER,
              "handles split into chunk and unit");
static_assert(SLAB_KIND_COUNT * SLAB_CLASS_COUNT < CLASS_RUN, "class keys and run marks are apart");

static unsigned class_of(size_t bytes)
{
    if (bytes <= STEP_BYTES_MAX)
        return (unsigned)((bytes + SLAB_UNIT_BYTES - 1) / SLAB_UNIT_BYTES);
    unsigned power = 63 - (unsigned)__builtin_clzl(bytes - 1); // 2^power < bytes <= 2^(power + 1)
    unsigned step_power = power - DOUBLING_POWER;
    size_t steps = (bytes - ((size_t)1 << power) + ((size_t)1 << step_power) - 1) >> step_power;
    return STEP_CLASSES + ((power - STEP_POWER) << DOUBLING_POWER) + (unsigned)steps;
}

static size_t class_bytes(unsigned class)
{
    if (class <= STEP_CLASSES)
        return (size_t) class * SLAB_UNIT_BYTES;
    unsigned above = class - STEP_CLASSES - 1;
    unsigned power = STEP_POWER + (above >> DOUBLING_POWER);
    size_t steps = (above & ((1U << DOUBLING_POWER) - 1)) + 1;
    return ((size_t)1 << power) + (steps << (power - DOUBLING_POWER));
}

static void *map_memory(size_t bytes, int protection)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *memory = mmap(NULL, bytes, protection, flags, -1, 0);
    CHECK(memory != MAP_FAILED);
    // The first touch of a huge page stalls for milliseconds, and small maps would not stay small.
    // Fails only where the kernel has no huge pages.
    (void)madvise(memory, bytes, MADV_NOHUGEPAGE);
    return memory;
}

static size_t used_map_bytes(const struct slab *slab)
{
    return slab->chunk_count / WORD_BITS * sizeof *slab->used;
}

void slab_init(struct slab *slab, uint64_t range_bytes)
{
    CHECK(range_bytes > 0 && range_bytes <= SLAB_RANGE_BYTES);
    CHECK(range_bytes % ((uint64_t)SLAB_CHUNK_BYTES * WORD_BITS) == 0);
    memset(slab, 0, sizeof *slab);
    slab->chunk_count = (uint32_t)(range_bytes / SLAB_CHUNK_BYTES);
    slab->base = map_memory(range_bytes, PROT_NONE);
    slab->chunks = map_memory(slab->chunk_count * sizeof *slab->chunks, PROT_READ | PROT_WRITE);
    slab->used = map_memory(used_map_bytes(slab), PROT_READ | PROT_WRITE);
    slab->used[0] = 1;
    slab->chunks[0].class_key = CLASS_FREE;
    slab->used_chunk_count = slab->committed_end = slab->search_from = 1;
    for (unsigned class = 1; class < SLAB_CLASS_COUNT; class ++) {
        slab->class_bytes[class] = (uint16_t)class_bytes(class);
        slab->class_slots[class] = (uint16_t)(SLAB_CHUNK_BYTES / class_bytes(class));
    }
}

void slab_deinit(struct slab *slab)
{
    UNPOISON(slab->base, (size_t)slab->committed_end * SLAB_CHUNK_BYTES);
    CHECK(munmap(slab->base, (size_t)slab->chunk_count * SLAB_CHUNK_BYTES) == 0);
    CHECK(munmap(slab->chunks, slab->chunk_count * sizeof *slab->chunks) == 0);
    CHECK(munmap(slab->used, used_map_bytes(slab)) == 0);
}

static uint8_t *chunk_start(const struct slab *slab, uint32_t chunk)
{
    return slab->base + (size_t)chunk * SLAB_CHUNK_BYTES;
}

// ---- Chunks ----

// The first of `count` free chunks in a row, lowest address first; 0 when there are none.
static uint32_t run_find(const struct slab *slab, uint32_t count)
{
    uint32_t start = slab->search_from;
    for (uint32_t chunk = start; chunk < slab->chunk_count;) {
        uint64_t word = slab->used[chunk / WORD_BITS];
        bool whole_word = chunk % WORD_BITS == 0 && (word == 0 || word == UINT64_MAX);
        uint32_t step = whole_word ? WORD_BITS : 1;
        bool is_used = word >> (chunk % WORD_BITS) & 1;
        chunk += step;
        if (is_used)
            start = chunk;
        else if (chunk - start >= count)
            return start;
    }
    return 0;
}

static bool run_commit(struct slab *slab, uint32_t end)
{
    if (end <= slab->committed_end)
        return true;
    uint32_t target = (end + COMMIT_CHUNKS - 1) / COMMIT_CHUNKS * COMMIT_CHUNKS;
    if (target > slab->chunk_count)
        target = slab->chunk_count;
    size_t bytes = (size_t)(target - slab->committed_end) * SLAB_CHUNK_BYTES;
    if (mprotect(chunk_start(slab, slab->committed_end), bytes, PROT_READ | PROT_WRITE) != 0)
        return false;
    slab->committed_end = target;
    return true;
}

static uint32_t run_take(struct slab *slab, uint32_t count)
{
    uint32_t start = run_find(slab, count);
    if (start == 0 || !run_commit(slab, start + count))
        return 0;
    for (uint32_t chunk = start; chunk < start + count; chunk++)
        slab->used[chunk / WORD_BITS] |= UINT64_C(1) << (chunk % WORD_BITS);
    if (count == 1)
        slab->search_from = start + 1;
    slab->used_chunk_count += count;
    return start;
}

static void run_give(struct slab *slab, uint32_t start, uint32_t count)
{
    uint8_t *memory = chunk_start(slab, start);
    size_t bytes = (size_t)count * SLAB_CHUNK_BYTES;
    UNPOISON(memory, bytes);
    CHECK(madvise(memory, bytes, MADV_DONTNEED) == 0);
    for (uint32_t chunk = start; chunk < start + count; chunk++)
        slab->used[chunk / WORD_BITS] &= ~(UINT64_C(1) << (chunk % WORD_BITS));
    if (start < slab->search_from)
        slab->search_from = start;
    slab->used_chunk_count -= count;
}

// ---- Runs: objects larger than a slot ----

static size_t pages_of(size_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

static uint32_t run_alloc(struct slab *slab, enum slab_kind kind, size_t bytes)
{
    uint32_t count = (uint32_t)((bytes + SLAB_CHUNK_BYTES - 1) / SLAB_CHUNK_BYTES);
    size_t pages = pages_of(bytes);
    if (pages > UINT16_MAX)
        return 0;
    uint32_t start = run_take(slab, count);
    if (start == 0)
        return 0;
    for (uint32_t chunk = start; chunk < start + count; chunk++)
        slab->chunks[chunk] = (struct slab_chunk){.class_key = (uint16_t)(CLASS_RUN + kind)};
    slab->chunks[start].next = count;
    slab->chunks[start].used_count = (uint16_t)pages;
    slab->live_bytes[kind] += pages * PAGE_BYTES;
    slab->touched_bytes += pages * PAGE_BYTES;
    POISON(chunk_start(slab, start) + bytes, (size_t)count * SLAB_CHUNK_BYTES - bytes);
    return start << CHUNK_POWER;
}

static void run_release(struct slab *slab, uint32_t start)
{
    struct slab_chunk *first = &slab->chunks[start];
    uint32_t count = first->next;
    uint64_t bytes = (uint64_t)first->used_count * PAGE_BYTES;
    slab->live_bytes[first->class_key - CLASS_RUN] -= bytes;
    slab->touched_bytes -= bytes;
    for (uint32_t chunk = start; chunk < start + count; chunk++)
        slab->chunks[chunk].class_key = CLASS_FREE;
    run_give(slab, start, count);
}

// ---- Slots ----

static void partial_link(struct slab *slab, uint32_t chunk)
{
    struct slab_chunk *self = &slab->chunks[chunk];
    uint32_t *first = &slab->partial[self->class_key];
    self->previous = 0;
    self->next = *first;
    if (*first != 0)
        slab->chunks[*first].previous = chunk;
    *first = chunk;
}

static void partial_unlink(struct slab *slab, uint32_t chunk)
{
    struct slab_chunk *self = &slab->chunks[chunk];
    if (self->previous != 0)
        slab->chunks[self->previous].next = self->next;
    else
        slab->partial[self->class_key] = self->next;
    if (self->next != 0)
        slab->chunks[self->next].previous = self->previous;
}

static uint32_t chunk_open(struct slab *slab, unsigned class_key)
{
    uint32_t chunk = slab->spare_count > 0 ? slab->spare[--slab->spare_count] : run_take(slab, 1);
    if (chunk == 0)
        return 0;
    slab->chunks[chunk] =
        (struct slab_chunk){.class_key = (uint16_t)class_key, .free_unit = UNIT_NONE};
    POISON(chunk_start(slab, chunk), SLAB_CHUNK_BYTES);
    partial_link(slab, chunk);
    return chunk;
}

static void chunk_close(struct slab *slab, uint32_t chunk, size_t slot_bytes)
{
    struct slab_chunk *self = &slab->chunks[chunk];
    partial_unlink(slab, chunk);
    slab->touched_bytes -= self->bump_count * slot_bytes;
    self->class_key = CLASS_FREE;
    if (slab->spare_count < SLAB_SPARE_MAX)
        slab->spare[slab->spare_count++] = chunk;
    else
        run_give(slab, chunk, 1);
}

uint32_t slab_alloc(struct slab *slab, enum slab_kind kind, size_t bytes)
{
    if (__builtin_expect(bytes > SLAB_SLOT_BYTES_MAX, 0))
        return run_alloc(slab, kind, bytes);
    unsigned class = class_of(bytes);
    unsigned class_key = (unsigned)kind * SLAB_CLASS_COUNT + class;
    uint32_t chunk = slab->partial[class_key];
    if (__builtin_expect(chunk == 0, 0) && (chunk = chunk_open(slab, class_key)) == 0)
        return 0;
    struct slab_chunk *self = &slab->chunks[chunk];
    size_t slot_bytes = slab->class_bytes[class];
    uint32_t unit = self->free_unit;
    if (unit != UNIT_NONE) {
        memcpy(&self->free_unit, chunk_start(slab, chunk) + unit * SLAB_UNIT_BYTES,
               sizeof self->free_unit);
    } else {
        unit = (uint32_t)(self->bump_count++ * slot_bytes / SLAB_UNIT_BYTES);
        slab->touched_bytes += slot_bytes;
    }
    self->used_count++;
    if (self->used_count == slab->class_slots[class])
        partial_unlink(slab, chunk);
    slab->live_bytes[kind] += slot_bytes;
    // The first unit is the slab's own once the slot is free.
    UNPOISON(chunk_start(slab, chunk) + unit * SLAB_UNIT_BYTES,
             bytes < SLAB_UNIT_BYTES ? SLAB_UNIT_BYTES : bytes);
    return (chunk << CHUNK_POWER) + unit;
}

void slab_release(struct slab *slab, uint32_t handle)
{
    uint32_t chunk = handle >> CHUNK_POWER;
    struct slab_chunk *self = &slab->chunks[chunk];
    if (__builtin_expect(self->class_key >= CLASS_RUN, 0)) {
        CHECK(self->class_key != CLASS_FREE);
        run_release(slab, chunk);
        return;
    }
    unsigned kind = self->class_key / SLAB_CLASS_COUNT;
    unsigned class = self->class_key % SLAB_CLASS_COUNT;
    size_t slot_bytes = slab->class_bytes[class];
    uint8_t *slot = slab_at(slab, handle);
    CHECK(self->used_count > 0);
    memcpy(slot, &self->free_unit, sizeof self->free_unit);
    self->free_unit = (uint16_t)(handle & ((1U << CHUNK_POWER) - 1));
    POISON(slot + SLAB_UNIT_BYTES, slot_bytes - SLAB_UNIT_BYTES);
    slab->live_bytes[kind] -= slot_bytes;
    if (self->used_count-- == slab->class_slots[class])
        partial_link(slab, chunk);
    if (self->used_count == 0)
        chunk_close(slab, chunk, slot_bytes);
}

// ---- Questions ----

size_t slab_object_bytes(const struct slab *slab, uint32_t handle)
{
    const struct slab_chunk *chunk = &slab->chunks[handle >> CHUNK_POWER];
    if (__builtin_expect(chunk->class_key >= CLASS_RUN, 0))
        return (size_t)chunk->used_count * PAGE_BYTES;
    return slab->class_bytes[chunk->class_key % SLAB_CLASS_COUNT];
}

size_t slab_rounded_bytes(const struct slab *slab, size_t bytes)
{
    if (bytes > SLAB_SLOT_BYTES_MAX)
        return pages_of(bytes) * PAGE_BYTES;
    return slab->class_bytes[class_of(bytes)];
}

bool slab_is_slot(const struct slab *slab, enum slab_kind kind, uint32_t handle)
{
    const struct slab_chunk *chunk = &slab->chunks[handle >> CHUNK_POWER];
    size_t unit = handle & ((1U << CHUNK_POWER) - 1);
    if (chunk->class_key >= CLASS_RUN)
        return chunk->class_key == CLASS_RUN + kind && unit == 0 && chunk->next > 0;
    if (chunk->class_key / SLAB_CLASS_COUNT != kind)
        return false;
    size_t slot_units = slab->class_bytes[chunk->class_key % SLAB_CLASS_COUNT] / SLAB_UNIT_BYTES;
    return unit % slot_units == 0 && unit / slot_units < chunk->bump_count;
}

uint64_t slab_live_bytes(const struct slab *slab)
{
    uint64_t bytes = 0;
    for (int kind = 0; kind < SLAB_KIND_COUNT; kind++)
        bytes += slab->live_bytes[kind];
    return bytes;
}

uint64_t slab_resident_bytes(const struct slab *slab)
{
    return slab->touched_bytes + (uint64_t)slab->spare_count * SLAB_CHUNK_BYTES;
}

uint64_t slab_free_range_bytes(const struct slab *slab)
{
    return (uint64_t)(slab->chunk_count - slab->used_chunk_count) * SLAB_CHUNK_BYTES;
}
