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

enum client_standing_link_state {
    STANDING_LINK_REGISTERING = 0, // first, whoever is joined somewhere is registered here too
    STANDING_LINK_FOLLOWING,       // partitions are followed here as they are routed here
};

// A session with one worker of a data member, embedded in its owner's struct, which starts it as
// zeros and otherwise only reads it.
struct client_standing_link {
    struct client_standing *standing; // NULL: not attached
    struct list all_link;
    enum client_standing_link_state state;
    uint64_t *registered;      // owned; a bit per subscription: SUBSCRIBE was sent and not refused
    uint32_t word_count;       // of `registered`
    uint32_t cursor;           // subscriptions below need no look
    uint32_t unanswered_count; // SUBSCRIBEs of the state REGISTERING
    uint32_t watch_count;      // SUBSCRIBEs, less what was refused, ended or unsubscribed
    uint32_t opener;           // the subscription whose SUBSCRIBE made the node follow; 0: none
    bool is_blocked;           // a refusal that passes: nothing is followed before the next attempt
    bool is_follow_due;        // partitions may wait to be followed
    uint64_t retry_ms;         // when what was refused is sent again; 0: nothing was
    struct buffer goodbyes;    // u32: subscriptions to be unsubscribed, those not answered first
    uint32_t goodbye_count;    // those for which UNSUBSCRIBE was sent
    uint64_t goodbye_ms;       // no more of them before
    struct buffer strays;      // courses to be ended, those not answered first
    uint32_t stray_count;      // those for which FOLLOW was sent
    uint64_t stray_ms;         // no more of them before
    uint32_t route_count;      // partitions that this link leads, as the view says
    uint32_t feed_count;       // partitions that are followed here
    uint64_t behind;           // as last heard
    uint64_t heard_ms;         // of the last PROGRESS, or since something is followed
    uint64_t confirmed_ms;     // of the last PROGRESS that said that nothing is missing
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
    // May be NULL. Why no node is connected ("": not known), for subscriptions that end because of
    // it.
    const char *(*failure)(void *context);
};

struct client_standing_limits {
    uint32_t subscriptions_max;
    uint32_t start_timeout_ms; // a subscription that is registered nowhere by then ends
};

struct client_standing *client_standing_new(const struct client_standing_host *host,
                                            const struct client_standing_limits *limits);
// Without calling back. Links are detached.
void client_standing_free(struct client_standing *standing);

// ---- Who leads what ----

// Before anything else, and again (which ends all subscriptions that have a position) when it is
// another grid: all links are down then.
void client_standing_set_grid(struct client_standing *standing, uint64_t grid_id,
                              uint32_t partition_count);

bool client_standing_is_of(const struct client_standing *standing, uint64_t grid_id,
                           uint32_t partition_count);

// A session of a data member is up: subscriptions are registered there, whoever leads what.
void client_standing_link_up(struct client_standing *standing, struct client_standing_link *link);
// It is lost, or given up. The link may be freed afterwards.
void client_standing_link_down(struct client_standing *standing, struct client_standing_link *link);

// The view says that `link` leads the partition now; NULL: nobody who is connected does.
void client_standing_route(struct client_standing *standing, uint16_t partition,
                           struct client_standing_link *link);

// ---- What happens ----

// A frame of a continuous query: see client_standing_owns_frame. NULL, or why the link is to be
// given up (static storage).
const char *client_standing_take(struct client_standing *standing,
                                 struct client_standing_link *link, const struct frame *frame,
                                 uint64_t now_ms);

// Sends what is due and has room, ends what has waited too long. Returns when it wants to be called
// again (of now_ms' clock); UINT64_MAX: not by time.
uint64_t client_standing_turn(struct client_standing *standing, uint64_t now_ms);

// ---- Subscriptions: as in client/grid.h ----

struct grid_subscription *client_standing_subscribe(struct client_standing *standing,
                                                    const char *query,
                                                    const struct grid_subscribe_options *options,
                                                    const struct grid_listener *listener,
                                                    void *context, uint64_t now_ms);
void client_standing_unsubscribe(struct grid_subscription *subscription);

// As grid_result_position.
void client_standing_position(const struct grid_subscription *subscription, struct grid_bytes key,
                              uint64_t now_ms, struct grid_result_position *position);

// Subscriptions that are not released.
uint32_t client_standing_count(const struct client_standing *standing);

// What client_standing_take is to be given: events, and the answers to what this module asks (see
// client/id.h).
bool client_standing_owns_frame(const struct frame_header *header);
