// SPDX-License-Identifier: Apache-2.0
#include "bench/keyset.h"

#include "cluster/base/check.h"

#include <string.h>

// YCSB draws scrambled ranks from ten billion items whatever the number of records, and knows their
// zeta (site.ycsb.generator.ScrambledZipfianGenerator).
#define SCRAMBLED_ITEM_COUNT UINT64_C(10000000000)
#define SCRAMBLED_ZETA       26.46902820178302

// FNV-1a of the eight bytes of a number, as YCSB scrambles.
static uint64_t scramble(uint64_t number)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (int i = 0; i < 8; i++) {
        hash ^= number & 0xff;
        hash *= UINT64_C(0x100000001B3);
        number >>= 8;
    }
    return hash;
}

void key_chooser_init(struct key_chooser *chooser, enum distribution distribution,
                      uint64_t record_count)
{
    CHECK(record_count >= 1);
    chooser->distribution = distribution;
    chooser->record_count = record_count;
    if (distribution == DISTRIBUTION_LATEST)
        zipfian_init(&chooser->zipfian, record_count);
    else
        zipfian_init_with_zeta(&chooser->zipfian, SCRAMBLED_ITEM_COUNT, SCRAMBLED_ZETA);
}

uint64_t key_chooser_next(struct key_chooser *chooser, struct random *random,
                          uint64_t existing_count)
{
    switch (chooser->distribution) {
    case DISTRIBUTION_ZIPFIAN:
        return scramble(zipfian_next(&chooser->zipfian, random)) % chooser->record_count;
    case DISTRIBUTION_UNIFORM:
        return random_below(random, chooser->record_count);
    case DISTRIBUTION_LATEST:
        if (existing_count > chooser->zipfian.item_count)
            zipfian_grow(&chooser->zipfian, existing_count);
        return chooser->zipfian.item_count - 1 - zipfian_next(&chooser->zipfian, random);
    case DISTRIBUTION_OF_WORKLOAD:
    default:
        CHECK(false);
    }
}

void key_of_index(uint64_t index, uint8_t key[static KEY_ENCODED_BYTES])
{
    CHECK(index <= KEY_INDEX_MAX);
    key[0] = 0xa0 | KEY_TEXT_BYTES;
    memcpy(key + 1, "user", 4);
    for (int i = KEY_ENCODED_BYTES - 1; i > 4; i--) {
        key[i] = (uint8_t)('0' + index % 10);
        index /= 10;
    }
}
