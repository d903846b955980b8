// SPDX-License-Identifier: Apache-2.0
// One version of one entry: immutable but for the time of its last access.
//
//   12-byte head | [expiry: 5] | [max idle: 4, last access: 5] | key | value
//
// A record has one owner at a time: the table; then, once it is replaced or removed, the effect in
// the log that did it; dropping that effect frees it. So an effect needs no claim of its own on its
// new record: whatever takes that record out of the table is a later effect of the same log, and
// the log drops its effects in order.
#pragma once

#include "cluster/model/key.h"
#include "node/store/slab.h"

#include <assert.h>

enum record_state {
    RECORD_FREE = 0, // what a stale handle finds
    RECORD_IN_TABLE = 1,
    RECORD_IN_LOG = 2,
};

enum record_flags {
    RECORD_EXPIRES = 1,
    RECORD_IDLES = 2,
};

struct record {
    uint32_t seq_low;
    uint16_t seq_high;
    uint16_t state;           // enum record_state; the slab leaves it alone in free slots
    uint32_t value_and_flags; // value bytes in 24 bits, enum record_flags in the low 8
    uint8_t body[];
};

static_assert(sizeof(struct record) == 12, "what each entry pays");

#define RECORD_SEQ_MAX ((UINT64_C(1) << 48) - 1)

enum {
    RECORD_EXPIRY_BYTES = 5,
    RECORD_MAX_IDLE_BYTES = 4,
    RECORD_IDLE_BYTES = 9, // with the last access
};

struct record_fields {
    struct bytes key;
    struct bytes value;
    uint64_t seq;
    int64_t expiry_ms;   // Unix time; 0: none
    int64_t max_idle_ms; // 0: none
    int64_t access_ms;   // Unix time; used with max_idle_ms
};

// A record in state RECORD_IN_TABLE with copies of the bytes. 0 when the slab is exhausted.
MUST_USE uint32_t record_new(struct slab *slab, const struct record_fields *fields);
void record_free(struct slab *slab, uint32_t handle);

// What record_new would take from the slab.
size_t record_rounded_bytes(const struct slab *slab, const struct record_fields *fields);

int64_t record_expiry_ms(const struct record *record);   // 0: none
int64_t record_max_idle_ms(const struct record *record); // 0: none

// When the entry is due: its expiry, or its last access (at least `active_since_ms`) plus max idle.
// INT64_MAX: never.
int64_t record_deadline_ms(const struct record *record, int64_t active_since_ms);

// Notes an access. Only for records with RECORD_IDLES.
void record_access(struct record *record, int64_t now_ms);

static inline struct record *record_at(const struct slab *slab, uint32_t handle)
{
    return slab_at(slab, handle);
}

static inline uint64_t record_seq(const struct record *record)
{
    return (uint64_t)record->seq_high << 32 | record->seq_low;
}

static inline unsigned record_flags(const struct record *record)
{
    return record->value_and_flags & 0xFF;
}

static inline const uint8_t *record_key_start(const struct record *record)
{
    unsigned flags = record_flags(record);
    return record->body + ((flags & RECORD_EXPIRES) ? RECORD_EXPIRY_BYTES : 0) +
           ((flags & RECORD_IDLES) ? RECORD_IDLE_BYTES : 0);
}

static inline struct bytes record_key(const struct record *record)
{
    const uint8_t *start = record_key_start(record);
    return bytes_of(start, key_bytes(start));
}

static inline struct bytes record_value(const struct record *record)
{
    const uint8_t *start = record_key_start(record);
    return bytes_of(start + key_bytes(start), record->value_and_flags >> 8);
}

static inline uint64_t record_hash(const struct record *record)
{
    return key_hash(record_key(record));
}

static inline bool record_has_key(const struct record *record, struct bytes key)
{
    const uint8_t *start = record_key_start(record);
    return start[0] == key.data[0] && key_bytes(start) == key.size &&
           memcmp(start, key.data, key.size) == 0;
}
