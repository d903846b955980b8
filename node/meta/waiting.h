// SPDX-License-Identifier: Apache-2.0
// What a node that is in no grid tells its operator now and then: what it waits for.
#pragma once

#include "node/meta/state.h"

enum {
    WAITING_FIRST_MS = 3000, // a grid that comes up as it should takes less
    WAITING_AGAIN_MS = 30000,
};

// For a member that seeks: says it when it is due.
void waiting_tell(struct member *member);
