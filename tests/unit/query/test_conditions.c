// SPDX-License-Identifier: Apache-2.0
#include "node/query/conditions.h"

#include "node/query/code.h"
#include "tests/support/conditions.h"
#include "tests/support/expression.h"
#include "tests/support/outcome.h"

#include <criterion/criterion.h>
#include <stdio.h>

// A query's code and conditions over fields that others use too.
struct derived {
    struct query *query;
    struct buffer code;
    struct arena arena;
    struct conditions conditions;
};

static struct derived derive(struct fields *fields, const char *predicate)
{
    struct derived derived = {0};
    struct buffer text = {0};
    struct query_error error = {0};
    buffer_append(&text, "SELECT * FROM m WHERE ", 22);
    buffer_append(&text, predicate, strlen(predicate));
    derived.query = query_new(buffer_bytes(&text), &error);
    cr_assert_not_null(derived.query, "%s: %s", predicate, error.text);
    buffer_deinit(&text);
    cr_assert(code_compile(derived.query, fields, &derived.code));
    derived.conditions = conditions_of(derived.query, fields, &derived.arena);
    return derived;
}

static void derived_deinit(struct derived *derived, struct fields *fields)
{
    code_release(buffer_bytes(&derived->code), fields);
    buffer_deinit(&derived->code);
    arena_deinit(&derived->arena);
    query_free(derived->query);
}

// The conditions as conditions_say writes them.
static void expect(const char *predicate, const char *expected)
{
    struct fields *fields = fields_new();
    struct derived derived = derive(fields, predicate);
    struct buffer said = {0};
    conditions_say(&derived.conditions, fields, &said);
    buffer_append(&said, "", 1);
    cr_expect_str_eq((const char *)said.data, expected, "%s\n   is %s\nnot  %s", predicate,
                     (const char *)said.data, expected);
    buffer_deinit(&said);
    derived_deinit(&derived, fields);
    fields_free(fields);
}

struct row {
    const char *predicate;
    const char *conditions;
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t at = 0; at < count; at++)
        expect(rows[at].predicate, rows[at].conditions);
}

#define EXPECT_ROWS(rows) expect_rows(rows, sizeof(rows) / sizeof *(rows))

Test(conditions, of_comparisons)
{
    static const struct row rows[] = {
        {"a = 5", "{a in 5}!"},
        {"5 = a", "{a in 5}!"},
        {"a <> 5", "{}"},
        {"a < 5", "{a range ..5)}!"},
        {"5 < a", "{a range (5..}!"},
        {"a >= 'x'", "{a range 'x'..}!"},
        {"x'00' >= a", "{a range ..x'00'}!"},
        {"a.b[3].\"c d\" = 1", "{a.b[3].\"c d\" in 1}!"},
        {"\"a\"\"b\".\"\" = 1", "{\"a\"\"b\".\"\" in 1}!"},
        {"__key = 'k'", "{__key in 'k'}!"},
        {"NOT a < 5", "{a range 5..}!"},
        {"NOT a = 5", "{}"},
        {"NOT a <> 5", "{a in 5}!"},
        {"a = b", "{}"},
        {"a + 1 = 5", "{}"},
        {"1 < 2", "{}!"},
        {"1 > 2", "never"},
        {"a BETWEEN 1 AND 5", "{a range 1..5}!"},
        {"a BETWEEN 1 AND b", "{a range 1..}"},
        {"a NOT BETWEEN 1 AND 5", "{a range ..1)}! | {a range (5..}!"},
        {"a BETWEEN NULL AND 5", "never"},
        {"a NOT BETWEEN NULL AND 5", "{a range (5..}!"},
        {"5 BETWEEN a AND b", "{a range ..5, b range 5..}!"},
    };
    EXPECT_ROWS(rows);
}

Test(conditions, numbers_have_one_form)
{
    static const struct row rows[] = {
        {"a = 1.0", "{a in 1}!"},
        {"a = -0.0", "{a in 0}!"},
        {"a IN (1, 1.0, 1e0, 2)", "{a in 1 2}!"},
        {"a = 1e300", "{a in 1e+300}!"},
        {"a = 9223372036854775808.0", "{a in 9223372036854775808}!"},
        {"a = 18446744073709551616.0", "{a in 1.84467e+19}!"},
        {"a = -9223372036854775808.0", "{a in -9223372036854775808}!"},
        {"a > 2.0", "{a range (2..}!"},
        {"a = 2.5", "{a in 2.5}!"},
    };
    EXPECT_ROWS(rows);
}

