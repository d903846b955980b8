// SPDX-License-Identifier: Apache-2.0
// The grid as a client sees it: who is there, and whether all copies are.
#pragma once

#include "client/grid.h"
#include "tests/system/support/pace.h"

// The member's number by its name, or GRID_NO_MEMBER.
uint16_t member_number(const struct grid *grid, const char *name);

// `members` members, each partition with all its copies in sync, none of them to be moved.
bool members_are_whole(const struct grid *grid, uint32_t members);

// Under load until that has been so for a while: all has moved that was to be moved. False: not
// within the time.
bool members_settle(const struct grid *grid, uint32_t members, struct pace *pace,
                    uint32_t limit_ms);
