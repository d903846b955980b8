// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/writer.h"
#include "tests/support/json.h"
#include "tests/support/truth.h"

#include <criterion/criterion.h>
#include <math.h>

struct row {
    const char *predicate;
    char truth;
};

static void expect_rows(const struct row *rows, size_t count, const char *json)
{
    for (size_t at = 0; at < count; at++) {
        char truth = truth_of_json(rows[at].predicate, json);
        cr_expect_eq(truth, rows[at].truth, "%s of %s: %c, expected %c", rows[at].predicate, json,
                     truth, rows[at].truth);
    }
}

#define EXPECT_ROWS(rows, json) expect_rows(rows, sizeof(rows) / sizeof *(rows), json)

// t, f and n are TRUE, FALSE and nil; m is missing; s is a string, which is no truth value.
static const char truths[] = "{\"t\": true, \"f\": false, \"n\": null, \"s\": \"x\"}";

Test(evaluate, and_is_three_valued)
{
    static const struct row rows[] = {
        {"t AND t", 'T'}, {"t AND f", 'F'}, {"t AND n", 'N'}, {"f AND t", 'F'}, {"f AND f", 'F'},
        {"f AND n", 'F'}, {"n AND t", 'N'}, {"n AND f", 'F'}, {"n AND n", 'N'}, {"m AND f", 'F'},
        {"f AND m", 'F'}, {"m AND t", 'N'}, {"s AND t", 'N'}, {"s AND f", 'F'}, {"t AND s", 'N'},
    };
    EXPECT_ROWS(rows, truths);
}

Test(evaluate, or_is_three_valued)
{
    static const struct row rows[] = {
        {"t OR t", 'T'}, {"t OR f", 'T'}, {"t OR n", 'T'}, {"f OR t", 'T'}, {"f OR f", 'F'},
        {"f OR n", 'N'}, {"n OR t", 'T'}, {"n OR f", 'N'}, {"n OR n", 'N'}, {"m OR t", 'T'},
        {"t OR m", 'T'}, {"m OR f", 'N'}, {"s OR t", 'T'}, {"s OR f", 'N'}, {"f OR s", 'N'},
    };
    EXPECT_ROWS(rows, truths);
}

Test(evaluate, not_is_three_valued)
{
    static const struct row rows[] = {
        {"NOT t", 'F'},     {"NOT f", 'T'}, {"NOT n", 'N'},    {"NOT m", 'N'}, {"NOT s", 'N'},
        {"NOT NOT t", 'T'}, {"t", 'T'},     {"f", 'F'},        {"n", 'N'},     {"NULL", 'N'},
        {"TRUE", 'T'},      {"FALSE", 'F'}, {"NOT NULL", 'N'},
    };
    EXPECT_ROWS(rows, truths);
}

Test(evaluate, chains_keep_three_values_whatever_their_length)
{
    static const struct row rows[] = {
        {"t AND t AND n AND f", 'F'},
        {"n AND t AND t", 'N'},
        {"f OR n OR f OR t", 'T'},
        {"f OR n OR f", 'N'},
        {"t AND (n OR f)", 'N'},
        {"NOT (n AND t)", 'N'},
        {"NOT (n AND f)", 'T'},
        {"NOT (n OR t) OR t", 'T'},
        {"f AND t OR t", 'T'},
        {"t OR t AND f", 'T'},
        {"NOT f AND f", 'F'},
        {"NOT (f AND f)", 'T'},
        {"(t OR n) AND (n OR t)", 'T'},
        {"(f OR n) AND (n OR t)", 'N'},
        {"(f AND n) OR (n AND f)", 'F'},
    };
    EXPECT_ROWS(rows, truths);
}

// i 5, d 5.5, z 0, u above INT64_MAX is written as a float literal elsewhere.
static const char values[] =
    "{\"i\": 5, \"d\": 5.5, \"z\": 0, \"neg\": -7, \"s\": \"abc\", \"e\": \"\", \"b\": true,"
    " \"n\": null, \"a\": [1, 2, [3, {\"x\": 9}]], \"o\": {\"p\": {\"q\": 1, \"r\": null}},"
    " \"u\": \"Zürich\", \"odd key\": 1, \"limit\": 3, \"big\": 9007199254740993}";

