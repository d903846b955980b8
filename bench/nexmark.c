// SPDX-License-Identifier: Apache-2.0
#include "bench/nexmark.h"

#include "cluster/base/check.h"
#include "cluster/wire/writer.h"

#include <math.h>
#include <stdio.h>

// Figures of Beam's generator (sdks/java/testing/nexmark) with its default configuration.
enum {
    FIRST_ID = 1000, // of persons and of auctions
    FIRST_CATEGORY = 10,
    CATEGORY_COUNT = 5,
    ACTIVE_PERSONS = 1000, // the youngest ones, of which others than the hot are drawn
    IN_FLIGHT_AUCTIONS = 100,
    ID_LEAD = 10,       // ids that may be used before their person or auction exists
    HOT_DISTANCE = 100, // of so many ids one is hot
    // A share of 1 - 1/ratio goes to the hot one.
    HOT_AUCTION_RATIO = 2,
    HOT_BIDDER_RATIO = 4,
    HOT_SELLER_RATIO = 4,
    EVENTS_PER_MS = 10,
    Q2_AUCTION_STEP = 123,
    TEXT_BYTES_MIN = 3,
    TEXT_BYTES_MAX = 600, // of the extra of an auction: a fifth more than all of it
};

#define BASE_TIME_MS UINT64_C(1436918400000) // 2015-07-15T00:00:00Z, as published

static const char *const states[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};
static const char *const cities[] = {"Phoenix",  "Los Angeles", "San Francisco", "Boise",
                                     "Portland", "Bend",        "Redmond",       "Seattle",
                                     "Kent",     "Cheyenne"};
static const char *const first_names[] = {"Peter", "Paul",  "Luke",  "John",   "Saul",  "Vicky",
                                          "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
static const char *const last_names[] = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                         "Walton", "Smith",  "Jones",   "Noris"};

#define PICK(random, names) (names)[random_below((random), sizeof(names) / sizeof *(names))]

// ---- Ids ----

// Persons, and auctions, that exist when event `number` is made, itself included.
static uint64_t person_count(uint64_t number)
{
    return number / NEXMARK_EPOCH_EVENTS + 1;
}

static uint64_t auction_count(uint64_t number)
{
    uint64_t offset = number % NEXMARK_EPOCH_EVENTS;
    uint64_t here = offset < NEXMARK_EPOCH_AUCTIONS ? offset : NEXMARK_EPOCH_AUCTIONS;
    return number / NEXMARK_EPOCH_EVENTS * NEXMARK_EPOCH_AUCTIONS + here;
}

static bool draws_hot(struct random *random, uint64_t ratio)
{
    return random_below(random, ratio) > 0;
}

// The first of the ids that share a hot one with the youngest.
static uint64_t hot_id(uint64_t count)
{
    return count == 0 ? 0 : (count - 1) / HOT_DISTANCE * HOT_DISTANCE;
}

static uint64_t person_draw(struct random *random, uint64_t count)
{
    uint64_t active = count < ACTIVE_PERSONS ? count : ACTIVE_PERSONS;
    return count - active + random_below(random, active + ID_LEAD);
}

static uint64_t auction_draw(struct random *random, uint64_t count)
{
    uint64_t youngest = count == 0 ? 0 : count - 1;
    uint64_t first = youngest > IN_FLIGHT_AUCTIONS ? youngest - IN_FLIGHT_AUCTIONS : 0;
    return first + random_below(random, youngest - first + 1 + ID_LEAD);
}

// ---- What events hold ----

// Cents; evenly spread over six orders of magnitude.
static uint64_t price_draw(struct random *random)
{
    return (uint64_t)llround(pow(10.0, random_unit(random) * 6.0) * 100.0);
}

static void person_set(struct nexmark_event *event)
{
    event->id = FIRST_ID + person_count(event->number) - 1;
    event->state = PICK(&event->random, states);
}

