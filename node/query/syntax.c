// SPDX-License-Identifier: Apache-2.0
#include "node/query/syntax.h"

#include "node/query/function.h"

#include "grammar.h"

#include <stdio.h>
#include <strings.h>

enum { EXPECTED_BYTES = 120, KIND_NONE = -1 };

// One thing that may be expected: said when the parser accepts `kind`, and also `with`, and not
// `unless`. A float may stand just where any value may.
struct expectation {
    int kind;
    int with;
    int unless;
    const char *text;
};

static const struct expectation expectations[] = {
    {TOKEN_SELECT, KIND_NONE, KIND_NONE, "SELECT"},
    {TOKEN_STAR, TOKEN_FLOAT, KIND_NONE, "`*`"},
    {TOKEN_FLOAT, KIND_NONE, KIND_NONE, "a value"},
    {TOKEN_NAME, KIND_NONE, TOKEN_FLOAT, "a name"},
    {TOKEN_INTEGER, KIND_NONE, TOKEN_FLOAT, "an integer"},
    {TOKEN_STRING, KIND_NONE, TOKEN_FLOAT, "a 'string'"},
    {TOKEN_EQUAL, KIND_NONE, KIND_NONE, "a comparison"},
    {TOKEN_IN, KIND_NONE, TOKEN_EQUAL, "IN"},
    {TOKEN_BETWEEN, KIND_NONE, TOKEN_EQUAL, "BETWEEN"},
    {TOKEN_LIKE, KIND_NONE, TOKEN_EQUAL, "LIKE"},
    {TOKEN_NULL, KIND_NONE, TOKEN_FLOAT, "NULL"},
    {TOKEN_NOT, TOKEN_NULL, TOKEN_FLOAT, "NOT NULL"},
    {TOKEN_ESCAPE, KIND_NONE, KIND_NONE, "ESCAPE"},
    {TOKEN_AND, KIND_NONE, KIND_NONE, "AND"},
    {TOKEN_OR, KIND_NONE, KIND_NONE, "OR"},
    {TOKEN_AS, KIND_NONE, KIND_NONE, "AS"},
    {TOKEN_COMMA, KIND_NONE, KIND_NONE, "`,`"},
    {TOKEN_RIGHT, KIND_NONE, KIND_NONE, "`)`"},
    {TOKEN_CLOSE, KIND_NONE, KIND_NONE, "`]`"},
    {TOKEN_FROM, KIND_NONE, KIND_NONE, "FROM"},
    {TOKEN_WHERE, KIND_NONE, KIND_NONE, "WHERE"},
    {TOKEN_LIMIT, KIND_NONE, KIND_NONE, "LIMIT"},
    {0, KIND_NONE, KIND_NONE, "the end"},
};

enum { EXPECTATION_COUNT = sizeof expectations / sizeof *expectations };

static bool expectation_holds(const struct expectation *expectation, const void *parser)
{
    if (!grammar_accepts(parser, expectation->kind))
        return false;
    if (expectation->with != KIND_NONE && !grammar_accepts(parser, expectation->with))
        return false;
    return expectation->unless == KIND_NONE || !grammar_accepts(parser, expectation->unless);
}

// Said of IN and EXISTS only: elsewhere it may stand for a value, or make a name a function.
static bool parenthesis_expected(const void *parser)
{
    return grammar_accepts(parser, TOKEN_LEFT) && !grammar_accepts(parser, TOKEN_FLOAT) &&
           !grammar_accepts(parser, TOKEN_DOT);
}

// "AND, OR or the end"
static void expected_list(const void *parser, char *out)
{
    const char *texts[EXPECTATION_COUNT + 1];
    size_t count = 0;
    for (size_t at = 0; at < EXPECTATION_COUNT; at++)
        if (expectation_holds(&expectations[at], parser))
            texts[count++] = expectations[at].text;
    if (parenthesis_expected(parser))
        texts[count++] = "`(`";
    size_t used = 0;
    for (size_t at = 0; at < count && used < EXPECTED_BYTES; at++) {
        const char *glue = at == 0 ? "" : at + 1 == count ? " or " : ", ";
        used += (size_t)snprintf(out + used, EXPECTED_BYTES - used, "%s%s", glue, texts[at]);
    }
}

static struct bytes token_text(const struct parse *parse, struct token token)
{
    return bytes_of(parse->text + token.offset, token.size);
}

static bool token_is(const struct parse *parse, struct token token, const char *text)
{
    return token.size == strlen(text) &&
           strncasecmp(parse->text + token.offset, text, token.size) == 0;
}

