// SPDX-License-Identifier: Apache-2.0
// Connections as they begin: blocking, with time-outs, before a load runs on them.
#pragma once

#include "bench/reason.h"
#include "cluster/model/message.h"
#include "cluster/model/view.h"

enum { HANDSHAKE_TIMEOUT_S = 5 };

// A TCP connection without delay, or -1 with `reason`. The caller closes it.
MUST_USE int handshake_connect(const char *host, uint16_t port, char reason[static REASON_BYTES]);

// Says HELLO for `worker`, or HELLO_ANY_WORKER. The texts of *reply are left empty.
MUST_USE bool handshake_hello(int fd, uint16_t worker, struct hello_reply *reply,
                              char reason[static REASON_BYTES]);

// Asks for the view. view_deinit releases it; on an error nothing is held.
MUST_USE bool handshake_view(int fd, struct view *view, char reason[static REASON_BYTES]);
