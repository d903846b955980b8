// SPDX-License-Identifier: Apache-2.0
// Continuous queries over this client's links: joins their core (standing.h) to sessions, the view
// and the clock.
#pragma once

#include "client/core.h"

void client_subscribe_start(struct grid *grid);

// Ends all without calling back. Links must still stand.
void client_subscribe_stop(struct grid *grid);

// The link's session is up. Those of other nodes than data members are left alone.
void client_subscribe_link_up(struct grid *grid, struct client_link *link);

// It is lost, or the link goes away.
void client_subscribe_link_down(struct grid *grid, struct client_link *link);

// The view is known, or is another one, or links were made or freed.
void client_subscribe_topology_changed(struct grid *grid);

// A frame of a continuous query. NULL, or why the link is to be given up.
const char *client_subscribe_take(struct grid *grid, struct client_link *link,
                                  const struct frame *frame);

// Once a turn.
void client_subscribe_turn(struct grid *grid);
