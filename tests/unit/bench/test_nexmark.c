// SPDX-License-Identifier: Apache-2.0
#include "bench/nexmark.h"

#include "cluster/wire/cursor.h"
#include "node/query/query.h"

#include <criterion/criterion.h>

enum { EVENTS = 100000, SEED = 7 };

static bool about(double value, double wanted, double tolerance)
{
    return value > wanted * (1 - tolerance) && value < wanted * (1 + tolerance);
}

// Walks over the fields of an event; *held: its bytes as NEXMark counts them.
static uint32_t fields_count(struct bytes value, size_t *held)
{
    struct cursor cursor = cursor_of(value);
    struct bytes name, text;
    uint64_t number;
    uint32_t pair_count;
    *held = 0;
    cr_assert(cursor_read_map(&cursor, &pair_count));
    for (uint32_t i = 0; i < pair_count; i++) {
        cr_assert(cursor_read_str(&cursor, &name));
        if (cursor_read_str(&cursor, &text))
            *held += text.size;
        else if (cursor_read_uint(&cursor, &number))
            *held += sizeof number;
        else
            cr_assert_fail("a field is a text or a number");
    }
    cr_assert_eq(cursor_left(&cursor), 0);
    return pair_count;
}

Test(nexmark, one_person_three_auctions_and_46_bids_in_a_row)
{
    struct nexmark_event event;
    for (uint64_t number = 0; number < 500; number++) {
        uint64_t offset = number % 50;
        nexmark_draw(SEED, number, &event);
        cr_assert_eq(event.kind, offset < 1   ? NEXMARK_PERSON
                                 : offset < 4 ? NEXMARK_AUCTION
                                              : NEXMARK_BID);
    }
}

Test(nexmark, persons_auctions_and_bids_are_numbered_without_gaps)
{
    uint64_t next[NEXMARK_KIND_COUNT] = {1000, 1000, 0};
    struct nexmark_event event;
    for (uint64_t number = 0; number < EVENTS; number++) {
        nexmark_draw(SEED, number, &event);
        cr_assert_eq(event.id, next[event.kind]++);
    }
}

Test(nexmark, events_are_as_large_as_published_on_the_average)
{
    static const uint32_t field_counts[] = {8, 10, 5};
    static const double averages[] = {200, 500, 100};
    double sums[NEXMARK_KIND_COUNT] = {0};
    uint64_t counts[NEXMARK_KIND_COUNT] = {0};
    struct buffer value = {0};
    for (uint64_t number = 0; number < EVENTS; number++) {
        struct nexmark_event event;
        size_t held;
        nexmark_draw(SEED, number, &event);
        buffer_clear(&value);
        nexmark_write(&event, &value);
        cr_assert_eq(value_check(buffer_bytes(&value)), ERROR_NONE);
        cr_assert_eq(fields_count(buffer_bytes(&value), &held), field_counts[event.kind]);
        sums[event.kind] += (double)held;
        counts[event.kind]++;
    }
    for (unsigned kind = 0; kind < NEXMARK_KIND_COUNT; kind++)
        cr_expect(about(sums[kind] / (double)counts[kind], averages[kind], 0.05), "%s: %f",
                  nexmark_map((enum nexmark_kind)kind), sums[kind] / (double)counts[kind]);
    buffer_deinit(&value);
}

// Shares of bids on the hot auction, by the hot bidder, and of auctions of the hot seller; what is
// drawn from all hits a hot one now and then too.
Test(nexmark, hot_ones_get_their_shares)
{
    uint64_t bids = 0, on_hot = 0, by_hot = 0, auctions = 0, sold_by_hot = 0;
    for (uint64_t number = EVENTS; number < 2 * EVENTS; number++) {
        struct nexmark_event event;
        nexmark_draw(SEED, number, &event);
        if (event.kind == NEXMARK_BID) {
            bids++;
            on_hot += (event.auction - 1000) % 100 == 0;
            by_hot += (event.person - 1000) % 100 == 1;
        } else if (event.kind == NEXMARK_AUCTION) {
            auctions++;
            sold_by_hot += (event.person - 1000) % 100 == 0;
        }
    }
    cr_expect(about((double)on_hot / (double)bids, 0.5 + 0.5 / 100, 0.02));
    cr_expect(about((double)by_hot / (double)bids, 0.75 + 0.25 / 100, 0.02));
    cr_expect(about((double)sold_by_hot / (double)auctions, 0.75 + 0.25 / 100, 0.03));
}

Test(nexmark, bids_are_on_auctions_of_their_time)
{
    for (uint64_t number = 10 * 50; number < EVENTS; number++) {
        struct nexmark_event event;
        nexmark_draw(SEED, number, &event);
        if (event.kind != NEXMARK_BID)
            continue;
        uint64_t youngest = 1000 + number / 50 * 3 + 2;
        cr_assert_leq(event.auction, youngest + 10);
        cr_assert_geq(event.auction + 100, youngest);
        cr_assert_geq(event.price, 100);
        cr_assert_leq(event.price, 100000000);
    }
}

Test(nexmark, an_event_follows_from_seed_and_number)
{
    struct buffer first = {0}, again = {0}, other = {0};
    for (uint64_t number = 0; number < 200; number++) {
        struct nexmark_event event;
        nexmark_draw(SEED, number, &event);
        nexmark_write(&event, &first);
        nexmark_draw(SEED, number, &event);
        nexmark_write(&event, &again);
        nexmark_draw(SEED + 1, number, &event);
        nexmark_write(&event, &other);
    }
    cr_expect(bytes_equal(buffer_bytes(&first), buffer_bytes(&again)));
    cr_expect_not(bytes_equal(buffer_bytes(&first), buffer_bytes(&other)));
    buffer_deinit(&first);
    buffer_deinit(&again);
    buffer_deinit(&other);
}

static bool texts_select(enum nexmark_query query, const char *map, struct bytes value)
{
    static const uint8_t key[] = {1};
    bool selected = false;
    for (const char *const *text = nexmark_query_texts(query); *text; text++) {
        struct query_error error;
        struct query *compiled = query_new(bytes_of_text(*text), &error);
        cr_assert(compiled, "%s: %s", *text, error.text);
        if (bytes_equal(query_map(compiled), bytes_of_text(map)))
            selected = selected || query_matches(compiled, bytes_of(key, sizeof key), value);
        query_free(compiled);
    }
    return selected;
}

Test(nexmark, queries_select_what_the_generator_says)
{
    struct buffer value = {0};
    uint64_t matches[NEXMARK_Q3 + 1] = {0};
    for (uint64_t number = 0; number < 5000; number++) {
        struct nexmark_event event;
        nexmark_draw(SEED, number, &event);
        buffer_clear(&value);
        nexmark_write(&event, &value);
        for (enum nexmark_query query = NEXMARK_Q1; query <= NEXMARK_Q3; query++) {
            bool matched = nexmark_matches(query, &event);
            cr_assert_eq(texts_select(query, nexmark_map(event.kind), buffer_bytes(&value)),
                         matched);
            matches[query] += matched;
        }
    }
    cr_expect_eq(matches[NEXMARK_Q1], 5000 * 46 / 50);
    cr_expect_gt(matches[NEXMARK_Q2], 0);
    cr_expect_gt(matches[NEXMARK_Q3], 0);
    buffer_deinit(&value);
}
