// SPDX-License-Identifier: Apache-2.0
// A connected socket as a stream of frames: non-blocking, own buffers, reads as they come, writes
// when told to (once per loop turn), and waits for room only after the kernel had none.
#pragma once

#include "client/endpoint.h"
#include "cluster/base/buffer.h"
#include "cluster/wire/frame.h"

struct event;
struct event_base;

// What the stream tells its owner. Texts and frames are borrowed until return. None of them may
// close the stream, except `failed` and `connected`.
struct client_stream_events {
    void (*connected)(void *owner);
    const char *(*frame)(void *owner, const struct frame *frame); // NULL, or why to give up
    void (*drained)(void *owner);                 // all that was waiting for room has been written
    void (*failed)(void *owner, const char *why); // the owner closes it
};

struct client_stream {
    int fd; // -1: closed
    bool is_connecting;
    bool is_blocked;        // waits for room in the socket
    struct event *readable; // owned
    struct event *writable; // owned
    struct buffer in;       // the beginning of a frame whose rest is still to come
    struct buffer out;
    uint64_t written_bytes;  // since it was opened; kept after closing until it is opened again
    int64_t received_ms;     // monotonic, when bytes last came
    struct event_base *base; // borrowed for life
    uint8_t *scratch;        // borrowed for life: CLIENT_READ_BYTES to read into
    const struct client_stream_events *events; // static
    void *owner;                               // borrowed for life
};

void client_stream_init(struct client_stream *stream, struct event_base *base, uint8_t *scratch,
                        const struct client_stream_events *events, void *owner);

// Starts to connect. NULL, and `connected` or `failed` comes later; or why it cannot even start.
MUST_USE const char *client_stream_open(struct client_stream *stream,
                                        const struct client_address *address);

// Drops what is in the buffers. A closed stream stays closed.
void client_stream_close(struct client_stream *stream);

// The place that the next byte of `out` will have in all that is written since the opening.
static inline uint64_t client_stream_position(const struct client_stream *stream)
{
    return stream->written_bytes + buffer_size(&stream->out);
}

// Writes what is in `out`, as far as the socket takes it. NULL, or why the stream is broken.
MUST_USE const char *client_stream_flush(struct client_stream *stream);
