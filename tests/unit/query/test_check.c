// SPDX-License-Identifier: Apache-2.0
#include "node/query/query.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct row {
    const char *predicate;
    uint32_t column; // in the predicate
    const char *fragment;
};

enum { PREFIX_BYTES = 22 }; // SELECT * FROM m WHERE

static struct query *compile(const char *predicate, struct query_error *error)
{
    char text[512];
    snprintf(text, sizeof text, "SELECT * FROM m WHERE %s", predicate);
    return query_new(bytes_of_text(text), error);
}

Test(check, finds_type_errors_with_their_place)
{
    static const struct row rows[] = {
        {"5", 1, "WHERE takes a boolean, this is a number"},
        {"'abc'", 1, "WHERE takes a boolean"},
        {"a + 1", 1, "WHERE takes a boolean"},
        {"lower(a)", 1, "WHERE takes a boolean"},
        {"'abc' + 1 > 2", 1, "arithmetic takes numbers"},
        {"1 + 'abc' > 2", 5, "arithmetic takes numbers"},
        {"-'abc' > 2", 2, "arithmetic takes numbers"},
        {"TRUE * 2 = 2", 1, "arithmetic takes numbers"},
        {"lower(5) = 'a'", 7, "lower(string) takes a string"},
        {"abs('a') = 1", 5, "takes a number"},
        {"length(5) = 1", 8, "length"},
        {"length(a = 1) = 1", 8, "length"},
        {"round(1, 2, 3) = 1", 1, "3 arguments"},
        {"mod(1) = 1", 1, "1 argument"},
        {"lower() = 'a'", 1, "0 arguments"},
        {"1 = 'a'", 3, "never comparable"},
        {"lower(a) = 5", 10, "never comparable"},
        {"a + 1 < 'b'", 7, "never comparable"},
        {"x'00' = 'a'", 7, "never comparable"},
        {"(a = 1) = 1", 9, "never comparable"},
        {"a = NULL", 3, "IS NULL"},
        {"a <> NULL", 3, "IS NOT NULL"},
        {"NULL = a", 6, "IS NULL"},
        {"a IN (1, 'b')", 10, "IN mixes a number and a string"},
        {"1 IN ('b')", 7, "IN mixes"},
        {"lower(a) IN ('b', c, 5)", 22, "IN mixes"},
        {"a BETWEEN 'a' AND 5", 19, "BETWEEN mixes"},
        {"1 BETWEEN 'a' AND b", 11, "BETWEEN mixes"},
        {"5 LIKE 'a'", 1, "LIKE takes a string"},
        {"a + 1 LIKE 'a'", 1, "LIKE takes a string"},
        {"a LIKE 'x' ESCAPE 'ab'", 19, "one ASCII character"},
        {"a LIKE 'x' ESCAPE ''", 19, "one ASCII character"},
        {"a LIKE 'x!' ESCAPE '!'", 8, "must stand before"},
        {"a LIKE 'x!y' ESCAPE '!'", 8, "must stand before"},
        {"a AND 5", 7, "AND takes a boolean"},
        {"'x' OR a", 1, "OR takes a boolean"},
        {"NOT 5", 5, "NOT takes a boolean"},
        {"NOT a + 1", 5, "NOT takes a boolean"},
        {"b = 1 AND (c = 2 OR 'x' > 4)", 25, "never comparable"},
    };
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        struct query_error error = {0};
        struct query *query = compile(rows[at].predicate, &error);
        cr_expect_null(query, "%s compiles", rows[at].predicate);
        query_free(query);
        cr_expect_eq(error.column, rows[at].column + PREFIX_BYTES, "%s: column %u: %s",
                     rows[at].predicate, error.column - PREFIX_BYTES, error.text);
        cr_expect(strstr(error.text, rows[at].fragment) != NULL, "%s: %s", rows[at].predicate,
                  error.text);
    }
}

Test(check, leaves_what_only_an_entry_can_tell)
{
    static const char *const predicates[] = {
        "a",
        "a > 'x' AND a > 5",
        "NOT a",
        "a + b > 1",
        "lower(a) = b",
        "NULL",
        "a IN (NULL, 1)",
        "length(a) = 1",
        "__key = 5",
        "a BETWEEN b AND c",
        "a + NULL = b",
        "__key LIKE 'x%'",
        "abs(a) = NULL + 1",
        "lower(NULL) = 'a'",
    };
    for (size_t at = 0; at < sizeof predicates / sizeof *predicates; at++) {
        struct query_error error = {0};
        struct query *query = compile(predicates[at], &error);
        cr_expect_not_null(query, "%s: %s", predicates[at], error.text);
        query_free(query);
    }
}

Test(check, columns_have_different_names)
{
    struct query_error error = {0};
    cr_expect_null(query_new(bytes_of_text("SELECT a, b AS c, d AS a FROM m"), &error));
    cr_expect_eq(error.column, 19);
    cr_expect(strstr(error.text, "a second column `a`") != NULL, "%s", error.text);
}
