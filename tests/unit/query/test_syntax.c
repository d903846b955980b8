// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/buffer.h"
#include "cluster/model/limits.h"
#include "node/query/query.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct row {
    const char *text;
    uint32_t line;
    uint32_t column;
    const char *fragment; // of the message
};

static void expect_error(const char *text, uint32_t line, uint32_t column, const char *fragment)
{
    struct query_error error = {0};
    struct query *query = query_new(bytes_of_text(text), &error);
    cr_expect_null(query, "%s compiles", text);
    query_free(query);
    cr_expect(error.line == line && error.column == column, "%s: at %u:%u, expected %u:%u (%s)",
              text, error.line, error.column, line, column, error.text);
    cr_expect(strstr(error.text, fragment) != NULL, "%s: \"%s\" has no \"%s\"", text, error.text,
              fragment);
}

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t at = 0; at < count; at++)
        expect_error(rows[at].text, rows[at].line, rows[at].column, rows[at].fragment);
}

#define EXPECT_ROWS(rows) expect_rows(rows, sizeof(rows) / sizeof *(rows))

Test(syntax, tells_what_was_found_and_what_was_expected)
{
    static const struct row rows[] = {
        {"", 1, 1, "the query ends here, expected SELECT"},
        {"  -- nothing\n ", 2, 2, "the query ends here, expected SELECT"},
        {"FROM m", 1, 1, "found `FROM`, expected SELECT"},
        {"SELECT * FROM m WHERE", 1, 22, "the query ends here, expected a value"},
        {"SELECT * FROM m WHERE mag 5", 1, 27,
         "found `5`, expected a comparison, AND, OR, LIMIT or the end"},
        {"SELECT * FROM m WHERE mag >\n  >", 2, 3, "found `>`, expected a value"},
        {"SELECT *\nFROM m\nWHERE (a = 1", 3, 13, "expected AND, OR or `)`"},
        {"SELECT a b FROM m", 1, 10, "expected a comparison, AND, OR, AS, `,` or FROM"},
        {"SELECT * FROM m WHERE a IN ()", 1, 29, "found `)`, expected a value"},
        {"SELECT * FROM m WHERE a NOT 5", 1, 29, "expected IN, BETWEEN or LIKE"},
        {"SELECT * FROM m WHERE a BETWEEN 1 OR 2", 1, 35, "expected AND"},
        {"SELECT * FROM m LIMIT x", 1, 23, "expected an integer"},
        {"SELECT * FROM m LIMIT 5 LIMIT 6", 1, 25, "expected the end"},
        {"SELECT * FROM m; SELECT", 1, 18, "expected the end"},
        {"SELECT a. FROM", 1, 15, "expected a comparison"},
        {"SELECT * FROM m WHERE a = b = c", 1, 29, "found `=`"},
        {"SELECT * FROM m WHERE a..b", 1, 25, "expected a name"},
    };
    EXPECT_ROWS(rows);
}

