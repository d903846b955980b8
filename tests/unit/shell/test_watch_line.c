// SPDX-License-Identifier: Apache-2.0
#include "client/shell/watch_line.h"

#include <criterion/criterion.h>

static void parse(struct shell_watch *watch, const char *line)
{
    struct shell_words words = shell_words_of(bytes_of_text(line));
    struct shell_fault fault;
    struct bytes statement;
    cr_assert(shell_watch_parse(watch, &words, &statement, &fault), "%s: %s", line, fault.text);
    cr_assert(bytes_equal(statement, bytes_of_text("select * from m")));
}

Test(shell_watch_line, without_options_all_is_told)
{
    struct shell_watch watch;
    parse(&watch, "select * from m");
    cr_assert_eq(watch.start, GRID_START_SNAPSHOT);
    cr_assert_eq(watch.content, GRID_CONTENT_OLD_AND_NEW);
    cr_assert_eq(watch.policy, GRID_POLICY_CATCH_UP);
    cr_assert_eq(watch.kinds, 0);
    cr_assert_eq(watch.causes, 0);
    cr_assert_eq(watch.limit, 0);
    cr_assert_eq(watch.time_ms, 0);
    cr_assert_not(watch.only_changed);
    cr_assert_null(watch.after);
    cr_assert_null(watch.token_path);
    shell_watch_deinit(&watch);
}

Test(shell_watch_line, each_option_settles_its_own)
{
    struct shell_watch watch;
    parse(&watch, "--after 'my token' --token t.new --KEYS --changed --kinds enter,Leave "
                  "--causes put,expire --conflate --events 3 --seconds 2 select * from m");
    cr_assert_eq(watch.start, GRID_START_AFTER);
    cr_assert_str_eq(watch.after, "my token");
    cr_assert_str_eq(watch.token_path, "t.new");
    cr_assert_eq(watch.content, GRID_CONTENT_KEYS);
    cr_assert(watch.only_changed);
    cr_assert_eq(watch.kinds, GRID_KIND_ENTER | GRID_KIND_LEAVE);
    cr_assert_eq(watch.causes, 1U << GRID_CAUSE_PUT | 1U << GRID_CAUSE_EXPIRE);
    cr_assert_eq(watch.policy, GRID_POLICY_CONFLATE);
    cr_assert_eq(watch.limit, 3);
    cr_assert_eq(watch.time_ms, 2000);
    shell_watch_deinit(&watch);
    parse(&watch, "--earliest --new --disconnect --token - select * from m");
    cr_assert_eq(watch.start, GRID_START_EARLIEST);
    cr_assert_eq(watch.content, GRID_CONTENT_NEW);
    cr_assert_eq(watch.policy, GRID_POLICY_DISCONNECT);
    cr_assert_str_eq(watch.token_path, "-");
    shell_watch_deinit(&watch);
    parse(&watch, "--no-snapshot select * from m");
    cr_assert_eq(watch.start, GRID_START_LATEST);
    shell_watch_deinit(&watch);
}

// What is completed is what is read.
Test(shell_watch_line, offers_only_options_that_there_are)
{
    for (const char *const *option = shell_watch_options(); *option != NULL; option++) {
        struct shell_words words = shell_words_of(bytes_of_text(*option));
        struct shell_watch watch;
        struct shell_fault fault;
        struct bytes statement;
        cr_assert_not(shell_watch_parse(&watch, &words, &statement, &fault));
        cr_assert_eq(fault.offset, strlen(*option), "%s: %s", *option, fault.text);
        shell_watch_deinit(&watch);
    }
}

Test(shell_watch_line, faults_point_at_the_place)
{
    static const struct {
        const char *line;
        size_t offset;
        const char *text; // how it starts
    } rows[] = {
        {"--latest --earliest select", 9, "an option before this one has settled that already"},
        {"--keys --new select", 7, "an option before this one"},
        {"--conflate --disconnect select", 11, "an option before this one"},
        {"--events 1 --events 2 select", 11, "an option before this one"},
        {"--kinds enter,,leave select", 14, "expected enter, update, leave here, or some of them"},
        {"--kinds enter, select", 14, "expected enter, update, leave here"},
        {"--kinds select * from m", 8, "expected enter, update, leave here"},
        {"--causes put,reset select", 13, "expected put, remove, expire, evict, clear, touch"},
        {"--causes", 8, "expected put, remove"},
        {"--after", 7, "expected a resume token or the name of its file here"},
        {"--token {} select", 8, "expected a name here"},
        {"--seconds 0 select", 10, "expected a whole number from 1 to 31536000"},
        {"latest select", 0, "expected 'select' or an option here; 'help watch' lists them"},
        {"--latest", 8, "expected 'select' here"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct shell_words words = shell_words_of(bytes_of_text(rows[i].line));
        struct shell_watch watch;
        struct shell_fault fault;
        struct bytes statement;
        cr_assert_not(shell_watch_parse(&watch, &words, &statement, &fault), "%s", rows[i].line);
        cr_assert_eq(fault.offset, rows[i].offset, "%s: %zu", rows[i].line, fault.offset);
        cr_assert_eq(strncmp(fault.text, rows[i].text, strlen(rows[i].text)), 0, "%s: %s",
                     rows[i].line, fault.text);
        shell_watch_deinit(&watch);
    }
}
