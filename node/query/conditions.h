// SPDX-License-Identifier: Apache-2.0
// What an index can use of a WHERE: conditions of which at least one conjunction holds whenever the
// WHERE is TRUE (the converse need not hold: what is found is verified).
//
//   region = 'eu' AND (price > 5 OR symbol IN ('a', 'b')) AND length(note) < 9
//   -> { region = 'eu', price > 5 }, { region = 'eu', symbol IN ('a', 'b') }
#pragma once

#include "node/query/fields.h"
#include "node/query/query.h"

enum condition_kind {
    CONDITION_IN = 1,   // equal to one of `values`: also of a = b, and of OR of such of one field
    CONDITION_NULL,     // the field is missing, nil or NaN
    CONDITION_EXISTS,   // the field is there, be it nil
    CONDITION_RANGE,    // of one family: numbers, strings or binaries between low and high
    CONDITION_PREFIX,   // a string that begins with values[0]
    CONDITION_SUFFIX,   // ends with it
    CONDITION_CONTAINS, // has it inside
};

// A condition on one field, or on the key of the entry.
struct condition {
    enum condition_kind kind;
    bool is_key;                // __key, not a field
    uint16_t slot;              // held by the caller's code: see conditions_of
    uint32_t value_count;       // IN: different ones; PREFIX, SUFFIX, CONTAINS: 1
    const struct value *values; // in the arena; ascending by family and value; canonical, see below
    struct value low;           // RANGE; VALUE_NULL: no bound
    struct value high;
    bool is_low_open; // the bound itself is outside
    bool is_high_open;
};

struct conjunction {
    const struct condition *conditions;
    uint32_t count; // 0: nothing is known of it
    // The converse holds too: the WHERE is TRUE whenever all of these conditions hold. Nothing
    // needs to be verified then. FALSE is always a right answer.
    bool is_exact;
};

struct conditions {
    const struct conjunction *conjunctions;
    uint32_t count; // 0: the WHERE is never TRUE
};

enum { CONJUNCTIONS_MAX = 64 }; // of one WHERE; beyond it one conjunction that knows nothing

// Of the WHERE of `query`; everything is in `arena`, but for strings and binaries, which may be the
// query's. Values and bounds have the form of value_canonical: values of a document that are equal
// to them by value_order have the same form once they are made canonical. A value is never NULL.
// The fields are looked up, not held: they must be held already, by code_compile of the same query
// with the same `fields`.
struct conditions conditions_of(const struct query *query, struct fields *fields,
                                struct arena *arena);
