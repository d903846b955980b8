// SPDX-License-Identifier: Apache-2.0
// What is known of the values of fields, to tell good access keys from bad ones: samples of what
// updates brought, and before there are any, what the standing queries ask for. Estimates only:
// nothing depends on their being right.
#pragma once

#include "node/query/access_key.h"

struct access_stats;

struct access_stats *access_stats_new(void);
void access_stats_free(struct access_stats *stats);

// A standing query has a condition on this field.
void access_stats_want(struct access_stats *stats, const struct part *part);
// It asks for this value, which is hashed as a key of one point.
void access_stats_ask(struct access_stats *stats, const struct part *part, uint32_t hash);

// Notes the fields that standing queries asked for, of a document with this key.
void access_stats_see(struct access_stats *stats, struct bytes key, const struct bytes *slots,
                      uint32_t slot_count);

// Documents seen so far.
uint64_t access_stats_seen(const struct access_stats *stats);

// The share of updates, 0 to 1, whose field ...
// ... has this value,
double access_stats_point(const struct access_stats *stats, const struct part *part, uint32_t hash);
// ... is there,
double access_stats_exists(const struct access_stats *stats, const struct part *part);
// ... is of this family and in a range, given as images,
double access_stats_range(const struct access_stats *stats, const struct part *part,
                          enum family family, uint64_t low, uint64_t high);
// ... begins or ends with so many given bytes,
double access_stats_affix(const struct access_stats *stats, const struct part *part,
                          struct bytes affix);
// ... contains this piece. Asking makes it known from now on.
double access_stats_piece(struct access_stats *stats, const struct part *part,
                          const uint8_t *piece);

size_t access_stats_bytes(const struct access_stats *stats);
