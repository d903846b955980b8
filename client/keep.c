// SPDX-License-Identifier: Apache-2.0
#include "client/keep.h"

#include "cluster/base/memory.h"

#include <stdalign.h>

enum { KEEP_BLOCK_BYTES = 64 * 1024 };

struct client_keep_block {
    struct client_keep_block *next;
    size_t used;
    size_t capacity;
    alignas(max_align_t) uint8_t data[];
};

static struct client_keep_block *block_new(size_t capacity)
{
    struct client_keep_block *block =
        memory_resize_array(NULL, sizeof(struct client_keep_block) + capacity, 1);
    *block = (struct client_keep_block){.capacity = capacity};
    return block;
}

void *client_keep_take(struct client_keep *keep, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct client_keep_block *block = keep->blocks;
    if (!block || block->capacity - block->used < rounded) {
        block = block_new(rounded > KEEP_BLOCK_BYTES ? rounded : KEEP_BLOCK_BYTES);
        block->next = keep->blocks;
        keep->blocks = block;
    }
    void *taken = block->data + block->used;
    block->used += rounded;
    return taken;
}

struct bytes client_keep_copy(struct client_keep *keep, struct bytes bytes)
{
    uint8_t *copy = client_keep_take(keep, bytes.size + 1);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0';
    return bytes_of(copy, bytes.size);
}

void client_keep_clear(struct client_keep *keep)
{
    struct client_keep_block *kept = NULL;
    for (struct client_keep_block *block = keep->blocks, *next; block; block = next) {
        next = block->next;
        if (!kept && block->capacity == KEEP_BLOCK_BYTES) {
            kept = block;
            continue;
        }
        free(block);
    }
    if (kept) {
        kept->next = NULL;
        kept->used = 0;
    }
    keep->blocks = kept;
}

void client_keep_deinit(struct client_keep *keep)
{
    for (struct client_keep_block *block = keep->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    keep->blocks = NULL;
}
