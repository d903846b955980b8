// SPDX-License-Identifier: Apache-2.0
// What the grid agrees on: members, and which of them hold which partition.
#pragma once

#include "cluster/base/memory.h"
#include "cluster/model/limits.h"

#include <stdint.h>

#define VIEW_NO_MEMBER 0xFFFF // as RING_NO_MEMBER

struct view_member {
    char name[NODE_NAME_BYTES_MAX + 1];
    char host[256]; // name or address under which clients and peers reach it
    uint16_t port;
};

struct view {
    uint64_t version; // 1 for the static view of a configuration
    uint32_t partition_count;
    uint32_t replica_count;
    uint32_t member_count;
    struct view_member *members; // owned; member_count
    uint16_t *owners; // owned; partition_count x replica_count member numbers, primary first;
                      // VIEW_NO_MEMBER where there are fewer members than replicas
    uint64_t *epochs; // owned; partition_count; 1 and up
};

// The member that holds the `replica`th copy; VIEW_NO_MEMBER: nobody.
static inline uint16_t view_owner(const struct view *view, uint32_t partition, uint32_t replica)
{
    return view->owners[partition * view->replica_count + replica];
}

static inline void view_deinit(struct view *view)
{
    free(view->members);
    free(view->owners);
    free(view->epochs);
    *view = (struct view){0};
}
