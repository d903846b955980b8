// SPDX-License-Identifier: Apache-2.0
// The events of NEXMark (Tucker, Tufte, Papadimos, Maier: "NEXMark - A Benchmark for Queries over
// Data Streams", 2008) as Apache Beam's generator makes them: of 50 events one person, three
// auctions and 46 bids; most bids on a hot auction, by a hot bidder. An event follows from the seed
// and its number alone, so that any part of the stream can be made anywhere.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/random.h"

enum nexmark_kind { NEXMARK_PERSON, NEXMARK_AUCTION, NEXMARK_BID, NEXMARK_KIND_COUNT };

enum { // of every NEXMARK_EPOCH_EVENTS in a row, in this order
    NEXMARK_EPOCH_PERSONS = 1,
    NEXMARK_EPOCH_AUCTIONS = 3,
    NEXMARK_EPOCH_BIDS = 46,
    NEXMARK_EPOCH_EVENTS = NEXMARK_EPOCH_PERSONS + NEXMARK_EPOCH_AUCTIONS + NEXMARK_EPOCH_BIDS,
};

// Average bytes of what an event holds, numbers counted as 8 bytes each. MessagePack adds the names
// of the fields and shortens the numbers.
enum { NEXMARK_PERSON_BYTES = 200, NEXMARK_AUCTION_BYTES = 500, NEXMARK_BID_BYTES = 100 };

// What queries look at. The texts are drawn from `random` when the event is written.
struct nexmark_event {
    enum nexmark_kind kind;
    uint64_t number;
    uint64_t id;          // person, auction: its own; bid: its number among the bids
    uint64_t person;      // auction: the seller; bid: the bidder
    uint64_t auction;     // bid
    uint64_t price;       // bid; auction: the first bid
    uint64_t reserve;     // auction
    uint64_t time_ms;     // Unix time
    uint64_t expires_ms;  // auction
    uint32_t category;    // auction
    const char *state;    // person; static storage
    struct random random; // for the texts
};

void nexmark_draw(uint64_t seed, uint64_t number, struct nexmark_event *event);

// Appends the event as a MessagePack map. To be called at most once for what was drawn.
void nexmark_write(struct nexmark_event *event, struct buffer *out);

// "person" and so on: the map that holds these events. Static storage.
const char *nexmark_map(enum nexmark_kind kind);

// ---- Queries ----

enum nexmark_query {
    NEXMARK_Q1 = 1, // prices of bids in another currency
    NEXMARK_Q2,     // bids on some auctions
    NEXMARK_Q3,     // what Q3 joins: persons of three states, auctions of one category
};

// SELECT texts, the last one followed by NULL. Static storage.
const char *const *nexmark_query_texts(enum nexmark_query query);

// Whether one of the query's texts selects the event; by the numbers that the event was made of.
bool nexmark_matches(enum nexmark_query query, const struct nexmark_event *event);
