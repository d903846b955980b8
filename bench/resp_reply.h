// SPDX-License-Identifier: Apache-2.0
// A bounded parser of RESP2 replies, as far as a load generator needs them.
// Format: https://redis.io/docs/latest/develop/reference/protocol-spec/
#pragma once

#include "cluster/base/bytes.h"

enum resp_type {
    RESP_SIMPLE, // +OK
    RESP_ERROR,  // -ERR ...
    RESP_INTEGER,
    RESP_BULK,
    RESP_NIL, // $-1 or *-1
    RESP_ARRAY,
};

enum { RESP_LINE_BYTES_MAX = 64 * 1024 };

struct resp_reply {
    enum resp_type type;
    struct bytes text; // simple, error, bulk: borrowed from the input
    int64_t number;    // integer: the value; array: its elements, which follow the reply
    size_t wire_bytes; // what the reply takes of the input
};

enum resp_verdict {
    RESP_INCOMPLETE = 0, // more bytes are needed
    RESP_COMPLETE,
    RESP_INVALID,
};

// Looks for a reply at the start of `input`; of an array, its head alone.
enum resp_verdict resp_reply_parse(struct bytes input, struct resp_reply *reply);
