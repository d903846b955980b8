// SPDX-License-Identifier: Apache-2.0
#include "bench/keyset.h"

#include "cluster/model/key.h"

#include <criterion/criterion.h>

enum { RECORDS = 1000, DRAWS = 200000 };

// How often each record is drawn; `extra` records exist beyond the first RECORDS.
static void draw_all(enum distribution distribution, uint64_t extra, uint64_t *counts)
{
    struct key_chooser chooser;
    struct random random = {.state = 5};
    key_chooser_init(&chooser, distribution, RECORDS);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t index = key_chooser_next(&chooser, &random, RECORDS + extra);
        cr_assert_lt(index, RECORDS + extra);
        counts[index]++;
    }
}

static uint64_t largest_index(const uint64_t *counts, size_t count)
{
    uint64_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        if (counts[i] > counts[largest])
            largest = i;
    }
    return largest;
}

Test(keyset, keys_are_16_byte_texts_in_canonical_encoding)
{
    uint8_t key[KEY_ENCODED_BYTES];
    key_of_index(42, key);
    cr_assert_arr_eq(key, "\xb0user000000000042", sizeof key);
    cr_assert_eq(key_check(bytes_of(key, sizeof key)), ERROR_NONE);
    key_of_index(KEY_INDEX_MAX, key);
    cr_assert_arr_eq(key, "\xb0user999999999999", sizeof key);
}

Test(keyset, uniform_draws_every_record_about_as_often)
{
    static uint64_t counts[RECORDS];
    draw_all(DISTRIBUTION_UNIFORM, 0, counts);
    for (int i = 0; i < RECORDS; i++)
        cr_assert(counts[i] > 100 && counts[i] < 320, "record %d: %lu of 200 draws", i, counts[i]);
}

Test(keyset, zipfian_has_few_popular_records_that_lie_anywhere)
{
    static uint64_t counts[RECORDS];
    draw_all(DISTRIBUTION_ZIPFIAN, 0, counts);
    uint64_t largest = largest_index(counts, RECORDS);
    // Rank 0 of ten billion: 1 / zeta = 3.8 %, and what the other ranks scatter on it.
    cr_assert_float_eq((double)counts[largest] / DRAWS, 0.038, 0.005);
    cr_assert_gt(largest, 10);
    cr_assert_lt(largest, RECORDS - 10);
}

Test(keyset, latest_prefers_the_youngest)
{
    static uint64_t counts[RECORDS];
    draw_all(DISTRIBUTION_LATEST, 0, counts);
    cr_assert_eq(largest_index(counts, RECORDS), RECORDS - 1);
    cr_assert_gt(counts[RECORDS - 1], counts[RECORDS - 2]);
    cr_assert_gt(counts[RECORDS - 2], counts[RECORDS - 100]);
}

Test(keyset, latest_follows_inserts)
{
    static uint64_t counts[RECORDS + 50];
    draw_all(DISTRIBUTION_LATEST, 50, counts);
    cr_assert_eq(largest_index(counts, RECORDS + 50), RECORDS + 49);
}
