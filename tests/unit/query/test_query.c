// SPDX-License-Identifier: Apache-2.0
#include "node/query/query.h"

#include "cluster/model/limits.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"
#include "tests/support/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct query *compile(const char *text)
{
    struct query_error error = {0};
    struct query *query = query_new(bytes_of_text(text), &error);
    cr_assert_not_null(query, "%s: %u:%u: %s", text, error.line, error.column, error.text);
    return query;
}

static const char document[] = "{\"id\": \"us1\", \"mag\": 5.5, \"n\": null, \"o\": {\"p\": [1, "
                               "{\"q\": \"deep\"}]}, \"count\": 7}";

// The projection of the document with key "k", as MessagePack, is what `json` describes.
static void expect_projection(const char *text, const char *json)
{
    struct query *query = compile(text);
    struct buffer key = {0};
    struct buffer value = {0};
    struct buffer expected = {0};
    struct buffer projected = {0};
    write_text(&key, "k");
    json_write_text(document, &value);
    json_write_text(json, &expected);
    query_project(query, buffer_bytes(&key), buffer_bytes(&value), &projected);
    cr_expect(bytes_equal(buffer_bytes(&projected), buffer_bytes(&expected)), "%s is not %s", text,
              json);
    cr_expect_eq(value_check(buffer_bytes(&projected)), ERROR_NONE);
    buffer_deinit(&key);
    buffer_deinit(&value);
    buffer_deinit(&expected);
    buffer_deinit(&projected);
    query_free(query);
}

Test(query, projects_columns_under_their_names)
{
    expect_projection("SELECT * FROM m", document);
    expect_projection("SELECT id, mag FROM m", "{\"id\": \"us1\", \"mag\": 5.5}");
    expect_projection("SELECT mag AS m, __key FROM m", "{\"m\": 5.5, \"__key\": \"k\"}");
    expect_projection("SELECT __key AS k, missing, n FROM m",
                      "{\"k\": \"k\", \"missing\": null, \"n\": null}");
    expect_projection(
        "SELECT \"o\", o.p[1].q, o.p[0] AS first FROM m",
        "{\"o\": {\"p\": [1, {\"q\": \"deep\"}]}, \"o.p[1].q\": \"deep\", \"first\": 1}");
    expect_projection("SELECT mag * 2, upper( id ) FROM m",
                      "{\"mag * 2\": 11.0, \"upper( id )\": \"US1\"}");
    expect_projection("SELECT count + 1 AS next, mag > 5 AS strong, missing > 5 AS what FROM m",
                      "{\"next\": 8, \"strong\": true, \"what\": null}");
    expect_projection("SELECT lower(id) AS a, upper(id) AS b, (count) FROM m",
                      "{\"a\": \"us1\", \"b\": \"US1\", \"count\": 7}");
    expect_projection("SELECT x'00' IS NULL AS no, 'text' AS t, NULL AS nothing FROM m",
                      "{\"no\": false, \"t\": \"text\", \"nothing\": null}");
}

Test(query, a_projected_path_keeps_its_encoding)
{
    static const uint8_t value[] = {0x82, 0xa1, 'f',  0xca, 0x3f, 0x80, 0, 0, // f: float 32
                                    0xa1, 'e',  0xc7, 0x01, 0x05, 0xff};      // e: an extension
    struct query *query = compile("SELECT e, f FROM m");
    static const uint8_t expected[] = {0x82, 0xa1, 'e',  0xc7, 0x01, 0x05, 0xff,
                                       0xa1, 'f',  0xca, 0x3f, 0x80, 0,    0};
    struct buffer out = {0};
    query_project(query, bytes_of("\x01", 1), bytes_of(value, sizeof value), &out);
    cr_expect(bytes_equal(buffer_bytes(&out), bytes_of(expected, sizeof expected)));
    buffer_deinit(&out);
    query_free(query);
}

Test(query, tells_its_parts)
{
    struct query *query = compile("SELECT * FROM quakes");
    cr_expect(bytes_equal(query_map(query), bytes_of_text("quakes")));
    cr_expect_eq(query_limit(query), 0);
    cr_expect(query_selects_all(query));
    cr_expect(!query_has_predicate(query));
    cr_expect(query_matches(query, bytes_of("\x01", 1), bytes_of("\xc0", 1)));
    query_free(query);
    query = compile("SELECT a FROM \"my \"\"map\"\"\" WHERE b LIMIT 18446744073709551615");
    cr_expect(bytes_equal(query_map(query), bytes_of_text("my \"map\"")));
    cr_expect_eq(query_limit(query), UINT64_MAX);
    cr_expect(!query_selects_all(query));
    cr_expect(query_has_predicate(query));
    query_free(query);
}

