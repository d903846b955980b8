// SPDX-License-Identifier: Apache-2.0
// What synchronous calls have in common: they run the client's own base until they are done.
#pragma once

#include "client/core.h"

// Drops what the last call returned. An error when this client, or this moment, does not allow
// synchronous calls.
MUST_USE enum grid_error client_sync_begin(struct grid *grid);

// Keeps the text and returns the error.
enum grid_error client_sync_fail(struct grid *grid, enum grid_error error, const char *text);

// Runs the loop until *flag is true.
void client_sync_wait(struct grid *grid, const bool *flag);

// Runs the loop until the view is known and every member that has primaries has said how many
// workers it has, as long as an operation may take.
MUST_USE enum grid_error client_sync_wait_members(struct grid *grid);

// Runs the loop for a while, so that a newer view can come.
void client_sync_pause(struct grid *grid);

// Whether asking again, with a newer view, may help. `start_ms`: of the first attempt (monotonic).
bool client_sync_may_retry(const struct grid *grid, enum error error, int64_t start_ms);

// The version of a node's view, from its lowest byte and the version that the client has.
static inline uint64_t client_sync_version(const struct grid *grid, uint8_t version_byte)
{
    uint64_t known = grid->topology.view.version;
    return known + (uint64_t)(int64_t)(int8_t)(version_byte - (uint8_t)known);
}

// Waits until the client has a view of this version, unless `start_ms` is a time-out ago. Whether
// no partition has got another primary from version `first` on up to this one.
bool client_sync_is_steady(struct grid *grid, uint64_t first, uint64_t last, int64_t start_ms);

// A copy that lives until the next synchronous call.
struct grid_reply client_sync_keep(struct grid *grid, const struct grid_reply *reply);