Test(evaluate, comparisons)
{
    static const struct row rows[] = {
        {"i = 5", 'T'},           {"i == 5", 'T'},        {"i <> 5", 'F'},
        {"i != 5", 'F'},          {"i < 5", 'F'},         {"i <= 5", 'T'},
        {"i > 5", 'F'},           {"i >= 5", 'T'},        {"5 = i", 'T'},
        {"4 < i", 'T'},           {"6 <= i", 'F'},        {"4 > i", 'F'},
        {"5 >= i", 'T'},          {"6 <> i", 'T'},        {"i = 5.0", 'T'},
        {"i < d", 'T'},           {"d > i", 'T'},         {"d = 5.5", 'T'},
        {"i < i", 'F'},           {"s = 'abc'", 'T'},     {"s < 'abd'", 'T'},
        {"s < 'ab'", 'F'},        {"s > e", 'T'},         {"e = ''", 'T'},
        {"b = TRUE", 'T'},        {"b > FALSE", 'T'},     {"b = (i = 5)", 'T'},
        {"x'00' < x'0001'", 'T'}, {"x'ff' = x'FF'", 'T'}, {"'it''s' = 'it''s'", 'T'},
        {"neg = -7", 'T'},        {"neg < z", 'T'},       {"-neg = 7", 'T'},
    };
    EXPECT_ROWS(rows, values);
}

Test(evaluate, what_cannot_be_compared_is_null)
{
    static const struct row rows[] = {
        {"i = 'abc'", 'N'},   {"s = 5", 'N'},           {"s <> 5", 'N'},
        {"s < i", 'N'},       {"b = 1", 'N'},           {"i = b", 'N'},
        {"n = 1", 'N'},       {"m = 1", 'N'},           {"m <> 1", 'N'},
        {"m = m", 'N'},       {"a = a", 'N'},           {"o = o", 'N'},
        {"a <> o", 'N'},      {"a = 1", 'N'},           {"s = x'616263'", 'N'},
        {"NOT (m = 1)", 'N'}, {"i = 5 AND m = 1", 'N'}, {"i = 6 AND m = 1", 'F'},
    };
    EXPECT_ROWS(rows, values);
}

Test(evaluate, in)
{
    static const struct row rows[] = {
        {"i IN (5)", 'T'},
        {"i IN (1, 2, 3)", 'F'},
        {"i NOT IN (1, 2, 3)", 'T'},
        {"i IN (9, 7, 5.0, 1)", 'T'},
        {"i IN (1, NULL)", 'N'},
        {"i NOT IN (1, NULL)", 'N'},
        {"i IN (5, NULL)", 'T'},
        {"i NOT IN (5, NULL)", 'F'},
        {"m IN (1, 2)", 'N'},
        {"m IN (NULL)", 'N'},
        {"i IN (NULL)", 'N'},
        {"s IN (1, 2)", 'N'},
        {"s IN ('x', 'abc')", 'T'},
        {"i IN (10,11,12,13,14,15,16,17,18,19,5,20,21,22)", 'T'},
        {"d IN (10,11,12,13,14,15,16,17,18,19,5,20,21,22)", 'F'},
        {"i IN (z, neg, 5)", 'T'},
        {"i IN (z, 5, neg)", 'T'},
        {"i IN (z, neg, i)", 'T'},
        {"i IN (z, neg)", 'F'},
        {"i IN (z, m)", 'N'},
        {"i IN (m, i)", 'T'},
        {"i IN (1, m, NULL)", 'N'},
        {"i IN (z + 5)", 'T'},
        {"i NOT IN (z + 5, 3)", 'F'},
        {"m IN (z, i)", 'N'},
        {"b IN (TRUE)", 'T'},
        {"x'01' IN (x'02', x'01')", 'T'},
    };
    EXPECT_ROWS(rows, values);
}

Test(evaluate, between)
{
    static const struct row rows[] = {
        {"i BETWEEN 1 AND 10", 'T'},        {"i BETWEEN 5 AND 5", 'T'},
        {"i BETWEEN 6 AND 10", 'F'},        {"i BETWEEN 10 AND 1", 'F'},
        {"i NOT BETWEEN 6 AND 10", 'T'},    {"i NOT BETWEEN 1 AND 10", 'F'},
        {"i BETWEEN NULL AND 10", 'N'},     {"i BETWEEN NULL AND 4", 'F'},
        {"i BETWEEN 6 AND NULL", 'F'},      {"m BETWEEN 1 AND 2", 'N'},
        {"s BETWEEN 'a' AND 'b'", 'T'},     {"s BETWEEN 1 AND 2", 'N'},
        {"i BETWEEN neg AND d AND b", 'T'}, {"i BETWEEN 1 AND 10 AND i BETWEEN 2 AND 3", 'F'},
    };
    EXPECT_ROWS(rows, values);
}

