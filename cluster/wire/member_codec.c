// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/member_codec.h"

#include "cluster/wire/body.h"
#include "cluster/wire/writer.h"

void member_write(struct buffer *out, const struct view_member *member)
{
    CHECK(member->id != 0);
    write_array(out, 9);
    write_uint(out, member->id);
    write_text(out, member->name);
    write_text(out, member->host);
    write_uint(out, member->port);
    write_text(out, member->zone);
    write_uint(out, member->weight);
    write_uint(out, (uint64_t)member->role);
    write_uint(out, (uint64_t)member->state);
    write_bool(out, member->is_voter);
}

// Becomes a C string, so it has no byte 0.
static bool text_read_into(struct cursor *cursor, size_t size_min, char *text, size_t capacity)
{
    struct bytes read;
    if (!cursor_read_str(cursor, &read) || read.size < size_min || read.size >= capacity ||
        memchr(read.data, 0, read.size))
        return false;
    memcpy(text, read.data, read.size);
    memset(text + read.size, 0, capacity - read.size);
    return true;
}

bool member_read(struct cursor *cursor, struct view_member *member)
{
    uint64_t port, weight, role, state;
    if (!array_read_exact(cursor, 9) || !id_read(cursor, &member->id) ||
        !text_read_into(cursor, 1, member->name, sizeof member->name) ||
        !text_read_into(cursor, 1, member->host, sizeof member->host) ||
        !uint_read_to(cursor, UINT16_MAX, &port) || port == 0 ||
        !text_read_into(cursor, 0, member->zone, sizeof member->zone) ||
        !uint_read_to(cursor, UINT16_MAX, &weight) || weight == 0 ||
        !uint_read_to(cursor, MEMBER_WITNESS, &role) ||
        !uint_read_to(cursor, MEMBER_LEAVING, &state) ||
        !cursor_read_bool(cursor, &member->is_voter))
        return false;
    member->port = (uint16_t)port;
    member->weight = (uint16_t)weight;
    member->role = (enum member_role)role;
    member->state = (enum member_state)state;
    return true;
}
