// SPDX-License-Identifier: Apache-2.0
// How to reach nodes that the view does not list: those heard of before the view came, those that
// it lists no more. Bounded: the one heard of longest ago makes room.
#pragma once

#include "cluster/model/view.h"
#include "node/meta/member.h"

enum { CONTACTS_MAX = 128 };

struct contact {
    uint64_t id;
    uint64_t grid_id; // that it said it is in; 0: none
    struct member_address address;
    uint64_t heard_ms;
};

struct contacts {
    uint32_t count; // <= CONTACTS_MAX
    struct contact entries[CONTACTS_MAX];
};

struct member_address address_of(const struct view_member *member);
bool address_equal(const struct member_address *a, const struct member_address *b);

// A member of id 0 is nobody.
void contacts_note(struct contacts *contacts, const struct view_member *member, uint64_t grid_id,
                   uint64_t now_ms);

// NULL: never heard of. Valid until the next contacts_note.
const struct contact *contacts_find(const struct contacts *contacts, uint64_t id);
