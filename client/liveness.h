// SPDX-License-Identifier: Apache-2.0
// While there are subscriptions, looks at intervals after what nobody would otherwise notice:
// connections that have gone silent.
#pragma once

#include "client/core.h"

// Does nothing when it runs already; it stops by itself.
void client_liveness_start(struct grid *grid);
void client_liveness_stop(struct grid *grid);
