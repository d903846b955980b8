// SPDX-License-Identifier: Apache-2.0
// A node: workers, their sockets, the listener and the control thread's part, put together from a
// configuration.
#pragma once

#include "node/config.h"
#include "node/log.h"

struct event_base;
struct node;

// Why a node wants to be stopped.
enum node_end {
    NODE_STOPPED, // it has left, as it was asked to
    NODE_REMOVED, // the grid removed it after a long silence: what it holds is of no use, but it
                  // may be started again, as a new member
    NODE_REFUSED, // the grid will not have it; it was logged why
};

// Listens and starts the workers. `base` is the control thread's. NULL: it was logged why. `ended`
// is called once, from the loop.
struct node *node_start(const struct config *config, struct logger *log, struct event_base *base,
                        void (*ended)(void *context, enum node_end end), void *context);

// Has others take over what is here, then `ended` is called with NODE_STOPPED: leave-timeout-ms at
// the latest.
void node_leave(struct node *node);

// Stops the workers, in the opposite order.
void node_stop(struct node *node);