Test(evaluate, null_and_existence)
{
    static const struct row rows[] = {
        {"n IS NULL", 'T'},      {"n IS NOT NULL", 'F'},   {"m IS NULL", 'T'},
        {"m IS NOT NULL", 'F'},  {"i IS NULL", 'F'},       {"a IS NULL", 'F'},
        {"o IS NOT NULL", 'T'},  {"EXISTS n", 'T'},        {"EXISTS m", 'F'},
        {"EXISTS i", 'T'},       {"NOT EXISTS m", 'T'},    {"EXISTS o.p.r", 'T'},
        {"EXISTS (o.p.x)", 'F'}, {"i + m IS NULL", 'T'},   {"EXISTS a[0]", 'T'},
        {"EXISTS a[3]", 'F'},    {"(i = 5) IS NULL", 'F'}, {"(m = 5) IS NULL", 'T'},
    };
    EXPECT_ROWS(rows, values);
}

Test(evaluate, paths)
{
    static const struct row rows[] = {
        {"a[0] = 1", 'T'},        {"a[1] = 2", 'T'},
        {"a[2][0] = 3", 'T'},     {"a[2][1].x = 9", 'T'},
        {"a[9] IS NULL", 'T'},    {"a[4294967295] IS NULL", 'T'},
        {"a.x IS NULL", 'T'},     {"o[0] IS NULL", 'T'},
        {"o.p.q = 1", 'T'},       {"\"o\".\"p\".\"q\" = 1", 'T'},
        {"o.p.q.z IS NULL", 'T'}, {"\"odd key\" = 1", 'T'},
        {"\"limit\" = 3", 'T'},   {"o.limit IS NULL", 'T'},
        {"I = 5", 'N'},           {"a[0] < a[1] AND a[2][0] > a[1]", 'T'},
        {"i[0] IS NULL", 'T'},    {"s[0] IS NULL", 'T'},
    };
    EXPECT_ROWS(rows, values);
}

Test(evaluate, arithmetic)
{
    static const struct row rows[] = {
        {"i + 1 = 6", 'T'},
        {"i - 6 = -1", 'T'},
        {"i * 3 = 15", 'T'},
        {"i / 2 = 2.5", 'T'},
        {"10 / i = 2", 'T'},
        {"i % 3 = 2", 'T'},
        {"neg % 3 = -1", 'T'},
        {"d % 2 = 1.5", 'T'},
        {"i / z IS NULL", 'T'},
        {"i % z IS NULL", 'T'},
        {"d / 0.0 IS NULL", 'T'},
        {"d % 0 IS NULL", 'T'},
        {"1 + 2 * 3 = 7", 'T'},
        {"(1 + 2) * 3 = 9", 'T'},
        {"10 - 4 - 3 = 3", 'T'},
        {"- (i + 1) = -6", 'T'},
        {"- - i = 5", 'T'},
        {"s + 1 IS NULL", 'T'},
        {"b + 1 IS NULL", 'T'},
        {"m + 1 IS NULL", 'T'},
        {"-s IS NULL", 'T'},
        {"9223372036854775807 + 1 = 9223372036854775808", 'T'},
        {"18446744073709551615 + 1 IS NULL", 'T'},
        {"-9223372036854775808 - 1 IS NULL", 'T'},
        {"18446744073709551615 * 18446744073709551615 IS NULL", 'T'},
        {"18446744073709551615 - 18446744073709551615 = 0", 'T'},
        {"-9223372036854775808 * -1 = 9223372036854775808", 'T'},
        {"9223372036854775807 + 1.0 > 9223372036854775807", 'T'},
        {"1e308 * 10 > 1e308", 'T'},
        {"1e308 * 10 - 1e308 * 10 IS NULL", 'T'},
        {"i -- 6\n = 5", 'T'},
        {".5 + 5 = d", 'T'},
    };
    EXPECT_ROWS(rows, values);
}

