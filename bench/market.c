// SPDX-License-Identifier: Apache-2.0
#include "bench/market.h"

#include "cluster/base/check.h"
#include "cluster/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// From this rate on, several regions would leave too little for symbols and thresholds to choose.
#define REGIONS_RATE_MAX 0.05

#define TAIL_WANTED 0.5

// ---- What a query asks ----

struct question {
    uint32_t region;
    uint32_t symbol_count;
    uint32_t symbols[MARKET_SYMBOLS_PER_QUERY_MAX]; // different ones
    int64_t threshold;                              // units; may be below every price or above
};

static uint32_t symbols_per_query(const struct market *market, uint64_t number)
{
    uint32_t wanted = 1 + (uint32_t)(number % MARKET_SYMBOLS_PER_QUERY_MAX);
    return wanted < market->symbol_count ? wanted : market->symbol_count;
}

static double symbols_per_query_mean(const struct market *market)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < MARKET_SYMBOLS_PER_QUERY_MAX; i++)
        sum += symbols_per_query(market, i);
    return (double)sum / MARKET_SYMBOLS_PER_QUERY_MAX;
}

static bool symbol_is_new(const struct question *question, uint32_t symbol)
{
    for (uint32_t i = 0; i < question->symbol_count; i++) {
        if (question->symbols[i] == symbol)
            return false;
    }
    return true;
}

static void symbols_draw(const struct market *market, uint64_t number, struct random *random,
                         struct question *question)
{
    uint32_t wanted = symbols_per_query(market, number);
    question->symbol_count = 0;
    while (question->symbol_count < wanted) {
        uint32_t symbol = (uint32_t)random_below(random, market->symbol_count);
        if (symbol_is_new(question, symbol))
            question->symbols[question->symbol_count++] = symbol;
    }
}

// Tails are spread evenly around the market's, as far as 0 and 1 allow on both sides. Where every
// price is to match, or none, thresholds still differ, so that no two queries are the same.
static int64_t threshold_draw(const struct market *market, uint64_t number, struct random *random)
{
    double tail = market->tail;
    if (tail >= 1)
        return -(int64_t)number;
    if (tail <= 0)
        return (int64_t)(MARKET_PRICE_MAX + number);
    double spread = tail < 1 - tail ? tail : 1 - tail;
    tail += spread * (2 * random_unit(random) - 1);
    return (int64_t)((1 - tail) * (double)MARKET_PRICE_MAX);
}

static void question_draw(const struct market *market, uint64_t number, struct question *question)
{
    struct random random = {.state = market->seed + number * UINT64_C(0xA0761D6478BD642F)};
    question->region = (uint32_t)random_below(&random, market->region_count);
    symbols_draw(market, number, &random, question);
    question->threshold = threshold_draw(market, number, &random);
}

// ---- The market ----

static double tail_for_rate(const struct market *market)
{
    double cell_count = (double)market->region_count * market->symbol_count;
    return market->match_rate * cell_count / symbols_per_query_mean(market);
}

// As many cells as leave thresholds a tail of about TAIL_WANTED to choose.
static void shape_choose(struct market *market)
{
    double rate = market->match_rate;
    market->region_count = rate > REGIONS_RATE_MAX ? 1 : MARKET_REGION_COUNT_MAX;
    market->symbol_count = MARKET_SYMBOL_COUNT_MAX;
    double mean = symbols_per_query_mean(market);
    if (rate * market->region_count * MARKET_SYMBOL_COUNT_MAX > mean * TAIL_WANTED)
        market->symbol_count = (uint32_t)(mean * TAIL_WANTED / rate / market->region_count) + 1;
    market->tail = tail_for_rate(market);
    while (market->tail > 1) { // too many symbols for so high a rate
        market->symbol_count--;
        market->tail = tail_for_rate(market);
    }
}

static uint32_t cell_of(const struct market *market, uint32_t region, uint32_t symbol)
{
    return symbol * market->region_count + region;
}

// A threshold as it compares with prices, 1 ... MARKET_PRICE_MAX.
static uint32_t threshold_clamp(int64_t threshold)
{
    return threshold < 0                           ? 0
           : threshold > (int64_t)MARKET_PRICE_MAX ? (uint32_t)MARKET_PRICE_MAX
                                                   : (uint32_t)threshold;
}

