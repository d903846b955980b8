// SPDX-License-Identifier: Apache-2.0
#include "node/query/postings.h"

#include <string.h>

enum {
    BLOCK_MAX = 512,                 // postings
    BLOCKS_JOIN = BLOCK_MAX * 3 / 4, // two neighbours with so many together become one
    ARRAY_STEP = 4,                  // an array of more than one step is some steps long
};

struct postings_block {
    uint64_t first;
    uint32_t array; // BLOCK_MAX long
    uint32_t count; // 1 or more
};

// ---- Arrays ----

static uint32_t take(struct slab *slab, size_t bytes)
{
    uint32_t handle = slab_alloc(slab, SLAB_TABLE, bytes);
    CHECK(handle != 0); // who adds looked for room before
    return handle;
}

// Where the posting stands or belongs.
static uint32_t place_of(const uint64_t *array, uint32_t count, uint64_t posting)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (array[middle] < posting)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void array_insert(uint64_t *array, uint32_t count, uint64_t posting)
{
    uint32_t at = place_of(array, count, posting);
    memmove(array + at + 1, array + at, (count - at) * sizeof *array);
    array[at] = posting;
}

static void array_delete(uint64_t *array, uint32_t count, uint64_t posting)
{
    uint32_t at = place_of(array, count, posting);
    CHECK(at < count && array[at] == posting);
    memmove(array + at, array + at + 1, (count - at - 1) * sizeof *array);
}

static size_t array_bytes(uint32_t count)
{
    uint32_t length =
        count <= ARRAY_STEP ? count : (count + ARRAY_STEP - 1) / ARRAY_STEP * ARRAY_STEP;
    return length * sizeof(uint64_t);
}

// Gives the array of `count` postings the size for `wanted`.
static void array_resize(struct postings *postings, struct slab *slab, uint32_t count,
                         uint32_t wanted)
{
    if (array_bytes(count) == array_bytes(wanted))
        return;
    uint32_t moved = take(slab, array_bytes(wanted));
    uint32_t kept = count < wanted ? count : wanted;
    memcpy(slab_at(slab, moved), slab_at(slab, postings->array), kept * sizeof(uint64_t));
    slab_release(slab, postings->array);
    postings->array = moved;
}

// ---- Blocks ----

static struct postings_block *directory_of(const struct postings *postings, const struct slab *slab)
{
    return slab_at(slab, postings->array);
}

// Directories grow by an eighth at a time.
static uint32_t directory_length(uint32_t block_count)
{
    uint32_t step = 8;
    while (step < block_count / 8)
        step *= 2;
    return (block_count + step - 1) / step * step;
}

static size_t directory_bytes(uint32_t block_count)
{
    return directory_length(block_count) * sizeof(struct postings_block);
}

static void directory_resize(struct postings *postings, struct slab *slab, uint32_t wanted)
{
    uint32_t count = postings->block_count;
    if (directory_length(count) != directory_length(wanted)) {
        uint32_t moved = take(slab, directory_bytes(wanted));
        uint32_t kept = count < wanted ? count : wanted;
        memcpy(slab_at(slab, moved), directory_of(postings, slab),
               kept * sizeof(struct postings_block));
        slab_release(slab, postings->array);
        postings->array = moved;
    }
    postings->block_count = wanted;
}

