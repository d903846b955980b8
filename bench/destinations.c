// SPDX-License-Identifier: Apache-2.0
#include "bench/destinations.h"

#include "bench/handshake.h"

#include <stdio.h>
#include <unistd.h>

static bool worker_count_ask(const struct view_member *member, uint16_t *worker_count, char *reason)
{
    int fd = handshake_connect(member->host, member->port, reason);
    if (fd < 0)
        return false;
    struct hello_reply reply;
    bool answered = handshake_hello(fd, HELLO_ANY_WORKER, &reply, reason);
    close(fd);
    if (answered)
        *worker_count = reply.worker_count;
    return answered;
}

static void groups_append(struct destinations *destinations, const struct view_member *member,
                          uint16_t worker_count)
{
    uint32_t count = destinations->group_count + worker_count;
    destinations->groups =
        memory_resize_array(destinations->groups, count, sizeof *destinations->groups);
    for (uint16_t worker = 0; worker < worker_count; worker++) {
        struct destination *group = &destinations->groups[destinations->group_count++];
        *group = (struct destination){.port = member->port, .worker = worker};
        snprintf(group->host, sizeof group->host, "%s", member->host);
    }
}

// first_groups[m]: the group of worker 0 of member m; the groups of a member are neighbours.
static bool partitions_assign(struct destinations *destinations, const struct view *view,
                              const uint32_t *first_groups, char *reason)
{
    destinations->partition_count = view->partition_count;
    destinations->group_of_partition =
        memory_new_array(view->partition_count, sizeof *destinations->group_of_partition);
    for (uint32_t partition = 0; partition < view->partition_count; partition++) {
        uint16_t owner = view_primary(view, partition);
        if (owner == VIEW_NO_MEMBER)
            return reason_set(reason, "partition %u has no owner", partition);
        uint32_t worker_count = first_groups[owner + 1] - first_groups[owner];
        destinations->group_of_partition[partition] =
            (uint16_t)(first_groups[owner] + partition % worker_count);
    }
    return true;
}

static bool members_ask(struct destinations *destinations, const struct view *view, char *reason)
{
    uint32_t *first_groups = memory_new_array(view->member_count + 1, sizeof *first_groups);
    bool answered = true;
    for (uint32_t i = 0; i < view->member_count && answered; i++) {
        uint16_t worker_count;
        bool is_empty = view->members[i].id == 0;
        answered = is_empty || worker_count_ask(&view->members[i], &worker_count, reason);
        if (answered && !is_empty)
            groups_append(destinations, &view->members[i], worker_count);
        first_groups[i + 1] = destinations->group_count;
    }
    answered = answered && partitions_assign(destinations, view, first_groups, reason);
    free(first_groups);
    return answered;
}

static bool target_ask(struct destinations *destinations, int fd, char *reason)
{
    struct hello_reply reply;
    struct view view;
    if (!handshake_hello(fd, HELLO_ANY_WORKER, &reply, reason) ||
        !handshake_view(fd, &view, reason))
        return false;
    bool answered = members_ask(destinations, &view, reason);
    view_deinit(&view);
    return answered;
}

bool destinations_init(struct destinations *destinations, const struct settings *settings,
                       char reason[static REASON_BYTES])
{
    *destinations = (struct destinations){0};
    int fd = handshake_connect(settings->host, settings->port, reason);
    if (fd < 0)
        return false;
    bool answered = true;
    if (settings->protocol == PROTOCOL_NATIVE) {
        answered = target_ask(destinations, fd, reason);
    } else {
        struct view_member server = {.port = settings->port};
        snprintf(server.host, sizeof server.host, "%s", settings->host);
        groups_append(destinations, &server, 1);
        destinations->partition_count = 1;
        destinations->group_of_partition = memory_new(sizeof *destinations->group_of_partition);
    }
    close(fd);
    if (!answered)
        destinations_deinit(destinations);
    return answered;
}

void destinations_deinit(struct destinations *destinations)
{
    free(destinations->groups);
    free(destinations->group_of_partition);
    *destinations = (struct destinations){0};
}
