// SPDX-License-Identifier: Apache-2.0
// The values that a load writes: random printable text, cut from a pool that is made once, so that
// making a value costs the load generator a copy.
#pragma once

#include "bench/market.h"
#include "cluster/base/buffer.h"
#include "cluster/base/random.h"

enum payload_kind {
    PAYLOAD_OF_WORKLOAD = 0, // not chosen yet
    PAYLOAD_FIELDS, // a map of PAYLOAD_FIELD_COUNT fields of PAYLOAD_FIELD_BYTES, as YCSB's record
    PAYLOAD_WHOLE,  // one bin of value_bytes
    PAYLOAD_QUOTE,  // {region, symbol, price, sent_us, data: bin of value_bytes}: what `cq` queries
    PAYLOAD_NEXMARK, // an event of bench/nexmark.h
};

enum { PAYLOAD_FIELD_COUNT = 10, PAYLOAD_FIELD_BYTES = 100 };

struct payload {
    uint8_t *pool;        // owned
    uint32_t value_bytes; // of PAYLOAD_WHOLE and PAYLOAD_QUOTE
};

void payload_init(struct payload *payload, uint32_t value_bytes, uint64_t seed);
void payload_deinit(struct payload *payload);

// Each appends one MessagePack value.
void payload_write_fields(const struct payload *payload, struct random *random, struct buffer *out);
void payload_write_one_field(const struct payload *payload, struct random *random,
                             struct buffer *out);
void payload_write_whole(const struct payload *payload, struct random *random, struct buffer *out);
void payload_write_quote(const struct payload *payload, struct random *random,
                         const struct quote *quote, uint64_t sent_us, struct buffer *out);

// value_bytes of text without MessagePack around it. Borrowed from the payload.
struct bytes payload_text(const struct payload *payload, struct random *random);
