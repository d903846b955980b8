// SPDX-License-Identifier: Apache-2.0
// A node: workers, their sockets and the listener, put together from a configuration.
#pragma once

#include "node/config.h"
#include "node/log.h"

struct event_base;
struct node;

// Listens and starts the workers. `base` is the control thread's. NULL: it was logged why.
struct node *node_start(const struct config *config, struct logger *log, struct event_base *base);

// Stops the workers, in the opposite order.
void node_stop(struct node *node);
