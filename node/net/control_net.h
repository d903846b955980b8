// SPDX-License-Identifier: Apache-2.0
// How control threads reach each other: frames like datagrams, addressed by host:port. A connection
// is made when something is to be sent, kept while it is used, and made again when it breaks; what
// was under way then is lost, and whoever sent it sends again.
//
//   roads      connections that we made; we send, the other side only answers our HELLO
//   visitors   connections that others made; they send
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/wire/frame.h"
#include "node/log.h"

struct event_base;
struct control_net;
struct resolver;

struct control_net_options {
    const char *node_name; // borrowed, as all pointers here
    const char *grid_name;
    const char *secret;
    uint64_t member_id;
    struct resolver *resolver;
    struct logger *log;
    // A frame of another control thread; borrowed until return.
    void (*received)(void *context, const struct frame *frame);
    // Another node will not speak with us, whatever we send: `text` is its reason.
    void (*refused)(void *context, const char *host, uint16_t port, enum error error,
                    const char *text);
    void *context;
};

enum {
    CONTROL_ROADS_MAX = 2048,
    CONTROL_VISITORS_MAX = 4096,              // beyond it new ones are closed
    CONTROL_ROAD_BYTES_MAX = 8 * 1024 * 1024, // waiting on one road: beyond it frames are dropped
};

struct control_net *control_net_new(struct event_base *base,
                                    const struct control_net_options *options);
void control_net_free(struct control_net *net);

// Sends the frame to whoever listens on host:port. `grid_id`: of ours, for HELLO; 0: none yet.
void control_net_send(struct control_net *net, const char *host, uint16_t port, uint64_t grid_id,
                      struct bytes frame);

// A connection whose HELLO was accepted by a worker; `in` (moves) starts with it.
void control_net_visit(struct control_net *net, int descriptor, struct buffer in);
