// SPDX-License-Identifier: Apache-2.0
// The table of requests under way: slots found by the low bits of the request id, so that an answer
// costs one lookup and no request costs an allocation once the table has its size.
//
//            take                 sent                answered, lost
//   FREE ----------> QUEUED <-------------> SENT -----------------------> FREE
//     ^                 |        retry        | timed out
//     |    timed out    |                     v
//     +-----------------+------------------ LATE (the caller has been told; the slot waits for the
//                                           late answer, so that no id is used again before it)
#pragma once

#include "client/bounds.h"
#include "client/grid.h"
#include "cluster/base/buffer.h"
#include "cluster/base/list.h"
#include "cluster/wire/op_codec.h"

struct client_link;

enum client_request_state {
    REQUEST_FREE = 0,
    REQUEST_QUEUED, // waits for a view or a connection
    REQUEST_SENT,
    REQUEST_LATE,
};

// What the library's own requests are answered with; `reply` is borrowed until return.
typedef void client_answer_fn(void *context, const struct op_reply *reply);

struct client_request {
    struct list order; // QUEUED, SENT: in `timed`, by deadline; LATE: in `late`
    uint32_t id;
    uint32_t next_free; // FREE: slot + 1 of the next free one; 0: none
    enum client_request_state state;
    enum op_kind kind;        // OP_NONE: VIEW
    bool is_pinned;           // for `link` alone: never routed
    bool was_written;         // doomed: some of it had left
    bool was_rerouted;        // NOT_OWNER was answered once
    uint32_t view_needed;     // not before the client has fetched this many views
    int64_t deadline_ms;      // monotonic
    uint64_t hash;            // of the key
    uint64_t out_position;    // SENT: place of its first byte in what the link writes
    struct client_link *link; // SENT, LATE, pinned: borrowed; else NULL
    grid_reply_fn *callback;  // the caller's; NULL: `answer` is used
    client_answer_fn *answer;
    void *context;
    struct buffer frame; // kept until the answer, for another attempt
};

struct client_requests {
    struct client_request **chunks; // owned; slots never move
    uint32_t chunk_count;
    uint32_t slot_count;
    uint32_t first_free; // slot + 1; 0: none. Last in, first out: the warm one
    uint32_t timed_count;
    size_t timed_bytes; // frames of QUEUED and SENT
    struct list timed;  // all requests share one time-out: oldest first is next due first
    struct list late;
};

void client_requests_init(struct client_requests *requests);
void client_requests_deinit(struct client_requests *requests);

// A QUEUED request with a new id, at the end of `timed`; its other fields are the caller's to set.
// NULL when all slots are taken.
struct client_request *client_requests_take(struct client_requests *requests);

// The request that is under way or late under this id, or NULL.
struct client_request *client_requests_find(const struct client_requests *requests, uint32_t id);

// The frame has been encoded: its size counts until the request is late or released.
void client_requests_weigh(struct client_requests *requests, struct client_request *request);

void client_requests_make_late(struct client_requests *requests, struct client_request *request);
void client_requests_release(struct client_requests *requests, struct client_request *request);
