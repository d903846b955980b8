// SPDX-License-Identifier: Apache-2.0
// The listening socket, on the control thread: accepts and hands sockets to the workers in turn.
#pragma once

#include "node/net/connection.h"
#include "node/net/peer.h"

struct event_base;
struct listener;

struct listener_options {
    const char *bind; // address to listen on
    uint16_t port;    // 0: any free one
    uint32_t connections_max;
    atomic_uint *open_count;                // of the node; borrowed
    struct connections *const *connections; // by worker; borrowed
    uint16_t worker_count;
    struct logger *log;
};

// NULL: `text` (of `capacity` bytes) says what is wrong with which address.
struct listener *listener_new(struct event_base *base, const struct listener_options *options,
                              char *text, size_t capacity);
void listener_free(struct listener *listener);
uint16_t listener_port(const struct listener *listener);

// The first address of host:port. False: it cannot be resolved, `text` says why.
bool address_resolve(const char *host, uint16_t port, struct peer_address *address, char *text,
                     size_t capacity);
