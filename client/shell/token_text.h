// SPDX-License-Identifier: Apache-2.0
// A resume token as text: base64 (RFC 4648) on one line.
#pragma once

#include "client/grid.h"
#include "cluster/base/buffer.h"
#include "cluster/base/check.h"

void token_text_write(struct buffer *out, struct grid_bytes token);

// Appends the token that the text stands for; blanks around it are passed over. False when it is no
// base64 with its padding, or empty; nothing is appended then.
MUST_USE bool token_text_read(struct buffer *out, struct bytes text);