// Hints that hang on a word which is not of this language.
static const char *hint_of_word(const struct parse *parse, struct token token)
{
    static const struct {
        const char *word;
        const char *hint;
    } words[] = {
        {"order", "there is no ORDER BY: sort what the query returns"},
        {"group", "there is no GROUP BY: a query selects entries"},
        {"having", "there is no HAVING: a query selects entries"},
        {"join", "there are no joins: a query reads one map"},
        {"inner", "there are no joins: a query reads one map"},
        {"left", "there are no joins: a query reads one map"},
        {"union", "there is no UNION: send two queries"},
        {"offset", "there is no OFFSET: a scan goes on with its cursor"},
        {"distinct", "there is no DISTINCT"},
        {"ilike", "for any case of letters write lower(x) LIKE 'pattern'"},
        {"regexp", "there are no regular expressions: use LIKE with % and _"},
        {"rlike", "there are no regular expressions: use LIKE with % and _"},
        {"insert", "queries only read: put writes"},
        {"update", "queries only read: put and merge write"},
        {"delete", "queries only read: remove deletes"},
        {"isnull", "write IS NULL"},
        {"equals", "write ="},
        {"div", "write round(a / b) or (a - a % b) / b"},
    };
    for (size_t at = 0; at < sizeof words / sizeof *words; at++)
        if (token_is(parse, token, words[at].word))
            return words[at].hint;
    return NULL;
}

static const char *hint_after(struct token token, struct token previous)
{
    switch (previous.kind) {
    case TOKEN_IS:
        return "other values are compared with =";
    case TOKEN_IN:
        return "IN takes a list in parentheses: x IN (1, 2)";
    case TOKEN_NOT:
        return token.kind == TOKEN_EQUAL ? "unequal is <>" : NULL;
    case TOKEN_OPEN:
        return token.kind == TOKEN_MINUS ? "an index counts from 0" : NULL;
    case TOKEN_LIKE:
    case TOKEN_ESCAPE:
        return token.kind == TOKEN_QUOTED ? "strings take single quotes" : NULL;
    case TOKEN_STAR:
        return token.kind == TOKEN_COMMA ? "SELECT * stands alone" : NULL;
    case TOKEN_SELECT:
        return token.kind == TOKEN_FROM ? "SELECT * takes whole values" : NULL;
    case TOKEN_EXISTS:
        return "EXISTS takes a path: EXISTS a.b";
    default:
        return NULL;
    }
}

static bool token_is_word(const struct parse *parse, struct token token)
{
    char first = parse->text[token.offset];
    return token.size > 0 && ((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z')) &&
           token.kind != TOKEN_NAME && token.kind != TOKEN_BINARY;
}

static const char *hint_find(const struct parse *parse, const void *parser, struct token token,
                             struct token previous)
{
    const char *hint = hint_after(token, previous);
    if (hint == NULL && token.kind == TOKEN_NAME)
        hint = hint_of_word(parse, token);
    if (hint == NULL && previous.kind == TOKEN_NAME)
        hint = hint_of_word(parse, previous);
    if (hint != NULL)
        return hint;
    if (grammar_accepts(parser, TOKEN_NAME) && token_is_word(parse, token))
        return "a name that is a keyword takes double quotes";
    if (grammar_accepts(parser, TOKEN_WHERE) && token.kind == TOKEN_MINUS)
        return "a map whose name has other characters than letters, digits and _ takes double "
               "quotes";
    if (grammar_accepts(parser, TOKEN_FLOAT) && token.kind == TOKEN_PLUS)
        return "a number takes no +";
    if (grammar_accepts(parser, TOKEN_WHERE) && token.kind == TOKEN_STRING)
        return "names take double quotes or none";
    if (token.kind == TOKEN_STRING && !grammar_accepts(parser, TOKEN_FLOAT) &&
        grammar_accepts(parser, TOKEN_NAME))
        return "names take double quotes or none";
    if (previous.kind == TOKEN_NAME && token.kind == TOKEN_STRING && token_is(parse, previous, "x"))
        return "no space between x and '...'";
    return NULL;
}

void syntax_complain(struct parse *parse, const void *parser, struct token token,
                     struct token previous)
{
    char expected[EXPECTED_BYTES];
    expected_list(parser, expected);
    const char *hint = hint_find(parse, parser, token, previous);
    const char *glue = hint != NULL ? "; " : "";
    const char *tail = hint != NULL ? hint : "";
    if (token.kind == 0)
        source_complain(parse->source, token.offset, "the query ends here, expected %s%s%s",
                        expected, glue, tail);
    else
        source_complain(parse->source, token.offset, "found `%s`, expected %s%s%s",
                        quote_of(token_text(parse, token)).text, expected, glue, tail);
}

void syntax_complain_function(struct parse *parse, struct token name)
{
    static const char *const aggregates[] = {"count", "sum", "avg", "min", "max"};
    struct bytes text = token_text(parse, name);
    struct quote quote = quote_of(text);
    for (size_t at = 0; at < sizeof aggregates / sizeof *aggregates; at++) {
        if (!token_is(parse, name, aggregates[at]))
            continue;
        source_complain(parse->source, name.offset,
                        "there is no function `%s`: a query selects entries, it does not "
                        "aggregate them",
                        quote.text);
        return;
    }
    const char *nearest = function_nearest(text);
    if (nearest != NULL)
        source_complain(parse->source, name.offset, "there is no function `%s`; did you mean %s?",
                        quote.text, nearest);
    else
        source_complain(parse->source, name.offset,
                        "there is no function `%s`; there are lower, upper, length, abs, round "
                        "and mod",
                        quote.text);
}
