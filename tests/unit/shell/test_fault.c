// SPDX-License-Identifier: Apache-2.0
#include "client/shell/fault.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(shell_fault, finds_line_and_column_in_the_text_of_an_error)
{
    unsigned line = 0;
    unsigned column = 0;
    cr_assert(shell_fault_place("line 2, column 31: unknown function", &line, &column));
    cr_assert_eq(line, 2);
    cr_assert_eq(column, 31);
    cr_assert(shell_fault_place("at column 7", &line, &column));
    cr_assert_eq(line, 1);
    cr_assert_eq(column, 7);
    cr_assert_not(shell_fault_place("no place at all", &line, &column));
    cr_assert_not(shell_fault_place("column zero", &line, &column));
    cr_assert_not(shell_fault_place("column 99999999999", &line, &column));
}

Test(shell_fault, the_reason_stands_behind_the_place)
{
    cr_assert_str_eq(shell_fault_reason("line 1 column 5: why: this"), "why: this");
    cr_assert_str_eq(shell_fault_reason("line of text"), "line of text");
    cr_assert_str_eq(shell_fault_reason("why: this"), "why: this");
}

static void check_point(const char *text, unsigned line, unsigned column, const char *expected)
{
    char *shown = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&shown, &size);
    shell_fault_point(file, bytes_of_text(text), line, column);
    fclose(file);
    cr_assert_str_eq(shown, expected);
    free(shown);
}

Test(shell_fault, points_at_the_place)
{
    check_point("select x frm m", 1, 10, "  select x frm m\n           ^\n");
    check_point("abc", 1, 4, "  abc\n     ^\n");
    check_point("one\ntwo three\nfour", 2, 5, "  two three\n      ^\n");
    check_point("a\tb\tc", 1, 5, "  a b c\n      ^\n");
    check_point("\xc3\xa9\xc3\xa9 x", 1, 6, "  \xc3\xa9\xc3\xa9 x\n     ^\n");
}

Test(shell_fault, shows_the_piece_of_a_long_line_that_matters)
{
    char line[301];
    memset(line, 'a', 300);
    line[200] = 'X';
    line[300] = '\0';
    char expected[256];
    snprintf(expected, sizeof expected, "  %.50sX%.25s\n%52s^\n", line, line, "");
    check_point(line, 1, 201, expected);
}

Test(shell_fault, shows_nothing_where_there_is_no_such_place)
{
    check_point("abc", 2, 1, "");
    check_point("abc", 1, 9, "");
    check_point("", 1, 2, "");
}

Test(shell_fault, errors_of_agreement_come_with_advice)
{
    static const enum grid_error advised[] = {GRID_NO_QUORUM,    GRID_TOO_FEW_COPIES,
                                              GRID_WRONG_SECRET, GRID_WRONG_SETTINGS,
                                              GRID_MOVED,        GRID_INDETERMINATE};
    for (size_t i = 0; i < sizeof advised / sizeof advised[0]; i++)
        cr_assert_not_null(shell_fault_advice(advised[i]), "%s", grid_error_name(advised[i]));
    cr_assert_null(shell_fault_advice(GRID_OK));
    cr_assert_null(shell_fault_advice(GRID_NOT_FOUND));
    cr_assert_null(shell_fault_advice((enum grid_error)9999));
}