static int threshold_order(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void cells_count(struct market *market)
{
    uint32_t cell_count = market->region_count * market->symbol_count;
    market->cell_starts = memory_new_array(cell_count + 1, sizeof *market->cell_starts);
    for (uint64_t number = 0; number < market->query_count; number++) {
        struct question question;
        question_draw(market, number, &question);
        for (uint32_t i = 0; i < question.symbol_count; i++)
            market->cell_starts[cell_of(market, question.region, question.symbols[i]) + 1]++;
    }
    for (uint32_t cell = 0; cell < cell_count; cell++)
        market->cell_starts[cell + 1] += market->cell_starts[cell];
    market->thresholds =
        memory_new_array(market->cell_starts[cell_count] + 1, sizeof *market->thresholds);
}

static void cells_fill(struct market *market)
{
    uint32_t cell_count = market->region_count * market->symbol_count;
    uint64_t *ends = memory_new_array(cell_count, sizeof *ends);
    for (uint32_t cell = 0; cell < cell_count; cell++)
        ends[cell] = market->cell_starts[cell];
    for (uint64_t number = 0; number < market->query_count; number++) {
        struct question question;
        question_draw(market, number, &question);
        for (uint32_t i = 0; i < question.symbol_count; i++) {
            uint32_t cell = cell_of(market, question.region, question.symbols[i]);
            market->thresholds[ends[cell]++] = threshold_clamp(question.threshold);
        }
    }
    for (uint32_t cell = 0; cell < cell_count; cell++)
        qsort(&market->thresholds[market->cell_starts[cell]],
              ends[cell] - market->cell_starts[cell], sizeof *market->thresholds, threshold_order);
    free(ends);
}

void market_init(struct market *market, uint64_t query_count, double match_rate, uint64_t seed)
{
    CHECK(match_rate >= 0 && match_rate <= 1);
    *market = (struct market){.query_count = query_count, .match_rate = match_rate, .seed = seed};
    shape_choose(market);
    cells_count(market);
    cells_fill(market);
}

void market_deinit(struct market *market)
{
    free(market->cell_starts);
    free(market->thresholds);
    *market = (struct market){0};
}

// ---- Updates ----

struct quote market_quote(const struct market *market, uint64_t index, uint64_t begin_ns)
{
    struct random instrument = {.state = market->seed ^ (index * UINT64_C(0xE7037ED1A0B428DB))};
    struct random update = {.state = random_next(&instrument) + begin_ns};
    return (struct quote){
        .region = (uint32_t)random_below(&instrument, market->region_count),
        .symbol = (uint32_t)random_below(&instrument, market->symbol_count),
        .price = 1 + random_below(&update, MARKET_PRICE_MAX),
    };
}

uint64_t market_match_count(const struct market *market, const struct quote *quote)
{
    uint32_t cell = cell_of(market, quote->region, quote->symbol);
    uint64_t start = market->cell_starts[cell];
    uint64_t low = start, high = market->cell_starts[cell + 1];
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (market->thresholds[middle] < quote->price)
            low = middle + 1;
        else
            high = middle;
    }
    return low - start;
}

// ---- Texts ----

void market_region_name(uint32_t region, char name[static MARKET_NAME_BYTES])
{
    snprintf(name, MARKET_NAME_BYTES, "r%u", region % MARKET_REGION_COUNT_MAX);
}

void market_symbol_name(uint32_t symbol, char name[static MARKET_NAME_BYTES])
{
    snprintf(name, MARKET_NAME_BYTES, "s%04u", symbol % MARKET_SYMBOL_COUNT_MAX);
}

static size_t text_append(char *text, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

static size_t text_append(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text + size, MARKET_QUERY_BYTES - size, format, arguments);
    va_end(arguments);
    CHECK(written >= 0 && size + (size_t)written < MARKET_QUERY_BYTES);
    return size + (size_t)written;
}

void market_query_text(const struct market *market, uint64_t number, const char *map,
                       char text[static MARKET_QUERY_BYTES])
{
    struct question question;
    char name[MARKET_NAME_BYTES];
    question_draw(market, number, &question);
    uint64_t units = (uint64_t)llabs(question.threshold);
    market_region_name(question.region, name);
    size_t size = text_append(text, 0,
                              "SELECT sent_us FROM %s WHERE region = '%s' AND price > %s%lu.%04lu"
                              " AND symbol IN (",
                              map, name, question.threshold < 0 ? "-" : "",
                              (unsigned long)(units / MARKET_PRICE_UNITS),
                              (unsigned long)(units % MARKET_PRICE_UNITS));
    for (uint32_t i = 0; i < question.symbol_count; i++) {
        market_symbol_name(question.symbols[i], name);
        size = text_append(text, size, i == 0 ? "'%s'" : ", '%s'", name);
    }
    text_append(text, size, ")");
}
