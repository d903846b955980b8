// SPDX-License-Identifier: Apache-2.0
#include "client/standing_rows.h"
#include "cluster/base/random.h"
#include "cluster/model/key.h"
#include "cluster/wire/writer.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { PARTITIONS = 16, KEYS = 500 };

static struct standing_rows *rows;
static struct buffer keys[KEYS];
static uint16_t partitions[KEYS];
static uint64_t versions[KEYS]; // what the table should hold; 0: nothing

static void setup(void)
{
    rows = standing_rows_new(PARTITIONS, true);
    for (uint32_t i = 0; i < KEYS; i++) {
        write_int(&keys[i], (int64_t)i * 1000003);
        partitions[i] = key_partition(key_hash(buffer_bytes(&keys[i])), PARTITIONS);
    }
}

static void teardown(void)
{
    standing_rows_free(rows);
    for (uint32_t i = 0; i < KEYS; i++)
        buffer_deinit(&keys[i]);
}

TestSuite(standing_rows, .init = setup, .fini = teardown);

static void row_put(uint32_t i, uint64_t version)
{
    struct bytes value = bytes_of(&version, sizeof version);
    struct standing_row *old =
        standing_rows_put(rows, partitions[i], buffer_bytes(&keys[i]), &value, 1, version);
    cr_assert_eq(old ? old->seq : 0, versions[i]);
    free(old);
    versions[i] = version;
}

static void row_take(uint32_t i)
{
    struct standing_row *old = standing_rows_take(rows, partitions[i], buffer_bytes(&keys[i]));
    cr_assert_eq(old ? old->seq : 0, versions[i]);
    free(old);
    versions[i] = 0;
}

static void rows_check(void)
{
    size_t count = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        const struct standing_row *row =
            standing_rows_find(rows, partitions[i], buffer_bytes(&keys[i]));
        cr_assert_eq(row ? row->seq : 0, versions[i]);
        count += versions[i] != 0;
    }
    cr_assert_eq(standing_rows_count(rows), count);
    uint64_t place = 0;
    while (standing_rows_next(rows, &place))
        count--;
    cr_assert_eq(count, 0);
}

// Confirms some rows of the partition: the others come out.
static void partition_reset(struct random *random, uint16_t partition)
{
    bool confirmed[KEYS] = {0};
    standing_rows_reset(rows, partition);
    cr_assert(standing_rows_is_resetting(rows, partition));
    for (uint32_t i = 0; i < KEYS; i++) {
        confirmed[i] = partitions[i] != partition || random_below(random, 2) == 0;
        if (confirmed[i] && partitions[i] == partition && versions[i] != 0)
            row_put(i, versions[i] + 1);
    }
    struct standing_row *row;
    while ((row = standing_rows_reset_next(rows, partition)) != NULL) {
        cr_assert_eq(row->partition, partition);
        free(row);
    }
    cr_assert_not(standing_rows_is_resetting(rows, partition));
    for (uint32_t i = 0; i < KEYS; i++) {
        if (!confirmed[i])
            versions[i] = 0;
    }
}

Test(standing_rows, hold_what_was_put_through_growth_removal_and_resets)
{
    struct random random = {.state = 4711};
    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t i = (uint32_t)random_below(&random, KEYS);
        uint64_t choice = random_below(&random, 1000);
        bool is_growing = step / 2000 % 2 == 0;
        if (choice == 0)
            partition_reset(&random, (uint16_t)random_below(&random, PARTITIONS));
        else if (choice < (is_growing ? 700U : 300U))
            row_put(i, step + 1);
        else
            row_take(i);
        if (step % 500 == 0)
            rows_check();
    }
    rows_check();
}

Test(standing_rows, values_are_kept_only_if_wanted)
{
    struct standing_rows *bare = standing_rows_new(PARTITIONS, false);
    struct bytes value = bytes_of("value", 5);
    struct bytes key = buffer_bytes(&keys[1]);
    cr_assert_null(standing_rows_put(bare, partitions[1], key, &value, 1, 2));
    cr_assert_null(standing_rows_put(rows, partitions[1], key, &value, 1, 2));
    cr_assert_not(standing_rows_find(bare, partitions[1], key)->has_value);
    const struct standing_row *row = standing_rows_find(rows, partitions[1], key);
    cr_assert(row->has_value && bytes_equal(standing_row_value(row), value));
    standing_rows_free(bare);
    versions[1] = 2;
}