Test(syntax, hints_at_the_usual_mistakes)
{
    static const struct row rows[] = {
        {"SELECT * FROM m WHERE a && b", 1, 25, "AND"},
        {"SELECT * FROM m WHERE a || b", 1, 25, "OR"},
        {"SELECT * FROM m WHERE !a", 1, 23, "NOT"},
        {"SELECT * FROM m WHERE a LIKE \"x\"", 1, 30, "strings take single quotes"},
        {"SELECT * FROM m WHERE a LIKE 5", 1, 30, "expected a 'string'"},
        {"SELECT * FROM m WHERE a = 'abc", 1, 27, "no closing quote"},
        {"SELECT * FROM m WHERE \"abc = 1", 1, 23, "no closing quote"},
        {"SELECT * FROM m WHERE a IS 5", 1, 28, "compared with ="},
        {"SELECT * FROM m WHERE a IN 5", 1, 28, "IN takes a list"},
        {"SELECT * FROM m WHERE a NOT = 5", 1, 29, "unequal is <>"},
        {"SELECT * FROM m WHERE a[-1] = 5", 1, 25, "counts from 0"},
        {"SELECT * FROM m WHERE EXISTS 5", 1, 30, "EXISTS takes a path"},
        {"SELECT *, a FROM m", 1, 9, "SELECT * stands alone"},
        {"SELECT FROM m", 1, 8, "SELECT *"},
        {"SELECT * FROM my-map", 1, 17, "takes double quotes"},
        {"SELECT * FROM 'm'", 1, 15, "names take double quotes or none"},
        {"SELECT * FROM m WHERE limit > 5", 1, 23, "keyword takes double quotes"},
        {"SELECT * FROM m ORDER BY a", 1, 17, "no ORDER BY"},
        {"SELECT * FROM m GROUP BY a", 1, 17, "no GROUP BY"},
        {"SELECT * FROM m JOIN n", 1, 17, "no joins"},
        {"DELETE FROM m", 1, 1, "queries only read"},
        {"SELECT * FROM m WHERE a ILIKE 'x'", 1, 25, "lower(x) LIKE"},
        {"SELECT * FROM m WHERE lwer(a) = 'x'", 1, 23, "did you mean lower?"},
        {"SELECT * FROM m WHERE LEN(a) = 1", 1, 23, "did you mean length?"},
        {"SELECT * FROM m WHERE frobnicate(a)", 1, 23, "there are lower, upper"},
        {"SELECT count(a) FROM m", 1, 8, "does not aggregate"},
        {"SELECT * FROM m WHERE `a` = 1", 1, 23, "not backquotes"},
        {"SELECT * FROM m # all", 1, 17, "a comment starts with --"},
        {"SELECT * FROM m WHERE a = ?", 1, 27, "no parameters"},
        {"SELECT * FROM m WHERE a & 1", 1, 25, "no bit operators"},
        {"SELECT * FROM m WHERE a =~ 'x'", 1, 25, "no regular expressions"},
        {"SELECT * FROM m WHERE a => 1", 1, 25, "comparisons are"},
        {"SELECT * FROM m WHERE a = x 'ab'", 1, 29, "no space"},
        {"SELECT * FROM m WHERE a = x'abc'", 1, 27, "pairs of hex digits"},
        {"SELECT * FROM m WHERE a = +5", 1, 27, "takes no +"},
        {"SELECT * FROM m WHERE __foo = 1", 1, 23, "only __key"},
    };
    EXPECT_ROWS(rows);
}

Test(syntax, refuses_literals_out_of_range)
{
    static const struct row rows[] = {
        {"SELECT * FROM m WHERE a = 18446744073709551616", 1, 27, "18446744073709551615"},
        {"SELECT * FROM m WHERE a = -9223372036854775809", 1, 27, "-9223372036854775808"},
        {"SELECT * FROM m WHERE a = 1e999", 1, 27, "1.8e308"},
        {"SELECT * FROM m WHERE a = 12abc", 1, 27, "not a number"},
        {"SELECT * FROM m WHERE a[4294967296] = 1", 1, 25, "4294967295"},
        {"SELECT * FROM m LIMIT 0", 1, 23, "LIMIT is at least 1"},
        {"SELECT * FROM \"\"", 1, 15, "1 to 255 bytes"},
        {"SELECT * FROM m WHERE a = \x01", 1, 27, "\\x01"},
    };
    EXPECT_ROWS(rows);
}

static void repeat(struct buffer *out, const char *text, int count)
{
    for (int at = 0; at < count; at++)
        buffer_append(out, text, strlen(text));
}

// SELECT * FROM m WHERE <before>*count <middle> <after>*count compiles?
static bool compiles(const char *before, const char *middle, const char *after, int count,
                     struct query_error *error)
{
    struct buffer text = {0};
    repeat(&text, "SELECT * FROM m WHERE ", 1);
    repeat(&text, before, count);
    repeat(&text, middle, 1);
    repeat(&text, after, count);
    struct query *query = query_new(buffer_bytes(&text), error);
    bool done = query != NULL;
    query_free(query);
    buffer_deinit(&text);
    return done;
}

