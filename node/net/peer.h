// SPDX-License-Identifier: Apache-2.0
// The links from a worker's primaries to their backups: one connection per (member, worker of that
// member), opened and reopened by this side. What travels on them is the worker's business.
//
//   WAITING --time--> CONNECTING --connected--> GREETING --HELLO answered--> UP
//      ^-------------------- any failure, with back-off -------------------------/
#pragma once

#include "node/worker/worker.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct peers; // all links of one worker

struct peer_address {
    struct sockaddr_storage address;
    socklen_t size; // 0: not needed (ourselves)
};

struct peers_options {
    const char *node_name; // borrowed, as all pointers here
    const char *grid_name;
    const struct peer_address *addresses; // by member number
    uint32_t frame_body_bytes_max;
};

// Starts to connect to every member that holds a backup of one of the worker's primaries.
struct peers *peers_new(struct worker *worker, const struct peers_options *options);
void peers_free(struct peers *peers);

// Writes what links hold: once a loop turn. `peers_backlog`: bytes that still wait.
void peers_flush(struct peers *peers);
size_t peers_backlog(const struct peers *peers);
