// SPDX-License-Identifier: Apache-2.0
// The frame: a fixed header and a MessagePack body. docs/protocol.md is its specification.
//
//   offset  size  field (little-endian)
//   0       4     body_bytes
//   4       1     kind
//   5       1     flags
//   6       2     partition (PARTITION_ANY: not about one partition)
//   8       4     request_id: chosen by the asker, repeated in the answer;
//                 in events: that of the SUBSCRIBE
//   12      1     view: lowest byte of the version of the view that the sender has
//   13      3     reserved, 0
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/error.h"
#include "cluster/model/limits.h"

enum frame_kind {
    // Session.
    FRAME_HELLO = 0x01,
    FRAME_VIEW = 0x02,
    FRAME_PING = 0x03,
    FRAME_CLUSTER = 0x04, // what the node knows of the grid, and commands of the operator
    // Operations: FRAME_OPERATION + enum op_kind.
    FRAME_OPERATION = 0x10,
    // Continuous queries.
    FRAME_SUBSCRIBE = 0x30,
    FRAME_UNSUBSCRIBE = 0x31,
    FRAME_FOLLOW = 0x32,
    FRAME_EXPLAIN = 0x33,
    FRAME_SUBSCRIPTIONS = 0x34,
    // Between primary and backup.
    FRAME_ATTACH = 0x40,
    FRAME_POSITION = 0x41,
    FRAME_APPEND = 0x42,
    FRAME_ACK = 0x43,
    FRAME_GAP = 0x44,
    FRAME_FILL_BEGIN = 0x45,
    FRAME_FILL_ENTRY = 0x46,
    FRAME_FILL_END = 0x47,
    FRAME_CUT = 0x48,
    FRAME_FILL_RESULT = 0x49,
    // Between control threads.
    FRAME_MEETING = 0x50, // membership: cluster/wire/meeting_codec.h
    FRAME_RAFT = 0x51,    // consensus: cluster/wire/raft_codec.h
    // Answers.
    FRAME_REPLY = 0x80,
    FRAME_ERROR = 0x81,
    // Events of a subscription.
    FRAME_ROW = 0x90,
    FRAME_READY = 0x91,
    FRAME_ENTER = 0x92,
    FRAME_UPDATE = 0x93,
    FRAME_LEAVE = 0x94,
    FRAME_PROGRESS = 0x95,
    FRAME_ENDED = 0x96, // the subscription is over: body as of FRAME_ERROR
    FRAME_RESET = 0x97, // rows of a partition are to be forgotten: a snapshot follows
    FRAME_MOVED = 0x98, // partitions are not led here any more
    FRAME_BATCH = 0x99, // frames that are to be taken together
};

enum frame_flags {
    FRAME_FLAG_RETRY = 1, // an operation with a number was sent before: it may have been applied
};

struct frame_header {
    uint32_t body_bytes;
    uint8_t kind;
    uint8_t flags;
    uint16_t partition;
    uint32_t request_id;
    uint8_t view; // 0 where nobody looks at it
};

struct frame {
    struct frame_header header;
    struct bytes body; // borrowed from what was parsed
};

enum frame_verdict {
    FRAME_INCOMPLETE = 0, // more bytes are needed
    FRAME_COMPLETE,
    FRAME_INVALID, // *error says why; the connection cannot go on
};

// Looks for a frame at the start of `input`; on FRAME_COMPLETE it takes FRAME_HEADER_BYTES +
// body.size bytes. `body_bytes_max`: what the receiver accepts; checked from the header alone,
// before the body has arrived.
enum frame_verdict frame_parse(struct bytes input, uint32_t body_bytes_max, struct frame *frame,
                               enum error *error);

// Writes the FRAME_HEADER_BYTES of a header as it stands.
void frame_header_store(uint8_t *at, const struct frame_header *header);

// Appends a header with body_bytes 0; returns a mark for frame_end.
size_t frame_begin(struct buffer *out, const struct frame_header *header);

// Everything appended since frame_begin is the body: writes its size into the header.
void frame_end(struct buffer *out, size_t mark);

// Sets the view of the frame that starts at `mark`: buffer_size before it was encoded.
static inline void frame_set_view(struct buffer *out, size_t mark, uint8_t view)
{
    enum { VIEW_OFFSET = 12 };
    CHECK(buffer_size(out) >= mark + FRAME_HEADER_BYTES);
    out->data[out->start + mark + VIEW_OFFSET] = view;
}
