// SPDX-License-Identifier: Apache-2.0
// Continuous queries of a client: each is one SUBSCRIBE on every worker of every member.
//
//      +--------- some partitions were on the move ----------+
//      v                                                     |
//   WAITING --all with primaries connected--> JOINING --all answered--> LIVE
//      |                                         |                       |
//      +-----------------------------------------+-----------------------+--> ENDED
//
// It is LIVE when each partition is fed by exactly one worker. It ends, and the listener is told,
// when a partition moves or a connection is lost; while it is JOINING and nothing was delivered
// yet, it tries again by itself.
//
// A subscription that the caller has released stays until every worker has confirmed its
// UNSUBSCRIBE or lost its connection, so that its id is not used again while events may come.
#pragma once

#include "client/bounds.h"
#include "client/grid.h"
#include "client/join.h"
#include "cluster/base/bytes.h"
#include "cluster/base/list.h"
#include "cluster/wire/frame.h"

struct event;

enum client_subscription_state {
    SUBSCRIPTION_WAITING = 0,
    SUBSCRIPTION_JOINING,
    SUBSCRIPTION_LIVE,
    SUBSCRIPTION_ENDED,
};

struct grid_subscription {
    struct grid *grid; // borrowed for life
    uint32_t id;
    enum client_subscription_state state;
    bool is_ready;     // `ready` was called
    bool is_released;  // by the caller: no more callbacks
    bool was_told;     // of rows or changes: joining again would repeat them
    bool is_disputed;  // two workers feed the same partition
    int64_t rejoin_ms; // WAITING: not before (monotonic)
    struct grid_subscribe_options options;
    struct grid_listener listener;
    void *context;
    char *query; // owned; NULL once it is LIVE
    size_t query_bytes;
    struct list order; // in `waiting` or `failed`
    int64_t deadline_ms;
    char *failure; // owned; in `failed`: what to tell the listener
    enum error failure_error;
    struct client_joins joins;
};

struct client_subscriptions {
    struct grid_subscription **table; // owned; by id, NULL: free; [0] is never used
    uint32_t table_size;
    uint32_t free_hint;  // no free id is below
    uint32_t count;      // in the table
    struct list waiting; // WAITING and JOINING, by deadline
    struct list failed;  // lost a connection: client_subscriptions_settle tells their listeners
    struct event *check; // owned: deadlines and silent connections, while there are subscriptions
};

void client_subscriptions_start(struct grid *grid);

// Frees all without calling back. Links must still stand.
void client_subscriptions_stop(struct grid *grid);

// Sends the SUBSCRIBEs of those that wait, once all members with primaries are connected.
void client_subscriptions_join(struct grid *grid);

// A frame with the id of a subscription. NULL, or why the link is to be given up.
const char *client_subscriptions_take(struct grid *grid, struct client_link *link,
                                      const struct frame *frame);

// The link has lost its connection, or goes away: calls nobody back; _settle then does.
void client_subscriptions_detach(struct grid *grid, struct client_link *link);

// The topology's `moved` partitions have another primary, links may have other numbers:
// subscriptions that are fed by the old primary end likewise.
void client_subscriptions_topology_changed(struct grid *grid, bool links_changed);
void client_subscriptions_settle(struct grid *grid);

// ---- Between subscription.c and delivery.c ----

// Leaves all workers and tells the listener, who may release it: not to be used afterwards.
void client_subscription_end(struct grid_subscription *subscription, enum error error,
                             struct bytes text);

// Some partitions have no primary, or are moving: leaves all workers to try again later. False when
// it must end instead.
MUST_USE bool client_subscription_rejoin(struct grid_subscription *subscription);

// A worker has left it: frees it if that was the last thing that held it.
void client_subscription_drop(struct grid_subscription *subscription);

// What a LIVE or ASKED worker says to a subscription. NULL, or why the link is to be given up.
const char *client_delivery_take(struct grid_subscription *subscription, struct client_join *join,
                                 const struct frame *frame);
