// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/error.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(error, every_error_has_a_name_of_its_own)
{
    for (int i = 0; i < ERROR_COUNT; i++) {
        const char *name = error_name((enum error)i);
        cr_assert_not_null(name);
        for (int j = 0; j < i; j++)
            cr_assert_str_neq(name, error_name((enum error)j));
        cr_assert_eq(error_from_number((uint64_t)i), (enum error)i);
    }
}

// Numbers travel on the wire: a row that fails means that the protocol was broken.
Test(error, numbers_and_names_stay_as_they_are)
{
    static const struct {
        int number;
        const char *name;
    } rows[] = {{0, "NONE"},
                {1, "INVALID_ARGUMENT"},
                {2, "MALFORMED_FRAME"},
                {5, "TOO_LARGE"},
                {8, "NOT_FOUND"},
                {12, "OUT_OF_MEMORY"},
                {13, "NOT_OWNER"},
                {14, "BACKUP_UNAVAILABLE"},
                {16, "QUERY"},
                {18, "INDETERMINATE"},
                {20, "OVERLOADED"},
                {25, "CANCELLED"},
                {26, "NO_QUORUM"},
                {27, "TOO_FEW_COPIES"},
                {28, "WRONG_SECRET"},
                {29, "WRONG_SETTINGS"},
                {30, "MOVED"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_str_eq(error_name((enum error)rows[i].number), rows[i].name);
}

Test(error, unknown_numbers_are_no_errors_of_ours)
{
    cr_assert_str_eq(error_name(ERROR_COUNT), "UNKNOWN");
    cr_assert_eq(error_from_number(ERROR_COUNT), ERROR_MALFORMED_FRAME);
    cr_assert_eq(error_from_number(UINT64_MAX), ERROR_MALFORMED_FRAME);
}

Test(check, a_fact_that_holds_passes)
{
    CHECK(1 + 1 == 2);
}

Test(check, a_fact_that_fails_stops_the_process, .signal = SIGABRT)
{
    CHECK(1 + 1 == 3);
}
