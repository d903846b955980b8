// SPDX-License-Identifier: Apache-2.0
// Passes as far as Criterion can see, and leaks.
#include <criterion/criterion.h>
#include <stdlib.h>

static void *volatile kept;

Test(planted, leaks)
{
    kept = malloc(100);
    kept = NULL;
    cr_expect_eq(1 + 1, 2);
}
