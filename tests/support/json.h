// SPDX-License-Identifier: Apache-2.0
// JSON text as MessagePack, for tests that want readable documents.
#pragma once

#include "cluster/base/buffer.h"

// Appends the object that `json` describes: integers as ints, other numbers as floats. Fails a
// CHECK when the text is not JSON.
void json_write(struct bytes json, struct buffer *out);
void json_write_text(const char *json, struct buffer *out);
