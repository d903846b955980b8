// SPDX-License-Identifier: Apache-2.0
// What a client is made of. Each part has its own file; this is where they meet.
//
//   grid_submit --> operation: table of requests --> link --> one write per loop turn
//   callbacks   <-- operation, standing <----------- link <-- frames as they are read
//   session: view and members; turn: what is put off to the end of a loop turn
#pragma once

#include "client/hold.h"
#include "client/keep.h"
#include "client/request.h"
#include "client/standing.h"
#include "client/topology.h"
#include "client/view_fetch.h"

struct event;

struct client_options {            // copies, defaults filled in
    struct client_endpoint *seeds; // owned
    uint32_t seed_count;
    char *grid_name;   // owned; "": any
    char *client_name; // owned
    uint32_t timeout_ms;
    uint32_t pending_max;
    uint32_t no_quorum_ms; // for how long NO_QUORUM is retried
};

struct grid {
    struct client_options options;
    struct event_base *base; // owned if owns_base
    bool owns_base;
    bool is_closing;
    bool is_in_callback; // of the user
    uint64_t callback_count;

    // Sessions.
    struct client_link_host host;
    uint8_t scratch[CLIENT_READ_BYTES];
    struct random random;
    struct client_topology topology;
    struct client_view_fetch view_fetch;
    bool wants_any_node; // a command waits that a node without a grid can answer as well

    // The end of a loop turn.
    struct event *turn; // owned
    struct event *pace; // owned: a turn that is to come at `pace_ms`
    int64_t pace_ms;    // monotonic; 0: not set
    bool is_turn_due;
    bool is_adjust_due; // a member has another number of workers than links
    bool is_route_due;  // queued requests may have found a way
    struct list dirty;  // links to flush

    // Operations.
    struct client_requests requests;
    struct client_holds holds;
    int64_t watch_ms;       // monotonic: when slow requests are looked after; 0: none are under way
    struct list doomed;     // requests whose link is gone and that cannot be repeated
    struct event *deadline; // owned
    bool is_deadline_set;
    char reply_text[ERROR_TEXT_BYTES_MAX + 1];

    // Continuous queries.
    struct client_standing *standing; // owned
    struct event *check;              // owned: silent connections, while there are subscriptions

    // Synchronous calls.
    struct client_keep keep;
    char error_text[ERROR_TEXT_BYTES_MAX + 1];
};

// Bracket every callback of the user.
static inline bool client_callback_begin(struct grid *grid)
{
    bool was_in_callback = grid->is_in_callback;
    grid->is_in_callback = true;
    grid->callback_count++;
    return was_in_callback;
}

static inline void client_callback_end(struct grid *grid, bool was_in_callback)
{
    grid->is_in_callback = was_in_callback;
}
