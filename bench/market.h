// SPDX-License-Identifier: Apache-2.0
// What `cq` watches: instruments with a symbol and a region, whose price changes with each update,
// and standing queries of the shape
//
//   region = ? AND price > ? AND symbol IN (1 to 5 of them)
//
// A match rate is the share of the queries that an update matches. There are as many symbols and
// regions, and thresholds are such, that it comes true. How many queries a given update matches is
// known exactly.
#pragma once

#include "cluster/base/random.h"

#include <stddef.h>
#include <stdint.h>

enum {
    MARKET_SYMBOL_COUNT_MAX = 10000,
    MARKET_REGION_COUNT_MAX = 4,
    MARKET_SYMBOLS_PER_QUERY_MAX = 5,
    MARKET_PRICE_UNITS = 10000, // of a price of 1; prices are whole numbers of such units
    MARKET_NAME_BYTES = 8,      // of a symbol or region, with its NUL
    MARKET_QUERY_BYTES = 512,
};

#define MARKET_PRICE_MAX UINT64_C(100000000) // units

struct market {
    uint64_t query_count;
    double match_rate;
    uint64_t seed;
    uint32_t region_count;
    uint32_t symbol_count;
    double tail; // average share of the prices that are above a query's threshold
    // Thresholds of all queries by cell, a cell being a symbol in a region; ascending in each.
    uint32_t *thresholds;  // owned; units
    uint64_t *cell_starts; // owned; cell_count + 1
};

// What an update says of an instrument.
struct quote {
    uint32_t region;
    uint32_t symbol;
    uint64_t price; // units; 1 ... MARKET_PRICE_MAX
};

// match_rate: 0 ... 1. query_count may be 0.
void market_init(struct market *market, uint64_t query_count, double match_rate, uint64_t seed);
void market_deinit(struct market *market);

// The quote of the update of instrument `index` that began at `begin_ns`: an instrument keeps its
// region and symbol.
struct quote market_quote(const struct market *market, uint64_t index, uint64_t begin_ns);

// Queries that the quote matches.
uint64_t market_match_count(const struct market *market, const struct quote *quote);

// Names as they stand in records and queries.
void market_region_name(uint32_t region, char name[static MARKET_NAME_BYTES]);
void market_symbol_name(uint32_t symbol, char name[static MARKET_NAME_BYTES]);

// Writes query `number` < query_count on `map`.
void market_query_text(const struct market *market, uint64_t number, const char *map,
                       char text[static MARKET_QUERY_BYTES]);
