// SPDX-License-Identifier: Apache-2.0
#include "node/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];
static char path[96];
static char text[16 * LOG_LINE_BYTES_MAX];

static void setup(void)
{
    snprintf(directory, sizeof(directory), "/tmp/nowgrid-log-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/node.log", directory);
}

static void teardown(void)
{
    unlink(path);
    rmdir(directory);
}

TestSuite(log, .init = setup, .fini = teardown);

static const char *file_text(const char *name)
{
    FILE *file = fopen(name, "r");
    cr_assert_not_null(file);
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    fclose(file);
    return text;
}

static void expect_match(const char *subject, const char *pattern)
{
    regex_t regex;
    cr_assert_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    cr_expect_eq(regexec(&regex, subject, 0, NULL, 0), 0, "'%s' does not match '%s'", subject,
                 pattern);
    regfree(&regex);
}

Test(log, line_has_time_level_component_and_message)
{
    struct logger *logger = log_new(path, LOG_INFO);
    log_write(logger, LOG_INFO, "net", "listening on %s:%d", "127.0.0.1", 7400);
    expect_match(file_text(path), "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
                                  "\\.[0-9]{3}Z INFO  net         listening on 127\\.0\\.0\\.1:7400"
                                  "\n$");
    log_free(logger);
}

Test(log, lines_below_the_level_are_not_written)
{
    struct logger *logger = log_new(path, LOG_WARN);
    log_write(logger, LOG_DEBUG, "net", "one");
    log_write(logger, LOG_INFO, "net", "two");
    log_write(logger, LOG_WARN, "net", "three");
    log_write(logger, LOG_ERROR, "net", "four");
    expect_match(file_text(path),
                 "^[^\n]*WARN  net         three\n[^\n]*ERROR net         four\n$");
    log_free(logger);
}

Test(log, message_cannot_forge_a_second_line)
{
    struct logger *logger = log_new(path, LOG_INFO);
    log_write(logger, LOG_INFO, "net", "name '%s'", "a\nb\x1b[2J\r");
    expect_match(file_text(path), "^[^\n]*name 'a b \\[2J '\n$");
    log_free(logger);
}

Test(log, long_message_is_cut_to_one_bounded_line)
{
    char message[3 * LOG_LINE_BYTES_MAX];
    memset(message, 'x', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    struct logger *logger = log_new(path, LOG_INFO);
    log_write(logger, LOG_INFO, "net", "%s", message);
    const char *line = file_text(path);
    cr_expect_eq(strlen(line), LOG_LINE_BYTES_MAX);
    expect_match(line, "^[^\n]*xxx\\.\\.\\.\n$");
    log_free(logger);
}

Test(log, writing_keeps_errno)
{
    struct logger *logger = log_new("/dev/full", LOG_INFO);
    errno = ENOENT;
    log_write(logger, LOG_INFO, "net", "lost");
    cr_expect_eq(errno, ENOENT);
    log_free(logger);
}

Test(log, file_that_cannot_be_opened_is_an_error)
{
    cr_expect_null(log_new("/proc/no/such/directory/node.log", LOG_INFO));
    cr_expect_eq(errno, ENOENT);
}

Test(log, full_disk_is_counted_and_reported_once_writing_works_again)
{
    cr_assert_eq(symlink("/dev/full", path), 0);
    struct logger *logger = log_new(path, LOG_INFO);
    for (int i = 0; i < 3; i++)
        log_write(logger, LOG_INFO, "net", "lost");
    cr_expect_eq(log_lost_count(logger), 3);
    unlink(path);
    cr_assert(log_reopen(logger));
    log_write(logger, LOG_INFO, "net", "found");
    cr_expect_eq(log_lost_count(logger), 0);
    expect_match(file_text(path), "^[^\n]*WARN  log         3 lines before this one were lost\n"
                                  "[^\n]*INFO  net         found\n$");
    log_free(logger);
}

Test(log, first_failure_is_noted_once_on_standard_error)
{
    char noted[96];
    snprintf(noted, sizeof(noted), "%s/stderr", directory);
    int saved = dup(STDERR_FILENO);
    cr_assert_not_null(freopen(noted, "w", stderr));
    struct logger *logger = log_new("/dev/full", LOG_INFO);
    log_write(logger, LOG_INFO, "net", "lost");
    log_write(logger, LOG_INFO, "net", "lost too");
    dup2(saved, STDERR_FILENO);
    close(saved);
    expect_match(file_text(noted), "^[^\n]*ERROR log         cannot write to /dev/full: No space "
                                   "left on device; lines are lost\n$");
    log_free(logger);
    unlink(noted);
}

Test(log, pipe_that_nobody_reads_does_not_block)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    struct logger *logger = log_new("", LOG_INFO);
    dup2(saved, STDERR_FILENO);
    close(saved);
    for (int i = 0; i < 4000; i++)
        log_write(logger, LOG_INFO, "net", "a line of some length, so that the pipe fills up");
    cr_expect_gt(log_lost_count(logger), 0);
    log_free(logger);
    close(ends[0]);
    close(ends[1]);
}

Test(log, reopen_goes_on_in_a_new_file)
{
    char rotated[96];
    snprintf(rotated, sizeof(rotated), "%s/node.log.1", directory);
    struct logger *logger = log_new(path, LOG_INFO);
    log_write(logger, LOG_INFO, "net", "before");
    cr_assert_eq(rename(path, rotated), 0);
    log_write(logger, LOG_INFO, "net", "between");
    cr_assert(log_reopen(logger));
    log_write(logger, LOG_INFO, "net", "after");
    expect_match(file_text(rotated), "^[^\n]*before\n[^\n]*between\n$");
    expect_match(file_text(path), "^[^\n]*after\n$");
    log_free(logger);
    unlink(rotated);
}

Test(log, failed_reopen_stays_in_the_old_file)
{
    char moved[96];
    snprintf(moved, sizeof(moved), "%s/moved", directory);
    struct logger *logger = log_new(path, LOG_INFO);
    cr_assert_eq(rename(path, moved), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_expect_not(log_reopen(logger));
    cr_expect_eq(errno, EISDIR);
    log_write(logger, LOG_INFO, "net", "still here");
    expect_match(file_text(moved), "still here\n$");
    log_free(logger);
    rmdir(path);
    unlink(moved);
}
