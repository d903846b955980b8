// SPDX-License-Identifier: Apache-2.0
// The fields that queries use, as slots: a document is walked once for all of them. One query has
// fields of its own; the standing queries of one map share theirs, and slots come and go with them.
// Where a map has a key twice, the first one counts.
#pragma once

#include "node/query/ast.h"

enum { FIELDS_MAX = 4096 }; // different paths with their prefixes, of one map

struct fields;

struct fields *fields_new(void);
void fields_free(struct fields *fields); // CHECKs that every slot was released

// The slot of this path, held once more; its names are copied. False when there are FIELDS_MAX
// others.
MUST_USE bool fields_hold(struct fields *fields, const struct path *path, uint16_t *slot);
// A slot that is held already, held once more.
void fields_retain(struct fields *fields, uint16_t slot);
void fields_release(struct fields *fields, uint16_t slot);

// Appends the path of a held slot as a query would write it: a.b[2]."x y"
void fields_name(const struct fields *fields, uint16_t slot, struct buffer *out);

// The slot of a path that is held.
uint16_t fields_slot(const struct fields *fields, const struct path *path);

// Different paths with their prefixes.
uint32_t fields_count(const struct fields *fields);

// Slots that fields_find may set: the room that its caller provides.
uint32_t fields_slot_count(const struct fields *fields);

// Sets slots[0 ... fields_slot_count): borrowed from the document; size 0: not there.
void fields_find(const struct fields *fields, struct bytes document, struct bytes *slots);

size_t fields_bytes(const struct fields *fields);
