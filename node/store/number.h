// SPDX-License-Identifier: Apache-2.0
// Arithmetic on MessagePack numbers.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/error.h"

// Appends value + delta: an int if both are ints, else a float 64. ERROR_WRONG_TYPE when one is no
// number, ERROR_OVERFLOW when the sum of ints is outside -2^63 to 2^64 - 1; `out` is then as
// before.
MUST_USE enum error number_add(struct bytes value, struct bytes delta, struct buffer *out);
