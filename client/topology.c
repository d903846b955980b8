// SPDX-License-Identifier: Apache-2.0
#include "client/topology.h"

#include "cluster/base/memory.h"

// ---- Members ----

static struct client_member *member_new(const struct client_link_host *host,
                                        const struct view_member *described)
{
    struct client_member *member = memory_new(sizeof *member);
    member->host = host;
    member->id = described->id;
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

void client_topology_deinit(struct client_topology *topology)
{
    for (uint32_t i = 0; i < topology->view.member_count; i++) {
        if (topology->members[i])
            member_free(topology->members[i], NULL);
    }
    free(topology->members);
    free(topology->moved);
    view_deinit(&topology->view);
    *topology = (struct client_topology){0};
}

static void links_number(struct client_topology *topology)
{
    topology->link_count = 0;
    for (uint32_t i = 0; i < topology->view.member_count; i++) {
        struct client_member *member = topology->members[i];
        for (uint16_t worker = 0; member && worker < member->link_count; worker++)
            member->links[worker]->number = topology->link_count++;
    }
}

// ---- Views ----

// Takes the member with this id out of the old ones.
static struct client_member *member_reuse(struct client_topology *old, uint32_t place, uint64_t id)
{
    // A member keeps its place for as long as it is one.
    if (place >= old->view.member_count || !old->members[place] || old->members[place]->id != id)
        return NULL;
    struct client_member *member = old->members[place];
    old->members[place] = NULL;
    return member;
}

static uint64_t primary_id(const struct view *view, uint32_t partition)
{
    uint16_t number = view_primary(view, partition);
    return number == VIEW_NO_MEMBER ? 0 : view->members[number].id;
}

static void primaries_compare(struct client_topology *topology, const struct view *old)
{
    const struct view *view = &topology->view;
    topology->moved_count = 0;
    topology->moved =
        memory_resize_array(topology->moved, view->partition_count, sizeof *topology->moved);
    for (uint32_t partition = 0; partition < view->partition_count; partition++) {
        uint16_t primary = view_primary(view, partition);
        if (primary != VIEW_NO_MEMBER)
            topology->members[primary]->primary_count++;
        if (partition >= old->partition_count ||
            view->partitions[partition].epoch != old->partitions[partition].epoch ||
            primary_id(view, partition) != primary_id(old, partition))
            topology->moved[topology->moved_count++] = (uint16_t)partition;
    }
    if (topology->moved_count > 0)
        topology->steady_since = view->version;
}

bool client_topology_apply(struct client_topology *topology, const struct client_link_host *host,
                           struct view *view, client_link_end_fn *on_end)
{
    struct client_topology old = *topology;
    bool has_changed = false;
    topology->is_known = true;
    topology->view = *view;
    *view = (struct view){0};
    uint32_t count = topology->view.member_count;
    topology->members = memory_new_array(count, sizeof(struct client_member *));
    for (uint32_t i = 0; i < count; i++) {
        const struct view_member *described = &topology->view.members[i];
        if (described->id == 0)
            continue;
        struct client_member *member = member_reuse(&old, i, described->id);
        topology->members[i] = member ? member : member_new(host, described);
        has_changed |= member == NULL;
        topology->members[i]->primary_count = 0;
    }
    primaries_compare(topology, &old.view);
    for (uint32_t i = 0; i < old.view.member_count; i++) {
        has_changed |= old.members[i] != NULL;
        if (old.members[i])
            member_free(old.members[i], on_end);
    }
    free(old.members);
    view_deinit(&old.view);
    links_number(topology);
    topology->generation += has_changed;
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
        if (!member || member->worker_count == member->wanted_count)
            continue;
        has_changed |= member->link_count != member->wanted_count;
        member_resize(member, on_end);
    }
    links_number(topology);
    topology->generation += has_changed;
    return has_changed;
}

// ---- Looking up ----

struct client_member *client_topology_owner(const struct client_topology *topology,
                                            uint16_t partition)
{
    uint16_t owner = view_primary(&topology->view, partition);
    return owner == VIEW_NO_MEMBER ? NULL : topology->members[owner];
}

struct client_link *client_topology_route(const struct client_topology *topology,
                                          uint16_t partition)
{
    const struct client_member *member = client_topology_owner(topology, partition);
    if (!member || member->worker_count == 0)
        return NULL;
    return member->links[partition % member->worker_count];
}

struct client_link *client_topology_link(const struct client_topology *topology, uint32_t number)
{
    CHECK(number < topology->link_count);
    for (uint32_t i = 0;; i++) {
        const struct client_member *member = topology->members[i];
        if (!member)
            continue;
        if (number < member->link_count)
            return member->links[number];
        number -= member->link_count;
    }
}

struct client_link *client_topology_missing(const struct client_topology *topology)
{
    for (uint32_t i = 0; i < topology->view.member_count; i++) {
        const struct client_member *member = topology->members[i];
        if (!member || member->primary_count == 0)
            continue;
        if (member->worker_count == 0 || member->worker_count != member->wanted_count)
            return member->links[0];
        for (uint16_t worker = 0; worker < member->link_count; worker++) {
            if (member->links[worker]->state != LINK_READY)
                return member->links[worker];
        }
    }
    return NULL;
}

struct client_link *client_topology_other(const struct client_topology *topology,
                                          const struct client_member *member)
{
    for (uint32_t i = 0; i < topology->view.member_count; i++) {
        const struct client_member *other = topology->members[i];
        if (!other || other == member)
            continue;
        for (uint16_t worker = 0; worker < other->link_count; worker++) {
            if (other->links[worker]->state == LINK_READY)
                return other->links[worker];
        }
    }
    return NULL;
}
