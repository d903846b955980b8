// SPDX-License-Identifier: Apache-2.0
#include "client/shell/table_view.h"

#include "cluster/base/memory.h"

#include <criterion/criterion.h>
#include <locale.h>

static void locale_start(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
}

TestSuite(shell_table_view, .init = locale_start);

// One row: names and JSON values in turn.
static void add_row(struct table_page *page, const char *const *cells)
{
    table_page_row(page);
    for (; *cells != NULL; cells += 2)
        table_page_cell(page, bytes_of_text(cells[0]), bytes_of_text(cells[1]));
}

#define ROW(page, ...) add_row(page, (const char *const[]){__VA_ARGS__, NULL})

struct shown {
    struct table_view view;
    struct table_page *page;
    FILE *file;
    char *text;
    size_t size;
};

static void shown_start(struct shown *shown, size_t width_limit)
{
    *shown = (struct shown){.view = {.width_limit = width_limit}, .page = table_page_new()};
    shown->file = open_memstream(&shown->text, &shown->size);
}

static void shown_check(struct shown *shown, const char *expected)
{
    table_view_print(&shown->view, shown->page, shown->file);
    table_view_end(&shown->view, shown->page, shown->file);
    fclose(shown->file);
    cr_assert_str_eq(shown->text, expected, "shown:\n%s\nexpected:\n%s", shown->text, expected);
    free(shown->text);
    table_page_free(shown->page);
}

Test(shell_table_view, columns_are_the_union_of_the_fields)
{
    struct shown shown;
    shown_start(&shown, 0);
    ROW(shown.page, "id", "\"us1\"", "mag", "4.5");
    ROW(shown.page, "id", "\"us22\"", "place", "\"Chile\"", "mag", "12");
    ROW(shown.page, "place", "null");
    shown_check(&shown, "id    mag  place\n"
                        "----  ---  -----\n"
                        "us1   4.5\n"
                        "us22   12  Chile\n"
                        "\n");
}

Test(shell_table_view, only_columns_of_numbers_are_aligned_to_the_right)
{
    struct shown shown;
    shown_start(&shown, 0);
    ROW(shown.page, "n", "1", "mixed", "1", "none", "null");
    ROW(shown.page, "n", "-20", "mixed", "\"x\"", "none", "null");
    shown_check(&shown, "  n  mixed  none\n"
                        "---  -----  ----\n"
                        "  1  1\n"
                        "-20  x\n");
}

Test(shell_table_view, widths_are_columns_of_the_terminal)
{
    struct shown shown;
    shown_start(&shown, 0);
    ROW(shown.page, "place", "\"\xe6\x9d\xb1\xe4\xba\xac\xe6\xb9\xbe\"", "x", "1");
    ROW(shown.page, "place", "\"\xc3\x89vora\"", "x", "2");
    shown_check(&shown, "place   x\n"
                        "------  -\n"
                        "\xe6\x9d\xb1\xe4\xba\xac\xe6\xb9\xbe  1\n"
                        "\xc3\x89vora   2\n");
}

Test(shell_table_view, the_widest_columns_give_way_to_the_terminal)
{
    struct shown shown;
    shown_start(&shown, 26);
    ROW(shown.page, "id", "\"us1\"", "place", "\"somewhere far away\"", "text",
        "\"abcdefghijklmnop\"");
    shown_check(&shown, "id   place      text\n"
                        "---  ---------  ---------\n"
                        "us1  somewher\xe2\x80\xa6  abcdefgh\xe2\x80\xa6\n");
}

Test(shell_table_view, columns_without_room_are_named_at_the_end)
{
    struct shown shown;
    shown_start(&shown, 20);
    ROW(shown.page, "a", "\"aaaaaaaaaa\"", "b", "\"bbbbbbbbbb\"", "c", "\"cccccccccc\"", "d", "1");
    shown_check(&shown, "a          b\n"
                        "---------  ---------\n"
                        "aaaaaaaa\xe2\x80\xa6  bbbbbbbb\xe2\x80\xa6\n"
                        "(no room for 2 more columns: c, d)\n");
}

Test(shell_table_view, no_width_is_too_small)
{
    for (size_t width = 1; width < 40; width++) {
        struct shown shown;
        shown_start(&shown, width);
        ROW(shown.page, "first", "\"one two three\"", "second", "4", "third", "[1,2,3,4,5,6]");
        table_view_print(&shown.view, shown.page, shown.file);
        fclose(shown.file);
        char *rest = shown.text;
        for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';)
            cr_assert_leq(strlen(line), width + 4, "%zu: %s", width, line); // 2 ellipses of 3 bytes
        free(shown.text);
        table_page_free(shown.page);
    }
}

Test(shell_table_view, control_characters_are_spelled_out)
{
    struct shown shown;
    shown_start(&shown, 0);
    ROW(shown.page, "a\nb", "\"x\\ny\\u001b[2J\"");
    shown_check(&shown, "a\\nb\n"
                        "-------------\n"
                        "x\\ny\\u001b[2J\n");
}

Test(shell_table_view, later_pages_keep_the_columns_and_show_no_second_header)
{
    struct shown shown;
    shown_start(&shown, 20);
    ROW(shown.page, "id", "\"abc\"", "n", "1");
    table_view_print(&shown.view, shown.page, shown.file);
    table_page_clear(shown.page);
    ROW(shown.page, "n", "22", "late", "true", "id", "\"abcdef\"");
    cr_assert_eq(table_page_hidden(shown.page), 1);
    shown_check(&shown, "id   n\n"
                        "---  -\n"
                        "abc  1\n"
                        "ab\xe2\x80\xa6  \xe2\x80\xa6\n");
}

Test(shell_table_view, a_page_is_bounded)
{
    struct table_page *page = table_page_new();
    for (size_t i = 0; i < TABLE_PAGE_ROWS; i++) {
        cr_assert_not(table_page_is_full(page));
        ROW(page, "a", "1");
    }
    cr_assert(table_page_is_full(page));
    table_page_clear(page);
    cr_assert_not(table_page_is_full(page));
    char *big = memory_new(TABLE_PAGE_BYTES);
    table_page_row(page);
    table_page_cell(page, bytes_of_text("a"), bytes_of(big, TABLE_PAGE_BYTES));
    cr_assert(table_page_is_full(page));
    free(big);
    table_page_free(page);
}

Test(shell_table_view, columns_are_bounded)
{
    struct table_page *page = table_page_new();
    table_page_row(page);
    for (size_t i = 0; i < TABLE_COLUMNS_MAX + 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%zu", i);
        table_page_cell(page, bytes_of_text(name), bytes_of_text("1"));
    }
    cr_assert_eq(table_page_columns(page), TABLE_COLUMNS_MAX);
    cr_assert_eq(table_page_hidden(page), 5);
    table_page_free(page);
}
