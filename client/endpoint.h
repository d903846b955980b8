// SPDX-License-Identifier: Apache-2.0
// Where a node listens: a host name or address, and a port.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct client_endpoint {
    char host[256];
    uint16_t port;
};

struct client_address {
    struct sockaddr_storage storage;
    socklen_t bytes;
};

// Reads "host[:port][,host[:port] ...]", IPv6 addresses in brackets. The caller owns the array
// (free()); NULL when the text cannot be read.
struct client_endpoint *client_endpoints_new(const char *text, uint32_t *count);

// The `turn`th address (counted round and round) of the endpoint. A numeric host costs nothing; a
// name is looked up here and now, which blocks for as long as the resolver needs. False with *why
// (static storage) when it has no address.
bool client_endpoint_resolve(const struct client_endpoint *endpoint, uint32_t turn,
                             struct client_address *address, const char **why);
