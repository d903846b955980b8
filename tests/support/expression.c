// SPDX-License-Identifier: Apache-2.0
#include "tests/support/expression.h"

#include "cluster/wire/writer.h"

#include <stdio.h>

static const char *const fields[] = {"a", "b", "c", "d", "e"};

static void say(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static const char *choose(struct random *random, const char *const *choices, size_t count)
{
    return choices[random_below(random, count)];
}

#define CHOOSE(random, ...)                                                                        \
    choose(random, (const char *const[]){__VA_ARGS__},                                             \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void path_say(struct random *random, struct buffer *out)
{
    say(out, CHOOSE(random, "a", "b", "c", "d", "e", "o.a", "o.b", "o.\"c\"", "l[0]", "l[2]", "l",
                    "o", "l[1].a", "missing", "__key"));
}

static void number_say(struct random *random, unsigned depth, struct buffer *out)
{
    switch (random_below(random, depth == 0 ? 2 : 7)) {
    case 0:
        say(out, CHOOSE(random, "0", "1", "2", "-3", "2.5", "-0.5", "9007199254740993", "1e300",
                        "9223372036854775807", "-9223372036854775808", "18446744073709551615",
                        "9223372036854775808.0", "NULL"));
        return;
    case 1:
        path_say(random, out);
        return;
    case 2:
        say(out, "-(");
        number_say(random, depth - 1, out);
        say(out, ")");
        return;
    case 3:
        say(out, CHOOSE(random, "abs(", "round("));
        number_say(random, depth - 1, out);
        say(out, ")");
        return;
    case 4:
        say(out, "mod(");
        number_say(random, depth - 1, out);
        say(out, ", ");
        number_say(random, depth - 1, out);
        say(out, ")");
        return;
    case 5:
        say(out, "length(");
        path_say(random, out);
        say(out, ")");
        return;
    default:
        say(out, "(");
        number_say(random, depth - 1, out);
        say(out, CHOOSE(random, " + ", " - ", " * ", " / ", " % "));
        number_say(random, depth - 1, out);
        say(out, ")");
        return;
    }
}

static void string_say(struct random *random, unsigned depth, struct buffer *out)
{
    switch (random_below(random, depth == 0 ? 2 : 3)) {
    case 0:
        say(out, CHOOSE(random, "''", "'ab'", "'AB'", "'b'", "'it''s'"));
        return;
    case 1:
        path_say(random, out);
        return;
    default:
        say(out, CHOOSE(random, "lower(", "upper("));
        string_say(random, depth - 1, out);
        say(out, ")");
        return;
    }
}

// An operand that goes with others of the same `family`: 0 numbers, 1 strings.
static void operand_say(struct random *random, uint64_t family, unsigned depth, struct buffer *out)
{
    if (family == 0)
        number_say(random, depth, out);
    else
        string_say(random, depth, out);
}

static const char *const signs[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};

// Of a path and a constant, in either order: what an index can use.
static void plain_comparison_say(struct random *random, struct buffer *out)
{
    const char *constant =
        CHOOSE(random, "0", "1", "-3", "2.5", "1.0", "9007199254740993", "9223372036854775808.0",
               "18446744073709551615", "1e300", "''", "'ab'", "'b'", "TRUE", "FALSE", "x''");
    bool is_mirrored = random_below(random, 3) == 0;
    if (is_mirrored)
        say(out, constant);
    else
        path_say(random, out);
    say(out, choose(random, signs, sizeof signs / sizeof *signs));
    if (is_mirrored)
        path_say(random, out);
    else
        say(out, constant);
}

static void comparison_say(struct random *random, unsigned depth, struct buffer *out)
{
    if (random_below(random, 2) == 0) {
        plain_comparison_say(random, out);
        return;
    }
    uint64_t family = random_below(random, 2);
    say(out, "((");
    operand_say(random, family, depth, out);
    // A bare NULL in a comparison does not compile: IS NULL is meant.
    say(out, family == 0 ? " + 0)" : ")");
    say(out, choose(random, signs, sizeof signs / sizeof *signs));
    say(out, "(");
    operand_say(random, family, depth, out);
    say(out, family == 0 ? " * 1))" : "))");
}

static void membership_say(struct random *random, unsigned depth, struct buffer *out)
{
    uint64_t family = random_below(random, 2);
    operand_say(random, family, depth, out);
    if (random_below(random, 3) == 0) {
        say(out, CHOOSE(random, " BETWEEN ", " NOT BETWEEN "));
        operand_say(random, family, depth, out);
        say(out, " AND ");
        operand_say(random, family, depth, out);
        return;
    }
    say(out, CHOOSE(random, " IN (", " NOT IN ("));
    for (uint64_t left = random_below(random, 12); left > 0; left--) {
        operand_say(random, family, random_below(random, 3) == 0 ? depth : 0, out);
        say(out, ", ");
    }
    operand_say(random, family, 0, out);
    say(out, ")");
}

static void test_say(struct random *random, unsigned depth, struct buffer *out)
{
    switch (random_below(random, 4)) {
    case 0:
        string_say(random, depth, out);
        say(out, CHOOSE(random, " LIKE ", " NOT LIKE "));
        say(out, CHOOSE(random, "'%'", "'a%'", "'%b'", "'_'", "'%a%'", "'a_'", "''", "'%_b%'",
                        "'ab%'", "'%abb%'", "'%t_s'", "'a%b'", "'abb'", "'%bb'"));
        return;
    case 1:
        number_say(random, depth, out);
        say(out, CHOOSE(random, " IS NULL", " IS NOT NULL"));
        return;
    case 2:
        say(out, CHOOSE(random, "EXISTS o.a", "EXISTS l[0]", "NOT EXISTS a", "EXISTS (missing)"));
        return;
    default:
        say(out, CHOOSE(random, "TRUE", "FALSE", "NULL", "a", "b", "c", "o.a", "l[0]"));
        return;
    }
}

void expression_write_boolean(struct random *random, unsigned depth, struct buffer *out)
{
    unsigned inner = depth > 0 ? depth - 1 : 0;
    say(out, "(");
    switch (random_below(random, depth == 0 ? 3 : 6)) {
    case 0:
        comparison_say(random, inner, out);
        break;
    case 1:
        membership_say(random, inner, out);
        break;
    case 2:
        test_say(random, inner, out);
        break;
    case 3:
        say(out, "NOT ");
        expression_write_boolean(random, inner, out);
        break;
    default:
        expression_write_boolean(random, inner, out);
        for (uint64_t left = 1 + random_below(random, 3); left > 0; left--) {
            say(out, CHOOSE(random, " AND ", " OR "));
            expression_write_boolean(random, inner, out);
        }
        break;
    }
    say(out, ")");
}

void expression_write_any(struct random *random, unsigned depth, struct buffer *out)
{
    switch (random_below(random, 3)) {
    case 0:
        number_say(random, depth, out);
        return;
    case 1:
        string_say(random, depth, out);
        return;
    default:
        expression_write_boolean(random, depth, out);
        return;
    }
}

static void scalar_write(struct random *random, struct buffer *out)
{
    static const int64_t integers[] = {0, 1, 2, -3, 9007199254740993, INT64_MAX, INT64_MIN};
    static const double reals[] = {0.0, 2.5, -0.5, 1e300, 9007199254740992.0, 0x1p63, 1.0};
    switch (random_below(random, 6)) {
    case 0:
        write_int(out, integers[random_below(random, sizeof integers / sizeof *integers)]);
        return;
    case 1:
        write_float(out, reals[random_below(random, sizeof reals / sizeof *reals)]);
        return;
    case 2:
        write_text(out, CHOOSE(random, "", "ab", "AB", "b", "it's", "abb"));
        return;
    case 3:
        write_bool(out, random_below(random, 2) == 0);
        return;
    case 4:
        write_uint(out, UINT64_MAX - random_below(random, 2));
        return;
    default:
        write_nil(out);
        return;
    }
}

static void map_write(struct random *random, uint64_t field_count, struct buffer *out)
{
    write_map(out, (uint32_t)field_count);
    for (uint64_t at = 0; at < field_count; at++) {
        write_text(out, fields[at]);
        scalar_write(random, out);
    }
}

void expression_write_document(struct random *random, struct buffer *out)
{
    uint64_t field_count = 1 + random_below(random, 5);
    write_map(out, (uint32_t)field_count + 2);
    write_text(out, "o");
    map_write(random, random_below(random, 4), out);
    for (uint64_t at = 0; at < field_count; at++) {
        write_text(out, fields[at]);
        scalar_write(random, out);
    }
    write_text(out, "l");
    write_array(out, 3);
    scalar_write(random, out);
    map_write(random, 1, out);
    scalar_write(random, out);
}
