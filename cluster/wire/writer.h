// SPDX-License-Identifier: Apache-2.0
// Writes MessagePack to the end of a buffer, each object in its shortest format, so that an int,
// str or bin written here is a canonical key.
#pragma once

#include "cluster/base/buffer.h"

// Stores an int at `at`, where 9 bytes may be written; returns how many it takes.
size_t uint_store(uint8_t *at, uint64_t value);

void write_nil(struct buffer *out);
void write_bool(struct buffer *out, bool value);
void write_uint(struct buffer *out, uint64_t value);
void write_int(struct buffer *out, int64_t value);
void write_float(struct buffer *out, double value); // always float 64
void write_str(struct buffer *out, struct bytes text);
void write_text(struct buffer *out, const char *text); // a str of a C string
void write_bin(struct buffer *out, struct bytes data);
void write_bin_head(struct buffer *out, size_t size);    // `size` bytes must follow
void write_array(struct buffer *out, uint32_t count);    // `count` objects must follow
void write_map(struct buffer *out, uint32_t pair_count); // `pair_count` keys and values must follow

// An object that is MessagePack already.
static inline void write_object(struct buffer *out, struct bytes object)
{
    buffer_append(out, object.data, object.size);
}
