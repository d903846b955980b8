// SPDX-License-Identifier: Apache-2.0
// One change of a continuous query as a line for people:
//   14:03:22.123  UPDATE  "us1"  mag 4.6 -> 4.8
#pragma once

#include "client/grid.h"
#include "cluster/base/buffer.h"

enum change_kind {
    CHANGE_ENTER,
    CHANGE_UPDATE,
    CHANGE_LEAVE,
};

// "enter" and so on.
const char *change_kind_name(enum change_kind kind);
const char *change_cause_name(enum grid_cause cause);

// Appends the line without its end: what of the new document differs from the old one in an update,
// the whole document otherwise. `utc_offset_s` is added to the time.
void change_line_write(struct buffer *out, enum change_kind kind, const struct grid_event *event,
                       int64_t utc_offset_s);
