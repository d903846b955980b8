// SPDX-License-Identifier: Apache-2.0
// Durations and counts as people write them.
#pragma once

#include "cluster/base/bytes.h"
#include "cluster/base/check.h"

// A whole number and a unit: ms (which may be left out), s, m, h or d. False for anything else and
// beyond 64 bits.
MUST_USE bool shell_duration_parse(struct bytes text, int64_t *duration_ms);

// Digits only, with a minus sign where negative numbers are asked for. False beyond 64 bits.
MUST_USE bool shell_uint_parse(struct bytes text, uint64_t *number);
MUST_USE bool shell_int_parse(struct bytes text, int64_t *number);
