// SPDX-License-Identifier: Apache-2.0
// Operations and their answers as frame bodies. Encode beside decode; layouts in docs/protocol.md.
#pragma once

#include "cluster/model/op.h"
#include "cluster/wire/frame.h"

// A body, for an operation with a key: [map, key, value | nil, ttl_ms, max_idle_ms, condition,
// version, number, number - floor, age_ms], trailing defaults left out; the last three are there
// together, for writes with a number. A retry of one has FRAME_FLAG_RETRY. SIZE: [map]. CLEAR:
// [map, partition, hash]. SCAN: [map, partition, hash, limit, query text]. MAPS, STATS: [].
void op_encode(struct buffer *out, uint32_t request_id, const struct op *op);

// The kind and partition come from the header. Checks everything that can be checked without the
// map: canonical key (and sets op->hash), well-formed value, ranges. op->client is not on the wire:
// it is that of the session, and 0 here. Bytes are borrowed from the frame. On an error *what names
// the field (static storage).
MUST_USE enum error op_decode(const struct frame *frame, struct op *op, const char **what);

// Whether this frame kind is an operation that we know.
bool frame_is_operation(uint8_t frame_kind);

// The answer to an operation with a key: [found, version] or [found, version, value]; value.data
// NULL: none.
void reply_encode_entry(struct buffer *out, uint32_t request_id, uint16_t partition, bool found,
                        uint64_t version, struct bytes value);

// SIZE: [count]. CLEAR: [count, more, partition, hash].
void reply_encode_count(struct buffer *out, uint32_t request_id, uint64_t count);
void reply_encode_clear(struct buffer *out, uint32_t request_id, uint64_t count, bool more,
                        struct scan_position position);

// SCAN: [more, partition, hash, rows, limit]; `rows` is row_count times key, version, value, one
// after the other. `limit`: rows that the query wants in all, from all workers together; 0: no
// LIMIT.
void reply_encode_scan(struct buffer *out, uint32_t request_id, bool more,
                       struct scan_position position, uint32_t row_count, struct bytes rows,
                       uint64_t limit);

// A body that is MessagePack already (MAPS: an array of [name, count]; STATS: a map of numbers and
// texts).
void reply_encode_object(struct buffer *out, uint32_t request_id, struct bytes object);

// FRAME_ERROR: [number, text, version]. `kind` is FRAME_ERROR or FRAME_ENDED.
void error_encode(struct buffer *out, uint8_t kind, uint32_t request_id, uint16_t partition,
                  enum error error, const char *text, uint64_t version);

// An answer as its asker reads it. Bytes are borrowed from the frame.
struct op_reply {
    enum error error;
    struct bytes text; // with an error
    bool found;
    uint64_t version;
    struct bytes value; // data NULL: none; MAPS, STATS: the whole object
    uint64_t count;     // size, clear; scan: rows
    bool more;
    struct scan_position position;
    struct bytes rows; // scan: `count` times key, version, value; well-formed
    uint64_t limit;    // scan: rows that the query wants in all; 0: no LIMIT
};

// `frame` is a FRAME_REPLY to an operation of this kind, or a FRAME_ERROR or FRAME_ENDED.
MUST_USE enum error reply_decode(enum op_kind kind, const struct frame *frame,
                                 struct op_reply *reply);

struct scan_row {
    struct bytes key;
    uint64_t version;
    struct bytes value;
};

// Takes the next row off `rows`; false at the end.
bool scan_row_next(struct bytes *rows, struct scan_row *row);
