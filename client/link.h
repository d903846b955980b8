// SPDX-License-Identifier: Apache-2.0
// A session with one worker of one node: connects, says HELLO, and after a failure tries again with
// growing pauses, as long as it lives.
//
//   PAUSED --timer--> CONNECTING --connected--> GREETING --answer to HELLO--> READY
//      ^                  |                         |                           |
//      +------------------+---- failed, timed out --+---------------------------+
#pragma once

#include "client/bounds.h"
#include "client/standing.h"
#include "client/stream.h"
#include "cluster/base/list.h"
#include "cluster/base/random.h"
#include "cluster/model/message.h"

struct client_link;
struct client_member;

enum client_link_state {
    LINK_PAUSED = 0,
    LINK_CONNECTING,
    LINK_GREETING,
    LINK_READY,
};

// What a link tells its owner. None of them may free the link.
struct client_link_events {
    // NULL, or why the owner cannot speak to this node (static storage).
    const char *(*ready)(void *owner, struct client_link *link, const struct hello_reply *reply);
    // A frame of a READY session. NULL, or why to give up (static storage).
    const char *(*frame)(void *owner, struct client_link *link, const struct frame *frame);
    // There is room again after client_link_can_take was false.
    void (*drained)(void *owner, struct client_link *link);
    // An attempt or a session has failed: `failure` says why. The stream is closed, and another
    // attempt will follow.
    void (*lost)(void *owner, struct client_link *link);
};

// What all links of a client share. Borrowed by its links for life.
struct client_link_host {
    struct event_base *base;
    uint8_t *scratch;      // CLIENT_READ_BYTES
    struct random *random; // for jitter
    const char *name;      // of this client
    uint64_t id;           // of this client: random
    const char *grid;      // the one it expects; empty: any
    uint32_t timeout_ms;   // from connect to the answer to HELLO
    uint32_t pause_max_ms;
    const struct client_link_events *events;
    void *owner;
};

struct client_link {
    const struct client_link_host *host;
    struct client_member *member; // borrowed; NULL: the scout, which asks seeds for the view
    uint16_t worker;              // HELLO_ANY_WORKER: whichever
    uint32_t number;              // its place among the links of all members
    enum client_link_state state;
    bool has_settled; // was READY or has failed since it was made
    bool was_refused; // client_link_can_take has said no: `drained` is waited for
    bool is_dirty;    // in the client's list of links to flush
    struct list dirty;
    struct client_stream stream;
    struct event *timer;               // owned: end of the pause, or of the attempt
    struct client_endpoint *endpoints; // owned; tried in turn
    uint32_t endpoint_count;
    uint32_t attempts;                    // since it was READY
    int64_t pinged_ms;                    // monotonic, of a PING not yet answered; 0: none
    bool owes_view;                       // a VIEW is not yet answered
    struct client_standing_link standing; // what continuous queries know of it, while it is READY
    uint32_t silent_count; // how often it was looked at without news of continuous queries
    uint64_t heard_ms;     // its standing.heard_ms when it was looked at
    enum error failure_error;
    char failure[CLIENT_FAILURE_BYTES]; // of the last failure; "" before the first
};

// Takes a copy of the endpoints. The first attempt is made from the event loop.
struct client_link *client_link_new(const struct client_link_host *host,
                                    struct client_member *member, uint16_t worker,
                                    const struct client_endpoint *endpoints,
                                    uint32_t endpoint_count);

// Without calling back. NULL is allowed.
void client_link_free(struct client_link *link);

// Gives the session up; `lost` is called before it returns. Not from `ready` and `frame`, which
// return a text instead.
void client_link_fail(struct client_link *link, enum error error, const char *why);

// READY, and there is room for more requests.
static inline bool client_link_can_take(struct client_link *link)
{
    // What was refused goes first.
    if (link->state != LINK_READY || link->was_refused)
        return false;
    if (__builtin_expect(buffer_size(&link->stream.out) < CLIENT_OUT_BYTES_MAX, 1))
        return true;
    link->was_refused = true;
    return false;
}

// Writes what was appended to stream.out; a failure ends in `lost`.
void client_link_flush(struct client_link *link);
