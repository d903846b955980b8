// SPDX-License-Identifier: Apache-2.0
// The tree of the fields that are wanted of a document, and the walk that finds them: the inside
// of fields.h.
#pragma once

#include "node/query/ast.h"

struct field;

// A child that is the value of a key.
struct field_name {
    uint64_t word; // of the key: see name_word
    struct field *field;
};

struct field {
    struct path_part part; // from the parent to here; its name stands behind the field
    struct field *parent;  // borrowed
    uint32_t hold_count;   // of the path that ends here
    uint16_t slot;
    // The children by kind of container; the fields themselves belong to their slots.
    uint32_t name_count;
    uint32_t index_count;
    uint64_t name_sizes;      // bit n: a name of n bytes, modulo 64
    struct field_name *names; // owned; ascending by word
    struct field **indexes;   // owned; ascending
};

static inline bool field_is_inner(const struct field *field)
{
    return field->name_count + field->index_count > 0;
}

// The size and the first bytes of a name, in one number: names that differ mostly differ here.
// `readable` bytes may be looked at from its start on.
static inline uint64_t name_word(struct bytes name, size_t readable)
{
    enum { WORD_NAME_BYTES = 7 };
    size_t size = name.size < WORD_NAME_BYTES ? name.size : WORD_NAME_BYTES;
    uint64_t word = 0;
    if (__builtin_expect(readable >= sizeof word, 1))
        memcpy(&word, name.data, sizeof word);
    else
        for (size_t at = 0; at < size; at++)
            word |= (uint64_t)name.data[at] << (8 * at);
    uint64_t size_byte = name.size < UINT8_MAX ? name.size : UINT8_MAX;
    return (word & ((UINT64_C(1) << (8 * size)) - 1)) | size_byte << 56;
}

// The first child with this word or a greater one, or the end.
uint32_t field_name_place(const struct field *field, uint64_t word);
uint32_t field_index_place(const struct field *field, uint32_t index);

// The child of this name; NULL: none. `readable` as for name_word.
struct field *field_named(const struct field *field, struct bytes name, size_t readable);

// Fills the slots of the fields below `root`, of which there are `count`: those that are there,
// borrowed from the document.
void field_walk(const struct field *root, uint32_t count, struct bytes document,
                struct bytes *slots);