// The block in which the posting stands or belongs.
static uint32_t block_of(const struct postings *postings, const struct slab *slab, uint64_t posting)
{
    const struct postings_block *directory = directory_of(postings, slab);
    uint32_t low = 0;
    uint32_t high = postings->block_count;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (directory[middle].first <= posting)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void block_split(struct postings *postings, struct slab *slab, uint32_t at)
{
    uint32_t count = postings->block_count;
    directory_resize(postings, slab, count + 1);
    struct postings_block *block = directory_of(postings, slab) + at;
    memmove(block + 2, block + 1, (count - at - 1) * sizeof *block);
    uint32_t half = block->count / 2;
    block[1].array = take(slab, BLOCK_MAX * sizeof(uint64_t));
    block[1].count = block->count - half;
    block->count = half;
    uint64_t *upper = slab_at(slab, block[1].array);
    memcpy(upper, (uint64_t *)slab_at(slab, block->array) + half, block[1].count * sizeof *upper);
    block[1].first = upper[0];
}

// The block after this one becomes part of it.
static void block_join(struct postings *postings, struct slab *slab, uint32_t at)
{
    struct postings_block *block = directory_of(postings, slab) + at;
    uint64_t *array = slab_at(slab, block->array);
    memcpy(array + block->count, slab_at(slab, block[1].array), block[1].count * sizeof *array);
    block->count += block[1].count;
    slab_release(slab, block[1].array);
    memmove(block + 1, block + 2, (postings->block_count - at - 2) * sizeof *block);
    directory_resize(postings, slab, postings->block_count - 1);
}

static void blocks_add(struct postings *postings, struct slab *slab, uint64_t posting)
{
    uint32_t at = block_of(postings, slab, posting);
    if (directory_of(postings, slab)[at].count == BLOCK_MAX) {
        block_split(postings, slab, at);
        at = block_of(postings, slab, posting);
    }
    struct postings_block *block = directory_of(postings, slab) + at;
    array_insert(slab_at(slab, block->array), block->count++, posting);
    if (posting < block->first)
        block->first = posting;
}

// The only block left is an array.
static void blocks_end(struct postings *postings, struct slab *slab)
{
    uint32_t directory = postings->array;
    uint32_t array = directory_of(postings, slab)->array;
    slab_release(slab, directory);
    postings->block_count = 0;
    postings->array = array;
    uint32_t moved = take(slab, array_bytes(postings->count));
    memcpy(slab_at(slab, moved), slab_at(slab, array), postings->count * sizeof(uint64_t));
    slab_release(slab, array);
    postings->array = moved;
}

static void blocks_remove(struct postings *postings, struct slab *slab, uint64_t removed)
{
    uint32_t at = block_of(postings, slab, removed);
    struct postings_block *block = directory_of(postings, slab) + at;
    uint64_t *array = slab_at(slab, block->array);
    array_delete(array, block->count--, removed);
    postings->count--;
    uint32_t first = at > 0 ? at - 1 : at; // of two neighbours
    struct postings_block *pair = directory_of(postings, slab) + first;
    if (block->count == 0 || pair[0].count + pair[1].count <= BLOCKS_JOIN)
        block_join(postings, slab, first);
    else if (block->count > 0)
        block->first = array[0];
    if (postings->block_count == 1)
        blocks_end(postings, slab);
}

// The array is full: it becomes the first block.
static void blocks_begin(struct postings *postings, struct slab *slab)
{
    uint32_t directory = take(slab, directory_bytes(1));
    *(struct postings_block *)slab_at(slab, directory) = (struct postings_block){
        .first = *(uint64_t *)slab_at(slab, postings->array),
        .array = postings->array,
        .count = postings->count,
    };
    postings->array = directory;
    postings->block_count = 1;
}

// ---- Border ----

void postings_add(struct postings *postings, struct slab *slab, uint64_t added)
{
    uint32_t count = postings->count;
    if (count == 0) {
        postings->threshold = posting_threshold(added);
        postings->predicate = posting_handle(added);
    } else if (count == 1) {
        uint64_t only = posting_of(postings->threshold, postings->predicate);
        postings->block_count = 0;
        postings->array = take(slab, array_bytes(2));
        uint64_t *array = slab_at(slab, postings->array);
        array[0] = only < added ? only : added;
        array[1] = only < added ? added : only;
    } else if (postings->block_count == 0 && count < BLOCK_MAX) {
        array_resize(postings, slab, count, count + 1);
        array_insert(slab_at(slab, postings->array), count, added);
    } else {
        if (postings->block_count == 0)
            blocks_begin(postings, slab);
        blocks_add(postings, slab, added);
    }
    postings->count++;
}

void postings_remove(struct postings *postings, struct slab *slab, uint64_t removed)
{
    CHECK(postings->count > 0);
    if (postings->count == 1) {
        CHECK(removed == posting_of(postings->threshold, postings->predicate));
        postings->count = 0;
        return;
    }
    if (postings->block_count > 0) {
        blocks_remove(postings, slab, removed);
        return;
    }
    array_delete(slab_at(slab, postings->array), postings->count, removed);
    if (--postings->count > 1) {
        array_resize(postings, slab, postings->count + 1, postings->count);
        return;
    }
    uint64_t only = *(uint64_t *)slab_at(slab, postings->array);
    slab_release(slab, postings->array);
    postings->threshold = posting_threshold(only);
    postings->predicate = posting_handle(only);
}

bool postings_run(const struct postings *postings, const struct slab *slab, uint32_t number,
                  struct postings_run *run)
{
    if (postings->count > 1 && postings->block_count > 0) {
        if (number >= postings->block_count)
            return false;
        const struct postings_block *block = directory_of(postings, slab) + number;
        run->postings = slab_at(slab, block->array);
        run->count = block->count;
        return true;
    }
    if (number > 0 || postings->count == 0)
        return false;
    run->count = postings->count;
    run->only = posting_of(postings->threshold, postings->predicate);
    run->postings = postings->count == 1 ? &run->only : slab_at(slab, postings->array);
    return true;
}
