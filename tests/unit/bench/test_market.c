// SPDX-License-Identifier: Apache-2.0
#include "bench/market.h"

#include "bench/payload.h"
#include "cluster/base/memory.h"
#include "node/query/query.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { SEED = 3 };

static struct query *compiled(const struct market *market, uint64_t number)
{
    char text[MARKET_QUERY_BYTES];
    struct query_error error;
    market_query_text(market, number, "bench", text);
    struct query *query = query_new(bytes_of_text(text), &error);
    cr_assert(query, "%s: %s", text, error.text);
    return query;
}

static uint64_t matches_by_texts(struct query *const *queries, uint64_t count, struct bytes value)
{
    static const uint8_t key[] = {1};
    uint64_t matches = 0;
    for (uint64_t i = 0; i < count; i++)
        matches += query_matches(queries[i], bytes_of(key, sizeof key), value);
    return matches;
}

Test(market, matches_are_those_of_the_queries_texts)
{
    static const double rates[] = {0, 1e-3, 0.04, 0.3, 0.95, 1};
    enum { QUERIES = 300, QUOTES = 300 };
    struct payload payload;
    payload_init(&payload, 100, SEED);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct random random = {.state = i};
        struct query *queries[QUERIES];
        struct buffer value = {0};
        struct market market;
        market_init(&market, QUERIES, rates[i], SEED);
        for (uint64_t number = 0; number < QUERIES; number++)
            queries[number] = compiled(&market, number);
        for (uint64_t index = 0; index < QUOTES; index++) {
            struct quote quote = market_quote(&market, index, index * 1000);
            buffer_clear(&value);
            payload_write_quote(&payload, &random, &quote, 17, &value);
            cr_assert_eq(market_match_count(&market, &quote),
                         matches_by_texts(queries, QUERIES, buffer_bytes(&value)));
        }
        for (uint64_t number = 0; number < QUERIES; number++)
            query_free(queries[number]);
        buffer_deinit(&value);
        market_deinit(&market);
    }
    payload_deinit(&payload);
}

Test(market, the_wanted_share_of_the_queries_matches)
{
    static const double rates[] = {0, 1e-5, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.9, 0.95, 1};
    enum { QUERIES = 20000, QUOTES = 20000 };
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct market market;
        double sum = 0;
        market_init(&market, QUERIES, rates[i], SEED);
        for (uint64_t index = 0; index < QUOTES; index++) {
            struct quote quote = market_quote(&market, index, index * 977);
            sum += (double)market_match_count(&market, &quote);
        }
        double share = sum / QUERIES / QUOTES;
        cr_expect_float_eq(share, rates[i], rates[i] * 0.05, "%g: %g", rates[i], share);
        market_deinit(&market);
    }
}

static int text_order(const void *left, const void *right)
{
    return strcmp(left, right);
}

Test(market, no_two_queries_are_the_same)
{
    static const double rates[] = {0, 1e-5, 0.01, 0.5, 1};
    enum { QUERIES = 5000 };
    char(*texts)[MARKET_QUERY_BYTES] = memory_new_array(QUERIES, sizeof *texts);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct market market;
        market_init(&market, QUERIES, rates[i], SEED);
        for (uint64_t number = 0; number < QUERIES; number++)
            market_query_text(&market, number, "bench", texts[number]);
        qsort(texts, QUERIES, sizeof *texts, text_order);
        for (uint64_t number = 1; number < QUERIES; number++)
            cr_assert_str_neq(texts[number - 1], texts[number]);
        market_deinit(&market);
    }
    free(texts);
}

Test(market, an_instrument_changes_its_price_alone)
{
    struct market market;
    market_init(&market, 10, 0.01, SEED);
    for (uint64_t index = 0; index < 100; index++) {
        struct quote first = market_quote(&market, index, 5);
        struct quote later = market_quote(&market, index, 6);
        cr_assert_eq(first.region, later.region);
        cr_assert_eq(first.symbol, later.symbol);
        cr_assert_neq(first.price, later.price);
    }
    market_deinit(&market);
}
