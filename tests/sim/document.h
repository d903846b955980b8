// SPDX-License-Identifier: Apache-2.0
// What clients write. Under even keys documents {v, g, s}: a number, and two fields that follow
// from it, by which queries select and which change with nearly every write. Under odd keys
// counters, plain ints, on which nothing hides a second increment.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/model/key.h"

enum { KEYS_MAX = 12 };

struct document {
    bool is_counter;
    int64_t number;
    int64_t group; // 0 to 2; of documents
    char sort;     // 'a' to 'c'; of documents
};

static inline bool key_is_counter(uint32_t key)
{
    return key % 2 == 1;
}

// The key with this number, a positive fixint.
static inline struct bytes key_encode(uint32_t key, uint8_t *byte)
{
    *byte = (uint8_t)key;
    return bytes_of(byte, 1);
}

static inline uint16_t key_home(uint32_t key, uint32_t partition_count)
{
    uint8_t byte;
    return key_partition(key_hash(key_encode(key, &byte)), partition_count);
}

// The value of a document or a counter with this number.
void document_write(struct buffer *out, uint32_t key, int64_t number);

// False: it is none of ours.
bool document_read(struct bytes value, struct document *document);
