// SPDX-License-Identifier: Apache-2.0
// The control thread's part of a node: this member of the agreement (node/meta) with its clock, its
// timer, its network, and the workers as its hands.
//
//   views, lease  --> workers         wishes, new connections of other nodes, operators <-- workers
#pragma once

#include "node/config.h"
#include "node/net/resolver.h"
#include "node/worker/worker.h"

struct control;
struct frame;

// Why a node comes to its end.
enum control_end {
    CONTROL_RUNS = 0,
    CONTROL_LEFT,    // gracefully
    CONTROL_REMOVED, // the grid has removed it, since it was silent for too long: it may start anew
    CONTROL_REFUSED, // the grid will not have it
};

struct control_options {
    const struct config *config; // borrowed, as all pointers here
    struct logger *log;
    struct event_base *base;
    uint16_t port;      // that the node listens on
    uint64_t member_id; // fresh
    struct worker *const *workers;
    uint16_t worker_count;
    void (*ended)(void *context, enum control_end end); // once; from the loop
    void *context;
};

// Resolves nothing and sends nothing before control_start.
struct control *control_new(const struct control_options *options);
void control_start(struct control *control); // the workers run
void control_free(struct control *control);  // the workers have stopped

// Moves this node's data away and leaves; `ended` is called when that is done, refused, or has
// taken too long.
void control_leave(struct control *control);

// Letters that arrived after the loop has ended: sockets are closed, the rest is dropped.
unsigned control_drain(struct control *control);

bool control_is_ready(const struct control *control); // a member with a lease

// ---- From workers' threads ----

void control_wished(void *control, uint16_t worker, const struct wish *wishes, uint32_t count);
void control_arrived(void *control, int descriptor, struct buffer in);
void control_asked(void *control, struct worker *worker, struct outlet *outlet,
                   const struct frame *frame);
