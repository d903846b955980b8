// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/buffer.h"

#include "cluster/base/memory.h"

enum { BUFFER_FIRST_BYTES = 256 };

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_grow(struct buffer *buffer, size_t extra)
{
    size_t size = buffer_size(buffer);
    if (buffer->start > 0 && buffer->start >= size && buffer->capacity - size >= extra) {
        memcpy(buffer->data, buffer->data + buffer->start, size);
        buffer->start = 0;
        buffer->end = size;
        return;
    }
    size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST_BYTES;
    while (capacity - buffer->end < extra)
        capacity *= 2;
    buffer->data = memory_resize_array(buffer->data, capacity, 1);
    buffer->capacity = capacity;
}

void buffer_trim(struct buffer *buffer, size_t keep_bytes)
{
    if (buffer_size(buffer) == 0 && buffer->capacity > keep_bytes)
        buffer_deinit(buffer);
}
