// SPDX-License-Identifier: Apache-2.0
#include "client/shell/load_progress.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(shell_load_progress, counts_have_commas)
{
    static const struct {
        uint64_t count;
        const char *text;
    } rows[] = {
        {0, "0"},
        {999, "999"},
        {1000, "1,000"},
        {1234567, "1,234,567"},
        {UINT64_MAX, "18,446,744,073,709,551,615"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[32];
        load_count_write(text, rows[i].count);
        cr_assert_str_eq(text, rows[i].text);
    }
}

static void check_line(uint64_t done, uint64_t total, uint64_t entries, int64_t us,
                       const char *expected)
{
    char text[160];
    size_t size = load_progress_write(text, sizeof text, done, total, entries, us);
    cr_assert_str_eq(text, expected);
    cr_assert_eq(size, strlen(expected));
}

Test(shell_load_progress, shows_share_rate_and_time_left)
{
    check_line(0, 1000, 0, 0, "[------------------------]   0 %  0 entries  0/s  0 s left");
    check_line(250, 1000, 5000, 2000000,
               "[######------------------]  25 %  5,000 entries  2,500/s  6 s left");
    check_line(1000, 1000, 20000, 8000000,
               "[########################] 100 %  20,000 entries  2,500/s  0 s left");
    check_line(2000, 1000, 1, 1000000, // the file grew
               "[########################] 100 %  1 entries  1/s  0 s left");
}

Test(shell_load_progress, shows_no_share_of_what_has_no_size)
{
    check_line(250, 0, 5000, 2000000, "5,000 entries  2,500/s");
}

Test(shell_load_progress, shows_itself_ten_times_a_second_at_most)
{
    char *text = NULL;
    size_t size = 0;
    struct load_progress progress = {
        .file = open_memstream(&text, &size), .width = 20, .total_bytes = 100};
    load_progress_show(&progress, 1, 1, 99999);
    fflush(progress.file);
    cr_assert_eq(size, 0);
    load_progress_show(&progress, 50, 10, 100000);
    fflush(progress.file);
    cr_assert_str_eq(text, "\r\033[K[############------");
    load_progress_show(&progress, 60, 12, 150000);
    load_progress_end(&progress);
    fclose(progress.file);
    cr_assert_str_eq(text, "\r\033[K[############------\r\033[K");
    free(text);
}
