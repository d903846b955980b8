// SPDX-License-Identifier: Apache-2.0
// Arithmetic on values. Integers stay integers while the result fits into 64 bits (from INT64_MIN
// to UINT64_MAX); what has no result is NULL, never an error.
#pragma once

#include "node/query/value.h"

enum arithmetic {
    ARITHMETIC_ADD = 0,
    ARITHMETIC_SUBTRACT,
    ARITHMETIC_MULTIPLY,
    ARITHMETIC_DIVIDE,    // always a float; NULL by zero
    ARITHMETIC_REMAINDER, // has the sign of the dividend; NULL by zero
};

// NULL unless both are numbers.
struct value value_calculate(enum arithmetic operation, const struct value *left,
                             const struct value *right);
struct value value_negate(const struct value *operand);
struct value value_abs(const struct value *operand);

// Half away from zero, to `digits` decimals (tens, hundreds ... where negative). NULL when `digits`
// is not an integer from -22 to 22: the powers of ten that a double holds exactly.
struct value value_round(const struct value *operand, const struct value *digits);
