// SPDX-License-Identifier: Apache-2.0
// What a struct peer_address holds: a socket address.
#pragma once

#include "cluster/base/check.h"
#include "node/worker/published_view.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

static_assert(sizeof(struct sockaddr_storage) <= sizeof(((struct peer_address *)0)->bytes),
              "every address fits");

static inline const struct sockaddr *address_socket(const struct peer_address *address)
{
    return (const struct sockaddr *)(const void *)address->bytes;
}

static inline void address_set(struct peer_address *address, const struct sockaddr *from,
                               socklen_t size)
{
    CHECK(size <= sizeof address->bytes);
    memcpy(address->bytes, from, size);
    address->size = size;
}
