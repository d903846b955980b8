// SPDX-License-Identifier: Apache-2.0
// One operation on a map and its result, as plain data. All bytes are borrowed.
#pragma once

#include "cluster/base/bytes.h"
#include "cluster/base/error.h"

enum op_kind {
    OP_NONE = 0,
    OP_GET,
    OP_PUT,
    OP_GET_AND_PUT,
    OP_REPLACE, // put if present
    OP_REMOVE,
    OP_INCREMENT, // value is the delta, an int or a float
    OP_MERGE,     // value is a JSON Merge Patch (RFC 7396) written in MessagePack
    OP_TOUCH,     // new ttl and max idle, same value
    OP_CONTAINS,
    OP_SIZE,
    OP_CLEAR,
    OP_SCAN,
    OP_MAPS,
    OP_STATS,
    OP_COUNT
};

enum op_condition {
    CONDITION_NONE = 0,
    CONDITION_IF_ABSENT = 1,  // put
    CONDITION_IF_VERSION = 2, // put, replace, remove
};

// Where a scan goes on: the partition, and the hash of its first key not yet visited.
struct scan_position {
    uint16_t partition;
    uint64_t hash;
};

struct op {
    enum op_kind kind;
    enum op_condition condition;
    uint16_t partition; // PARTITION_ANY for operations without a key
    uint64_t hash;      // key_hash(key), computed by whoever receives the operation
    struct bytes map;
    struct bytes key;              // canonical
    struct bytes value;            // well-formed
    uint64_t version;              // with CONDITION_IF_VERSION
    int64_t ttl_ms;                // 0: lives until removed; else 1 to TTL_MS_MAX
    int64_t max_idle_ms;           // 0: no limit; else 1 to MAX_IDLE_MS_MAX
    struct scan_position position; // clear, scan: where to start
    uint32_t limit;                // scan: rows at most; 1 to SCAN_PAGE_ROWS_MAX
    struct bytes query;            // scan: SELECT text, or empty for whole entries of `map`
    // Writes with a key that shall be applied at most once however often they are sent.
    uint64_t client; // from the session; 0: none
    uint64_t number; // 0: none
    uint64_t floor;  // <= number
    bool is_retry;   // it may have been applied already
    uint64_t age_ms; // retry: since it was first sent
};

static inline bool op_is_write(enum op_kind kind)
{
    return (kind >= OP_PUT && kind <= OP_TOUCH) || kind == OP_CLEAR;
}

static inline bool op_has_key(enum op_kind kind)
{
    return kind >= OP_GET && kind <= OP_CONTAINS;
}
