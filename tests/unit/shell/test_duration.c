// SPDX-License-Identifier: Apache-2.0
#include "client/shell/duration.h"

#include <criterion/criterion.h>

Test(shell_duration, takes_each_unit)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"250", 250},
        {"250ms", 250},
        {"10s", 10000},
        {"5m", 300000},
        {"2h", 7200000},
        {"1d", 86400000},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775s", INT64_C(9223372036854775000)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        cr_assert(shell_duration_parse(bytes_of_text(rows[i].text), &ms), "%s", rows[i].text);
        cr_assert_eq(ms, rows[i].ms, "%s", rows[i].text);
    }
}

Test(shell_duration, refuses_all_else)
{
    static const char *const texts[] = {
        "",
        "s",
        "-1s",
        "1.5s",
        "10 s",
        "10x",
        "10S",
        "+1s",
        "0x1",
        "1ss",
        "9223372036854775808",
        "9223372036854776s",
        "99999999999999999999",
    };
    int64_t ms;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_not(shell_duration_parse(bytes_of_text(texts[i]), &ms), "%s", texts[i]);
}

Test(shell_duration, integers_reach_both_ends_of_64_bits)
{
    int64_t number;
    uint64_t count;
    cr_assert(shell_int_parse(bytes_of_text("-9223372036854775808"), &number));
    cr_assert_eq(number, INT64_MIN);
    cr_assert(shell_int_parse(bytes_of_text("9223372036854775807"), &number));
    cr_assert_eq(number, INT64_MAX);
    cr_assert_not(shell_int_parse(bytes_of_text("9223372036854775808"), &number));
    cr_assert_not(shell_int_parse(bytes_of_text("-9223372036854775809"), &number));
    cr_assert_not(shell_int_parse(bytes_of_text("-"), &number));
    cr_assert_not(shell_int_parse(bytes_of_text(""), &number));
    cr_assert(shell_uint_parse(bytes_of_text("18446744073709551615"), &count));
    cr_assert_eq(count, UINT64_MAX);
    cr_assert_not(shell_uint_parse(bytes_of_text("18446744073709551616"), &count));
    cr_assert_not(shell_uint_parse(bytes_of_text("-1"), &count));
}
