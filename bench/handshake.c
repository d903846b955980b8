// SPDX-License-Identifier: Apache-2.0
#include "bench/handshake.h"

#include "cluster/wire/message_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/view_codec.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int address_connect(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
    if (fd < 0)
        return -1;
    struct timeval timeout = {.tv_sec = HANDSHAKE_TIMEOUT_S};
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int handshake_connect(const char *host, uint16_t port, char reason[static REASON_BYTES])
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    int status = getaddrinfo(host, service, &hints, &addresses);
    if (status != 0) {
        reason_set(reason, "%s:%u: %s", host, port, gai_strerror(status));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *at = addresses; at && fd < 0; at = at->ai_next)
        fd = address_connect(at);
    if (fd < 0)
        reason_set(reason, "%s:%u: %s", host, port, strerror(errno));
    freeaddrinfo(addresses);
    return fd;
}

static bool send_all(int fd, struct bytes bytes, char *reason)
{
    while (bytes.size > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent < 0)
            return reason_set(reason, "send: %s", strerror(errno));
        bytes = bytes_of(bytes.data + sent, bytes.size - (size_t)sent);
    }
    return true;
}

// Reads until `in` holds one frame; the session has one question under way at a time.
static bool frame_receive(int fd, struct buffer *in, struct frame *frame, char *reason)
{
    while (true) {
        enum error error;
        enum frame_verdict verdict =
            frame_parse(buffer_bytes(in), FRAME_BODY_BYTES_MAX, frame, &error);
        if (verdict == FRAME_COMPLETE)
            return true;
        if (verdict == FRAME_INVALID)
            return reason_set(reason, "the answer is not of the native protocol: %s",
                              error_name(error));
        enum { READ_BYTES = 16 * 1024 };
        ssize_t received = recv(fd, buffer_reserve(in, READ_BYTES), READ_BYTES, 0);
        if (received == 0)
            return reason_set(reason, "the server closed the connection");
        if (received < 0)
            return reason_set(reason, "receive: %s",
                              errno == EAGAIN ? "no answer in time" : strerror(errno));
        buffer_advance(in, (size_t)received);
    }
}

// Sends `out` and receives its answer into `in`, where *frame then points.
static bool handshake_ask(int fd, struct buffer *out, struct buffer *in, struct frame *frame,
                          char *reason)
{
    if (!send_all(fd, buffer_bytes(out), reason) || !frame_receive(fd, in, frame, reason))
        return false;
    if (frame->header.kind == FRAME_REPLY)
        return true;
    struct op_reply refusal;
    if (frame->header.kind != FRAME_ERROR || reply_decode(OP_NONE, frame, &refusal) != ERROR_NONE)
        return reason_set(reason, "the answer is of unknown kind 0x%02x", frame->header.kind);
    return reason_set(reason, "%s: %.*s", error_name(refusal.error), (int)refusal.text.size,
                      (const char *)refusal.text.data);
}

bool handshake_hello(int fd, uint16_t worker, struct hello_reply *reply,
                     char reason[static REASON_BYTES])
{
    struct hello hello = {.version_min = PROTOCOL_VERSION,
                          .version_max = PROTOCOL_VERSION,
                          .role = HELLO_CLIENT,
                          .worker = worker,
                          .name = bytes_of_text("grid-bench")};
    struct buffer out = {0};
    struct buffer in = {0};
    struct frame frame;
    hello_encode(&out, 1, &hello);
    bool answered = handshake_ask(fd, &out, &in, &frame, reason);
    if (answered && hello_reply_decode(frame.body, reply) != ERROR_NONE)
        answered = reason_set(reason, "the answer to HELLO is malformed");
    if (answered && worker != HELLO_ANY_WORKER && reply->worker != worker)
        answered = reason_set(reason, "worker %u was asked, %u answered", worker, reply->worker);
    reply->node = reply->grid = (struct bytes){0};
    buffer_deinit(&out);
    buffer_deinit(&in);
    return answered;
}

bool handshake_view(int fd, struct view *view, char reason[static REASON_BYTES])
{
    struct buffer out = {0};
    struct buffer in = {0};
    struct frame frame;
    request_encode_empty(&out, FRAME_VIEW, 1);
    bool answered = handshake_ask(fd, &out, &in, &frame, reason);
    if (answered && view_decode(frame.body, view) != ERROR_NONE)
        answered = reason_set(reason, "the answer to VIEW is malformed");
    buffer_deinit(&out);
    buffer_deinit(&in);
    return answered;
}
