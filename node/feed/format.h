// SPDX-License-Identifier: Apache-2.0
// What the events of a subscription carry: the selected part of values, old or new or none.
// Subscriptions with the same format share it, and so an encoded event.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/model/message.h"
#include "node/query/query.h"

struct format {
    struct format *next; // in its bucket
    uint64_t hash;
    uint32_t holders;
    enum content content;
    bool only_changed;
    struct query *query; // owned; its SELECT list. NULL: SELECT *
    char *columns;       // owned; the text of the list
};

struct formats {
    struct format **buckets; // owned
    uint32_t bucket_count;   // a power of two; 0: none yet
    uint32_t count;
};

void formats_deinit(struct formats *formats); // all must have been released

struct format *formats_hold(struct formats *formats, const struct query *query,
                            const struct subscribe *options);
void formats_release(struct formats *formats, struct format *format);

// The selected part of an entry's value: the value itself, or its projection in `scratch`.
struct bytes format_select(const struct format *format, struct bytes key, struct bytes value,
                           struct buffer *scratch);
