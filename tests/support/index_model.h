// SPDX-License-Identifier: Apache-2.0
// An index of standing queries beside the queries themselves: what the index tells of an update
// must be what evaluating each query tells.
#pragma once

#include "cluster/base/random.h"
#include "node/query/index.h"

struct index_model;

// Each match passes `hears` before it counts: a test of the test lets some be lost. NULL: all
// count.
typedef bool index_model_hears_fn(enum transition transition);

struct index_model *index_model_new(uint32_t always_max, index_model_hears_fn *hears);
void index_model_free(struct index_model *model); // removes what is left

struct index *index_model_index(struct index_model *model); // borrowed

// Adds `SELECT * FROM <map> WHERE <where>`. False: it does not compile, or the index refuses it.
bool index_model_add(struct index_model *model, const char *map, struct bytes where);

uint32_t index_model_count(const struct index_model *model);
void index_model_remove(struct index_model *model, uint32_t number); // the last takes its number

// An update of map "m". False: the index told something else than the queries, which is printed.
bool index_model_update(struct index_model *model, struct bytes key, struct bytes old_value,
                        struct bytes new_value);

// ---- Random material ----

// Appends a WHERE of conditions that an index can use, mostly.
void index_model_write_where(struct random *random, struct buffer *out);
// Appends a document with the fields that these name.
void index_model_write_document(struct random *random, struct buffer *out);
// Appends a document that differs from this one in some of its fields.
void index_model_write_changed(struct random *random, struct bytes document, struct buffer *out);
// Appends the key of an entry.
void index_model_write_key(struct random *random, struct buffer *out);
