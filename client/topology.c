// SPDX-License-Identifier: Apache-2.0
#include "client/topology.h"

#include "cluster/base/memory.h"

static struct client_member *member_new(const struct client_link_host *host,
                                        const struct view_member *described)
{
    struct client_member *member = memory_new(sizeof *member);
    member->host = host;
    static_assert(sizeof member->name == sizeof described->name, "names fit");
    memcpy(member->name, described->name, sizeof member->name);
    static_assert(sizeof member->endpoint.host == sizeof described->host, "hosts fit");
    memcpy(member->endpoint.host, described->host, sizeof member->endpoint.host);
    member->endpoint.port = described->port;
    member->links = memory_new_array(1, sizeof(struct client_link *));
    member->links[0] = client_link_new(host, member, 0, &member->endpoint, 1);
    member->link_count = 1;
    return member;
}

static void member_free(struct client_member *member, client_link_end_fn *on_end)
{
    for (uint16_t i = 0; i < member->link_count; i++) {
        if (on_end)
            on_end(member->host->owner, member->links[i]);
        client_link_free(member->links[i]);
    }
    free(member->links);
    free(member);
}

static bool member_is(const struct client_member *member, const struct view_member *described)
{
    return strcmp(member->name, described->name) == 0 &&
           strcmp(member->endpoint.host, described->host) == 0 &&
           member->endpoint.port == described->port;
}

void client_topology_deinit(struct client_topology *topology)
{
    for (uint32_t i = 0; i < topology->view.member_count; i++)
        member_free(topology->members[i], NULL);
    free(topology->members);
    view_deinit(&topology->view);
    *topology = (struct client_topology){0};
}

static void links_number(struct client_topology *topology)
{
    topology->link_count = 0;
    for (uint32_t i = 0; i < topology->view.member_count; i++) {
        for (uint16_t worker = 0; worker < topology->members[i]->link_count; worker++)
            topology->members[i]->links[worker]->number = topology->link_count++;
    }
}

// Takes the member that fits the description out of the old ones.
static struct client_member *member_reuse(struct client_topology *old,
                                          const struct view_member *described)
{
    for (uint32_t i = 0; i < old->view.member_count; i++) {
        struct client_member *member = old->members[i];
        if (member && member_is(member, described)) {
            old->members[i] = NULL;
            return member;
        }
    }
    return NULL;
}

bool client_topology_apply(struct client_topology *topology, const struct client_link_host *host,
                           struct view *view, client_link_end_fn *on_end)
{
    struct client_topology old = *topology;
    bool has_changed = false;
    *topology = (struct client_topology){.is_known = true, .view = *view};
    *view = (struct view){0};
    topology->members =
        memory_new_array(topology->view.member_count, sizeof(struct client_member *));
    for (uint32_t i = 0; i < topology->view.member_count; i++) {
        struct client_member *member = member_reuse(&old, &topology->view.members[i]);
        has_changed |= member == NULL;
        topology->members[i] = member ? member : member_new(host, &topology->view.members[i]);
    }
    for (uint32_t i = 0; i < old.view.member_count; i++) {
        has_changed |= old.members[i] != NULL;
        if (old.members[i])
            member_free(old.members[i], on_end);
    }
    free(old.members);
    view_deinit(&old.view);
    links_number(topology);
    return has_changed;
}

static void member_resize(struct client_member *member, client_link_end_fn *on_end)
{
    uint16_t count = member->wanted_count;
    for (uint16_t i = count; i < member->link_count; i++) {
        on_end(member->host->owner, member->links[i]);
        client_link_free(member->links[i]);
    }
    member->links = memory_resize_array(member->links, count, sizeof(struct client_link *));
    for (uint16_t i = member->link_count; i < count; i++)
        member->links[i] = client_link_new(member->host, member, i, &member->endpoint, 1);
    member->link_count = count;
    member->worker_count = count;
}

bool client_topology_adjust(struct client_topology *topology, client_link_end_fn *on_end)
{
    bool has_changed = false;
    for (uint32_t i = 0; i < topology->view.member_count; i++) {
        struct client_member *member = topology->members[i];
        if (member->worker_count == member->wanted_count)
            continue;
        has_changed |= member->link_count != member->wanted_count;
        member_resize(member, on_end);
    }
    links_number(topology);
    return has_changed;
}

struct client_link *client_topology_route(const struct client_topology *topology,
                                          uint16_t partition)
{
    uint16_t owner = view_owner(&topology->view, partition, 0);
    if (owner == VIEW_NO_MEMBER)
        return NULL;
    const struct client_member *member = topology->members[owner];
    return member->worker_count == 0 ? NULL : member->links[partition % member->worker_count];
}

struct client_link *client_topology_link(const struct client_topology *topology, uint32_t number)
{
    CHECK(number < topology->link_count);
    for (uint32_t i = 0;; i++) {
        const struct client_member *member = topology->members[i];
        if (number < member->link_count)
            return member->links[number];
        number -= member->link_count;
    }
}

struct client_link *client_topology_missing(const struct client_topology *topology)
{
    for (uint32_t i = 0; i < topology->view.member_count; i++) {
        const struct client_member *member = topology->members[i];
        if (member->worker_count == 0 || member->worker_count != member->wanted_count)
            return member->links[0];
        for (uint16_t worker = 0; worker < member->link_count; worker++) {
            if (member->links[worker]->state != LINK_READY)
                return member->links[worker];
        }
    }
    return NULL;
}

struct client_link *client_topology_any(const struct client_topology *topology)
{
    for (uint32_t i = 0; i < topology->view.member_count; i++) {
        const struct client_member *member = topology->members[i];
        for (uint16_t worker = 0; worker < member->link_count; worker++) {
            if (member->links[worker]->state == LINK_READY)
                return member->links[worker];
        }
    }
    return NULL;
}