Test(conditions, of_computed_constants)
{
    static const struct row rows[] = {
        {"a > 2 * 60", "{a range (120..}!"},
        {"a = -(3)", "{a in -3}!"},
        {"a = 7 / 2", "{a in 3.5}!"},
        {"a = 1 / 0", "{}"},
        {"a IN (1 + 1, round(2.4))", "{a in 2}!"},
        {"a BETWEEN 10 - 1 AND abs(-10)", "{a range 9..10}!"},
        {"mod(7, 4) = a", "{a in 3}!"},
        {"a + 1 > 2 * 60", "{}"},
    };
    EXPECT_ROWS(rows);
}

Test(conditions, of_booleans)
{
    static const struct row rows[] = {
        {"a", "{a in true}!"},
        {"NOT a", "{a in false}!"},
        {"a = TRUE", "{a in true}!"},
        {"a <> TRUE", "{a in false}!"},
        {"a < TRUE", "{a in false}!"},
        {"a <= TRUE", "{a in false true}!"},
        {"a > TRUE", "never"},
        {"TRUE", "{}!"},
        {"FALSE", "never"},
        {"NOT FALSE", "{}!"},
        {"NULL", "never"},
        {"NOT NULL", "never"},
        {"(a > 1) = TRUE", "{}"},
    };
    EXPECT_ROWS(rows);
}

Test(conditions, of_lists)
{
    static const struct row rows[] = {
        {"a IN (3, 1, 2, 1)", "{a in 1 2 3}!"},
        {"a IN ('b', NULL, 'a')", "{a in 'a' 'b'}!"},
        {"a IN (NULL)", "never"},
        {"a IN (1, b)", "{}"},
        {"a NOT IN (1, 2)", "{}"},
        {"a NOT IN (1, NULL)", "never"},
        {"a NOT IN (TRUE)", "{a in false}!"},
        {"5 IN (a, b)", "{a in 5}! | {b in 5}!"},
        {"5 IN (a, 5)", "{}!"},
        {"5 NOT IN (a, 5)", "never"},
        {"a = 1 OR a = 2 OR a = 1.0", "{a in 1 2}!"},
        {"a = 2 OR b = 1 OR a = 'x'", "{a in 2 'x'}! | {b in 1}!"},
        {"NOT (a <> 1 AND a <> 2)", "{a in 1 2}!"},
    };
    EXPECT_ROWS(rows);
}

Test(conditions, of_patterns)
{
    static const struct row rows[] = {
        {"a LIKE 'abc%'", "{a prefix 'abc'}!"},
        {"a LIKE '%abc'", "{a suffix 'abc'}!"},
        {"a LIKE '%abc%'", "{a contains 'abc'}!"},
        {"a LIKE '%ab%'", "{}"},
        {"a LIKE 'abc'", "{a in 'abc'}!"},
        {"a LIKE ''", "{a in ''}!"},
        {"a LIKE '%'", "{}"},
        {"a LIKE '_'", "{}"},
        {"a LIKE 'ab%cd'", "{a prefix 'ab', a suffix 'cd'}"},
        {"a LIKE 'ab_cd'", "{a prefix 'ab', a suffix 'cd'}"},
        {"a LIKE 'ab_cde_f%ghi%'", "{a prefix 'ab', a contains 'cde', a contains 'ghi'}"},
        {"a LIKE '_abc_%'", "{a contains 'abc'}"},
        {"a LIKE '%a!%b' ESCAPE '!'", "{a suffix 'a%b'}!"},
        {"a NOT LIKE 'abc%'", "{}"},
        {"lower(a) LIKE 'abc%'", "{}"},
    };
    EXPECT_ROWS(rows);
}

Test(conditions, of_what_is_not_there)
{
    static const struct row rows[] = {
        {"a IS NULL", "{a null}!"},
        {"a IS NOT NULL", "{a exists}"},
        {"NOT (a IS NULL)", "{a exists}"},
        {"EXISTS a.b", "{a.b exists}!"},
        {"NOT EXISTS a", "{a null}"},
        {"__key IS NULL", "never"},
        {"__key IS NOT NULL", "{}"},
        {"1 IS NULL", "never"},
        {"NULL IS NULL", "{}!"},
        {"(a > 5) IS NULL", "{}"},
        {"NOT ((a > 5) IS NOT NULL)", "{}"},
    };
    EXPECT_ROWS(rows);
}

