// SPDX-License-Identifier: Apache-2.0
// Conditions of a WHERE, written out.
#pragma once

#include "node/query/conditions.h"

// Appends "{a in 1 2, b range (5..}! | {c prefix 'x'}", where ! is exact and a parenthesis an open
// end; "never" without conjunctions.
void conditions_say(const struct conditions *conditions, const struct fields *fields,
                    struct buffer *out);
