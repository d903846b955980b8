// SPDX-License-Identifier: Apache-2.0
// The links from a worker's primaries to their backups: one connection per (member, worker of that
// member), opened and reopened by this side for as long as the shard wants it. What travels on them
// is the shard's business.
//
//   WAITING --time--> CONNECTING --connected--> GREETING --HELLO answered--> UP
//      ^-------------------- any failure, with back-off -------------------------/
#pragma once

#include "node/worker/worker.h"

struct peers; // all links of one worker

struct peers_options {
    const char *node_name; // borrowed, as all pointers here
    const char *grid_name;
    const char *secret;
    uint64_t member_id; // of this node
    uint32_t frame_body_bytes_max;
    uint32_t stall_ms; // a backup that takes nothing for as long is down
};

struct peers *peers_new(struct worker *worker, const struct peers_options *options);
void peers_free(struct peers *peers);

// The worker has another view: opens the links that are wanted now, gives up those that are not.
void peers_arrange(struct peers *peers);

// Writes what links hold: once a loop turn. `peers_backlog`: bytes that still wait.
void peers_flush(struct peers *peers);
size_t peers_backlog(const struct peers *peers);
