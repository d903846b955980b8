// SPDX-License-Identifier: Apache-2.0
// What the grid agrees on: its members, its settings, and who holds which partition.
#pragma once

#include "cluster/base/memory.h"
#include "cluster/model/limits.h"

#include <stdint.h>

#define VIEW_NO_MEMBER 0xFFFF

enum member_role {
    MEMBER_DATA = 0,
    MEMBER_WITNESS = 1, // may vote, holds no data
};

enum member_state {
    MEMBER_ACTIVE = 0,
    MEMBER_LEAVING = 1, // its partitions are being moved away; then it is removed
};

// A member is known by its number: its place in `members`, which stays the same for as long as it
// is a member. A place that became empty may be taken by another one later; the id tells them
// apart.
struct view_member {
    uint64_t id; // random, another at each start of a node; 0: the place is empty
    char name[NODE_NAME_BYTES_MAX + 1];
    char host[256];                     // name or address under which clients and peers reach it
    char zone[NODE_NAME_BYTES_MAX + 1]; // ""; replicas of a partition go to different zones
    uint16_t port;
    uint16_t weight; // 1 to RING_WEIGHT_MAX; share of the data
    enum member_role role;
    enum member_state state;
    bool is_voter; // as the configuration entries of the log say
};

// Replicas of one partition, in sync ones first, of those the primary first; then those that are
// being filled or catch up.
struct view_partition {
    uint64_t epoch; // grows with every change of the primary; 1 and up
    uint64_t
        version; // of the view that changed this partition last: what the next change is based on
    uint16_t replicas[VIEW_REPLICAS_MAX]; // member numbers
    uint8_t replica_count;
    uint8_t in_sync_count; // 0: no copy has survived; <= replica_count
    uint16_t handover;     // the member that is to become primary once the present one has stopped
                           // serving; in sync; VIEW_NO_MEMBER: none
};

struct view {
    uint64_t grid_id; // random, made when the grid was; 0: no grid yet
    uint64_t version; // index of the log entry that changed it last
    uint32_t partition_count;
    uint32_t replica_count;            // wanted: backups + 1
    uint32_t min_in_sync;              // writes are refused below; 1 and up
    uint32_t member_count;             // places, empty ones included; <= MEMBERS_MAX
    struct view_member *members;       // owned
    struct view_partition *partitions; // owned; partition_count
};

// The member that serves the partition; VIEW_NO_MEMBER: nobody.
static inline uint16_t view_primary(const struct view *view, uint32_t partition)
{
    const struct view_partition *it = &view->partitions[partition];
    return it->in_sync_count > 0 ? it->replicas[0] : VIEW_NO_MEMBER;
}

// Place of the member among the partition's replicas; replica_count: it is none.
static inline uint32_t view_replica_place(const struct view_partition *partition, uint16_t member)
{
    uint32_t place = 0;
    while (place < partition->replica_count && partition->replicas[place] != member)
        place++;
    return place;
}

// The number of the member with this id, or VIEW_NO_MEMBER.
static inline uint16_t view_find_member(const struct view *view, uint64_t id)
{
    for (uint32_t i = 0; id != 0 && i < view->member_count; i++) {
        if (view->members[i].id == id)
            return (uint16_t)i;
    }
    return VIEW_NO_MEMBER;
}

static inline void view_deinit(struct view *view)
{
    free(view->members);
    free(view->partitions);
    *view = (struct view){0};
}

static inline void view_copy(struct view *to, const struct view *from)
{
    *to = *from;
    to->members = memory_new_array(from->member_count, sizeof *to->members);
    to->partitions = memory_new_array(from->partition_count, sizeof *to->partitions);
    if (from->member_count > 0)
        memcpy(to->members, from->members, from->member_count * sizeof *to->members);
    if (from->partition_count > 0)
        memcpy(to->partitions, from->partitions, from->partition_count * sizeof *to->partitions);
}
