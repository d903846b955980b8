// SPDX-License-Identifier: Apache-2.0
// A key: one MessagePack int, str or bin in its shortest encoding, so that equal keys are equal
// bytes.
#pragma once

#include "cluster/base/bytes.h"
#include "cluster/base/error.h"

// ERROR_NONE when `key` is exactly one canonical key; else ERROR_MALFORMED_KEY or ERROR_TOO_LARGE.
MUST_USE enum error key_check(struct bytes key);

// The encoded size of the key that starts at `data`, which key_check has accepted before.
size_t key_bytes(const uint8_t *data);

// XXH3_64bits of the encoded key: what partitions and tables are made of.
uint64_t key_hash(struct bytes key);

static inline uint16_t key_partition(uint64_t hash, uint32_t partition_count)
{
    // A division costs as much as the rest of finding an entry in the cache; the usual count needs
    // none.
    bool is_power_of_two = (partition_count & (partition_count - 1)) == 0;
    return (uint16_t)(is_power_of_two ? hash & (partition_count - 1) : hash % partition_count);
}
