// SPDX-License-Identifier: Apache-2.0
// The rows of one subscription as its listener knows them: keys with their versions, and values if
// they are wanted. One table in the order of partitions, so that a partition's rows are found
// without looking at the others.
#pragma once

#include "cluster/base/bytes.h"

struct standing_row {
    uint64_t seq;   // version: the effect that wrote it
    uint64_t epoch; // under which that was made
    uint32_t key_bytes;
    uint32_t value_bytes;
    uint16_t partition;
    bool is_confirmed; // during a reset: it is there
    bool has_value;
    uint8_t data[]; // key, value
};

struct standing_rows;

struct standing_rows *standing_rows_new(uint32_t partition_count, bool keeps_values);
void standing_rows_free(struct standing_rows *rows);

size_t standing_rows_count(const struct standing_rows *rows);
bool standing_rows_keep_values(const struct standing_rows *rows);

// Borrowed until the row is put again or removed; NULL: there is none.
struct standing_row *standing_rows_find(const struct standing_rows *rows, uint16_t partition,
                                        struct bytes key);

// Puts a row, confirmed, in place of the one with this key, which is returned: the caller's, who
// releases it with free(); NULL: there was none. `value` may be NULL.
struct standing_row *standing_rows_put(struct standing_rows *rows, uint16_t partition,
                                       struct bytes key, const struct bytes *value, uint64_t epoch,
                                       uint64_t seq);

// Takes the row out: the caller's, who releases it with free(); NULL: there was none.
struct standing_row *standing_rows_take(struct standing_rows *rows, uint16_t partition,
                                        struct bytes key);

// Any order: *place starts with 0. NULL at the end.
struct standing_row *standing_rows_next(const struct standing_rows *rows, uint64_t *place);

// ---- Resets ----

// No row of the partition is confirmed.
void standing_rows_reset(struct standing_rows *rows, uint16_t partition);
bool standing_rows_is_resetting(const struct standing_rows *rows, uint16_t partition);

// Takes a row out that was not confirmed; NULL when there is none left: the reset is over.
struct standing_row *standing_rows_reset_next(struct standing_rows *rows, uint16_t partition);

static inline struct bytes standing_row_key(const struct standing_row *row)
{
    return bytes_of(row->data, row->key_bytes);
}

static inline struct bytes standing_row_value(const struct standing_row *row)
{
    return bytes_of(row->data + row->key_bytes, row->value_bytes);
}
