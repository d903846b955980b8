// SPDX-License-Identifier: Apache-2.0
// The text that says why something failed: filled where it failed, shown once at the top.
#pragma once

#include "cluster/base/check.h"

#include <stdbool.h>

enum { REASON_BYTES = 512 };

// Writes the reason and returns false, so that `return reason_set(...)` is a refusal.
bool reason_set(char reason[static REASON_BYTES], const char *format, ...) PRINTF_LIKE(2, 3);