static void auction_set(struct nexmark_event *event)
{
    struct random *random = &event->random;
    uint64_t persons = person_count(event->number);
    // On the average as long as it takes until IN_FLIGHT_AUCTIONS others have begun.
    uint64_t horizon_ms = (uint64_t)IN_FLIGHT_AUCTIONS * NEXMARK_EPOCH_EVENTS /
                          NEXMARK_EPOCH_AUCTIONS / EVENTS_PER_MS;
    event->id = FIRST_ID + auction_count(event->number) - 1;
    event->person = FIRST_ID + (draws_hot(random, HOT_SELLER_RATIO) ? hot_id(persons)
                                                                    : person_draw(random, persons));
    event->category = FIRST_CATEGORY + (uint32_t)random_below(random, CATEGORY_COUNT);
    event->price = price_draw(random);
    event->reserve = event->price + price_draw(random);
    event->expires_ms = event->time_ms + 1 + random_below(random, horizon_ms * 2);
}

static void bid_set(struct nexmark_event *event)
{
    struct random *random = &event->random;
    uint64_t persons = person_count(event->number);
    uint64_t auctions = auction_count(event->number);
    uint64_t epoch = event->number / NEXMARK_EPOCH_EVENTS;
    uint64_t offset = event->number % NEXMARK_EPOCH_EVENTS;
    event->id =
        epoch * NEXMARK_EPOCH_BIDS + offset - NEXMARK_EPOCH_PERSONS - NEXMARK_EPOCH_AUCTIONS;
    event->auction =
        FIRST_ID +
        (draws_hot(random, HOT_AUCTION_RATIO) ? hot_id(auctions) : auction_draw(random, auctions));
    // The second one, so that hot bidders are no hot sellers.
    event->person = FIRST_ID + (draws_hot(random, HOT_BIDDER_RATIO) ? hot_id(persons) + 1
                                                                    : person_draw(random, persons));
    event->price = price_draw(random);
}

void nexmark_draw(uint64_t seed, uint64_t number, struct nexmark_event *event)
{
    struct random random = {.state = seed ^ (number * UINT64_C(0xD1B54A32D192ED03))};
    *event = (struct nexmark_event){.number = number,
                                    .time_ms = BASE_TIME_MS + number / EVENTS_PER_MS,
                                    .random = {.state = random_next(&random)}};
    uint64_t offset = number % NEXMARK_EPOCH_EVENTS;
    if (offset < NEXMARK_EPOCH_PERSONS) {
        event->kind = NEXMARK_PERSON;
        person_set(event);
    } else if (offset < NEXMARK_EPOCH_PERSONS + NEXMARK_EPOCH_AUCTIONS) {
        event->kind = NEXMARK_AUCTION;
        auction_set(event);
    } else {
        event->kind = NEXMARK_BID;
        bid_set(event);
    }
}

// ---- Events as MessagePack ----

// Letters and some spaces: TEXT_BYTES_MIN ... bound - 1 of them. Returns how many.
static size_t words_write(struct random *random, size_t bound, struct buffer *out)
{
    char text[TEXT_BYTES_MAX];
    size_t size = TEXT_BYTES_MIN + random_below(random, bound - TEXT_BYTES_MIN);
    CHECK(size <= sizeof text);
    for (size_t i = 0; i < size; i++) {
        bool space = i > 0 && i + 1 < size && random_below(random, 13) == 0;
        text[i] = space ? ' ' : (char)('a' + random_below(random, 26));
    }
    write_str(out, bytes_of(text, size));
    return size;
}

// Fills the event up so that it holds `average` bytes, give or take a fifth of what is missing.
static void extra_write(struct random *random, size_t held, size_t average, struct buffer *out)
{
    char text[TEXT_BYTES_MAX];
    size_t missing = average > held ? average - held : 0;
    size_t delta = (missing + 2) / 5;
    size_t size = missing - delta + (delta == 0 ? 0 : random_below(random, 2 * delta));
    CHECK(size <= sizeof text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + random_below(random, 26));
    write_text(out, "extra");
    write_str(out, bytes_of(text, size));
}

static void number_write(struct buffer *out, const char *name, uint64_t number)
{
    write_text(out, name);
    write_uint(out, number);
}

static size_t text_write(struct buffer *out, const char *name, const char *text)
{
    write_text(out, name);
    write_text(out, text);
    return strlen(text);
}

static size_t email_write(struct random *random, struct buffer *out)
{
    char email[] = "xxxxxx@xxxx.com";
    for (char *at = email; *at; at++) {
        if (*at == 'x')
            *at = (char)('a' + random_below(random, 26));
    }
    return text_write(out, "emailAddress", email);
}

