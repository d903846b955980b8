// SPDX-License-Identifier: Apache-2.0
// The grid as this client knows it: the view, its members, and a link to each of their workers.
#pragma once

#include "client/link.h"
#include "cluster/model/view.h"

struct client_member {
    const struct client_link_host *host;
    uint64_t id; // another one at each start of a node
    struct client_endpoint endpoint;
    char name[NODE_NAME_BYTES_MAX + 1];
    uint32_t primary_count;     // partitions
    uint16_t worker_count;      // 0: not known before the first HELLO was answered
    uint16_t wanted_count;      // as the last HELLO said; topology_adjust then makes the links
    uint16_t link_count;        // max(1, worker_count)
    struct client_link **links; // owned; links[w] speaks to worker w
};

struct client_topology {
    bool is_known;
    struct view view;
    struct client_member **members; // owned; by number, NULL: the place is empty
    uint32_t link_count;            // of all members
    uint32_t generation;            // grows when links are made or freed
    uint64_t steady_since; // version: no partition has got another primary since, up to the view's
    uint16_t *moved;       // owned; partitions that the last view gave another primary
    uint32_t moved_count;
};

// Called for each link that is about to be freed, while it still stands. The topology is in the
// middle of a change then: not to be used.
typedef void client_link_end_fn(void *owner, struct client_link *link);

void client_topology_deinit(struct client_topology *topology);

// Takes the view (moves). Members that stay keep their links. True when links were made or freed.
bool client_topology_apply(struct client_topology *topology, const struct client_link_host *host,
                           struct view *view, client_link_end_fn *on_end);

// Makes as many links as the members said they have workers. True when links were made or freed.
bool client_topology_adjust(struct client_topology *topology, client_link_end_fn *on_end);

// The member that has the partition's primary, or NULL.
struct client_member *client_topology_owner(const struct client_topology *topology,
                                            uint16_t partition);

// The link to the worker that has the partition's primary. NULL while none is known.
struct client_link *client_topology_route(const struct client_topology *topology,
                                          uint16_t partition);

// The link with this number, in the order of members and workers; number < link_count.
struct client_link *client_topology_link(const struct client_topology *topology, uint32_t number);

// The first link that is not READY of a member that has primaries, or NULL when all their workers
// are connected. Only with a known view.
struct client_link *client_topology_missing(const struct client_topology *topology);

// A READY link of a member other than this one (NULL: of any), or NULL.
struct client_link *client_topology_other(const struct client_topology *topology,
                                          const struct client_member *member);

static inline struct client_link *client_topology_any(const struct client_topology *topology)
{
    return client_topology_other(topology, NULL);
}
