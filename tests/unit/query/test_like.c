// SPDX-License-Identifier: Apache-2.0
#include "node/query/like.h"

#include "cluster/base/random.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

static bool matches(const char *pattern, const char *text)
{
    struct buffer like = {0};
    cr_assert_eq(like_check(bytes_of_text(pattern), '\\'), LIKE_OK);
    like_write(&like, bytes_of_text(pattern), '\\');
    cr_assert_eq(like_bytes(like.data), buffer_size(&like));
    bool result = like_matches(like.data, bytes_of_text(text));
    buffer_deinit(&like);
    return result;
}

Test(like, matches_patterns)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"%", "", true},
        {"%%", "abc", true},
        {"abc", "abc", true},
        {"abc", "abcd", false},
        {"abc%", "abcd", true},
        {"%abc", "xabc", true},
        {"%abc", "abcx", false},
        {"%b%", "abc", true},
        {"%x%", "abc", false},
        {"a%c", "abc", true},
        {"a%c", "ac", true},
        {"a%a", "a", false}, // one letter is not both ends
        {"a%a", "aa", true},
        {"%a%b%a%", "xaxbxa", true},
        {"%a%b%a%", "xaxbx", false},
        {"%ab%ab%", "abab", true},
        {"%ab%ab%", "abb", false},
        {"_", "a", true},
        {"_", "", false},
        {"_", "ab", false},
        {"_%_", "a", false},
        {"_%_", "ab", true},
        {"%_b_%", "abc", true},
        {"%_b_%", "xxabc", true},
        {"%_b_%", "bc", false},
        {"%_b", "ab", true},
        {"_", "\xc3\xbc", true},         // u with umlaut: two bytes, one character
        {"_", "\xf0\x9f\x8c\x8d", true}, // four bytes
        {"__", "\xc3\xbc", false},
        {"%_", "\xc3\xbc", true},
        {"%__", "\xc3\xbc", false},
        {"%_x%", "\xc3\xbcx", true},
        {"%__x%", "\xc3\xbcx", false},
        {"\\%", "%", true},
        {"\\%", "a", false},
        {"a\\_b\\\\", "a_b\\", true},
        {"100\\%%", "100% sure", true},
    };
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++)
        cr_expect_eq(matches(rows[at].pattern, rows[at].text), rows[at].matches, "%s LIKE %s",
                     rows[at].text, rows[at].pattern);
}

Test(like, refuses_broken_and_wide_patterns)
{
    cr_expect_eq(like_check(bytes_of_text("a\\"), '\\'), LIKE_DANGLING_ESCAPE);
    cr_expect_eq(like_check(bytes_of_text("a\\b"), '\\'), LIKE_DANGLING_ESCAPE);
    cr_expect_eq(like_check(bytes_of_text("a\\b"), -1), LIKE_OK);
    char wide[80];
    memset(wide, '_', 66);
    memcpy(wide + 66, "%", 2);
    cr_expect_eq(like_check(bytes_of_text(wide), -1), LIKE_OK); // anchored
    wide[0] = '%';
    cr_expect_eq(like_check(bytes_of_text(wide), -1), LIKE_TOO_WIDE);
}

// The definition, by recursion, for ASCII.
static bool naive(const char *pattern, const char *text)
{
    if (*pattern == 0)
        return *text == 0;
    if (*pattern == '%')
        return naive(pattern + 1, text) || (*text != 0 && naive(pattern, text + 1));
    return *text != 0 && (*pattern == '_' || *pattern == *text) && naive(pattern + 1, text + 1);
}

static void random_text(struct random *random, const char *letters, char *out, unsigned size_max)
{
    unsigned size = (unsigned)random_below(random, size_max + 1);
    for (unsigned at = 0; at < size; at++)
        out[at] = letters[random_below(random, strlen(letters))];
    out[size] = 0;
}

Test(like, agrees_with_the_definition)
{
    struct random random = {.state = 42};
    for (unsigned round = 0; round < 200000; round++) {
        char pattern[16];
        char text[16];
        random_text(&random, "ab%_", pattern, 8);
        random_text(&random, "ab", text, 10);
        cr_assert_eq(matches(pattern, text), naive(pattern, text), "%s LIKE %s", text, pattern);
    }
}