static void person_write(struct nexmark_event *event, struct buffer *out)
{
    struct random *random = &event->random;
    char name[32], card[20];
    const char *first_name = PICK(random, first_names);
    snprintf(name, sizeof name, "%s %s", first_name, PICK(random, last_names));
    for (unsigned i = 0; i < 4; i++)
        snprintf(card + 5 * i, sizeof card - 5 * i, i < 3 ? "%04u " : "%04u",
                 (unsigned)random_below(random, 10000));
    write_map(out, 8);
    number_write(out, "id", event->id);
    size_t held = 8 + text_write(out, "name", name);
    held += email_write(random, out);
    held += text_write(out, "creditCard", card);
    held += text_write(out, "city", PICK(random, cities));
    held += text_write(out, "state", event->state);
    number_write(out, "dateTime", event->time_ms);
    extra_write(random, held, NEXMARK_PERSON_BYTES, out);
}

static void auction_write(struct nexmark_event *event, struct buffer *out)
{
    struct random *random = &event->random;
    size_t held = 6 * sizeof(uint64_t); // of the seven numbers the published sum leaves one out
    write_map(out, 10);
    number_write(out, "id", event->id);
    write_text(out, "itemName");
    held += words_write(random, 20, out);
    write_text(out, "description");
    held += words_write(random, 100, out);
    number_write(out, "initialBid", event->price);
    number_write(out, "reserve", event->reserve);
    number_write(out, "dateTime", event->time_ms);
    number_write(out, "expires", event->expires_ms);
    number_write(out, "seller", event->person);
    number_write(out, "category", event->category);
    extra_write(random, held, NEXMARK_AUCTION_BYTES, out);
}

static void bid_write(struct nexmark_event *event, struct buffer *out)
{
    write_map(out, 5);
    number_write(out, "auction", event->auction);
    number_write(out, "bidder", event->person);
    number_write(out, "price", event->price);
    number_write(out, "dateTime", event->time_ms);
    extra_write(&event->random, 4 * sizeof(uint64_t), NEXMARK_BID_BYTES, out);
}

void nexmark_write(struct nexmark_event *event, struct buffer *out)
{
    switch (event->kind) {
    case NEXMARK_PERSON:
        person_write(event, out);
        return;
    case NEXMARK_AUCTION:
        auction_write(event, out);
        return;
    case NEXMARK_BID:
        bid_write(event, out);
        return;
    case NEXMARK_KIND_COUNT:
    default:
        CHECK(false);
    }
}

const char *nexmark_map(enum nexmark_kind kind)
{
    static const char *const maps[NEXMARK_KIND_COUNT] = {
        [NEXMARK_PERSON] = "person", [NEXMARK_AUCTION] = "auction", [NEXMARK_BID] = "bid"};
    CHECK(kind < NEXMARK_KIND_COUNT);
    return maps[kind];
}

// ---- Queries ----

const char *const *nexmark_query_texts(enum nexmark_query query)
{
    static const char *const q1[] = {
        "SELECT auction, bidder, price * 0.908 AS price, dateTime FROM bid", NULL};
    static const char *const q2[] = {"SELECT auction, price FROM bid WHERE auction % 123 = 0",
                                     NULL};
    static const char *const q3[] = {
        "SELECT id, name, city, state FROM person WHERE state IN ('OR', 'ID', 'CA')",
        "SELECT id, seller FROM auction WHERE category = 10", NULL};
    static const char *const *const texts[] = {
        [NEXMARK_Q1] = q1, [NEXMARK_Q2] = q2, [NEXMARK_Q3] = q3};
    CHECK(query >= NEXMARK_Q1 && query <= NEXMARK_Q3);
    return texts[query];
}

static bool state_is_selected(const char *state)
{
    return strcmp(state, "OR") == 0 || strcmp(state, "ID") == 0 || strcmp(state, "CA") == 0;
}

bool nexmark_matches(enum nexmark_query query, const struct nexmark_event *event)
{
    switch (query) {
    case NEXMARK_Q1:
        return event->kind == NEXMARK_BID;
    case NEXMARK_Q2:
        return event->kind == NEXMARK_BID && event->auction % Q2_AUCTION_STEP == 0;
    case NEXMARK_Q3:
        return (event->kind == NEXMARK_PERSON && state_is_selected(event->state)) ||
               (event->kind == NEXMARK_AUCTION && event->category == FIRST_CATEGORY);
    default:
        CHECK(false);
    }
}
