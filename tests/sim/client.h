// SPDX-License-Identifier: Apache-2.0
// A client: one operation at a time, sent to the partition's primary, and sent again until it is
// answered or its time is over. It tells the history what it was told.
#pragma once

#include "tests/sim/document.h"
#include "tests/sim/history.h"
#include "tests/sim/machine.h"

// To one worker of one machine.
struct client_link {
    struct client *client; // borrowed
    struct port port;
    uint64_t member_id; // that was wanted
    bool is_up;
    struct buffer in;
    struct buffer out; // what was written before it was up
};

enum client_state {
    CLIENT_IDLE = 0, // thinks
    CLIENT_TRYING,   // waits before it sends again
    CLIENT_ASKED,    // waits for an answer
    CLIENT_STOPPED,
};

struct client {
    struct world *world; // borrowed
    uint32_t number;
    uint32_t host;
    uint64_t id;
    enum client_state state;
    struct client_link links[MACHINES_MAX][SHARDS_MAX];
    struct view view; // version 0: none yet
    uint64_t view_asked_us;
    uint64_t last_versions[KEYS_MAX]; // as last heard
    // The operation under way.
    struct deed deed; // kind OP_CLEAR: of all entries of the worker that has the key
    uint64_t op_number;
    uint64_t write_count; // numbers used
    uint32_t attempt;     // 0: the first one
    uint32_t request_id;  // of the last attempt
    uint32_t slot;        // that it was sent to
    uint16_t worker;
    bool may_have_applied; // by an attempt of which nothing certain is known
    bool must_succeed;     // it began when the grid was whole
    uint64_t deadline_us;
    uint64_t step; // counts changes of state: timers of an earlier one are void
};

void client_start(struct client *client, struct world *world, uint32_t number);
void client_deinit(struct client *client);

// No new operations. True: none is under way either.
bool client_stop(struct client *client);
// Reads a key; must succeed. Only when stopped.
void client_read_last(struct client *client, uint32_t key);
