// SPDX-License-Identifier: Apache-2.0
// Continuous queries of a client: each is one SUBSCRIBE on every worker of every member.
//
//   WAITING --all connected--> JOINING --all answered--> LIVE
//      |                          |                       |
//      +--------------------------+-----------------------+--> ENDED (the listener was told)
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
    bool is_ready;    // `ready` was called
    bool is_released; // by the caller: no more callbacks
    struct grid_subscribe_options options;
    struct grid_listener listener;
    void *context;
    char *query; // owned; NULL once it is sent
    size_t query_bytes;
    struct list order; // in `waiting` or `failed`
    int64_t deadline_ms;
    char *failure; // owned; in `failed`: what to tell the listener
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

// Sends the SUBSCRIBEs of those that wait, once all members are connected.
void client_subscriptions_join(struct grid *grid);

// A frame with the id of a subscription. NULL, or why the link is to be given up.
const char *client_subscriptions_take(struct grid *grid, struct client_link *link,
                                      const struct frame *frame);

// The link has lost its connection, or goes away: calls nobody back; _settle then does.
void client_subscriptions_detach(struct grid *grid, struct client_link *link);

// Members or workers came or went: those that have joined miss some, and end likewise.
void client_subscriptions_topology_changed(struct grid *grid);
void client_subscriptions_settle(struct grid *grid);

// ---- Between subscription.c and delivery.c ----

// Leaves all workers and tells the listener, who may release it: not to be used afterwards.
void client_subscription_end(struct grid_subscription *subscription, enum error error,
                             struct bytes text);

// A worker has left it: frees it if that was the last thing that held it.
void client_subscription_drop(struct grid_subscription *subscription);

// What a LIVE or ASKED worker says to a subscription. NULL, or why the link is to be given up.
const char *client_delivery_take(struct grid_subscription *subscription, struct client_join *join,
                                 const struct frame *frame);
