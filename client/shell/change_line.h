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
    CHANGE_ROW, // no change: a row that was there at the start, or that a reset tells anew
};

// "enter" and so on.
const char *change_kind_name(enum change_kind kind);

// "put" and so on; of GRID_CAUSE_NONE "reset", as rows are not asked for their cause.
const char *change_cause_name(enum grid_cause cause);

// By their names, in any case; false where there is none. A row is no kind of change, and a reset
// no cause of one.
bool change_kind_find(struct bytes name, enum change_kind *kind);
bool change_cause_find(struct bytes name, enum grid_cause *cause);

// Appends the line without its end: what of the new document differs from the old one in an update,
// the whole document otherwise. `utc_offset_s` is added to the time; what has none gets blanks.
void change_line_write(struct buffer *out, enum change_kind kind, const struct grid_event *event,
                       int64_t utc_offset_s);
