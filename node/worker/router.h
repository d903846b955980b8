// SPDX-License-Identifier: Apache-2.0
// Who is responsible for a partition: which member, and which of its workers.
#pragma once

#include "cluster/model/view.h"

struct router {
    const struct view *view; // borrowed; shared by all threads, never changed while they run
    uint16_t self;           // our number among the members
    uint16_t worker_count;   // of this node
};

static inline uint16_t router_worker(const struct router *router, uint16_t partition)
{
    return partition % router->worker_count;
}

static inline bool router_is_primary(const struct router *router, uint16_t partition)
{
    return view_owner(router->view, partition, 0) == router->self;
}

static inline bool router_is_backup(const struct router *router, uint16_t partition)
{
    for (uint32_t replica = 1; replica < router->view->replica_count; replica++) {
        if (view_owner(router->view, partition, replica) == router->self)
            return true;
    }
    return false;
}
