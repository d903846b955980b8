// SPDX-License-Identifier: Apache-2.0
#include "client/stream.h"

#include "client/bounds.h"
#include "client/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <unistd.h>

void client_stream_init(struct client_stream *stream, struct event_base *base, uint8_t *scratch,
                        const struct client_stream_events *events, void *owner)
{
    *stream = (struct client_stream){
        .fd = -1, .base = base, .scratch = scratch, .events = events, .owner = owner};
}

static const char *error_text(int number)
{
    const char *text = strerrordesc_np(number);
    return text ? text : "unknown system error";
}

// ---- Reading ----

// Hands on all whole frames and takes them off *input. NULL, or why the stream is broken.
static const char *frames_take(struct client_stream *stream, struct bytes *input)
{
    for (;;) {
        struct frame frame;
        enum error error;
        switch (frame_parse(*input, BATCH_BODY_BYTES_MAX, &frame, &error)) {
        case FRAME_INCOMPLETE:
            return NULL;
        case FRAME_INVALID:
            return error == ERROR_TOO_LARGE ? "the node sent a frame over the size limit"
                                            : "the node sent a malformed frame header";
        case FRAME_COMPLETE:
            break;
        }
        const char *why = stream->events->frame(stream->owner, &frame);
        if (why)
            return why;
        size_t taken = FRAME_HEADER_BYTES + frame.body.size;
        *input = bytes_of(input->data + taken, input->size - taken);
    }
}

// Nothing is left over from the last read: frames are taken where they were read.
static const char *fresh_take(struct client_stream *stream, size_t size)
{
    struct bytes input = bytes_of(stream->scratch, size);
    const char *why = frames_take(stream, &input);
    buffer_append(&stream->in, input.data, input.size);
    return why;
}

static const char *continued_take(struct client_stream *stream, size_t size)
{
    buffer_advance(&stream->in, size);
    struct bytes input = buffer_bytes(&stream->in);
    const char *why = frames_take(stream, &input);
    buffer_consume(&stream->in, buffer_size(&stream->in) - input.size);
    buffer_trim(&stream->in, CLIENT_STREAM_KEEP_BYTES);
    return why;
}

static void stream_read(struct client_stream *stream)
{
    bool is_fresh = buffer_size(&stream->in) == 0;
    uint8_t *room =
        is_fresh ? stream->scratch : buffer_reserve(&stream->in, (size_t)CLIENT_READ_BYTES);
    ssize_t count = recv(stream->fd, room, CLIENT_READ_BYTES, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    stream->received_ms = client_clock_ms();
    const char *why;
    if (count < 0)
        why = error_text(errno);
    else if (count == 0)
        why = "the node closed the connection";
    else
        why = is_fresh ? fresh_take(stream, (size_t)count) : continued_take(stream, (size_t)count);
    if (why)
        stream->events->failed(stream->owner, why);
}

// ---- Writing ----

const char *client_stream_flush(struct client_stream *stream)
{
    if (stream->is_blocked || stream->is_connecting)
        return NULL;
    while (buffer_size(&stream->out) > 0) {
        struct bytes out = buffer_bytes(&stream->out);
        ssize_t count = send(stream->fd, out.data, out.size, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN) {
            stream->is_blocked = true;
            CHECK(event_add(stream->writable, NULL) == 0);
            return NULL;
        }
        if (count < 0)
            return error_text(errno);
        stream->written_bytes += (size_t)count;
        buffer_consume(&stream->out, (size_t)count);
    }
    buffer_trim(&stream->out, CLIENT_STREAM_KEEP_BYTES);
    return NULL;
}

static void connect_finish(struct client_stream *stream)
{
    int number = 0;
    socklen_t size = sizeof number;
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
        number = errno;
    if (number != 0) {
        stream->events->failed(stream->owner, error_text(number));
        return;
    }
    stream->is_connecting = false;
    CHECK(event_add(stream->readable, NULL) == 0);
    stream->events->connected(stream->owner);
}

static void stream_write(struct client_stream *stream)
{
    if (stream->is_connecting) {
        connect_finish(stream);
        return;
    }
    stream->is_blocked = false;
    const char *why = client_stream_flush(stream);
    if (why)
        stream->events->failed(stream->owner, why);
    else if (!stream->is_blocked)
        stream->events->drained(stream->owner);
}

// ---- Opening and closing ----

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct client_stream *stream = context;
    CHECK(stream->fd == fd);
    stream_read(stream);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct client_stream *stream = context;
    CHECK(stream->fd == fd);
    stream_write(stream);
}

const char *client_stream_open(struct client_stream *stream, const struct client_address *address)
{
    CHECK(stream->fd < 0);
    const struct sockaddr *socket_address = (const struct sockaddr *)&address->storage;
    int fd = socket(socket_address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_text(errno);
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        (connect(fd, socket_address, address->bytes) < 0 && errno != EINPROGRESS)) {
        const char *why = error_text(errno);
        close(fd);
        return why;
    }
    stream->fd = fd;
    stream->is_connecting = true;
    stream->written_bytes = 0;
    stream->readable = event_new(stream->base, fd, EV_READ | EV_PERSIST, on_readable, stream);
    stream->writable = event_new(stream->base, fd, EV_WRITE, on_writable, stream);
    CHECK(stream->readable != NULL && stream->writable != NULL);
    CHECK(event_add(stream->writable, NULL) == 0);
    return NULL;
}

void client_stream_close(struct client_stream *stream)
{
    buffer_deinit(&stream->in);
    buffer_deinit(&stream->out);
    if (stream->fd < 0)
        return;
    event_free(stream->readable);
    event_free(stream->writable);
    close(stream->fd);
    stream->fd = -1;
    stream->is_connecting = false;
    stream->is_blocked = false;
}
