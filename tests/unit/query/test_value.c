// SPDX-License-Identifier: Apache-2.0
#include "node/query/value.h"

#include <criterion/criterion.h>
#include <math.h>

static const struct value numbers[] = {
    {.kind = VALUE_FLOAT, .real = -HUGE_VAL},
    {.kind = VALUE_FLOAT, .real = -0x1.8p63},
    {.kind = VALUE_FLOAT, .real = -0x1p63},
    {.kind = VALUE_INT, .integer = INT64_MIN},
    {.kind = VALUE_INT, .integer = INT64_MIN + 1},
    {.kind = VALUE_FLOAT, .real = -1.5},
    {.kind = VALUE_FLOAT, .real = -1.0},
    {.kind = VALUE_INT, .integer = -1},
    {.kind = VALUE_FLOAT, .real = -0x1p-1074},
    {.kind = VALUE_FLOAT, .real = -0.0},
    {.kind = VALUE_FLOAT, .real = 0.0},
    {.kind = VALUE_INT, .integer = 0},
    {.kind = VALUE_FLOAT, .real = 0x1p53},
    {.kind = VALUE_INT, .integer = INT64_C(1) << 53},
    {.kind = VALUE_INT, .integer = (INT64_C(1) << 53) + 1},
    {.kind = VALUE_INT, .integer = INT64_MAX},
    {.kind = VALUE_FLOAT, .real = 0x1p63},
    {.kind = VALUE_UINT, .natural = UINT64_C(1) << 63},
    {.kind = VALUE_UINT, .natural = UINT64_MAX},
    {.kind = VALUE_FLOAT, .real = 0x1p64},
    {.kind = VALUE_FLOAT, .real = HUGE_VAL},
};

enum { NUMBERS = sizeof numbers / sizeof *numbers };

static bool same_form(const struct value *left, const struct value *right)
{
    if (left->kind != right->kind)
        return false;
    return left->kind == VALUE_FLOAT ? memcmp(&left->real, &right->real, sizeof left->real) == 0
                                     : left->natural == right->natural;
}

Test(value, numbers_that_are_equal_have_one_canonical_form)
{
    for (unsigned at = 0; at < NUMBERS; at++)
        for (unsigned other = 0; other < NUMBERS; other++) {
            struct value left = value_canonical(&numbers[at]);
            struct value right = value_canonical(&numbers[other]);
            bool is_equal = value_order(&numbers[at], &numbers[other]) == ORDER_EQUAL;
            cr_expect_eq(same_form(&left, &right), is_equal, "%u and %u", at, other);
            cr_expect_eq(value_order(&left, &numbers[at]), ORDER_EQUAL, "%u", at);
        }
}

Test(value, lists_are_sorted_by_family_and_keep_one_of_equals)
{
    struct value values[] = {
        value_of_str(bytes_of("b", 1)), value_of_int(2),     value_of_float(1.0),
        value_of_str(bytes_of("a", 1)), value_of_int(1),     value_of_bool(true),
        value_of_bin(bytes_of("a", 1)), value_of_float(1.5), value_of_str(bytes_of("b", 1)),
        value_of_bool(false),
    };
    cr_assert_eq(values_sort(values, sizeof values / sizeof *values), 8);
    cr_expect_eq(value_is_false(&values[0]) && value_is_true(&values[1]), true);
    for (unsigned at = 2; at < 8; at++)
        if (value_family(&values[at - 1]) == value_family(&values[at]))
            cr_expect_eq(value_order(&values[at - 1], &values[at]), ORDER_LESS, "%u", at);
        else
            cr_expect_lt(value_family(&values[at - 1]), value_family(&values[at]), "%u", at);
    cr_expect_eq(values_sort(values, 0), 0);
}

Test(value, a_comparison_and_its_negation_are_never_true_together)
{
    for (unsigned comparison = COMPARE_EQUAL; comparison <= COMPARE_GREATER_EQUAL; comparison++)
        for (int order = ORDER_LESS; order <= ORDER_NONE; order++) {
            enum comparison negated = comparison_negated((enum comparison)comparison);
            enum truth truth = comparison_truth((enum comparison)comparison, (enum order)order);
            enum truth other = comparison_truth(negated, (enum order)order);
            if (order == ORDER_NONE)
                cr_expect(truth == TRUTH_NULL && other == TRUTH_NULL);
            else
                cr_expect(truth != TRUTH_NULL && other != TRUTH_NULL && truth != other);
        }
}
