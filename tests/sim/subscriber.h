// SPDX-License-Identifier: Apache-2.0
// A client with standing queries: the core of the client library (client/standing.h), with
// simulated connections to every worker of every member, and the view that says who leads what.
// It reads slowly, sleeps and is cut off as the plan wants.
#pragma once

#include "client/standing.h"
#include "tests/sim/machine.h"
#include "tests/sim/watcher.h"

enum { SUBSCRIBER_START_MS = 20 * 1000 }; // until somebody must have registered a subscription

// To one worker of one machine.
struct subscriber_link {
    struct client_standing_link standing;
    struct subscriber *subscriber; // borrowed
    struct port port;
    uint32_t slot;
    uint16_t worker;
    uint64_t member_id; // that was wanted; 0: any
    bool is_up;
    uint64_t heard_us;      // last
    uint64_t not_before_us; // opened again
    uint64_t back_off_us;
    struct buffer in;
    struct buffer out;
};

struct subscriber {
    struct world *world; // borrowed
    uint32_t number;
    uint32_t host;
    struct random random;
    struct client_standing *standing; // owned
    struct view view;                 // version 0: none yet
    uint64_t view_asked_us;
    bool is_in_batch;    // events that are taken together are being told
    uint64_t turn_at_us; // the earliest turn that is planned; UINT64_MAX: none
    struct subscriber_link links[MACHINES_MAX][SHARDS_MAX];
    struct subscriber_link scout; // asks any machine for the view
    struct watcher watchers[WATCHERS_MAX];
};

void subscriber_start(struct subscriber *subscriber, struct world *world, uint32_t number);
void subscriber_deinit(struct subscriber *subscriber);

uint64_t subscriber_now_ms(const struct subscriber *subscriber);

// NULL, or what one of its subscriptions still lacks (static storage).
const char *subscriber_lack(const struct subscriber *subscriber);
// When nothing is lacking: its results are exact.
void subscriber_check_quiet(struct subscriber *subscriber);
