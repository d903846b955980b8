// SPDX-License-Identifier: Apache-2.0
#include "cluster/model/key.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "cluster/model/limits.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

#include <criterion/criterion.h>

#define BYTES(...)                                                                                 \
    {                                                                                              \
        (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})                     \
    }

struct row {
    struct bytes key;
    enum error expected;
};

// In memory of just its size, so that the sanitizer sees a read beyond the end.
static enum error check_copy(struct bytes key)
{
    uint8_t *copy = memory_new_array(key.size, 1);
    if (key.size)
        memcpy(copy, key.data, key.size);
    enum error error = key_check(bytes_of(copy, key.size));
    if (error == ERROR_NONE)
        cr_assert_eq(key_bytes(copy), key.size);
    free(copy);
    return error;
}

static void rows_check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(check_copy(rows[i].key), rows[i].expected, "row %zu", i);
}

Test(key, ints_must_be_in_their_shortest_format)
{
    const struct row rows[] = {
        {BYTES(0x00), ERROR_NONE},
        {BYTES(0x7f), ERROR_NONE},
        {BYTES(0xe0), ERROR_NONE},
        {BYTES(0xff), ERROR_NONE},
        {BYTES(0xcc, 0x80), ERROR_NONE},
        {BYTES(0xcc, 0x7f), ERROR_MALFORMED_KEY},
        {BYTES(0xcd, 0x01, 0x00), ERROR_NONE},
        {BYTES(0xcd, 0x00, 0xff), ERROR_MALFORMED_KEY},
        {BYTES(0xce, 0x00, 0x01, 0x00, 0x00), ERROR_NONE},
        {BYTES(0xce, 0x00, 0x00, 0xff, 0xff), ERROR_MALFORMED_KEY},
        {BYTES(0xcf, 0, 0, 0, 1, 0, 0, 0, 0), ERROR_NONE},
        {BYTES(0xcf, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), ERROR_MALFORMED_KEY},
        {BYTES(0xd0, 0xdf), ERROR_NONE},
        {BYTES(0xd0, 0xe0), ERROR_MALFORMED_KEY},
        {BYTES(0xd0, 0x01), ERROR_MALFORMED_KEY},
        {BYTES(0xd1, 0xff, 0x7f), ERROR_NONE},
        {BYTES(0xd1, 0xff, 0x80), ERROR_MALFORMED_KEY},
        {BYTES(0xd1, 0x7f, 0xff), ERROR_MALFORMED_KEY},
        {BYTES(0xd2, 0xff, 0xff, 0x7f, 0xff), ERROR_NONE},
        {BYTES(0xd2, 0xff, 0xff, 0x80, 0x00), ERROR_MALFORMED_KEY},
        {BYTES(0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff), ERROR_NONE},
        {BYTES(0xd3, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0), ERROR_MALFORMED_KEY},
        {BYTES(0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0), ERROR_NONE},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

Test(key, other_types_and_wrong_sizes_are_refused)
{
    const struct row rows[] = {
        {BYTES(0xa0), ERROR_NONE},
        {BYTES(0xa2, 'a', 'b'), ERROR_NONE},
        {BYTES(0xa2, 'a'), ERROR_MALFORMED_KEY},
        {BYTES(0xa2, 'a', 'b', 'c'), ERROR_MALFORMED_KEY},
        {BYTES(0xc4, 0x00), ERROR_NONE},
        {BYTES(0xc4), ERROR_MALFORMED_KEY},
        {BYTES(0xc4, 0x02, 1), ERROR_MALFORMED_KEY},
        {BYTES(0xc5, 0x01), ERROR_MALFORMED_KEY},
        {BYTES(0xc5, 0x00, 0x01, 7), ERROR_MALFORMED_KEY},
        {BYTES(0xc6, 0, 0, 0, 1, 7), ERROR_MALFORMED_KEY},
        {BYTES(0xd9), ERROR_MALFORMED_KEY},
        {BYTES(0xd9, 0x01, 'a'), ERROR_MALFORMED_KEY},
        {BYTES(0xda, 0x00), ERROR_MALFORMED_KEY},
        {BYTES(0xda, 0x00, 0x01, 'a'), ERROR_MALFORMED_KEY},
        {BYTES(0xdb, 0, 0, 0, 1, 'a'), ERROR_MALFORMED_KEY},
        {BYTES(0xcc), ERROR_MALFORMED_KEY},
        {BYTES(0xcf, 0, 0, 0, 1, 0, 0, 0), ERROR_MALFORMED_KEY},
        {BYTES(0xc0), ERROR_MALFORMED_KEY},
        {BYTES(0xc1), ERROR_MALFORMED_KEY},
        {BYTES(0xc2), ERROR_MALFORMED_KEY},
        {BYTES(0xca, 0, 0, 0, 0), ERROR_MALFORMED_KEY},
        {BYTES(0xd4, 0, 0), ERROR_MALFORMED_KEY},
        {BYTES(0x80), ERROR_MALFORMED_KEY},
        {BYTES(0x90), ERROR_MALFORMED_KEY},
        {BYTES(0x00, 0x00), ERROR_MALFORMED_KEY},
        {{NULL, 0}, ERROR_MALFORMED_KEY},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

// What the writer makes of a text or bin of this size, under this check.
static void size_check(size_t size, bool is_bin, enum error expected)
{
    struct buffer buffer = {0};
    uint8_t *payload = memory_new_array(size + 1, 1);
    if (is_bin)
        write_bin(&buffer, bytes_of(payload, size));
    else
        write_str(&buffer, bytes_of(payload, size));
    cr_assert_eq(check_copy(buffer_bytes(&buffer)), expected, "%s of %zu bytes",
                 is_bin ? "bin" : "str", size);
    free(payload);
    buffer_deinit(&buffer);
}

Test(key, the_writer_writes_keys_up_to_the_limit)
{
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, KEY_BYTES_MAX - 3};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_check(sizes[i], false, ERROR_NONE);
        size_check(sizes[i], true, ERROR_NONE);
    }
    size_check(KEY_BYTES_MAX - 2, false, ERROR_TOO_LARGE);
    size_check(KEY_BYTES_MAX, true, ERROR_TOO_LARGE);
}

// One of the widths that matter, with all its boundaries.
static uint64_t number_draw(struct random *random)
{
    uint64_t number = random_next(random) >> random_below(random, 64);
    return random_below(random, 4)
               ? number
               : (UINT64_C(1) << random_below(random, 64)) - 1 + random_below(random, 3);
}

Test(key, each_int_is_a_key_in_the_one_format_that_the_writer_chooses)
{
    struct random random = {.state = 2};
    struct buffer buffer = {0};
    for (int i = 0; i < 20000; i++) {
        buffer_clear(&buffer);
        uint64_t number = number_draw(&random);
        bool is_negative = random_below(&random, 2) && number <= INT64_MAX;
        if (is_negative)
            write_int(&buffer, -(int64_t)number);
        else
            write_uint(&buffer, number);
        cr_assert_eq(check_copy(buffer_bytes(&buffer)), ERROR_NONE);
        // Every wider format of the same number is no key.
        for (unsigned width_log = 0; width_log < 4; width_log++) {
            unsigned width = 1U << width_log;
            uint8_t wide[9] = {(uint8_t)((is_negative ? 0xd0 : 0xcc) + width_log)};
            uint64_t bits = is_negative ? (uint64_t) - (int64_t)number : number;
            for (unsigned j = 0; j < width; j++)
                wide[1 + j] = (uint8_t)(bits >> (8 * (width - 1 - j)));
            if (1 + width > buffer_size(&buffer))
                cr_assert_eq(check_copy(bytes_of(wide, 1 + width)), ERROR_MALFORMED_KEY);
        }
    }
    buffer_deinit(&buffer);
}

Test(key, hashes_and_partitions_stay_as_they_are)
{
    uint64_t hash = key_hash((struct bytes)BYTES(0xa3, 'k', 'e', 'y'));
    cr_assert_eq(hash, UINT64_C(0x167c4a41720584cf), "%lx", hash);
    cr_assert_eq(key_partition(hash, 1024), hash % 1024);
    cr_assert_eq(key_partition(UINT64_MAX, PARTITIONS_MAX), PARTITIONS_MAX - 1);
    cr_assert_neq(hash, key_hash((struct bytes)BYTES(0xa3, 'k', 'e', 'z')));
}
