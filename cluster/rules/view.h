// SPDX-License-Identifier: Apache-2.0
// The view as a replicated state machine: a committed command, and what becomes of the view. The
// same commands in the same order give the same view everywhere.
#pragma once

#include "cluster/base/error.h"
#include "cluster/model/command.h"
#include "cluster/model/raft_message.h"

// Applies a command committed at `index` (> view->version). Returns why it was void (the view is
// unchanged but stays valid; a void command is no fault: it lost a race), or ERROR_NONE; then
// view->version = index. What the command owns may move: command_deinit afterwards in every case.
//
// CREATE      void unless view->grid_id is 0.
// ADD_MEMBER  void if the id, the name or host:port is in the view, or no place is free.
// REMOVE_...  void if unknown. A partition whose primary goes gets the next replica in sync as its
//             primary under epoch + 1; one that loses its last copy in sync keeps its epoch with
//             in_sync_count 0 (nothing serves it any more until it is recovered).
// SET_STATE   void if unknown.
// PARTITIONS  each change on its own is void if based_on is not the partition's version, a member
//             is unknown or a witness, replicas repeat, in_sync_count is 0 or > replica_count,
//             replica_count > VIEW_REPLICAS_MAX, handover is not a backup in sync, the first
//             replica differs from the present primary although moves_primary is false, or a
//             primary that moves was not in sync. ERROR_NONE when at least one was not void.
// A void command gives ERROR_EXISTS, ERROR_NOT_FOUND, ERROR_TOO_LARGE (no place),
// ERROR_VERSION_MISMATCH (PARTITIONS) or ERROR_INVALID_ARGUMENT.
MUST_USE enum error view_apply(struct view *view, uint64_t index, struct command *command);

// The configuration of the consensus changed at `index`: sets is_voter of all members. The view's
// version moves if that changed anything.
void view_apply_configuration(struct view *view, uint64_t index,
                              const struct raft_configuration *configuration);

// Asserts every invariant of a view (numbers in range, replicas distinct members, epochs >= 1 ...).
void view_check(const struct view *view);
// The same without aborting, for views that came from outside. NULL: valid; else what is wrong.
const char *view_fault(const struct view *view);

// The change that leaves the partition as it is: to be altered and proposed.
void view_change_begin(const struct view *view, uint16_t partition,
                       struct partition_change *change);
