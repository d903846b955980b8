// SPDX-License-Identifier: Apache-2.0
#include "client/shell/words.h"

#include <criterion/criterion.h>

// The words of the line, written with | between them; after the last one "!" and the offset of the
// fault, if there is one.
static void check_words(const char *line, const char *expected)
{
    struct shell_words words = shell_words_of(bytes_of_text(line));
    char text[512] = "";
    size_t used = 0;
    for (;;) {
        struct shell_word word;
        struct shell_fault fault;
        enum shell_words_verdict verdict = shell_words_next(&words, &word, &fault);
        if (verdict == SHELL_WORDS_ONE)
            used += (size_t)snprintf(text + used, sizeof text - used, "%.*s|", (int)word.raw.size,
                                     (const char *)word.raw.data);
        if (verdict == SHELL_WORDS_FAULT)
            snprintf(text + used, sizeof text - used, "!%zu", fault.offset);
        if (verdict != SHELL_WORDS_ONE)
            break;
    }
    cr_assert_str_eq(text, expected, "%s: %s, expected %s", line, text, expected);
}

Test(shell_words, blanks_part_words)
{
    check_words("", "");
    check_words("  \t ", "");
    check_words("get m k", "get|m|k|");
    check_words("\tget  m\tk  ", "get|m|k|");
}

Test(shell_words, quotes_and_brackets_hold_words_together)
{
    check_words("put m 'a b' \"c d\"", "put|m|'a b'|\"c d\"|");
    check_words("'it''s' ''", "'it''s'|''|");
    check_words("x'00ff' X'0A' xyz", "x'00ff'|X'0A'|xyz|");
    check_words("{\"a\": [1, {\"b\": \"}\"}]} [ ] x", "{\"a\": [1, {\"b\": \"}\"}]}|[ ]|x|");
    check_words("\"a\\\"b c\" d", "\"a\\\"b c\"|d|");
    check_words("it's fine", "it's|fine|");
}

Test(shell_words, what_is_not_closed_is_a_fault_where_it_opens)
{
    check_words("put m 'a", "put|m|!6");
    check_words("put m x'0", "put|m|!7");
    check_words("put m \"a", "put|m|!6");
    check_words("put m \"a\\", "put|m|!6");
    check_words("put m {\"a\": [1}", "put|m|!14");
    check_words("put m [1, [2", "put|m|!10");
    check_words("put m {\"a", "put|m|!7");
}

Test(shell_words, what_was_closed_ends_the_word)
{
    check_words("'a'b", "!3");
    check_words("{}{}", "!2");
    check_words("\"a\"\"b\"", "!3");
}

Test(shell_words, brackets_nest_64_deep_at_most)
{
    char line[200];
    struct shell_word word;
    struct shell_fault fault;
    memset(line, '[', 64);
    memset(line + 64, ']', 64);
    struct shell_words words = shell_words_of(bytes_of(line, 128));
    cr_assert_eq(shell_words_next(&words, &word, &fault), SHELL_WORDS_ONE);
    memset(line, '[', 65);
    words = shell_words_of(bytes_of(line, 129));
    cr_assert_eq(shell_words_next(&words, &word, &fault), SHELL_WORDS_FAULT);
    cr_assert_eq(fault.offset, 64);
}

static void check_trimmed(const char *line, const char *expected)
{
    struct bytes trimmed = shell_line_trim(bytes_of_text(line));
    cr_assert(bytes_equal(trimmed, bytes_of_text(expected)), "%s", line);
}

Test(shell_words, trimming_takes_blanks_and_the_semicolons_at_the_end)
{
    check_trimmed("  size m ; ", "size m");
    check_trimmed("size m;;\r\n", "size m");
    check_trimmed("put m k ';'", "put m k ';'");
    check_trimmed(" ; ", "");
}

Test(shell_words, keywords_have_no_case_and_no_quotes)
{
    struct shell_words words = shell_words_of(bytes_of_text("TtL 'ttl' ttls"));
    const bool expected[] = {true, false, false};
    for (size_t i = 0; i < 3; i++) {
        struct shell_word word;
        struct shell_fault fault;
        cr_assert_eq(shell_words_next(&words, &word, &fault), SHELL_WORDS_ONE);
        cr_assert_eq(shell_word_is(&word, "ttl"), expected[i]);
    }
}

Test(shell_words, the_rest_starts_at_the_next_word)
{
    struct shell_words words = shell_words_of(bytes_of_text("watch   select *  from m"));
    struct shell_word word;
    struct shell_fault fault;
    cr_assert_eq(shell_words_next(&words, &word, &fault), SHELL_WORDS_ONE);
    cr_assert(bytes_equal(shell_words_rest(&words), bytes_of_text("select *  from m")));
}
