// SPDX-License-Identifier: Apache-2.0
// The few socket calls that connections and peers share.
#pragma once

#include "cluster/base/buffer.h"

enum socket_verdict {
    SOCKET_OK = 0,  // all that was asked
    SOCKET_BLOCKED, // go on when the socket is ready again
    SOCKET_CLOSED,  // the other side closed, or an error
};

// Reads once, at most `room` bytes, to `into`. *count: bytes read.
enum socket_verdict socket_read(int descriptor, void *into, size_t room, size_t *count);

// Writes from the front of the buffer until it is empty or the socket blocks.
enum socket_verdict socket_write(int descriptor, struct buffer *out);

// Non-blocking, no delay (Nagle), close on exec. False: the socket is unusable.
bool socket_prepare(int descriptor);
