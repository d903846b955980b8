// SPDX-License-Identifier: Apache-2.0
// The connections of this process to nodes.
#pragma once

#include "tests/system/support/nodes.h"

// Breaks all of them, wherever they are in a frame; returns how many there were.
uint32_t links_break(const struct nodes *nodes);
