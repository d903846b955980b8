// SPDX-License-Identifier: Apache-2.0
// Commands as the data of the consensus' entries. CREATE: [kind, view]; ADD_MEMBER: [kind, member];
// REMOVE_MEMBER: [kind, id]; SET_STATE: [kind, id, state]; PARTITIONS: [kind, changes], one flat
// array of partition, based_on, moves_primary, in_sync_count, handover, replicas (an array of ids)
// for each.
#pragma once

#include "cluster/model/command.h"
#include "cluster/wire/frame.h"

// Appends the command to `out`; no frame.
void command_encode(struct buffer *out, const struct command *command);

// Allocates; command_deinit releases. On an error (ERROR_MALFORMED_FRAME) nothing is held.
MUST_USE enum error command_decode(struct bytes data, struct command *command);
