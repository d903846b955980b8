// SPDX-License-Identifier: Apache-2.0
// Copies of bytes that stay where they are until all are dropped together: what a synchronous call
// returns lives here until the next one.
#pragma once

#include "cluster/base/bytes.h"

struct client_keep_block;

struct client_keep {
    struct client_keep_block *blocks; // owned, newest first
};

// The copy is followed by a NUL, so that text may be used as a C string.
struct bytes client_keep_copy(struct client_keep *keep, struct bytes bytes);

// Uninitialised room for `size` bytes, aligned for any type.
void *client_keep_take(struct client_keep *keep, size_t size);

// Drops all copies; one block of ordinary size stays for the next ones.
void client_keep_clear(struct client_keep *keep);
void client_keep_deinit(struct client_keep *keep);
