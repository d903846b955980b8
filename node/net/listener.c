// SPDX-License-Identifier: Apache-2.0
#include "node/net/listener.h"

#include "cluster/base/memory.h"
#include "cluster/wire/op_codec.h"
#include "node/net/address.h"
#include "node/net/socket.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    ACCEPTS_PER_TURN = 64,
    OUT_OF_DESCRIPTORS_PAUSE_MS = 100,
};

struct listener {
    struct listener_options options;
    int descriptor;
    struct event *acceptable;
    struct event *resume; // after a pause for want of descriptors
    uint16_t next_worker;
    bool is_refusing; // the limit was reached and logged
};

bool address_resolve(const char *host, uint16_t port, struct peer_address *address, char *text,
                     size_t capacity)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    int failure = getaddrinfo(host, service, &hints, &found);
    if (failure != 0) {
        snprintf(text, capacity, "cannot resolve '%s': %s", host, gai_strerror(failure));
        return false;
    }
    address_set(address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

static void listener_pause(struct listener *listener)
{
    const struct timeval pause = {.tv_usec = OUT_OF_DESCRIPTORS_PAUSE_MS * US_PER_MS};
    log_write(listener->options.log, LOG_ERROR, "net", "cannot accept: %s", strerror(errno));
    event_del(listener->acceptable);
    event_add(listener->resume, &pause);
}

static void on_resume(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct listener *listener = context;
    event_add(listener->acceptable, NULL);
}

// Best effort: what does not fit into a new socket's buffer at once is not sent.
static void turn_away(int descriptor, uint32_t max)
{
    char text[64];
    struct buffer out = {0};
    snprintf(text, sizeof text, "max-connections: %u are open", max);
    error_encode(&out, FRAME_ERROR, 0, PARTITION_ANY, ERROR_OVERLOADED, text, 0);
    (void)socket_write(descriptor, &out);
    buffer_deinit(&out);
}

static bool admit(struct listener *listener)
{
    uint32_t max = listener->options.connections_max;
    bool admitted = atomic_fetch_add(listener->options.open_count, 1) < max;
    if (!admitted) {
        atomic_fetch_sub(listener->options.open_count, 1);
        if (!listener->is_refusing)
            log_write(listener->options.log, LOG_WARN, "net",
                      "max-connections reached: %u are open, new ones are closed", max);
    }
    listener->is_refusing = !admitted;
    return admitted;
}

static void on_acceptable(evutil_socket_t descriptor, short what, void *context)
{
    (void)what;
    struct listener *listener = context;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int accepted = accept(descriptor, NULL, NULL);
        if (accepted < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                listener_pause(listener);
            return;
        }
        if (!socket_prepare(accepted)) {
            close(accepted);
            continue;
        }
        if (!admit(listener)) {
            turn_away(accepted, listener->options.connections_max);
            close(accepted);
            continue;
        }
        connections_post(listener->options.connections[listener->next_worker], accepted);
        listener->next_worker =
            (uint16_t)((listener->next_worker + 1) % listener->options.worker_count);
    }
}

static int listen_on(const struct peer_address *address)
{
    int descriptor = socket(address_socket(address)->sa_family, SOCK_STREAM, 0);
    int one = 1;
    if (descriptor < 0)
        return -1;
    if (socket_prepare(descriptor) &&
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(descriptor, address_socket(address), address->size) == 0 &&
        listen(descriptor, BACKLOG) == 0)
        return descriptor;
    int failure = errno;
    close(descriptor);
    errno = failure;
    return -1;
}

struct listener *listener_new(struct event_base *base, const struct listener_options *options,
                              char *text, size_t capacity)
{
    struct peer_address address;
    if (!address_resolve(options->bind, options->port, &address, text, capacity))
        return NULL;
    int descriptor = listen_on(&address);
    if (descriptor < 0) {
        snprintf(text, capacity, "cannot listen on %s:%u: %s", options->bind, options->port,
                 strerror(errno));
        return NULL;
    }
    struct listener *listener = memory_new(sizeof *listener);
    listener->options = *options;
    listener->descriptor = descriptor;
    listener->acceptable =
        event_new(base, descriptor, EV_READ | EV_PERSIST, on_acceptable, listener);
    listener->resume = evtimer_new(base, on_resume, listener);
    CHECK(listener->acceptable && listener->resume);
    CHECK(event_add(listener->acceptable, NULL) == 0);
    return listener;
}

void listener_free(struct listener *listener)
{
    event_free(listener->acceptable);
    event_free(listener->resume);
    close(listener->descriptor);
    free(listener);
}

uint16_t listener_port(const struct listener *listener)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    CHECK(getsockname(listener->descriptor, (struct sockaddr *)&address, &size) == 0);
    in_port_t port = address.ss_family == AF_INET6
                         ? ((const struct sockaddr_in6 *)(const void *)&address)->sin6_port
                         : ((const struct sockaddr_in *)(const void *)&address)->sin_port;
    return ntohs(port);
}
