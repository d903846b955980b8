// SPDX-License-Identifier: Apache-2.0
#include "node/store/record.h"

#include "cluster/model/limits.h"

#include <criterion/criterion.h>
#include <signal.h>

static const uint8_t key_data[] = {0xa3, 'k', 'e', 'y'};
static const uint8_t value_data[] = {0xa5, 'v', 'a', 'l', 'u', 'e'};

static struct record_fields fields(int64_t expiry_ms, int64_t max_idle_ms)
{
    return (struct record_fields){
        .key = bytes_of(key_data, sizeof key_data),
        .value = bytes_of(value_data, sizeof value_data),
        .seq = UINT64_C(0x123456789abc),
        .expiry_ms = expiry_ms,
        .max_idle_ms = max_idle_ms,
        .access_ms = EXPIRY_ORIGIN_MS + 5000,
    };
}

Test(record, fields_come_back_as_they_went_in)
{
    static const int64_t times_ms[] = {0, EXPIRY_ORIGIN_MS + 1, EXPIRY_ORIGIN_MS + TTL_MS_MAX};
    static const int64_t idles_ms[] = {0, 1, MAX_IDLE_MS_MAX};
    struct slab slab;
    slab_init(&slab, 4 * MIB);
    for (int i = 0; i < 9; i++) {
        struct record_fields in = fields(times_ms[i / 3], idles_ms[i % 3]);
        uint32_t handle = record_new(&slab, &in);
        const struct record *record = record_at(&slab, handle);
        cr_assert(bytes_equal(record_key(record), in.key));
        cr_assert(bytes_equal(record_value(record), in.value));
        cr_assert(record_has_key(record, in.key));
        cr_assert_eq(record_hash(record), key_hash(in.key));
        cr_assert_eq(record_seq(record), in.seq);
        cr_assert_eq(record_expiry_ms(record), in.expiry_ms);
        cr_assert_eq(record_max_idle_ms(record), in.max_idle_ms);
        cr_assert_eq(slab_object_bytes(&slab, handle), record_rounded_bytes(&slab, &in));
        record_free(&slab, handle);
    }
    slab_deinit(&slab);
}

Test(record, the_plain_head_is_12_bytes_and_expiry_5)
{
    struct slab slab;
    slab_init(&slab, 4 * MIB);
    struct record_fields plain = fields(0, 0);
    struct record_fields timed = fields(EXPIRY_ORIGIN_MS + 1, 0);
    cr_assert_eq(record_rounded_bytes(&slab, &plain), (12 + 4 + 6 + 7) / 8 * 8);
    cr_assert_eq(record_rounded_bytes(&slab, &timed), (12 + 5 + 4 + 6 + 7) / 8 * 8);
    slab_deinit(&slab);
}

Test(record, the_deadline_is_the_earlier_of_expiry_and_idle)
{
    struct slab slab;
    slab_init(&slab, 4 * MIB);
    struct record_fields never = fields(0, 0);
    struct record_fields both = fields(EXPIRY_ORIGIN_MS + 9000, 1000);
    cr_assert_eq(record_deadline_ms(record_at(&slab, record_new(&slab, &never)), 0), INT64_MAX);
    struct record *record = record_at(&slab, record_new(&slab, &both));
    cr_assert_eq(record_deadline_ms(record, 0), EXPIRY_ORIGIN_MS + 6000);
    cr_assert_eq(record_deadline_ms(record, EXPIRY_ORIGIN_MS + 6500), EXPIRY_ORIGIN_MS + 7500);
    record_access(record, EXPIRY_ORIGIN_MS + 7000);
    cr_assert_eq(record_deadline_ms(record, 0), EXPIRY_ORIGIN_MS + 8000);
    record_access(record, EXPIRY_ORIGIN_MS + 8800);
    cr_assert_eq(record_deadline_ms(record, 0), EXPIRY_ORIGIN_MS + 9000);
    slab_deinit(&slab);
}

Test(record, times_out_of_range_become_the_nearest)
{
    struct slab slab;
    slab_init(&slab, 4 * MIB);
    struct record_fields before = fields(1, 0);
    struct record_fields after = fields(INT64_MAX / 2, 0);
    cr_assert_eq(record_expiry_ms(record_at(&slab, record_new(&slab, &before))), EXPIRY_ORIGIN_MS);
    cr_assert_eq(record_expiry_ms(record_at(&slab, record_new(&slab, &after))),
                 EXPIRY_ORIGIN_MS + (INT64_C(1) << 40) - 1);
    slab_deinit(&slab);
}

Test(record, another_key_of_the_same_first_byte_is_not_its_key)
{
    static const uint8_t other[] = {0xa3, 'k', 'e', 'z'};
    static const uint8_t longer[] = {0xa4, 'k', 'e', 'y', 's'};
    struct slab slab;
    slab_init(&slab, 4 * MIB);
    struct record_fields in = fields(0, 0);
    const struct record *record = record_at(&slab, record_new(&slab, &in));
    cr_assert_not(record_has_key(record, bytes_of(other, sizeof other)));
    cr_assert_not(record_has_key(record, bytes_of(longer, sizeof longer)));
    slab_deinit(&slab);
}

Test(record, an_exhausted_slab_makes_no_record)
{
    struct slab slab;
    slab_init(&slab, 4 * MIB);
    struct record_fields in = fields(0, 0);
    in.value.size = 5 * 1024 * 1024;
    cr_assert_eq(record_new(&slab, &in), 0);
    slab_deinit(&slab);
}

Test(record, freeing_twice_is_a_bug, .signal = SIGABRT)
{
    struct slab slab;
    slab_init(&slab, 4 * MIB);
    struct record_fields in = fields(0, 0);
    uint32_t handle = record_new(&slab, &in);
    uint32_t keeps_the_chunk = record_new(&slab, &in);
    record_free(&slab, handle);
    record_free(&slab, handle);
    cr_assert_neq(keeps_the_chunk, 0);
}
