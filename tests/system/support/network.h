// SPDX-License-Identifier: Apache-2.0
// A network of nodes in namespaces of their own, whose cables can be pulled:
//
//   n1 --- bridge --- n2      each node also has a cable of its own to the test (network_side),
//            |                which stays: so the test can ask a node that the others do not see
//      test, clients
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { NETWORK_NODES_MAX = 6, NETWORK_HOST_BYTES = 16 };

struct network {
    uint32_t count;
    int namespaces[NETWORK_NODES_MAX]; // descriptors
    char hosts[NETWORK_NODES_MAX][NETWORK_HOST_BYTES];
    char sides[NETWORK_NODES_MAX][NETWORK_HOST_BYTES];
};

// Moves the calling process into a namespace too. False, and a word on standard error: not
// permitted here.
bool network_make(struct network *network, uint32_t count);

// Address of the node for the other nodes and clients; borrowed.
const char *network_host(const struct network *network, uint32_t number);

// Address of the node at the cable that is never pulled; borrowed.
const char *network_side(const struct network *network, uint32_t number);

// Moves the calling process into the node's namespace.
void network_enter(const struct network *network, uint32_t number);

// Nothing gets to the node or from it, but over its side, until it is plugged in again.
void network_pull(const struct network *network, uint32_t number);
void network_plug(const struct network *network, uint32_t number);
