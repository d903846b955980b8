// SPDX-License-Identifier: Apache-2.0
// A member as MessagePack, inside of something larger: [id, name, host, port, zone, weight, role,
// state, is_voter].
#pragma once

#include "cluster/model/view.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/frame.h"

// The member's id is not 0.
void member_write(struct buffer *out, const struct view_member *member);
MUST_USE bool member_read(struct cursor *cursor, struct view_member *member);
