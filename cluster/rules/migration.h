// SPDX-License-Identifier: Apache-2.0
// How the replicas that are become those that should be: what the leader proposes next, partition
// by partition, from the view alone, so that a new leader goes on where the old one was.
//
//   missing replica --> added, catches up --(WISH_ADD)--> in sync --> takes over as primary
//                                                                     (handover, WISH_YIELD)
//                                                                 --> surplus replicas dropped
//
// Never fewer copies on the way: a surplus replica is dropped only when all wanted ones are in
// sync, or when it is not needed and stands in the way of a wanted one (VIEW_REPLICAS_MAX).
// A partition without any copy in sync is left as it is: nothing can be moved.
#pragma once

#include "cluster/model/command.h"
#include "cluster/model/wish.h"

struct migration_limits {
    uint32_t parallel; // replicas being filled at a time, per member that receives; 1 and up
};

struct migration_progress {
    uint32_t to_fill;      // replicas that the target has and that are not in sync yet
    uint32_t filling;      // of those: under way
    uint32_t to_hand_over; // partitions whose primary is not the wanted one
    uint32_t to_drop;      // surplus replicas
};

// The wanted replicas by placement, from the view as it stands: view->partition_count x
// view->replica_count member numbers, the wanted primary first; VIEW_NO_MEMBER where there are too
// few members. Members that leave, and witnesses, get nothing. A copy in sync is preferred to one
// that is not, and that to none. NULL when no member may hold data. The caller frees it.
uint16_t *migration_target(const struct view *view);

// What to change next to come nearer to `target`: at most `capacity` changes, one for a partition,
// those with the fewest copies first. `is_suspect`: by member number. Nothing is begun with a
// suspected member. What the plan waits for (WISH_ADD, WISH_YIELD) is in the view, so planning
// again before the changes are applied gives the same changes, of which the second is void.
uint32_t migration_plan(const struct view *view, const uint16_t *target, const bool *is_suspect,
                        const struct migration_limits *limits, struct partition_change *changes,
                        uint32_t capacity);

struct migration_progress migration_progress(const struct view *view, const uint16_t *target);

// The members that is_suspect names serve nothing any more: the next replica in sync takes their
// place under a new epoch, and they are out of sync (they stay replicas: back again, they catch
// up). A partition all of whose copies in sync are suspected is left alone: they may come back.
uint32_t migration_fail_over(const struct view *view, const bool *is_suspect,
                             struct partition_change *changes, uint32_t capacity);

// The change that grants a wish of the member with the id `from_member`. False: it is void or out
// of date, or that member is not the primary.
bool migration_grant(const struct view *view, const struct wish *wish, uint64_t from_member,
                     struct partition_change *change);
