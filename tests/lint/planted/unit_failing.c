// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

Test(planted, passes)
{
    cr_expect_eq(1 + 1, 2);
}

Test(planted, fails)
{
    cr_expect_eq(1 + 1, 3);
}
