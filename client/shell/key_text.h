// SPDX-License-Identifier: Apache-2.0
// A key as JSON text; bin as "x'00ff'", which is how it is written in a command.
#pragma once

#include "client/grid.h"
#include "cluster/base/buffer.h"

void key_text_write(struct buffer *out, struct grid_bytes key);