Test(syntax, bounds_nesting)
{
    struct query_error error;
    cr_expect(compiles("NOT ", "a", "", 199, &error));
    cr_expect(!compiles("NOT ", "a", "", 200, &error));
    cr_expect(strstr(error.text, "nested too deeply") != NULL, "%s", error.text);
    cr_expect(!compiles("NOT ", "a", "", 15000, &error));
    cr_expect(strstr(error.text, "nested too deeply") != NULL, "%s", error.text);
    cr_expect(compiles("(", "a", ")", 2000, &error));
    cr_expect(!compiles("(", "a", ")", 30000, &error));
    cr_expect(strstr(error.text, "nested too deeply") != NULL, "%s", error.text);
    cr_expect_gt(error.column, 2000);
    cr_expect(!compiles("a AND (b OR ", "a", ")", 3000, &error));
    cr_expect(compiles("a AND (b OR NOT (", "c", "))", 66, &error), "%s", error.text);
    cr_expect(compiles("a NOT IN (b, (", "c", "))", 199, &error), "%s", error.text);
    cr_expect(compiles("a BETWEEN b AND (", "c", ")", 199, &error), "%s", error.text);
    cr_expect(compiles("a = -abs(", "3", ")", 1, &error), "%s", error.text);
}

Test(syntax, long_chains_are_not_deep)
{
    struct query_error error;
    cr_expect(compiles("a = 1 AND ", "b", "", 5000, &error), "%s", error.text);
    cr_expect(compiles("a = 1 OR ", "b", "", 5000, &error), "%s", error.text);
    cr_expect(compiles("a OR b AND ", "b", "", 5000, &error), "%s", error.text);
}

Test(syntax, bounds_the_text_and_the_paths)
{
    struct query_error error;
    struct buffer text = {0};
    repeat(&text, "SELECT * FROM m", 1);
    repeat(&text, " ", QUERY_TEXT_BYTES_MAX);
    cr_expect_null(query_new(buffer_bytes(&text), &error));
    cr_expect(strstr(error.text, "at most 65536") != NULL, "%s", error.text);
    buffer_clear(&text);
    repeat(&text, "SELECT * FROM m WHERE a IN (0", 1);
    for (int at = 0; at < 1025; at++) {
        char path[16];
        snprintf(path, sizeof path, ", p%d", at);
        repeat(&text, path, 1);
    }
    repeat(&text, ")", 1);
    cr_expect_null(query_new(buffer_bytes(&text), &error));
    cr_expect(strstr(error.text, "too many different paths") != NULL, "%s", error.text);
    buffer_deinit(&text);
    cr_expect(compiles("a.", "b", "", 31, &error), "%s", error.text);
    cr_expect(!compiles("a.", "b", "", 32, &error));
    cr_expect(strstr(error.text, "at most 32 parts") != NULL, "%s", error.text);
}

Test(syntax, no_bytes_at_all_are_an_empty_query)
{
    struct query_error error = {0};
    cr_expect_null(query_new(bytes_of(NULL, 0), &error));
    cr_expect_eq(error.column, 1);
}

Test(syntax, accepts_any_case_comments_and_a_semicolon)
{
    static const char *const texts[] = {
        "select * from m",
        "SELECT\n*\tFROM -- which?\nm\r\n;",
        "SeLeCt a, \"b c\" As d, a.limit AS select FROM \"my map\" wHeRe a nOt iN (1) lImIt 3;",
        "SELECT a[0].b AS x, __key FROM größe WHERE größe = 1",
        "SELECT 1 = 1 AS one, a IS NULL AS two, NOT a AS three FROM m",
        "SELECT * FROM m WHERE a.\"b\"\"c\".from = -1e-3 AND exists a[1][2]",
    };
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        struct query_error error;
        struct query *query = query_new(bytes_of_text(texts[at]), &error);
        cr_expect_not_null(query, "%s: %s", texts[at], error.text);
        query_free(query);
    }
}
