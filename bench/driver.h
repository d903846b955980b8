// SPDX-License-Identifier: Apache-2.0
// A protocol as a load sees it: operations become requests, replies end them.
#pragma once

#include "bench/keyset.h"
#include "bench/mix.h"
#include "bench/reason.h"
#include "cluster/base/buffer.h"

enum request_kind {
    REQUEST_GET,
    REQUEST_PUT,
    REQUEST_MERGE, // native only
    REQUEST_SCAN,  // native only
};

// One operation of the load. In a closed loop it begins when its first request is written, in an
// open loop at its intended time.
struct operation {
    uint64_t begin_ns; // monotonic clock
    uint64_t index;    // of its record
    uint64_t hash;     // of its key
    uint16_t scan_rows;
    uint8_t class; // enum op_class
};

struct request {
    enum request_kind kind;
    uint64_t hash;
    uint32_t scan_rows;
    struct bytes map; // borrowed, as the value
    struct bytes value;
    uint8_t key[KEY_ENCODED_BYTES];
};

// A request under way. Its number is its request id where the protocol has one.
struct slot {
    struct operation operation;
    enum request_kind kind;
    bool under_way;
};

enum reply_status {
    REPLY_DONE,
    REPLY_MISSING, // there is no such record
    REPLY_REFUSED, // `text` says why
};

#define SLOT_OLDEST UINT32_MAX // replies come in the order of the requests

struct driver_reply {
    enum reply_status status;
    uint32_t slot;     // or SLOT_OLDEST
    size_t wire_bytes; // what the reply takes of the input
    struct bytes text; // borrowed from the input
};

enum driver_verdict {
    DRIVER_INCOMPLETE = 0, // more bytes are needed
    DRIVER_REPLY,
    DRIVER_INVALID, // the connection cannot go on
};

struct driver {
    const char *name;

    // Makes the connection that was just opened one of this worker. May be NULL.
    bool (*greet)(int fd, uint16_t worker, char reason[static REASON_BYTES]);

    // Appends the request.
    void (*request_encode)(struct buffer *out, uint32_t slot, const struct request *request,
                           uint32_t partition_count);

    // Looks for a reply at the start of `input`.
    enum driver_verdict (*reply_parse)(struct bytes input, const struct slot *slots,
                                       uint32_t slot_count, struct driver_reply *reply);
};

extern const struct driver driver_native;
extern const struct driver driver_resp;
