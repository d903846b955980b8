// SPDX-License-Identifier: Apache-2.0
// A client without manners: frames, or what only looks like frames, over a plain socket.
#pragma once

#include "cluster/model/message.h"
#include "cluster/wire/frame.h"
#include "cluster/wire/op_codec.h"

struct raw {
    int descriptor; // blocking, with a time limit on receiving; -1: closed
    struct buffer in;
    size_t parsed_bytes; // at the start of `in`: the frame that raw_next returned last
    uint32_t partition_count;
    uint16_t worker;
    uint16_t worker_count;
};

// False: nobody listens there.
bool raw_try_open(struct raw *raw, uint16_t port);

// Likewise, at another address than that of loopback.
bool raw_try_open_at(struct raw *raw, const char *address, uint16_t port);

// Connects; ends the test where that fails.
void raw_open(struct raw *raw, uint16_t port);
void raw_close(struct raw *raw);

// False: the other side has closed.
bool raw_send(struct raw *raw, struct bytes bytes);

// Sends and forgets what the buffer holds.
bool raw_send_buffer(struct raw *raw, struct buffer *out);

// As much as the socket takes without waiting; returns how many bytes that were.
size_t raw_send_some(struct raw *raw, struct bytes bytes);

// Waits for the next frame, which is borrowed until the next call. False: closed, or nothing came
// for a long time.
bool raw_next(struct raw *raw, struct frame *frame);

// The other side closes, now or after what it has still to say.
bool raw_is_closed(struct raw *raw);

// Connects, says HELLO as a client and reads the answer.
void raw_greet(struct raw *raw, uint16_t port, uint16_t worker);
void raw_greet_at(struct raw *raw, const char *address, uint16_t port, uint16_t worker);

// A frame with this body, whatever that is.
void raw_frame(struct buffer *out, uint8_t kind, uint16_t partition, uint32_t request_id,
               struct bytes body);

// The next frame is an ERROR of this number whose text contains `text`.
bool raw_next_is_error(struct raw *raw, enum error error, const char *text);

// An operation on an entry of the map "m"; the key is a canonical MessagePack object.
void raw_op(const struct raw *raw, struct buffer *out, enum op_kind kind, uint32_t request_id,
            struct bytes key, struct bytes value);

// Puts and gets an entry: this connection works, within a second.
bool raw_works(struct raw *raw);
