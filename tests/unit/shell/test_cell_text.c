// SPDX-License-Identifier: Apache-2.0
#include "client/shell/cell_text.h"

#include <criterion/criterion.h>
#include <locale.h>

static void locale_start(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
}

TestSuite(shell_cell_text, .init = locale_start);

Test(shell_cell_text, counts_columns_not_bytes)
{
    static const struct {
        const char *text;
        size_t width;
    } rows[] = {
        {"", 0},
        {"abc", 3},
        {"\xc3\xa9t\xc3\xa9", 3},        // two-byte letters
        {"\xe6\x9d\xb1\xe4\xba\xac", 4}, // two wide characters
        {"\xf0\x9f\x98\x80", 2},         // an emoji
        {"e\xcc\x81", 1},                // a combining accent
        {"a\tb\n", 4},                   // control characters count as one
        {"\xff\xc3", 2},                 // bytes that are no characters
        {"\xed\xa0\x80", 3},             // a surrogate is none
        {"\xc0\xaf", 2},                 // nor is an overlong one
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(cell_text_width(bytes_of_text(rows[i].text)), rows[i].width, "row %zu", i);
}

Test(shell_cell_text, data_cannot_steer_the_terminal)
{
    struct buffer out = {0};
    cell_text_clean(&out, bytes_of("\033[2J\n\t\r\0\x7f\xc2\x9b\xe2\x80\xae!", 15));
    static const char expected[] = "\\u001b[2J\\n\\t\\r\\u0000\\u007f\\u009b\\u202e!";
    cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_text(expected)), "%.*s",
              (int)buffer_size(&out), (const char *)out.data);
    buffer_deinit(&out);
}

static void check_cut(const char *text, size_t width, const char *expected, size_t used)
{
    struct buffer out = {0};
    cr_assert_eq(cell_text_cut(&out, bytes_of_text(text), width), used, "%s", text);
    cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_text(expected)), "%s to %zu: %.*s", text,
              width, (int)buffer_size(&out), (const char *)out.data);
    buffer_deinit(&out);
}

Test(shell_cell_text, long_text_ends_in_an_ellipsis_within_the_width)
{
    check_cut("abcdef", 6, "abcdef", 6);
    check_cut("abcdef", 5, "abcd\xe2\x80\xa6", 5);
    check_cut("abcdef", 1, "\xe2\x80\xa6", 1);
    check_cut("abcdef", 0, "", 0);
    check_cut("", 3, "", 0);
    // A wide character that would only half fit goes as a whole.
    check_cut("\xe6\x9d\xb1\xe4\xba\xac", 4, "\xe6\x9d\xb1\xe4\xba\xac", 4);
    check_cut("\xe6\x9d\xb1\xe4\xba\xac", 3, "\xe6\x9d\xb1\xe2\x80\xa6", 3);
    check_cut("\xe6\x9d\xb1\xe4\xba\xac", 2, "\xe2\x80\xa6", 1);
}

Test(shell_cell_text, blanks_stand_for_control_characters)
{
    struct buffer out = {0};
    cr_assert_eq(cell_text_blank(&out, bytes_of_text("a\tb\xc3\xa9z"), 4), 4);
    cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_text("a b\xc3\xa9")));
    buffer_deinit(&out);
}
