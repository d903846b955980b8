// SPDX-License-Identifier: Apache-2.0
// What a client is made of. Each part has its own file; this is where they meet.
//
//   grid_submit --> operation: table of requests --> link --> one write per loop turn
//   callbacks   <-- operation, subscription <------- link <-- frames as they are read
//   session: view and members; turn: what is put off to the end of a loop turn
#pragma once

#include "client/keep.h"
#include "client/request.h"
#include "client/subscription.h"
#include "client/topology.h"

struct event;

struct client_options {            // copies, defaults filled in
    struct client_endpoint *seeds; // owned
    uint32_t seed_count;
    char *grid_name;   // owned; "": any
    char *client_name; // owned
    uint32_t timeout_ms;
    uint32_t pending_max;
};

enum client_view_fetch {
    VIEW_FETCH_IDLE = 0,
    VIEW_FETCH_WANTED,
    VIEW_FETCH_UNDER_WAY,
    VIEW_FETCH_FAILED, // the node had none: dealt with at the end of the turn
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
    struct client_link *scout; // owned; NULL while a member can be asked
    enum client_view_fetch view_fetch;
    uint32_t view_count; // fetches that ended
    bool has_new_view;   // `new_view` waits for the end of the loop turn
    struct view new_view;

    // The end of a loop turn.
    struct event *turn; // owned
    bool is_turn_due;
    bool is_adjust_due; // a member has another number of workers than links
    bool is_route_due;  // queued requests may have found a way
    struct list dirty;  // links to flush

    // Operations.
    struct client_requests requests;
    struct list doomed;     // requests whose link is gone and that cannot be repeated
    struct event *deadline; // owned
    bool is_deadline_set;
    char reply_text[ERROR_TEXT_BYTES_MAX + 1];

    // Subscriptions.
    struct client_subscriptions subscriptions;

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
