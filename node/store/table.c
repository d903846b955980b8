// SPDX-License-Identifier: Apache-2.0
#include "node/store/table.h"

enum {
    BUCKET_BITS_MAX = 4,
    // An insert that finds this many buckets full from its home on makes the table grow. Measured:
    // a segment is then 92 % full on average (4 buckets: 87 %, 8: 95 %), and a split takes half the
    // time that it would with 32 buckets.
    WINDOW = 6,
    // Skewed hashes must not blow the directory up: beyond this it holds at most one handle per
    // entry, about 60 times what well-spread hashes need.
    DIRECTORY_FREE_MAX = 1024,
};

static_assert(1 << BUCKET_BITS_MAX == SEGMENT_BUCKETS_MAX, "full size");

static struct bucket *segment_new(struct slab *slab, uint32_t bucket_count, uint8_t depth,
                                  uint32_t *handle)
{
    size_t bytes = bucket_count * sizeof(struct bucket);
    *handle = slab_alloc(slab, SLAB_TABLE, bytes);
    if (*handle == 0)
        return NULL;
    struct bucket *buckets = slab_at(slab, *handle);
    memset(buckets, 0, bytes);
    buckets->depth = depth;
    return buckets;
}

static uint32_t *directory_of(const struct table *table, const struct slab *slab)
{
    return slab_at(slab, table->root);
}

static unsigned table_depth_at(const struct table *table, const struct slab *slab, uint64_t hash)
{
    return table->depth == 0 ? 0 : table_buckets(table, slab, hash)->depth;
}

static uint32_t table_capacity(const struct table *table)
{
    return (table->segment_count << table->bucket_bits) * BUCKET_SLOTS;
}

struct table_segment table_segment_at(const struct table *table, const struct slab *slab,
                                      uint64_t hash)
{
    unsigned depth = table_depth_at(table, slab, hash);
    uint64_t rest = depth == 0 ? UINT64_MAX : UINT64_MAX >> depth;
    return (struct table_segment){
        .buckets = table_buckets(table, slab, hash),
        .mask = table_mask(table),
        .first_hash = hash & ~rest,
        .last_hash = hash | rest,
    };
}

// ---- Rebuilding segments ----

// The entries of a segment (or two that become one), taken out of it.
struct harvest {
    uint32_t count;
    uint32_t handles[SEGMENT_SLOTS_MAX];
    uint64_t hashes[SEGMENT_SLOTS_MAX];
};

static void harvest_add(struct harvest *harvest, const struct slab *slab,
                        const struct bucket *buckets, uint32_t mask)
{
    uint32_t first = harvest->count;
    harvest->count += segment_collect(buckets, mask, slab, harvest->handles + first);
    for (uint32_t i = first; i < harvest->count; i++)
        harvest->hashes[i] = record_hash(record_at(slab, harvest->handles[i]));
}

// A rebuild uses whatever bucket is free, so that it cannot fail where the entries fit at all.
static void harvest_put(const struct harvest *harvest, uint32_t i, struct bucket *buckets,
                        uint32_t mask)
{
    CHECK(segment_insert(buckets, mask, SEGMENT_BUCKETS_MAX, harvest->hashes[i],
                         harvest->handles[i]));
}

// Gives the only segment another size.
static bool table_resize_only(struct table *table, struct slab *slab, uint8_t bucket_bits)
{
    uint32_t handle;
    struct bucket *buckets = segment_new(slab, 1U << bucket_bits, 0, &handle);
    if (buckets == NULL)
        return false;
    struct harvest harvest = {.count = 0};
    harvest_add(&harvest, slab, slab_at(slab, table->root), table_mask(table));
    slab_release(slab, table->root);
    table->root = handle;
    table->bucket_bits = bucket_bits;
    for (uint32_t i = 0; i < harvest.count; i++)
        harvest_put(&harvest, i, buckets, table_mask(table));
    return true;
}

// ---- Growing ----

static bool directory_double(struct table *table, struct slab *slab)
{
    size_t count = (size_t)1 << table->depth;
    if (count >= DIRECTORY_FREE_MAX && count > table->entry_count / 2)
        return false;
    uint32_t handle = slab_alloc(slab, SLAB_TABLE, 2 * count * sizeof(uint32_t));
    if (handle == 0)
        return false;
    uint32_t *wide = slab_at(slab, handle);
    if (table->depth == 0) {
        wide[0] = wide[1] = table->root;
    } else {
        const uint32_t *narrow = directory_of(table, slab);
        for (size_t i = 0; i < count; i++)
            wide[2 * i] = wide[2 * i + 1] = narrow[i];
        slab_release(slab, table->root);
    }
    table->root = handle;
    table->depth++;
    table->deepest_count = 0;
    return true;
}

// Points the directory's handles for hashes that start like `hash` in `depth` bits at the segment.
static void directory_set(struct table *table, struct slab *slab, uint64_t hash, unsigned depth,
                          uint32_t segment)
{
    uint32_t *directory = directory_of(table, slab);
    size_t run = (size_t)1 << (table->depth - depth);
    size_t first = (size_t)(hash >> (64 - table->depth)) & ~(run - 1);
    for (size_t i = first; i < first + run; i++)
        directory[i] = segment;
}

