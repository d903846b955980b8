// SPDX-License-Identifier: Apache-2.0
#include "node/query/handles.h"

#include "cluster/base/memory.h"

enum { BUCKETS_MIN = 16 }; // of which nothing is shrunk

void handles_init(struct handles *handles)
{
    *handles = (struct handles){.segment_count = 1, .bucket_count = BUCKETS_MIN};
    handles->segments = memory_new_array(1, sizeof *handles->segments);
    handles->segments[0] = memory_new_array(HANDLES_SEGMENT, sizeof **handles->segments);
}

void handles_deinit(struct handles *handles)
{
    CHECK(handles->item_count == 0);
    for (uint32_t segment = 0; segment < handles->segment_count; segment++)
        free(handles->segments[segment]);
    free(handles->segments);
}

size_t handles_bytes(const struct handles *handles)
{
    return handles->segment_count *
           (sizeof *handles->segments + HANDLES_SEGMENT * sizeof **handles->segments);
}

// The bucket that a bucket was split from.
static uint32_t bucket_parent(uint32_t bucket)
{
    return bucket & ~(1U << (31 - __builtin_clz(bucket)));
}

static void bucket_push(struct slab *slab, uint32_t *head, uint32_t handle)
{
    handle_item_at(slab, handle)->next = *head;
    *head = handle;
}

static void bucket_split(struct handles *handles, struct slab *slab)
{
    uint32_t added = handles->bucket_count;
    if (added / HANDLES_SEGMENT == handles->segment_count) {
        handles->segments = memory_resize_array(handles->segments, handles->segment_count + 1,
                                                sizeof *handles->segments);
        handles->segments[handles->segment_count++] =
            memory_new_array(HANDLES_SEGMENT, sizeof **handles->segments);
    }
    handles->bucket_count++;
    uint32_t *source = handles_head(handles, bucket_parent(added));
    uint32_t handle = *source;
    *source = 0;
    while (handle != 0) {
        struct handle_item *item = handle_item_at(slab, handle);
        uint32_t next = item->next;
        bucket_push(slab, handles_head(handles, handles_bucket_of(handles, item->hash)), handle);
        handle = next;
    }
    // What the next split will look at.
    __builtin_prefetch(slab_at(slab, *handles_head(handles, bucket_parent(added + 1))));
}

static void bucket_merge(struct handles *handles, struct slab *slab)
{
    uint32_t removed = handles->bucket_count - 1;
    uint32_t *source = handles_head(handles, removed);
    uint32_t *target = handles_head(handles, bucket_parent(removed));
    uint32_t handle = *source;
    *source = 0;
    handles->bucket_count--;
    while (handle != 0) {
        uint32_t next = handle_item_at(slab, handle)->next;
        bucket_push(slab, target, handle);
        handle = next;
    }
    // One empty segment stays: a count that swings around its border costs no allocation.
    uint32_t needed = (handles->bucket_count + HANDLES_SEGMENT - 1) / HANDLES_SEGMENT;
    if (needed + 1 < handles->segment_count)
        free(handles->segments[--handles->segment_count]);
}

void handles_add(struct handles *handles, struct slab *slab, uint32_t handle)
{
    if (handles->item_count++ >= handles->bucket_count)
        bucket_split(handles, slab);
    uint32_t hash = handle_item_at(slab, handle)->hash;
    bucket_push(slab, handles_head(handles, handles_bucket_of(handles, hash)), handle);
}

void handles_remove(struct handles *handles, struct slab *slab, uint32_t handle)
{
    const struct handle_item *item = handle_item_at(slab, handle);
    uint32_t *place = handles_head(handles, handles_bucket_of(handles, item->hash));
    while (*place != handle) {
        CHECK(*place != 0);
        place = &handle_item_at(slab, *place)->next;
    }
    *place = item->next;
    handles->item_count--;
    // Two at a time, so that half the items are gone before the buckets follow, and then all are.
    for (unsigned left = 2; left > 0; left--)
        if (handles->bucket_count > BUCKETS_MIN && handles->item_count < handles->bucket_count / 2)
            bucket_merge(handles, slab);
}
