// SPDX-License-Identifier: Apache-2.0
// What control threads say to each other about membership.
#pragma once

#include "cluster/model/meeting.h"
#include "cluster/wire/frame.h"

// FRAME_MEETING: [kind, from, grid_id, term, leader, sender, leader_member, settings, seen,
// granted, text, sent_ms, stalled_ms, view_version, subject, wishes, snapshot]. `sender` and
// `leader_member` as member_write makes them, nil: not known (id 0). `settings` (SEEK, SEEN, JOIN,
// else nil): [protocol_version, partition_count, backups, min_in_sync, bootstrap_expect, wall_ms].
// `seen`: an array of ids. `wishes`: one flat array of kind, partition, based_on, member_id.
void meeting_encode(struct buffer *out, const struct meeting *meeting);

// SEEK, SEEN and JOIN come with a sender whose id is `from`. Bytes are borrowed from `body`;
// meeting_deinit releases the wishes. On an error nothing is held.
MUST_USE enum error meeting_decode(struct bytes body, struct meeting *meeting);

// Of a meeting that was decoded.
void meeting_deinit(struct meeting *meeting);
