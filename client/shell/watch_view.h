// SPDX-License-Identifier: Apache-2.0
// What a watch shows. On a terminal, and wherever a table was asked for, the rows of the snapshot
// are a table and everything later is lines; elsewhere rows and changes are records of one shape.
#pragma once

#include "client/shell/change_line.h"
#include "client/shell/result.h"

struct watch_view;

// `output` must outlive the view; `errors` takes what is no row and no change where the output does
// not go to a terminal. `start` decides whether there is a snapshot.
struct watch_view *watch_view_new(const struct shell_output *output, FILE *errors,
                                  enum grid_start start);
void watch_view_free(struct watch_view *view); // NULL is allowed

void watch_view_row(struct watch_view *view, const struct grid_event *event);
void watch_view_change(struct watch_view *view, enum change_kind kind,
                       const struct grid_event *event);

// What was shown of this partition is void; its rows follow.
void watch_view_reset(struct watch_view *view, uint16_t partition);

// The snapshot is complete, or what was to be replayed has been. `how_to_end` is shown behind it,
// "" for nothing.
void watch_view_ready(struct watch_view *view, const char *how_to_end);

// A line about the watch itself.
void watch_view_note(struct watch_view *view, struct bytes text);

void watch_view_end(struct watch_view *view, uint64_t change_count);
