// SPDX-License-Identifier: Apache-2.0
#include "node/net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

enum socket_verdict socket_read(int descriptor, void *into, size_t room, size_t *count)
{
    ssize_t got = recv(descriptor, into, room, 0);
    *count = got > 0 ? (size_t)got : 0;
    if (got > 0)
        return SOCKET_OK;
    return got < 0 && would_block() ? SOCKET_BLOCKED : SOCKET_CLOSED;
}

enum socket_verdict socket_write(int descriptor, struct buffer *out)
{
    while (buffer_size(out) > 0) {
        struct bytes rest = buffer_bytes(out);
        ssize_t sent = send(descriptor, rest.data, rest.size, MSG_NOSIGNAL);
        if (sent < 0)
            return would_block() ? SOCKET_BLOCKED : SOCKET_CLOSED;
        buffer_consume(out, (size_t)sent);
        if ((size_t)sent < rest.size)
            return SOCKET_BLOCKED;
    }
    return SOCKET_OK;
}

bool socket_prepare(int descriptor)
{
    int one = 1;
    int flags = fcntl(descriptor, F_GETFL, 0);
    return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 &&
           setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0;
}