Test(conditions, of_one_field_are_joined)
{
    static const struct row rows[] = {
        {"a > 1 AND a <= 5 AND a > 2", "{a range (2..5}!"},
        {"a < 5 AND a <= 5", "{a range ..5)}!"},
        {"a <= 5 AND a < 5", "{a range ..5)}!"},
        {"a > 5 AND a >= 5", "{a range (5..}!"},
        {"a >= 5 AND a > 5", "{a range (5..}!"},
        {"a >= 5 AND a <= 5", "{a in 5}!"},
        {"a > 5 AND a <= 5", "never"},
        {"a > 5 AND a < 'x'", "never"},
        {"a IN (1, 2, 3) AND a >= 2", "{a in 2 3}!"},
        {"a IN (1, 2) AND a IN (2, 3)", "{a in 2}!"},
        {"a = 1 AND a = 'x'", "never"},
        {"a IN ('ab', 'b') AND a LIKE 'a%'", "{a in 'ab'}!"},
        {"a IN ('xabcx', 'ab') AND a LIKE '%abc%'", "{a in 'xabcx'}!"},
        {"(a = 5 OR a IN ('xab', 'abx')) AND a LIKE '%ab'", "{a in 'xab'}!"},
        {"a LIKE '%abc' AND a LIKE '%abc'", "{a suffix 'abc'}!"},
        {"EXISTS a AND EXISTS a", "{a exists}!"},
        {"a IS NULL AND a IS NULL", "{a null}!"},
        {"a LIKE 'a%' AND a LIKE 'ab%'", "{a prefix 'ab'}!"},
        {"a LIKE 'a%' AND a LIKE 'b%'", "never"},
        {"a LIKE 'a%' AND a > 5", "never"},
        {"a LIKE 'a%' AND a > 'aa'", "{a prefix 'a', a range ('aa'..}!"},
        {"a IS NULL AND a = 5", "never"},
        {"a IS NULL AND EXISTS a", "{a null, a exists}!"},
        {"EXISTS a AND a > 5", "{a range (5..}!"},
        {"a IS NOT NULL AND a > 5", "{a range (5..}"},
        {"a = 5 AND __key = 5", "{a in 5, __key in 5}!"},
    };
    EXPECT_ROWS(rows);
}

Test(conditions, of_logic)
{
    static const struct row rows[] = {
        {"region = 'eu' AND (price > 5 OR symbol IN ('a', 'b')) AND length(note) < 9",
         "{region in 'eu', price range (5..} | {region in 'eu', symbol in 'a' 'b'}"},
        {"NOT (a = 1 OR b < 2)", "{b range 2..}"},
        {"a = 1 AND TRUE", "{a in 1}!"},
        {"a = 1 OR TRUE", "{}!"},
        {"a = 1 AND FALSE", "never"},
        {"a = 1 OR FALSE", "{a in 1}!"},
        {"a = 1 OR b <> 1", "{}"},
        {"(a = 1 OR b = 2) AND (a = 2 OR b = 3)", "{a in 1, b in 3}! | {b in 2, a in 2}!"},
    };
    EXPECT_ROWS(rows);
}

Test(conditions, stay_bounded)
{
    enum { TERMS = 2500 };
    struct fields *fields = fields_new();
    struct buffer text = {0};
    for (unsigned at = 0; at < TERMS; at++) {
        char term[64];
        int size = snprintf(term, sizeof term, "%s(a>%u OR b>%u)", at == 0 ? "" : " AND ", at, at);
        buffer_append(&text, term, (size_t)size);
    }
    buffer_append(&text, "", 1);
    struct derived derived = derive(fields, (const char *)text.data);
    cr_expect_leq(derived.conditions.count, CONJUNCTIONS_MAX);
    derived_deinit(&derived, fields);
    buffer_deinit(&text);
    fields_free(fields);
}

Test(conditions, beyond_the_most_nothing_is_known)
{
    struct buffer text = {0};
    for (unsigned at = 0; at <= CONJUNCTIONS_MAX; at++) {
        char term[64];
        int size = snprintf(term, sizeof term, "%sf%u = 1", at == 0 ? "" : " OR ", at);
        buffer_append(&text, term, (size_t)size);
    }
    buffer_append(&text, "", 1);
    expect((const char *)text.data, "{}");
    buffer_deinit(&text);
}

static void list_append(struct buffer *text, unsigned count)
{
    buffer_append(text, "a IN (0", 7);
    for (unsigned at = 1; at < count; at++) {
        char element[16];
        int size = snprintf(element, sizeof element, ",%u", at);
        buffer_append(text, element, (size_t)size);
    }
    buffer_append(text, ")", 1);
}

