// SPDX-License-Identifier: Apache-2.0
// An accepted connection: reads frames, has them executed in batches, writes what its outlet holds.
//
//   readable -> read -> [frames -> batch -> execute]* -> (end of turn) one write
//
// The first frame must be a HELLO; it says which worker the connection belongs to from then on.
// Back-pressure: a connection whose outlet is full, or for which too many answers are under way, is
// not read from.
#pragma once

#include "node/worker/worker.h"

struct connections; // all accepted connections of one worker

struct connections_options {
    const char *node_name; // borrowed, as all pointers here
    const char *grid_name;
    const char *secret; // of the grid; "": none
    uint64_t member_id;
    // Takes a connection of another node's control thread, and what was read of it from its HELLO
    // on (moves). Called on the worker's thread.
    void (*control_arrived)(void *context, int descriptor, struct buffer in);
    // Answers a FRAME_CLUSTER, now or later: the outlet is held until then. The frame is borrowed
    // until return. Called on the worker's thread.
    void (*cluster_asked)(void *context, struct worker *worker, struct outlet *outlet,
                          const struct frame *frame);
    void *context;             // of both
    uint64_t output_bytes_max; // per connection
    uint32_t frame_body_bytes_max;
    atomic_uint *open_count; // of the whole node
};

struct connections *connections_new(struct worker *worker,
                                    const struct connections_options *options);
void connections_free(struct connections *connections); // closes all

// From the listener's thread: hands an accepted socket to the worker.
void connections_post(struct connections *connections, int descriptor);

// Writes what outlets hold, and goes on with connections that had to wait: once a loop turn. True:
// there is more that could be done at once.
bool connections_flush(struct connections *connections);
