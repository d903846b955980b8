// SPDX-License-Identifier: Apache-2.0
#include "node/meta/contacts.h"

struct member_address address_of(const struct view_member *member)
{
    struct member_address address = {.port = member->port};
    static_assert(sizeof address.host == sizeof member->host, "hosts are of one length");
    memcpy(address.host, member->host, sizeof address.host);
    return address;
}

bool address_equal(const struct member_address *a, const struct member_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static struct contact *contacts_place(struct contacts *contacts, uint64_t id)
{
    struct contact *oldest = &contacts->entries[0];
    for (uint32_t i = 0; i < contacts->count; i++) {
        struct contact *contact = &contacts->entries[i];
        if (contact->id == id)
            return contact;
        if (contact->heard_ms < oldest->heard_ms)
            oldest = contact;
    }
    if (contacts->count < CONTACTS_MAX)
        return &contacts->entries[contacts->count++];
    return oldest;
}

void contacts_note(struct contacts *contacts, const struct view_member *member, uint64_t grid_id,
                   uint64_t now_ms)
{
    if (member->id == 0)
        return;
    *contacts_place(contacts, member->id) = (struct contact){
        .id = member->id, .grid_id = grid_id, .address = address_of(member), .heard_ms = now_ms};
}

const struct contact *contacts_find(const struct contacts *contacts, uint64_t id)
{
    for (uint32_t i = 0; i < contacts->count; i++) {
        if (contacts->entries[i].id == id)
            return &contacts->entries[i];
    }
    return NULL;
}
