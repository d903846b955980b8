// SPDX-License-Identifier: Apache-2.0
// The highest operation number that each client has used on one partition. Clients send operations
// for the first time in the order of their numbers, so one that does not come as a retry and is not
// above this has overtaken nothing: it is an attempt that was given up and repeated long ago, and
// comes late (its bytes waited in a socket, or in the network).
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct latest_slot {
    uint64_t client; // 0: free
    uint64_t number;
};

struct latest {
    struct latest_slot *slots; // owned; a hash table, at most half full. NULL: empty
    uint32_t capacity;         // a power of two, or 0
    uint32_t count;
};

enum { LATEST_CLIENTS_MAX = 4096 }; // beyond it all are forgotten, and late attempts are not told

void latest_deinit(struct latest *latest);

// Whether an attempt that claims to be the first one comes late.
bool latest_is_overtaken(const struct latest *latest, uint64_t client, uint64_t number);

void latest_note(struct latest *latest, uint64_t client, uint64_t number);

uint64_t latest_bytes(const struct latest *latest);

// Warms the cache for one client.
void latest_prefetch(const struct latest *latest, uint64_t client);
