// SPDX-License-Identifier: Apache-2.0
// The view of a grid whose members stand in its configuration: every node computes the same one.
#pragma once

#include "cluster/model/view.h"
#include "node/config.h"

// Fills *view, which view_deinit releases. `port`: of this node, where the configuration leaves it
// open.
MUST_USE enum error static_view_make(const struct config *config, uint16_t port, struct view *view);
