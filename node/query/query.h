// SPDX-License-Identifier: Apache-2.0
// A compiled SELECT: its map, its projection, its predicate. Immutable once made, so that threads
// may share it. docs/query.md describes the language.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/error.h"

struct query;

enum { QUERY_ERROR_TEXT_BYTES = 256 };

struct query_error {
    uint32_t line;                     // from 1
    uint32_t column;                   // from 1, in bytes
    char text[QUERY_ERROR_TEXT_BYTES]; // what is wrong, and a hint where there is one
};

// Compiles the text (borrowed until return). NULL and a filled *error when it does not compile.
MUST_USE struct query *query_new(struct bytes text, struct query_error *error);
void query_free(struct query *query);

// The SELECT list of a query as a query of its own, on a map of any name.
struct query *query_of_columns(const struct query *query);

struct bytes query_map(const struct query *query);   // borrowed from the query
uint64_t query_limit(const struct query *query);     // rows at most; 0: no LIMIT
bool query_selects_all(const struct query *query);   // SELECT *
bool query_has_predicate(const struct query *query); // false without WHERE: everything matches

// The parts of the text: "*" or what stands between SELECT and FROM; what follows WHERE (empty:
// there is none). Two queries on one map with the same bytes select the same. Borrowed.
struct bytes query_columns(const struct query *query);
struct bytes query_where(const struct query *query);

// True when the WHERE clause is TRUE (neither FALSE nor NULL) for this entry. Both are well-formed
// MessagePack.
bool query_matches(const struct query *query, struct bytes key, struct bytes value);

// Appends the projection of the entry: for SELECT * the value as it is; else a map from column name
// to the selected object, nil where it is missing.
void query_project(const struct query *query, struct bytes key, struct bytes value,
                   struct buffer *out);
