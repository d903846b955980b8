// SPDX-License-Identifier: Apache-2.0
// What changes the view: the entries of the consensus log, as plain data. Whoever proposes decides;
// applying one is deterministic (cluster/rules/view.h).
#pragma once

#include "cluster/model/view.h"

enum command_kind {
    COMMAND_CREATE = 1,    // the first one: settings and the first members
    COMMAND_ADD_MEMBER,    // a member takes the lowest empty place
    COMMAND_REMOVE_MEMBER, // its replicas go with it
    COMMAND_SET_STATE,     // of a member
    COMMAND_PARTITIONS,    // replicas of some partitions
};

// The new replicas of one partition. Void if the partition has changed since `based_on`.
struct partition_change {
    uint16_t partition;
    uint64_t based_on;  // view_partition.version that the proposer saw
    bool moves_primary; // the epoch grows by one
    uint8_t replica_count;
    uint8_t in_sync_count;
    uint16_t handover;
    uint64_t replicas[VIEW_REPLICAS_MAX]; // ids of members: a number may have changed hands
};

struct command {
    enum command_kind kind;
    uint64_t member_id;               // REMOVE_MEMBER, SET_STATE
    enum member_state state;          // SET_STATE
    struct view_member member;        // ADD_MEMBER
    struct view *created;             // CREATE: grid_id, settings, members, partitions; owned
    struct partition_change *changes; // PARTITIONS; owned
    uint32_t change_count;            // <= COMMAND_CHANGES_MAX
};

enum { COMMAND_CHANGES_MAX = PARTITIONS_MAX };

static inline void command_deinit(struct command *command)
{
    if (command->created) {
        view_deinit(command->created);
        free(command->created);
    }
    free(command->changes);
    *command = (struct command){0};
}
