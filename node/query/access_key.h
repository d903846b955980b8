// SPDX-License-Identifier: Apache-2.0
// Access keys: what a predicate is filed under and what a document is looked up by. A key is the
// bytes of one or two parts, each of which says for itself where it ends. The *form* of a key (of
// which fields it is made, and how) is not part of its bytes.
#pragma once

#include "node/query/conditions.h"

enum part_kind {
    PART_NONE = 0,
    PART_POINT,    // equal to a value; NULL is one
    PART_EXISTS,   // the field is there: one key for all
    PART_CELL,     // in an interval of 2^n neighbours in the order of numbers or strings
    PART_PREFIX,   // a string that begins so
    PART_SUFFIX,   // ends so
    PART_CONTAINS, // has these three bytes
};

struct part {
    uint8_t kind;   // enum part_kind
    uint8_t family; // CELL: enum family
    bool is_key;    // of the entry's key, not a field
    uint16_t slot;
};

enum {
    KEY_STRING_MAX = 64, // longer ones are keys by their hash
    KEY_PART_BYTES_MAX = KEY_STRING_MAX + 2,
    KEY_BYTES_CAPACITY = 2 * KEY_PART_BYTES_MAX,
    CELLS_MAX = 4,    // that a range is covered with
    GRAIN_COUNT = 32, // sizes of cells, or of prefixes and suffixes
    PIECE_BYTES = 3,  // of PART_CONTAINS
};

struct access_key {
    uint8_t bytes[KEY_BYTES_CAPACITY];
    uint16_t size;
    bool is_whole; // equal keys have equal values: nothing was hashed or cut
};

uint32_t access_key_hash(const struct access_key *key, uint32_t form);

// Appends the point for this value. False: no constant is equal to it, so no key has it.
bool access_key_add_point(struct access_key *key, const struct value *value);

// Bytes of the point that a key begins with.
size_t access_key_point_size(const uint8_t *key);

// ---- Order ----

// Monotone in value_order within one family: of values that differ the images may be equal. False:
// the value has no place in this family.
bool order_image(const struct value *value, enum family family, uint64_t *image);

// ---- Cells ----

// The grain at which `low` ... `high` needs at most CELLS_MAX cells.
unsigned cells_grain(uint64_t low, uint64_t high);
uint64_t cell_of(uint64_t image, unsigned grain);
void access_key_add_cell(struct access_key *key, unsigned grain, uint64_t cell);

// The images in the cell whose bytes these are.
void access_key_read_cell(const uint8_t *bytes, unsigned grain, uint64_t *low, uint64_t *high);

// ---- Strings ----

// The greatest grain whose affixes are not longer than this; there is one for 1 byte or more.
unsigned affix_grain(size_t size);
uint32_t affix_bytes(unsigned grain);
void access_key_add_affix(struct access_key *key, struct bytes affix);

void access_key_add_piece(struct access_key *key, const uint8_t *piece);
