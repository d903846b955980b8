// SPDX-License-Identifier: Apache-2.0
// The table of requests under way: slots found by the low bits of the request id, so that an answer
// costs one lookup and no request costs an allocation once the table has its size.
//
//            take                 sent                answered, lost
//   FREE ----------> QUEUED <-------------> SENT -----------------------> FREE
//     ^                 |        retry        | timed out, or sent elsewhere
//     |    timed out    |                     v
//     +-----------------+------------------ LATE (nobody waits for it any more; the slot waits for
//                                           the late answer: no id is used again before it)
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

// What the library's own requests are answered with; `reply` is borrowed until return. `view`:
// lowest byte of the version of the view that the node had.
typedef void client_answer_fn(void *context, const struct op_reply *reply, uint8_t view);

struct client_request {
    struct list order;    // QUEUED, SENT: in `timed`, by deadline; LATE: in `late`
    struct list numbered; // QUEUED, SENT with a number: in the list of the same name
    uint32_t id;
    uint32_t next_free; // FREE: slot + 1 of the next free one; 0: none
    enum client_request_state state;
    enum op_kind kind;        // OP_NONE: CLUSTER
    bool is_pinned;           // for `link` alone: never routed
    bool was_sent;            // some of an earlier attempt may have left: the next is a retry
    bool is_uncertain;        // a write, and an earlier attempt may have been applied
    enum error refusal;       // the last one of a node; ERROR_NONE: none yet
    uint64_t number;          // of a write that must be applied once; 0: none
    int64_t deadline_ms;      // monotonic, as the next two
    int64_t first_sent_ms;    // with was_sent, or SENT
    int64_t no_quorum_ms;     // of the first NO_QUORUM; 0: none
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
    size_t timed_bytes;   // frames of QUEUED and SENT
    struct list timed;    // all requests share one time-out: oldest first is next due first
    struct list numbered; // in the order of their numbers
    struct list late;
    uint64_t last_number;
};

void client_requests_init(struct client_requests *requests);
void client_requests_deinit(struct client_requests *requests);

// A QUEUED request with a new id, at the end of `timed`; its other fields are the caller's to set.
// NULL when all slots are taken.
struct client_request *client_requests_take(struct client_requests *requests);

// Gives the request the next number.
void client_requests_number(struct client_requests *requests, struct client_request *request);

// The lowest number whose result the caller does not know; the next one when there is none.
uint64_t client_requests_floor(const struct client_requests *requests);

// The SENT request goes on as a QUEUED one under a new id, at the same place, which is returned;
// the old one is LATE. NULL when all slots are taken: nothing has changed.
struct client_request *client_requests_replace(struct client_requests *requests,
                                               struct client_request *request);

// The request that is under way or late under this id, or NULL.
struct client_request *client_requests_find(const struct client_requests *requests, uint32_t id);

// The frame has been encoded: its size counts until the request is late or released.
void client_requests_weigh(struct client_requests *requests, struct client_request *request);

void client_requests_make_late(struct client_requests *requests, struct client_request *request);
void client_requests_release(struct client_requests *requests, struct client_request *request);