// Too much work: one of the lists stands for both, and says less than all.
Test(conditions, long_lists_are_not_joined)
{
    enum { ELEMENTS = 500 };
    struct fields *fields = fields_new();
    struct buffer text = {0};
    list_append(&text, ELEMENTS);
    buffer_append(&text, " AND ", 5);
    list_append(&text, ELEMENTS / 2);
    buffer_append(&text, "", 1);
    struct derived derived = derive(fields, (const char *)text.data);
    cr_assert_eq(derived.conditions.count, 1);
    const struct conjunction *conjunction = &derived.conditions.conjunctions[0];
    cr_assert_eq(conjunction->count, 1);
    cr_expect_eq(conjunction->conditions[0].value_count, ELEMENTS);
    cr_expect(!conjunction->is_exact);
    derived_deinit(&derived, fields);
    buffer_deinit(&text);
    fields_free(fields);
}

Test(conditions, beyond_thirty_two_fields_they_are_left_out)
{
    struct fields *fields = fields_new();
    struct buffer text = {0};
    for (unsigned at = 0; at < 33; at++) {
        char term[32];
        int size = snprintf(term, sizeof term, "%sf%u = 1", at == 0 ? "" : " AND ", at);
        buffer_append(&text, term, (size_t)size);
        struct buffer whole = {0};
        buffer_append(&whole, text.data, buffer_size(&text));
        buffer_append(&whole, "", 1);
        struct derived derived = derive(fields, (const char *)whole.data);
        const struct conjunction *conjunction = &derived.conditions.conjunctions[0];
        cr_expect_eq(conjunction->count, at < 32 ? at + 1 : 32);
        cr_expect_eq(conjunction->is_exact, at < 32);
        derived_deinit(&derived, fields);
        buffer_deinit(&whole);
    }
    buffer_deinit(&text);
    fields_free(fields);
}

// ---- Random expressions ----

enum { QUERIES = 12, DOCUMENTS = 24, ROUNDS = 1500 };

static void derive_random(struct random *random, struct fields *fields, struct derived *derived)
{
    for (unsigned at = 0; at < QUERIES; at++) {
        struct buffer text = {0};
        expression_write_boolean(random, 1 + (unsigned)random_below(random, 3), &text);
        buffer_append(&text, "", 1);
        derived[at] = derive(fields, (const char *)text.data);
        buffer_deinit(&text);
    }
}

static void expect_right(const struct derived *derived, struct bytes key, struct bytes value,
                         const struct bytes *slots, struct code_stack *stack)
{
    bool matches = query_matches(derived->query, key, value);
    struct bytes where = query_where(derived->query);
    cr_assert_eq(code_matches(buffer_bytes(&derived->code), key, slots, stack), matches, "%.*s",
                 (int)where.size, (const char *)where.data);
    struct outcome outcome = outcome_of(&derived->conditions, key, slots);
    cr_assert(!matches || outcome.may_be_true, "TRUE in spite of its conditions: %.*s",
              (int)where.size, (const char *)where.data);
    cr_assert(!outcome.is_true || matches, "not TRUE in spite of its conditions: %.*s",
              (int)where.size, (const char *)where.data);
}

Test(conditions, hold_whenever_the_predicate_is_true)
{
    struct random random = {.state = 2024};
    struct code_stack *stack = code_stack_new();
    struct derived derived[QUERIES];
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct fields *fields = fields_new();
        derive_random(&random, fields, derived);
        struct bytes *slots = calloc(fields_slot_count(fields) + 1, sizeof *slots);
        for (unsigned document = 0; document < DOCUMENTS; document++) {
            static const uint8_t keys[][3] = {{1}, {0xa2, 'a', 'b'}, {0xc4, 1, 'a'}};
            static const size_t key_sizes[] = {1, 3, 3};
            uint64_t which = random_below(&random, 3);
            struct bytes key = bytes_of(keys[which], key_sizes[which]);
            struct buffer value = {0};
            expression_write_document(&random, &value);
            fields_find(fields, buffer_bytes(&value), slots);
            for (unsigned at = 0; at < QUERIES; at++)
                expect_right(&derived[at], key, buffer_bytes(&value), slots, stack);
            buffer_deinit(&value);
        }
        free(slots);
        for (unsigned at = 0; at < QUERIES; at++)
            derived_deinit(&derived[at], fields);
        fields_free(fields);
    }
    code_stack_free(stack);
}
