// SPDX-License-Identifier: Apache-2.0
#include "client/shell/token_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[] = "/tmp/token_file.XXXXXX";
static char path[64];
static char fault[512];

static void directory_make(void)
{
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/token", directory);
}

static void directory_remove(void)
{
    unlink(path);
    rmdir(directory);
}

static void check_read(const char *word, const char *expected)
{
    struct buffer token = {0};
    cr_assert(token_file_read(&token, word, fault, sizeof fault), "%s", fault);
    cr_assert(bytes_equal(buffer_bytes(&token), bytes_of_text(expected)));
    buffer_deinit(&token);
}

static void check_fault(const char *word, const char *text)
{
    struct buffer token = {0};
    cr_assert_not(token_file_read(&token, word, fault, sizeof fault));
    cr_assert_not_null(strstr(fault, text), "%s", fault);
    buffer_deinit(&token);
}

static void text_put(const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, size, file), size);
    fclose(file);
}

Test(shell_token_file, holds_the_newest_token, .init = directory_make, .fini = directory_remove)
{
    cr_assert(token_file_write(path, (struct grid_bytes){"a longer one", 12}));
    cr_assert(token_file_write(path, (struct grid_bytes){"short", 5}));
    check_read(path, "short");
    cr_assert_eq(rmdir(directory), -1); // nothing but the file is left
    unlink(path);
    cr_assert_eq(rmdir(directory), 0);
}

Test(shell_token_file, a_token_may_stand_for_itself)
{
    check_read("Zm9vYmFy", "foobar");
    static char long_token[8193];
    memset(long_token, 'A', sizeof long_token - 1);
    struct buffer token = {0};
    cr_assert(token_file_read(&token, long_token, fault, sizeof fault), "%s", fault);
    cr_assert_eq(buffer_size(&token), 6144);
    buffer_deinit(&token);
}

Test(shell_token_file, what_is_neither_is_told, .init = directory_make, .fini = directory_remove)
{
    check_fault("no/such.file", "no/such.file: no such file, and no resume token either");
    text_put("not a token", 11);
    check_fault(path, "there is no resume token in this file");
    text_put("", 0);
    check_fault(path, "there is no resume token in this file");
    check_fault(directory, "Is a directory");
}

Test(shell_token_file, a_file_that_is_too_long_is_refused, .init = directory_make,
     .fini = directory_remove)
{
    char *text = malloc(TOKEN_FILE_BYTES_MAX + 4);
    memset(text, 'A', TOKEN_FILE_BYTES_MAX + 4);
    text_put(text, TOKEN_FILE_BYTES_MAX + 4);
    check_fault(path, "there is no resume token in this file");
    text_put(text, TOKEN_FILE_BYTES_MAX);
    struct buffer token = {0};
    cr_assert(token_file_read(&token, path, fault, sizeof fault), "%s", fault);
    buffer_deinit(&token);
    free(text);
}

Test(shell_token_file, what_cannot_be_written_has_its_reason)
{
    cr_assert_not(token_file_write("/nowhere/token", (struct grid_bytes){"a", 1}));
    cr_assert_eq(errno, ENOENT);
}
