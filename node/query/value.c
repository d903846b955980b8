// SPDX-License-Identifier: Apache-2.0
#include "node/query/value.h"

#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

#include <stdlib.h>

const uint8_t value_head_sizes[256] = {
    [0x00 ... 0x7f] = 1, [0x80] = 1,  [0x90] = 1,  [0xa0] = 1,  [0xa1] = 2,  [0xa2] = 3,
    [0xa3] = 4,          [0xa4] = 5,  [0xa5] = 6,  [0xa6] = 7,  [0xa7] = 8,  [0xa8] = 9,
    [0xa9] = 10,         [0xaa] = 11, [0xab] = 12, [0xac] = 13, [0xad] = 14, [0xae] = 15,
    [0xaf] = 16,         [0xb0] = 17, [0xb1] = 18, [0xb2] = 19, [0xb3] = 20, [0xb4] = 21,
    [0xb5] = 22,         [0xb6] = 23, [0xb7] = 24, [0xb8] = 25, [0xb9] = 26, [0xba] = 27,
    [0xbb] = 28,         [0xbc] = 29, [0xbd] = 30, [0xbe] = 31, [0xbf] = 32, [0xc0] = 1,
    [0xc2] = 1,          [0xc3] = 1,  [0xca] = 5,  [0xcb] = 9,  [0xcc] = 2,  [0xcd] = 3,
    [0xce] = 5,          [0xcf] = 9,  [0xd0] = 2,  [0xd1] = 3,  [0xd2] = 5,  [0xd3] = 9,
    [0xe0 ... 0xff] = 1};

enum family value_family(const struct value *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        return FAMILY_NULL;
    case VALUE_BOOL:
        return FAMILY_BOOL;
    case VALUE_INT:
    case VALUE_UINT:
    case VALUE_FLOAT:
        return FAMILY_NUMBER;
    case VALUE_STR:
        return FAMILY_STR;
    case VALUE_BIN:
        return FAMILY_BIN;
    case VALUE_ARRAY:
    case VALUE_MAP:
    case VALUE_EXT:
        break;
    }
    return FAMILY_OTHER;
}

static struct value value_of_object(enum value_kind kind, struct bytes object)
{
    return (struct value){.kind = kind, .object = object};
}

static struct value number_load(struct cursor *cursor, enum wire_type type)
{
    uint64_t natural;
    int64_t integer;
    double real;
    if (type == WIRE_UINT && cursor_read_uint(cursor, &natural))
        return value_of_uint(natural);
    if (type == WIRE_INT && cursor_read_int(cursor, &integer))
        return value_of_int(integer);
    if (type == WIRE_FLOAT && cursor_read_float(cursor, &real))
        return value_of_float(real);
    return value_null();
}

struct value value_load_any(struct bytes object)
{
    struct cursor cursor = cursor_of(object);
    struct bytes content;
    bool boolean;
    enum wire_type type = object.size == 0 ? WIRE_END : cursor_peek(&cursor);
    switch (type) {
    case WIRE_BOOL:
        return cursor_read_bool(&cursor, &boolean) ? value_of_bool(boolean) : value_null();
    case WIRE_UINT:
    case WIRE_INT:
    case WIRE_FLOAT:
        return number_load(&cursor, type);
    case WIRE_STR:
        return cursor_read_str(&cursor, &content) ? value_of_str(content) : value_null();
    case WIRE_BIN:
        return cursor_read_bin(&cursor, &content) ? value_of_bin(content) : value_null();
    case WIRE_ARRAY:
        return value_of_object(VALUE_ARRAY, object);
    case WIRE_MAP:
        return value_of_object(VALUE_MAP, object);
    case WIRE_EXT:
        return value_of_object(VALUE_EXT, object);
    case WIRE_END:
    case WIRE_NIL:
        break;
    }
    return value_null();
}

void value_write(const struct value *value, struct buffer *out)
{
    switch (value->kind) {
    case VALUE_NULL:
        write_nil(out);
        return;
    case VALUE_BOOL:
        write_bool(out, value->boolean);
        return;
    case VALUE_INT:
        write_int(out, value->integer);
        return;
    case VALUE_UINT:
        write_uint(out, value->natural);
        return;
    case VALUE_FLOAT:
        write_float(out, value->real);
        return;
    case VALUE_STR:
        write_str(out, value->bytes);
        return;
    case VALUE_BIN:
        write_bin(out, value->bytes);
        return;
    case VALUE_ARRAY:
    case VALUE_MAP:
    case VALUE_EXT:
        write_object(out, value->object);
        return;
    }
}

static enum order order_of_float(double left, double right)
{
    return left < right ? ORDER_LESS : left > right ? ORDER_GREATER : ORDER_EQUAL;
}

// Compares whole parts as integers and then looks at the fraction: a conversion of the integer to
// double would round above 2^53.
static enum order order_of_int_float(int64_t left, double right)
{
    if (right >= 0x1p63)
        return ORDER_LESS;
    if (right < -0x1p63)
        return ORDER_GREATER;
    int64_t whole = (int64_t)right;
    if (left != whole)
        return left < whole ? ORDER_LESS : ORDER_GREATER;
    return order_of_float((double)whole, right);
}

static enum order order_of_uint_float(uint64_t left, double right)
{
    if (right >= 0x1p64)
        return ORDER_LESS;
    if (right < 0x1p63)
        return ORDER_GREATER;
    uint64_t whole = (uint64_t)right; // doubles of this size have no fraction
    return left < whole ? ORDER_LESS : left > whole ? ORDER_GREATER : ORDER_EQUAL;
}

