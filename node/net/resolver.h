// SPDX-License-Identifier: Apache-2.0
// Names of hosts become addresses, without a thread ever waiting for a name server: what is not
// known yet is asked for, and whoever wants it comes again. For the control thread.
#pragma once

#include "cluster/base/check.h"
#include "node/worker/published_view.h"

#include <stddef.h>

struct event_base;
struct resolver;

// `changed`: something that was asked for is known now, or has changed.
struct resolver *resolver_new(struct event_base *base, void (*changed)(void *context),
                              void *context);
void resolver_free(struct resolver *resolver);

// The addresses of host:port, at most `capacity`; 0: not known (yet). Addresses are asked for again
// when they are older than RESOLVER_FRESH_MS and somebody wants them; until then the old ones stay.
uint32_t resolver_find(struct resolver *resolver, const char *host, uint16_t port,
                       struct peer_address *addresses, uint32_t capacity);

enum {
    RESOLVER_FRESH_MS = 10000,
    RESOLVER_ADDRESSES_MAX = 16, // of one name
    RESOLVER_NAMES_MAX = 4096,   // beyond it the oldest is forgotten
};

// host:port of an address as texts that resolver_find takes.
void address_describe(const struct peer_address *address, char *host, size_t capacity,
                      uint16_t *port);
