// SPDX-License-Identifier: Apache-2.0
// The continuous queries of one client, without sockets and clocks: what nodes say comes in, what
// is to be said to them goes out, listeners are called. The rules are in docs/protocol.md.
//
//   frames of a link --> client_standing_take --> positions, rows --> listener
//   routes, links    --> client_standing_turn --> SUBSCRIBE, FOLLOW, UNSUBSCRIBE on links
//
// One position per partition serves all subscriptions that are joined there; only what is on its
// way (a snapshot, a token, a reset) has a place of its own.
#pragma once

#include "client/grid.h"
#include "cluster/base/buffer.h"
#include "cluster/base/error.h"
#include "cluster/base/list.h"
#include "cluster/wire/frame.h"

struct client_standing;

// A session with one worker of a data member, embedded in its owner's struct.
struct client_standing_link {
    struct client_standing *standing; // NULL: not attached
    struct list all_link;
    uint32_t next_id;     // subscriptions below this id were registered here
    uint64_t behind;      // as last heard
    uint64_t heard_ms;    // of the last PROGRESS
    uint32_t route_count; // partitions that this link leads, as the view says
};

struct client_standing_host {
    void *context;
    // Where frames to this link are appended, to be written at the end of the turn; NULL: it takes
    // no more now, and client_standing_turn is called when it does.
    struct buffer *(*out)(void *context, struct client_standing_link *link);
    // A node has given partitions up, or refused them: a newer view is wanted.
    void (*want_view)(void *context);
    // client_standing_turn is to be called soon.
    void (*want_turn)(void *context);
    // Brackets each callback of the user.
    void (*callback_begin)(void *context);
    void (*callback_end)(void *context);
};

struct client_standing_limits {
    uint32_t subscriptions_max;
    uint32_t start_timeout_ms; // a subscription that is registered nowhere by then ends
};

struct client_standing *client_standing_new(const struct client_standing_host *host,
                                            const struct client_standing_limits *limits);
// Without calling back.
void client_standing_free(struct client_standing *standing);

// ---- Who leads what ----

// Before anything else, and again (which ends all subscriptions that have a position) when it is
// another grid.
void client_standing_set_grid(struct client_standing *standing, uint64_t grid_id,
                              uint32_t partition_count);

// A session of a data member is up: subscriptions are registered there, whoever leads what.
void client_standing_link_up(struct client_standing *standing, struct client_standing_link *link);
// It is lost, or given up. The link may be freed afterwards.
void client_standing_link_down(struct client_standing *standing, struct client_standing_link *link);

// The view says that `link` leads the partition now; NULL: nobody who is connected does.
void client_standing_route(struct client_standing *standing, uint16_t partition,
                           struct client_standing_link *link);

// ---- What happens ----

// A frame whose request id is that of a subscription, or an event. NULL, or why the link is to be
// given up (static storage).
const char *client_standing_take(struct client_standing *standing,
                                 struct client_standing_link *link, const struct frame *frame,
                                 uint64_t now_ms);

// Sends what is due and has room, ends what has waited too long. Returns when it wants to be called
// again (of now_ms' clock); UINT64_MAX: not by time.
uint64_t client_standing_turn(struct client_standing *standing, uint64_t now_ms);

// ---- Subscriptions: as in client/grid.h ----

struct grid_subscription *
client_standing_subscribe(struct client_standing *standing, const char *query,
                          const struct grid_subscribe_options *options,
                          const struct grid_listener *listener, void *context, uint64_t now_ms);
void client_standing_unsubscribe(struct grid_subscription *subscription);

// Subscriptions that are not released.
uint32_t client_standing_count(const struct client_standing *standing);

// A request id is that of a subscription, or of what this module asks (see client/id.h).
bool client_standing_owns_id(const struct client_standing *standing, uint32_t request_id);
