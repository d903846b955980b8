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
    return (uint16_t)(hash % partition_count);
}
