// SPDX-License-Identifier: Apache-2.0
// The user of a subscription: begins it with some query and options, leaves it at some moment,
// even within a callback, and goes on with its token later, perhaps at another client. What it is
// told goes to its checker.
#pragma once

#include "cluster/base/buffer.h"
#include "tests/sim/checker.h"

enum { WATCHERS_MAX = 5, TOKENS_MAX = 6 };

struct subscriber;

// A position that somebody may go on from.
struct token {
    bool is_there;
    struct buffer bytes;
    struct checker checker; // as it stood there
};

struct watcher {
    struct subscriber *subscriber; // borrowed
    uint32_t number;
    struct grid_subscription *subscription; // owned; NULL: none
    bool has_ended;                         // `error` was called
    uint32_t count;                         // of its subscriptions so far
    uint64_t began_us;
    struct checker checker;
};

void watcher_start(struct watcher *watcher, struct subscriber *subscriber, uint32_t number);

void tokens_deinit(struct token *tokens);

// NULL, or what it still lacks (static storage).
const char *watcher_lack(const struct watcher *watcher);
void watcher_check_quiet(struct watcher *watcher);
