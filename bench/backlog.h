// SPDX-License-Identifier: Apache-2.0
// Operations that wait for a connection of their group: a bounded ring.
#pragma once

#include "bench/driver.h"

enum { BACKLOG_OPERATIONS_MAX = 4096 };

struct backlog {
    struct operation *ring; // owned; BACKLOG_OPERATIONS_MAX
    uint32_t start;
    uint32_t count; // <= BACKLOG_OPERATIONS_MAX
};

void backlog_init(struct backlog *backlog);
void backlog_deinit(struct backlog *backlog);

// False when it is full.
MUST_USE bool backlog_push(struct backlog *backlog, const struct operation *operation);

// The oldest first; false when it is empty.
MUST_USE bool backlog_pop(struct backlog *backlog, struct operation *operation);
