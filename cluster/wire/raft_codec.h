// SPDX-License-Identifier: Apache-2.0
// What the servers of the consensus say to each other. Bytes that were decoded are borrowed from
// what they were decoded from.
#pragma once

#include "cluster/model/raft_message.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/frame.h"

// FRAME_RAFT: [kind, from, to, term, log_index, log_term, is_transfer, granted, index, round,
// entries, snapshot]. `entries` (APPEND, else empty): one flat array of term, kind, data for each,
// whose index follows from log_index; data is a bin (COMMAND), a configuration, or nil (NOOP).
// `snapshot` (INSTALL, else nil) as below. A configuration is one flat array of id, is_voter.
void raft_message_encode(struct buffer *out, const struct raft_message *message);
MUST_USE enum error raft_message_decode(struct bytes body, struct raft_message *message);

// [index, term, configuration, configuration_index, data], inside of something larger. Its index is
// 1 or more and its configuration not empty.
void raft_snapshot_write(struct buffer *out, const struct raft_snapshot *snapshot);
MUST_USE bool raft_snapshot_read(struct cursor *cursor, struct raft_snapshot *snapshot);
