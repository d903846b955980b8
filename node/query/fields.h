// SPDX-License-Identifier: Apache-2.0
// The fields that the standing queries of one map use, as slots that they share: a document is
// walked once for all of them. Slots come and go with the queries.
#pragma once

#include "node/query/paths.h"

enum { FIELDS_MAX = 4096 }; // different paths with their prefixes, of one map

struct fields;

struct fields *fields_new(void);
void fields_free(struct fields *fields); // CHECKs that every slot was released

// The slot of this path, held once more. False when there are FIELDS_MAX others.
MUST_USE bool fields_hold(struct fields *fields, const struct path *path, uint16_t *slot);
void fields_release(struct fields *fields, uint16_t slot);

// Slots that fields_find may set: the room that its caller provides.
uint32_t fields_slot_count(const struct fields *fields);

// Sets slots[0 ... fields_slot_count): borrowed from the document; size 0: not there.
void fields_find(const struct fields *fields, struct bytes document, struct bytes *slots);

size_t fields_bytes(const struct fields *fields);
