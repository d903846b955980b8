// SPDX-License-Identifier: Apache-2.0
#include "node/static_view.h"

#include "cluster/rules/ring.h"

static_assert(VIEW_NO_MEMBER == RING_NO_MEMBER, "the ring's owners become the view's");

static enum error owners_make(struct view *view)
{
    struct ring_member *ring_members = memory_new_array(view->member_count, sizeof *ring_members);
    for (uint32_t i = 0; i < view->member_count; i++)
        ring_members[i] = (struct ring_member){.name = view->members[i].name, .weight = 1};
    view->owners =
        memory_new_array((size_t)view->partition_count * view->replica_count, sizeof *view->owners);
    enum error error = ring_build(ring_members, view->member_count, view->partition_count,
                                  view->replica_count, view->owners);
    free(ring_members);
    return error;
}

enum error static_view_make(const struct config *config, uint16_t port, struct view *view)
{
    *view = (struct view){.version = 1,
                          .partition_count = config->partitions,
                          .replica_count = config->backups + 1,
                          .member_count = config->member_count};
    view->members = memory_new_array(view->member_count, sizeof *view->members);
    memcpy(view->members, config->members, view->member_count * sizeof *view->members);
    if (view->members[config->member_self].port == 0)
        view->members[config->member_self].port = port;
    view->epochs = memory_new_array(view->partition_count, sizeof *view->epochs);
    for (uint32_t i = 0; i < view->partition_count; i++)
        view->epochs[i] = 1;
    enum error error = owners_make(view);
    if (error != ERROR_NONE)
        view_deinit(view);
    return error;
}
