// SPDX-License-Identifier: Apache-2.0
// Every limit of the protocol, and how they hang together.
#pragma once

#include "cluster/base/units.h"

#include <assert.h>

enum {
    PROTOCOL_VERSION = 1,
    FRAME_HEADER_BYTES = 16,
    KEY_BYTES_MAX = 64 * 1024,              // encoded
    VALUE_BYTES_MAX = 16 * 1024 * 1024 - 1, // encoded; a record keeps the size in 24 bits
    VALUE_DEPTH_MAX = 32,                   // nested containers
    MAP_NAME_BYTES_MAX = 255,
    MAPS_MAX = 4096, // per node
    QUERY_TEXT_BYTES_MAX = 64 * 1024,
    NODE_NAME_BYTES_MAX = 63, // of zones and grids too
    SECRET_BYTES_MAX = 255,
    ERROR_TEXT_BYTES_MAX = 1024,
    PARTITIONS_MAX = 16384,
    MEMBERS_MAX = 1024,
    REPLICAS_MAX = 4,      // wanted: primary and up to three backups
    VIEW_REPLICAS_MAX = 8, // in being: also those that are being filled, or will be given up
    VOTERS_MAX = 7,
    WORKERS_MAX = 64,
    // A request carries at most one key and one value beside small fields.
    FRAME_OVERHEAD_BYTES = 4096,
    FRAME_BODY_BYTES_MAX =
        VALUE_BYTES_MAX + KEY_BYTES_MAX + QUERY_TEXT_BYTES_MAX + FRAME_OVERHEAD_BYTES,
    // Subscriptions of a connection, so that any of them can share a frame.
    AUDIENCE_IDS_MAX = 4 * 1024 * 1024,
    // An event carries its audience, 4 bytes each, a key, the new and the old value.
    EVENT_BODY_BYTES_MAX =
        4 * AUDIENCE_IDS_MAX + 2 * VALUE_BYTES_MAX + KEY_BYTES_MAX + FRAME_OVERHEAD_BYTES,
    BATCH_BODY_BYTES_MAX = 64 * 1024 * 1024, // events that are to be taken together
    SCAN_PAGE_ROWS_MAX = 4096,
    SCAN_PAGE_BYTES = 256 * 1024, // a page ends after the row that reaches this
};

#define PARTITION_ANY 0xFFFF // in a frame's header: not about one partition

// Expiry is kept in 40 bits of milliseconds from this origin (2024-01-01T00:00:00Z): until 2058.
#define EXPIRY_ORIGIN_MS INT64_C(1704067200000)
#define TTL_MS_MAX       (INT64_C(10) * 365 * 24 * 3600 * 1000)
#define MAX_IDLE_MS_MAX  (INT64_C(30) * 24 * 3600 * 1000)
#define RETRY_AGE_MS_MAX TTL_MS_MAX // of an operation that is sent again; so that sums stay small
#define EXPIRY_MS_MAX    (EXPIRY_ORIGIN_MS + (INT64_C(1) << 40) - 1)

static_assert(VIEW_REPLICAS_MAX >= 2 * REPLICAS_MAX,
              "all replicas of a partition may move at once");
static_assert(PARTITIONS_MAX < PARTITION_ANY, "PARTITION_ANY must not name a partition");
static_assert(BATCH_BODY_BYTES_MAX >= EVENT_BODY_BYTES_MAX + FRAME_OVERHEAD_BYTES,
              "the largest event can be in a batch");
static_assert(VALUE_BYTES_MAX < (1 << 24), "a record keeps value_bytes in 24 bits");
