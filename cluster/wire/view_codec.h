// SPDX-License-Identifier: Apache-2.0
// The view as MessagePack. [grid_id, version, partition_count, replica_count, min_in_sync,
// place_count, members, partitions]: `members` is an array of what member_write makes, each with
// its number in front, of the places that are not empty, in the order of their numbers;
// `partitions` is one bin, for each partition one after the other, little-endian:
//
//   u64 epoch, u64 version, u8 replica_count, u8 in_sync_count, u16 handover,
//   u16 replicas[replica_count]
//
// What is read has counts within the limits, and numbers that are places of it; whether it makes
// sense as a whole (no replica at an empty place, none twice ...) says view_fault of
// cluster/rules/view.h, which whoever reads one from outside calls next.
#pragma once

#include "cluster/model/view.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/frame.h"

// Inside of something larger. view_read allocates, view_deinit releases; on false nothing is held.
// A view of grid_id 0 (there is no grid yet) cannot be read.
void view_write(struct buffer *out, const struct view *view);
MUST_USE bool view_read(struct cursor *cursor, struct view *view);

// The answer to a VIEW: a REPLY with the view as its body. view_decode allocates, view_deinit
// releases; on an error nothing is held.
void view_encode(struct buffer *out, uint32_t request_id, const struct view *view);
MUST_USE enum error view_decode(struct bytes body, struct view *view);
