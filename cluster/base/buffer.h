// SPDX-License-Identifier: Apache-2.0
// A growable byte buffer, appended at its end and consumed from its start.
// Its user bounds it: a buffer never refuses, whoever appends checks `buffer_size` against a limit.
#pragma once

#include "cluster/base/bytes.h"

struct buffer {
    uint8_t *data;   // owned
    size_t start;    // first byte not consumed; <= end
    size_t end;      // one past the last byte; <= capacity
    size_t capacity; // bytes allocated
};

void buffer_deinit(struct buffer *buffer);

// Makes room for at least `extra` bytes after the end, which may move the data.
void buffer_grow(struct buffer *buffer, size_t extra);

// Returns where `extra` bytes may be written; `buffer_advance` then makes them part of the buffer.
static inline uint8_t *buffer_reserve(struct buffer *buffer, size_t extra)
{
    if (__builtin_expect(buffer->capacity - buffer->end < extra, 0))
        buffer_grow(buffer, extra);
    return buffer->data + buffer->end;
}

static inline void buffer_advance(struct buffer *buffer, size_t count)
{
    buffer->end += count;
}

static inline void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (size == 0)
        return;
    memcpy(buffer_reserve(buffer, size), data, size);
    buffer->end += size;
}

static inline size_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
    const uint8_t *data = buffer->data ? buffer->data + buffer->start : NULL;
    return bytes_of(data, buffer_size(buffer));
}

// Forgets the first `count` bytes. An emptied buffer starts over at its beginning.
static inline void buffer_consume(struct buffer *buffer, size_t count)
{
    buffer->start += count;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

// Takes the last `count` bytes off.
static inline void buffer_drop(struct buffer *buffer, size_t count)
{
    buffer->end -= count;
}

static inline void buffer_clear(struct buffer *buffer)
{
    buffer->start = buffer->end = 0;
}

// Gives the memory back if the buffer is empty and holds more than `keep_bytes`.
void buffer_trim(struct buffer *buffer, size_t keep_bytes);
