// SPDX-License-Identifier: Apache-2.0
// Reliable streams of bytes between hosts, as TCP gives them: in order, once, until they break. A
// path that is cut delays; a delay beyond the time-out breaks the stream for the end that waits,
// while the other one may not hear of it for long. What was sent before a close still arrives, late
// perhaps.
#pragma once

#include "tests/sim/network.h"

enum stream_role {
    STREAM_PEER = 1, // of a primary's shard to a backup's
    STREAM_CLIENT,
};

// What a HELLO would say.
struct greeting {
    enum stream_role role;
    uint32_t host;       // that opens
    uint16_t worker;     // that it wants
    uint64_t id;         // of the member or of the client that opens
    uint64_t wanted_id;  // of the member that it wants to reach; 0: any
    size_t window_bytes; // what is on its way or not read yet, each way, at most; 0: no limit
};

// One end of a stream, part of what its owner has for it.
struct port {
    struct stream *stream; // NULL: none, or closed
    uint8_t end;           // 0: that opened it; 1: that accepted it
    void (*opened)(struct port *port);
    void (*received)(struct port *port, struct bytes data); // borrowed until return
    void (*closed)(struct port *port);  // by the other end or by a time-out; stream is NULL
    void (*drained)(struct port *port); // a write that was cut short may go on; with a window only
};

// `opened` or `closed` comes later. The port must stay until it is closed, either way.
void stream_open(struct network *network, uint32_t to, struct port *port,
                 const struct greeting *greeting);
// Returns how much was taken: all of it unless the window is full, `drained` comes then. On a port
// that is closed or broken everything is, in vain.
size_t stream_write(struct port *port, struct bytes data);
// Harmless on a port that is closed. What was written still arrives, then the other end's `closed`.
void stream_close(struct port *port);
// The same, but what could not leave yet never will.
void stream_abort(struct port *port);

// The host is gone: its ports are closed without a word. `is_silent`: the other ends are not told
// but by time-outs.
void streams_crash(struct network *network, uint32_t host, bool is_silent);
void streams_free(struct network *network);