Test(query, its_list_and_its_predicate_are_pieces_of_the_text)
{
    static const struct {
        const char *text;
        const char *columns;
        const char *where;
    } rows[] = {
        {"SELECT * FROM m", "*", ""},
        {"select  *\tfrom m where a=1 ;", "*", "a=1"},
        {"SELECT a, b FROM m WHERE (a = 1) LIMIT 5", "a, b", "(a = 1)"},
        {"SELECT(a)FROM m WHERE NOT EXISTS(a)", "(a)", "NOT EXISTS(a)"},
        {"SELECT -a AS \"b c\"FROM m WHERE b IS NOT NULL", "-a AS \"b c\"", "b IS NOT NULL"},
        {"SELECT a, -- first\n lower(b) -- second\nFROM m WHERE a -- third\n = 1 -- end",
         "a, -- first\n lower(b)", "a -- third\n = 1"},
        {"SELECT a.b[0], a NOT IN (1, 2) FROM m WHERE a LIKE 'x' ESCAPE '!'",
         "a.b[0], a NOT IN (1, 2)", "a LIKE 'x' ESCAPE '!'"},
    };
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        struct query *query = compile(rows[at].text);
        cr_expect(bytes_equal(query_columns(query), bytes_of_text(rows[at].columns)), "%s",
                  rows[at].text);
        cr_expect(bytes_equal(query_where(query), bytes_of_text(rows[at].where)), "%s",
                  rows[at].text);
        query_free(query);
    }
}

static void expect_same_rows(const char *text, const char *json)
{
    struct query *query = compile(text);
    struct query *alone = query_of_columns(query);
    struct buffer value = {0};
    struct buffer row = {0};
    struct buffer same = {0};
    json_write_text(json, &value);
    query_project(query, bytes_of("\x01", 1), buffer_bytes(&value), &row);
    query_project(alone, bytes_of("\x01", 1), buffer_bytes(&value), &same);
    cr_expect(bytes_equal(buffer_bytes(&row), buffer_bytes(&same)), "%s", text);
    cr_expect(!query_has_predicate(alone), "%s", text);
    cr_expect_eq(query_limit(alone), 0, "%s", text);
    buffer_deinit(&value);
    buffer_deinit(&row);
    buffer_deinit(&same);
    query_free(alone);
    query_free(query);
}

Test(query, the_list_alone_gives_the_same_rows)
{
    expect_same_rows("SELECT * FROM m WHERE a = 1 LIMIT 3", "{\"a\": 1}");
    expect_same_rows("SELECT a, o.p, (a+1) -- what\n, __key -- the key\nFROM m WHERE a > 5",
                     "{\"a\": 1, \"o\": {\"p\": [1, 2]}}");
}

// What is written around the list alone may take more than what stood around it.
Test(query, the_list_of_the_longest_text_stands_alone_too)
{
    char *text = malloc(QUERY_TEXT_BYTES_MAX + 1);
    memset(text, ' ', QUERY_TEXT_BYTES_MAX);
    memcpy(text, "SELECT(a", 8);
    memcpy(text + QUERY_TEXT_BYTES_MAX - 7, ")FROM m", 8);
    expect_same_rows(text, "{\"a\": 1}");
    free(text);
}

// ---- Real data ----

// Calls with each line of the earthquakes file as MessagePack.
static void quakes_each(void (*visit)(void *context, struct bytes value), void *context)
{
    FILE *file = fopen("tests/data/earthquakes.jsonl", "r");
    cr_assert_not_null(file, "run the tests in the root of the source tree");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    struct buffer value = {0};
    while ((size = getline(&line, &capacity, file)) > 0) {
        buffer_clear(&value);
        json_write(bytes_of(line, (size_t)size), &value);
        visit(context, buffer_bytes(&value));
    }
    free(line);
    buffer_deinit(&value);
    fclose(file);
}

struct tally {
    struct query *query;
    unsigned seen;
    unsigned matched;
};

static void tally_visit(void *context, struct bytes value)
{
    struct tally *tally = context;
    tally->seen++;
    tally->matched += query_matches(tally->query, bytes_of("\x01", 1), value);
}

static unsigned quakes_matching(const char *predicate)
{
    char text[256];
    snprintf(text, sizeof text, "SELECT * FROM quakes WHERE %s", predicate);
    struct tally tally = {.query = compile(text)};
    quakes_each(tally_visit, &tally);
    cr_expect_eq(tally.seen, 1707);
    query_free(tally.query);
    return tally.matched;
}

Test(query, finds_the_strong_quakes)
{
    cr_expect_eq(quakes_matching("mag >= 4.5"), 85);
    cr_expect_eq(quakes_matching("NOT mag < 4.5 AND mag IS NOT NULL"), 85);
    cr_expect_eq(quakes_matching("mag < 4.5 OR mag IS NULL"), 1707 - 85);
    cr_expect_eq(quakes_matching("felt IS NULL") + quakes_matching("felt IS NOT NULL"), 1707);
    cr_expect_eq(quakes_matching("place LIKE '%Alaska%'"),
                 quakes_matching("lower(place) LIKE '%alaska%'"));
}