static bool table_split(struct table *table, struct slab *slab, uint64_t hash)
{
    unsigned depth = table_depth_at(table, slab, hash);
    if (depth == table->depth && !directory_double(table, slab))
        return false;
    uint32_t mask = table_mask(table);
    uint32_t sibling_handle;
    struct bucket *sibling = segment_new(slab, mask + 1, (uint8_t)(depth + 1), &sibling_handle);
    if (sibling == NULL)
        return false;
    struct bucket *segment = table_buckets(table, slab, hash);
    struct harvest harvest = {.count = 0};
    harvest_add(&harvest, slab, segment, mask);
    memset(segment, 0, (mask + 1) * sizeof *segment);
    segment->depth = (uint8_t)(depth + 1);
    uint64_t upper_bit = UINT64_C(1) << (63 - depth);
    for (uint32_t i = 0; i < harvest.count; i++)
        harvest_put(&harvest, i, (harvest.hashes[i] & upper_bit) ? sibling : segment, mask);
    directory_set(table, slab, hash | upper_bit, depth + 1, sibling_handle);
    table->segment_count++;
    if (depth + 1 == table->depth)
        table->deepest_count += 2;
    return true;
}

static bool table_start(struct table *table, struct slab *slab)
{
    struct table young = {.segment_count = 1};
    if (segment_new(slab, 1, 0, &young.root) == NULL)
        return false;
    *table = young;
    return true;
}

bool table_insert(struct table *table, struct slab *slab, uint64_t hash, uint32_t handle)
{
    if (table->root == 0 && !table_start(table, slab))
        return false;
    uint32_t window = WINDOW;
    while (!segment_insert(table_buckets(table, slab, hash), table_mask(table), window, hash,
                           handle)) {
        bool grown = table->bucket_bits < BUCKET_BITS_MAX
                         ? table_resize_only(table, slab, (uint8_t)(table->bucket_bits + 1))
                         : table_split(table, slab, hash);
        if (!grown && window == SEGMENT_BUCKETS_MAX)
            return false;
        if (!grown)
            window = SEGMENT_BUCKETS_MAX;
    }
    table->entry_count++;
    return true;
}

// ---- Shrinking ----

// Halves the directory for as long as no segment needs all of its bits.
static void directory_halve(struct table *table, struct slab *slab)
{
    while (table->depth > 0 && table->deepest_count == 0) {
        uint32_t *wide = directory_of(table, slab);
        size_t count = (size_t)1 << (table->depth - 1);
        uint32_t handle = wide[0];
        if (count > 1) {
            handle = slab_alloc(slab, SLAB_TABLE, count * sizeof(uint32_t));
            if (handle == 0)
                return;
            uint32_t *narrow = slab_at(slab, handle);
            for (size_t i = 0; i < count; i++) {
                narrow[i] = wide[2 * i];
                const struct bucket *buckets = slab_at(slab, narrow[i]);
                table->deepest_count += buckets->depth == table->depth - 1;
            }
        }
        slab_release(slab, table->root);
        table->root = handle;
        table->depth--;
    }
}

// Makes one segment of the hash's and the one that it was split from, if that one is as deep and
// both together are at most half full.
static void table_merge(struct table *table, struct slab *slab, uint64_t hash)
{
    unsigned depth = table_depth_at(table, slab, hash);
    uint64_t upper_bit = UINT64_C(1) << (64 - depth);
    struct bucket *pair[2] = {table_buckets(table, slab, hash & ~upper_bit),
                              table_buckets(table, slab, hash | upper_bit)};
    uint32_t mask = table_mask(table);
    if (pair[0]->depth != pair[1]->depth ||
        segment_count(pair[0], mask) + segment_count(pair[1], mask) > SEGMENT_SLOTS_MAX / 2)
        return;
    struct harvest harvest = {.count = 0};
    harvest_add(&harvest, slab, pair[0], mask);
    harvest_add(&harvest, slab, pair[1], mask);
    memset(pair[0], 0, (mask + 1) * sizeof *pair[0]);
    pair[0]->depth = (uint8_t)(depth - 1);
    for (uint32_t i = 0; i < harvest.count; i++)
        harvest_put(&harvest, i, pair[0], mask);
    uint32_t *directory = directory_of(table, slab);
    uint32_t kept = directory[(hash & ~upper_bit) >> (64 - table->depth)];
    slab_release(slab, directory[(hash | upper_bit) >> (64 - table->depth)]);
    directory_set(table, slab, hash, depth - 1, kept);
    table->segment_count--;
    if (depth == table->depth)
        table->deepest_count -= 2;
    directory_halve(table, slab);
}

void table_remove(struct table *table, struct slab *slab, uint64_t hash, struct place place)
{
    segment_remove(table_buckets(table, slab, hash), table_mask(table), hash, place);
    if (--table->entry_count == 0) {
        table_clear(table, slab);
        return;
    }
    if (table->entry_count > table_capacity(table) / 4)
        return;
    // Looking at two segments costs more than a removal: only when a bucket falls empty.
    if (table->depth > 0 && bucket_match(place.bucket, 0) == (1U << BUCKET_SLOTS) - 1)
        table_merge(table, slab, hash);
    else if (table->depth == 0 && table->bucket_bits > 0)
        (void)table_resize_only(table, slab, (uint8_t)(table->bucket_bits - 1));
}

void table_clear(struct table *table, struct slab *slab)
{
    if (table->root == 0)
        return;
    if (table->depth > 0) {
        const uint32_t *directory = directory_of(table, slab);
        size_t count = (size_t)1 << table->depth;
        for (size_t i = 0; i < count;) {
            const struct bucket *buckets = slab_at(slab, directory[i]);
            size_t run = (size_t)1 << (table->depth - buckets->depth);
            slab_release(slab, directory[i]);
            i += run;
        }
    }
    slab_release(slab, table->root);
    *table = (struct table){.root = 0};
}
