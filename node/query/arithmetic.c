// SPDX-License-Identifier: Apache-2.0
#include "node/query/arithmetic.h"

#include <math.h>

enum { ROUND_DIGITS_MAX = 22 };

static bool value_is_integer(const struct value *value)
{
    return value->kind == VALUE_INT || value->kind == VALUE_UINT;
}

static bool value_is_number(const struct value *value)
{
    return value_is_integer(value) || value->kind == VALUE_FLOAT;
}

static __int128 wide_of(const struct value *value)
{
    return value->kind == VALUE_INT ? (__int128)value->integer : (__int128)value->natural;
}

static double real_of(const struct value *value)
{
    if (value->kind == VALUE_FLOAT)
        return value->real;
    return value->kind == VALUE_INT ? (double)value->integer : (double)value->natural;
}

// NULL where 64 bits do not hold it.
static struct value value_of_wide(__int128 wide)
{
    if (wide < INT64_MIN || wide > UINT64_MAX)
        return value_null();
    return wide < 0 ? value_of_int((int64_t)wide) : value_of_uint((uint64_t)wide);
}

// The product of two 64-bit numbers can pass 127 bits only as UINT64_MAX squared and the like.
static struct value wide_multiply(__int128 left, __int128 right)
{
    __int128 product;
    return __builtin_mul_overflow(left, right, &product) ? value_null() : value_of_wide(product);
}

static struct value calculate_real(enum arithmetic operation, double left, double right)
{
    switch (operation) {
    case ARITHMETIC_ADD:
        return value_of_float(left + right);
    case ARITHMETIC_SUBTRACT:
        return value_of_float(left - right);
    case ARITHMETIC_MULTIPLY:
        return value_of_float(left * right);
    case ARITHMETIC_DIVIDE:
        return right < 0 || right > 0 ? value_of_float(left / right) : value_null();
    case ARITHMETIC_REMAINDER:
        break;
    }
    return right < 0 || right > 0 ? value_of_float(fmod(left, right)) : value_null();
}

struct value value_calculate(enum arithmetic operation, const struct value *left,
                             const struct value *right)
{
    if (!value_is_number(left) || !value_is_number(right))
        return value_null();
    if (!value_is_integer(left) || !value_is_integer(right))
        return calculate_real(operation, real_of(left), real_of(right));
    __int128 wide_left = wide_of(left);
    __int128 wide_right = wide_of(right);
    switch (operation) {
    case ARITHMETIC_ADD:
        return value_of_wide(wide_left + wide_right);
    case ARITHMETIC_SUBTRACT:
        return value_of_wide(wide_left - wide_right);
    case ARITHMETIC_MULTIPLY:
        return wide_multiply(wide_left, wide_right);
    case ARITHMETIC_DIVIDE:
        return calculate_real(operation, real_of(left), real_of(right));
    case ARITHMETIC_REMAINDER:
        break;
    }
    return wide_right == 0 ? value_null() : value_of_wide(wide_left % wide_right);
}

struct value value_negate(const struct value *operand)
{
    if (operand->kind == VALUE_FLOAT)
        return value_of_float(-operand->real);
    return value_is_integer(operand) ? value_of_wide(-wide_of(operand)) : value_null();
}

struct value value_abs(const struct value *operand)
{
    if (operand->kind == VALUE_FLOAT)
        return value_of_float(fabs(operand->real));
    if (operand->kind == VALUE_INT && operand->integer < 0)
        return value_negate(operand);
    return value_is_integer(operand) ? *operand : value_null();
}

static double power_of_ten(int64_t exponent)
{
    static const double powers[ROUND_DIGITS_MAX + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    return powers[exponent];
}

static struct value round_real(double real, int64_t digits)
{
    if (digits < 0)
        return value_of_float(round(real / power_of_ten(-digits)) * power_of_ten(-digits));
    double scaled = real * power_of_ten(digits);
    // Beyond 2^52 a double has no fraction left to round.
    if (!isfinite(scaled) || fabs(scaled) >= 0x1p52)
        return value_of_float(real);
    return value_of_float(round(scaled) / power_of_ten(digits));
}

static struct value round_integer(const struct value *operand, int64_t digits)
{
    if (digits >= 0)
        return *operand;
    __int128 unit = 1;
    for (int64_t zeros = 0; zeros > digits; zeros--)
        unit *= 10;
    __int128 wide = wide_of(operand);
    __int128 rest = wide % unit;
    __int128 rounded = wide - rest;
    if (rest * 2 >= unit)
        rounded += unit;
    else if (rest * 2 <= -unit)
        rounded -= unit;
    return value_of_wide(rounded);
}

struct value value_round(const struct value *operand, const struct value *digits)
{
    bool in_range = digits->kind == VALUE_INT && digits->integer >= -ROUND_DIGITS_MAX &&
                    digits->integer <= ROUND_DIGITS_MAX;
    if (!in_range)
        return value_null();
    if (operand->kind == VALUE_FLOAT)
        return round_real(operand->real, digits->integer);
    return value_is_integer(operand) ? round_integer(operand, digits->integer) : value_null();
}
