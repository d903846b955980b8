// SPDX-License-Identifier: Apache-2.0
// A value while an expression is evaluated, and how values compare. Strings point into the
// document, the query or the evaluation's scratch: they are borrowed.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/bytes.h"
#include "cluster/base/check.h"

enum value_kind {
    VALUE_NULL = 0, // nil, missing, NaN, or the result of what cannot be computed
    VALUE_BOOL,
    VALUE_INT,
    VALUE_UINT, // only for numbers above INT64_MAX: an integer has one representation
    VALUE_FLOAT,
    VALUE_STR,
    VALUE_BIN,
    VALUE_ARRAY,
    VALUE_MAP,
    VALUE_EXT,
};

struct value {
    enum value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        double real;         // never NaN
        struct bytes bytes;  // STR, BIN: the content
        struct bytes object; // ARRAY, MAP, EXT: as encoded
    };
};

// What may be compared with what. Of an expression, the family its values are known to have.
enum family {
    FAMILY_UNKNOWN = 0, // known only when the query runs
    FAMILY_NULL,
    FAMILY_BOOL,
    FAMILY_NUMBER,
    FAMILY_STR,
    FAMILY_BIN,
    FAMILY_OTHER, // arrays, maps, extensions: compare with nothing
};

enum truth { TRUTH_FALSE = 0, TRUTH_TRUE, TRUTH_NULL };

enum order { ORDER_LESS = -1, ORDER_EQUAL = 0, ORDER_GREATER = 1, ORDER_NONE = 2 };

enum comparison {
    COMPARE_EQUAL = 0,
    COMPARE_UNEQUAL,
    COMPARE_LESS,
    COMPARE_LESS_EQUAL,
    COMPARE_GREATER,
    COMPARE_GREATER_EQUAL,
};

static inline struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}

static inline struct value value_of_bool(bool boolean)
{
    return (struct value){.kind = VALUE_BOOL, .boolean = boolean};
}

static inline struct value value_of_int(int64_t integer)
{
    return (struct value){.kind = VALUE_INT, .integer = integer};
}

static inline struct value value_of_uint(uint64_t natural)
{
    if (natural <= INT64_MAX)
        return value_of_int((int64_t)natural);
    return (struct value){.kind = VALUE_UINT, .natural = natural};
}

static inline struct value value_of_truth(enum truth truth)
{
    return truth == TRUTH_NULL ? value_null() : value_of_bool(truth == TRUTH_TRUE);
}

// NaN becomes NULL.
static inline struct value value_of_float(double real)
{
    if (__builtin_isnan(real))
        return value_null();
    return (struct value){.kind = VALUE_FLOAT, .real = real};
}

static inline struct value value_of_str(struct bytes text)
{
    return (struct value){.kind = VALUE_STR, .bytes = text};
}

static inline struct value value_of_bin(struct bytes data)
{
    return (struct value){.kind = VALUE_BIN, .bytes = data};
}

static inline bool value_is_true(const struct value *value)
{
    return value->kind == VALUE_BOOL && value->boolean;
}

static inline bool value_is_false(const struct value *value)
{
    return value->kind == VALUE_BOOL && !value->boolean;
}

enum family value_family(const struct value *value);

// Bytes of an encoded object by its first byte, where that byte tells: all but long strings,
// binaries, extensions and containers that are not empty. 0 where it does not.
extern const uint8_t value_head_sizes[256];

// For value_load: formats that few objects have.
struct value value_load_any(struct bytes object);

// The value of one encoded object; NULL for no bytes. Borrows from it. It is written member by
// member: who copies a whole value right after it was written in parts waits for them.
static inline void value_load_at(struct value *value, struct bytes object)
{
    uint8_t first = object.size > 0 ? object.data[0] : 0xc0;
    uint64_t bits = 0;
    if (first <= 0x7f) {
        value->kind = VALUE_INT;
        value->integer = first;
    } else if ((first & 0xe0) == 0xa0 && (first & 0x1f) == object.size - 1) {
        value->kind = VALUE_STR;
        value->bytes = bytes_of(object.data + 1, object.size - 1);
    } else if (first == 0xcb && object.size == 1 + sizeof bits) {
        memcpy(&bits, object.data + 1, sizeof bits);
        bits = __builtin_bswap64(bits);
        double real;
        memcpy(&real, &bits, sizeof real);
        value->real = real;
        value->kind = __builtin_isnan(real) ? VALUE_NULL : VALUE_FLOAT;
    } else if (first == 0xcf && object.size == 1 + sizeof bits) {
        memcpy(&bits, object.data + 1, sizeof bits);
        bits = __builtin_bswap64(bits);
        value->natural = bits;
        value->kind = bits <= INT64_MAX ? VALUE_INT : VALUE_UINT;
    } else if (first == 0xce && object.size == 1 + sizeof(uint32_t)) {
        uint32_t half;
        memcpy(&half, object.data + 1, sizeof half);
        value->kind = VALUE_INT;
        value->integer = __builtin_bswap32(half);
    } else {
        *value = value_load_any(object);
    }
}

static inline struct value value_load(struct bytes object)
{
    struct value value;
    value_load_at(&value, object);
    return value;
}

// Appends the value as MessagePack.
void value_write(const struct value *value, struct buffer *out);

// ORDER_NONE where either is NULL, the families differ, or the family has no order. Integers and
// floats compare by their exact values, strings and binaries by their bytes, FALSE before TRUE.
enum order value_order(const struct value *left, const struct value *right);

// a < b is b > a.
enum comparison comparison_mirrored(enum comparison comparison);

// What is TRUE where `comparison` is FALSE: a >= b for a < b.
enum comparison comparison_negated(enum comparison comparison);

// Sorts by family and then ascending, and keeps one of those that are equal; none is NULL or of
// FAMILY_OTHER. Returns how many are left.
uint32_t values_sort(struct value *values, uint32_t count);

// The one form of all numbers that are equal, so that it can be hashed: a float with the value of
// an INT or UINT as that. Everything else stays as it is.
struct value value_canonical(const struct value *value);

// The truth of left ? right for two values in this order; NULL where there is none.
static inline enum truth comparison_truth(enum comparison comparison, enum order order)
{
    static const uint8_t truths[][4] = {
        // left is less, equal, greater; no order
        [COMPARE_EQUAL] = {TRUTH_FALSE, TRUTH_TRUE, TRUTH_FALSE, TRUTH_NULL},
        [COMPARE_UNEQUAL] = {TRUTH_TRUE, TRUTH_FALSE, TRUTH_TRUE, TRUTH_NULL},
        [COMPARE_LESS] = {TRUTH_TRUE, TRUTH_FALSE, TRUTH_FALSE, TRUTH_NULL},
        [COMPARE_LESS_EQUAL] = {TRUTH_TRUE, TRUTH_TRUE, TRUTH_FALSE, TRUTH_NULL},
        [COMPARE_GREATER] = {TRUTH_FALSE, TRUTH_FALSE, TRUTH_TRUE, TRUTH_NULL},
        [COMPARE_GREATER_EQUAL] = {TRUTH_FALSE, TRUTH_TRUE, TRUTH_TRUE, TRUTH_NULL},
    };
    return (enum truth)truths[comparison][order - ORDER_LESS];
}

// TRUE, FALSE or, where there is no order, NULL.
struct value value_compare(enum comparison comparison, const struct value *left,
                           const struct value *right);

// Three-valued logic; what is not a boolean counts as NULL.
struct value value_and(const struct value *left, const struct value *right);
struct value value_or(const struct value *left, const struct value *right);
struct value value_not(const struct value *operand);