static enum order order_of_float_number(double left, const struct value *right)
{
    if (right->kind == VALUE_FLOAT)
        return order_of_float(left, right->real);
    enum order reversed = right->kind == VALUE_INT ? order_of_int_float(right->integer, left)
                                                   : order_of_uint_float(right->natural, left);
    return (enum order)(-(int)reversed);
}

static enum order order_of_number(const struct value *left, const struct value *right)
{
    if (left->kind == VALUE_FLOAT)
        return order_of_float_number(left->real, right);
    if (right->kind == VALUE_FLOAT)
        return left->kind == VALUE_INT ? order_of_int_float(left->integer, right->real)
                                       : order_of_uint_float(left->natural, right->real);
    if (left->kind != right->kind)
        return left->kind == VALUE_INT ? ORDER_LESS : ORDER_GREATER;
    if (left->kind == VALUE_INT)
        return left->integer < right->integer   ? ORDER_LESS
               : left->integer > right->integer ? ORDER_GREATER
                                                : ORDER_EQUAL;
    return left->natural < right->natural   ? ORDER_LESS
           : left->natural > right->natural ? ORDER_GREATER
                                            : ORDER_EQUAL;
}

static enum order order_of_bytes(struct bytes left, struct bytes right)
{
    size_t common = left.size < right.size ? left.size : right.size;
    int difference = common == 0 ? 0 : memcmp(left.data, right.data, common);
    if (difference != 0)
        return difference < 0 ? ORDER_LESS : ORDER_GREATER;
    if (left.size == right.size)
        return ORDER_EQUAL;
    return left.size < right.size ? ORDER_LESS : ORDER_GREATER;
}

enum order value_order(const struct value *left, const struct value *right)
{
    if (left->kind == VALUE_FLOAT && right->kind == VALUE_FLOAT)
        return order_of_float(left->real, right->real);
    enum family family = value_family(left);
    if (family != value_family(right))
        return ORDER_NONE;
    switch (family) {
    case FAMILY_BOOL:
        return (enum order)((int)left->boolean - (int)right->boolean);
    case FAMILY_NUMBER:
        return order_of_number(left, right);
    case FAMILY_STR:
    case FAMILY_BIN:
        return order_of_bytes(left->bytes, right->bytes);
    case FAMILY_UNKNOWN:
    case FAMILY_NULL:
    case FAMILY_OTHER:
        break;
    }
    return ORDER_NONE;
}

struct value value_compare(enum comparison comparison, const struct value *left,
                           const struct value *right)
{
    return value_of_truth(comparison_truth(comparison, value_order(left, right)));
}

enum comparison comparison_mirrored(enum comparison comparison)
{
    switch (comparison) {
    case COMPARE_LESS:
        return COMPARE_GREATER;
    case COMPARE_LESS_EQUAL:
        return COMPARE_GREATER_EQUAL;
    case COMPARE_GREATER:
        return COMPARE_LESS;
    case COMPARE_GREATER_EQUAL:
        return COMPARE_LESS_EQUAL;
    case COMPARE_EQUAL:
    case COMPARE_UNEQUAL:
        break;
    }
    return comparison;
}

enum comparison comparison_negated(enum comparison comparison)
{
    static const enum comparison negated[] = {
        [COMPARE_EQUAL] = COMPARE_UNEQUAL,      [COMPARE_UNEQUAL] = COMPARE_EQUAL,
        [COMPARE_LESS] = COMPARE_GREATER_EQUAL, [COMPARE_LESS_EQUAL] = COMPARE_GREATER,
        [COMPARE_GREATER] = COMPARE_LESS_EQUAL, [COMPARE_GREATER_EQUAL] = COMPARE_LESS,
    };
    return negated[comparison];
}

struct value value_and(const struct value *left, const struct value *right)
{
    if (value_is_false(left) || value_is_false(right))
        return value_of_bool(false);
    if (value_is_true(left) && value_is_true(right))
        return value_of_bool(true);
    return value_null();
}

struct value value_or(const struct value *left, const struct value *right)
{
    if (value_is_true(left) || value_is_true(right))
        return value_of_bool(true);
    if (value_is_false(left) && value_is_false(right))
        return value_of_bool(false);
    return value_null();
}

struct value value_not(const struct value *operand)
{
    if (operand->kind != VALUE_BOOL)
        return value_null();
    return value_of_bool(!operand->boolean);
}

// ---- Lists of constants ----

static int listed_order(const void *left, const void *right)
{
    int families = (int)value_family(left) - (int)value_family(right);
    return families != 0 ? families : (int)value_order(left, right);
}

uint32_t values_sort(struct value *values, uint32_t count)
{
    bool is_sorted = true;
    for (uint32_t at = 1; at < count && is_sorted; at++)
        is_sorted = listed_order(&values[at - 1], &values[at]) < 0;
    if (is_sorted)
        return count;
    qsort(values, count, sizeof *values, listed_order);
    uint32_t kept = 1;
    for (uint32_t at = 1; at < count; at++)
        if (listed_order(&values[kept - 1], &values[at]) != 0)
            values[kept++] = values[at];
    return kept;
}

struct value value_canonical(const struct value *value)
{
    if (value->kind != VALUE_FLOAT)
        return *value;
    double real = value->real;
    if (real >= 0x1p64)
        return *value;
    if (real >= 0x1p63) // has no fraction
        return value_of_uint((uint64_t)real);
    bool is_whole = real >= -0x1p63 && (double)(int64_t)real == real;
    return is_whole ? value_of_int((int64_t)real) : *value;
}