Test(evaluate, integers_and_floats_compare_exactly)
{
    static const struct row rows[] = {
        {"big = 9007199254740993", 'T'},
        {"big = 9007199254740992.0", 'F'},
        {"big > 9007199254740992.0", 'T'},
        {"big < 9007199254740994.0", 'T'},
        {"9223372036854775807 < 9223372036854775808.0", 'T'},
        {"9223372036854775807 = 9223372036854775808.0", 'F'},
        {"9223372036854775808 = 9223372036854775808.0", 'T'},
        {"18446744073709551615 < 18446744073709551616.0", 'T'},
        {"-9223372036854775808 = -9223372036854775808.0", 'T'},
        {"-9223372036854775808 > -9223372036854777856.0", 'T'},
        {"1 < 1.5", 'T'},
        {"-1 > -1.5", 'T'},
        {"0 = -0.0", 'T'},
        {"0.1 + 0.2 = 0.3", 'F'},
    };
    EXPECT_ROWS(rows, values);
}

Test(evaluate, functions)
{
    static const struct row rows[] = {
        {"lower('ABC') = s", 'T'},
        {"UPPER(s) = 'ABC'", 'T'},
        {"lower(u) = 'zürich'", 'T'},
        {"upper(lower(u)) = 'ZüRICH'", 'T'},
        {"lower(i) IS NULL", 'T'},
        {"lower(m) IS NULL", 'T'},
        {"length(u) = 6", 'T'},
        {"length(x'0102') = 2", 'T'},
        {"length(a) = 3", 'T'},
        {"length(o) = 1", 'T'},
        {"length(o.p) = 2", 'T'},
        {"length(e) = 0", 'T'},
        {"length(i) IS NULL", 'T'},
        {"length(NULL) IS NULL", 'T'},
        {"abs(neg) = 7", 'T'},
        {"abs(-5.5) = d", 'T'},
        {"abs(-9223372036854775808) = 9223372036854775808", 'T'},
        {"abs(s) IS NULL", 'T'},
        {"round(d) = 6", 'T'},
        {"round(-2.5) = -3", 'T'},
        {"round(2.44, 1) = 2.4", 'T'},
        {"round(1250, -2) = 1300", 'T'},
        {"round(-1250, -2) = -1300", 'T'},
        {"round(1249, -2) = 1200", 'T'},
        {"round(1234.5, -2) = 1200", 'T'},
        {"round(i, 3) = 5", 'T'},
        {"round(18446744073709551615, -1) IS NULL", 'T'},
        {"round(d, 23) IS NULL", 'T'},
        {"round(d, 22) = d", 'T'},
        {"round(5, -22) = 0", 'T'},
        {"round(1e300, 5) = 1e300", 'T'},
        {"round(d, s) IS NULL", 'T'},
        {"round(d, 1.0) IS NULL", 'T'},
        {"mod(neg, 3) = neg % 3", 'T'},
        {"mod(i, z) IS NULL", 'T'},
        {"lower('A') = lower('a') AND lower('B') < upper('c')", 'F'},
        {"lower(s) BETWEEN lower('AAA') AND lower(u)", 'T'},
        {"lower(s) IN (lower('X'), lower('ABC'))", 'T'},
        {"lower(s) IN (upper(s), 'x') OR upper(s) LIKE 'A%'", 'T'},
    };
    EXPECT_ROWS(rows, values);
}

Test(evaluate, like)
{
    static const struct row rows[] = {
        {"s LIKE 'abc'", 'T'},
        {"s LIKE 'ab'", 'F'},
        {"s LIKE 'a%'", 'T'},
        {"s LIKE '%c'", 'T'},
        {"s LIKE '%b%'", 'T'},
        {"s LIKE '_b_'", 'T'},
        {"s LIKE '__'", 'F'},
        {"s LIKE 'ABC'", 'F'},
        {"s NOT LIKE 'x%'", 'T'},
        {"s NOT LIKE '%'", 'F'},
        {"i LIKE '%'", 'N'},
        {"m LIKE '%'", 'N'},
        {"e LIKE ''", 'T'},
        {"e LIKE '%'", 'T'},
        {"e LIKE '_'", 'F'},
        {"u LIKE 'Z_rich'", 'T'},
        {"u LIKE 'Z__rich'", 'F'},
        {"'50%' LIKE '50!%' ESCAPE '!'", 'T'},
        {"'505' LIKE '50!%' ESCAPE '!'", 'F'},
        {"'a_b!' LIKE 'a!_b!!' ESCAPE '!'", 'T'},
    };
    EXPECT_ROWS(rows, values);
}

