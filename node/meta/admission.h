// SPDX-License-Identifier: Apache-2.0
// Who may come into a grid and who may go, and what is said to those who may not. `text` has
// MEETING_TEXT_BYTES_MAX bytes and says what is wrong and what to do.
#pragma once

#include "cluster/model/meeting.h"

// Whether two nodes agree on what the nodes of a grid must agree on; bootstrap_expect aside.
// `name`: of the other one.
bool admission_settings_match(const struct meeting_settings *own,
                              const struct meeting_settings *other, uint32_t clock_skew_max_ms,
                              char *text);

// Whether a node describes itself in a way that the view can take.
bool admission_member_is_valid(const struct view_member *member, char *text);

// The member that has this one's name or address; VIEW_NO_MEMBER: nobody.
uint16_t admission_holder(const struct view *view, const struct view_member *joiner, char *text);

bool admission_has_room(const struct view *view, char *text);

// Whether the member may leave: somebody else can take its data, or it is the last of all.
bool admission_may_leave(const struct view *view, uint16_t number, char *text);