Test(evaluate, keys_of_every_type)
{
    static const uint8_t value[] = {0x80};
    struct buffer key = {0};
    write_text(&key, "us123");
    cr_expect_eq(truth_of("__key = 'us123'", buffer_bytes(&key), bytes_of(value, 1)), 'T');
    cr_expect_eq(truth_of("__key LIKE 'us%'", buffer_bytes(&key), bytes_of(value, 1)), 'T');
    cr_expect_eq(truth_of("__key > 5", buffer_bytes(&key), bytes_of(value, 1)), 'N');
    cr_expect_eq(truth_of("\"__key\" IS NULL", buffer_bytes(&key), bytes_of(value, 1)), 'T');
    buffer_clear(&key);
    write_uint(&key, UINT64_MAX);
    cr_expect_eq(truth_of("__key = 18446744073709551615", buffer_bytes(&key), bytes_of(value, 1)),
                 'T');
    buffer_clear(&key);
    write_bin(&key, bytes_of("\x01\x02", 2));
    cr_expect_eq(truth_of("__key IN (x'0102')", buffer_bytes(&key), bytes_of(value, 1)), 'T');
    buffer_deinit(&key);
}

static char truth_of_float(const char *predicate, double real)
{
    struct buffer value = {0};
    write_map(&value, 1);
    write_text(&value, "x");
    write_float(&value, real);
    char truth = truth_of(predicate, bytes_of("\x01", 1), buffer_bytes(&value));
    buffer_deinit(&value);
    return truth;
}

Test(evaluate, nan_counts_as_null_and_infinity_is_ordered)
{
    cr_expect_eq(truth_of_float("x = x", (double)NAN), 'N');
    cr_expect_eq(truth_of_float("x IS NULL", (double)NAN), 'T');
    cr_expect_eq(truth_of_float("EXISTS x", (double)NAN), 'T');
    cr_expect_eq(truth_of_float("x > 18446744073709551615", (double)INFINITY), 'T');
    cr_expect_eq(truth_of_float("x < -9223372036854775808", -(double)INFINITY), 'T');
    cr_expect_eq(truth_of_float("x - x IS NULL", (double)INFINITY), 'T');
    cr_expect_eq(truth_of_float("round(x) = x AND abs(x) = x", (double)INFINITY), 'T');
}

Test(evaluate, a_value_that_is_no_map_has_no_fields)
{
    cr_expect_eq(truth_of_json("a IS NULL", "[1, 2]"), 'T');
    cr_expect_eq(truth_of_json("a IS NULL", "5"), 'T');
    cr_expect_eq(truth_of_json("a.b[1] IS NULL", "\"text\""), 'T');
}

Test(evaluate, lower_of_a_long_string_is_null)
{
    struct buffer value = {0};
    char text[4097];
    memset(text, 'A', sizeof text);
    write_map(&value, 2);
    write_text(&value, "fits");
    write_str(&value, bytes_of(text, 4096));
    write_text(&value, "long");
    write_str(&value, bytes_of(text, 4097));
    struct bytes key = bytes_of("\x01", 1);
    cr_expect_eq(truth_of("lower(fits) LIKE 'aaa%' AND length(lower(fits)) = 4096", key,
                          buffer_bytes(&value)),
                 'T');
    cr_expect_eq(truth_of("lower(\"long\") IS NULL", key, buffer_bytes(&value)), 'T');
    cr_expect_eq(
        truth_of("upper(fits) = fits AND lower(fits) < upper(fits)", key, buffer_bytes(&value)),
        'F');
    buffer_deinit(&value);
}

Test(evaluate, duplicate_keys_count_once_and_the_first_wins)
{
    struct buffer value = {0};
    write_map(&value, 4);
    write_text(&value, "a");
    write_map(&value, 1);
    write_text(&value, "b");
    write_uint(&value, 1);
    write_text(&value, "a");
    write_map(&value, 1);
    write_text(&value, "c");
    write_uint(&value, 2);
    write_text(&value, "d");
    write_nil(&value);
    write_text(&value, "d");
    write_uint(&value, 3);
    struct bytes key = bytes_of("\x01", 1);
    cr_expect_eq(truth_of("a.b = 1", key, buffer_bytes(&value)), 'T');
    cr_expect_eq(truth_of("EXISTS a.c", key, buffer_bytes(&value)), 'F');
    cr_expect_eq(truth_of("d IS NULL AND EXISTS d", key, buffer_bytes(&value)), 'T');
    buffer_deinit(&value);
}
