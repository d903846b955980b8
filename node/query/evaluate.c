// SPDX-License-Identifier: Apache-2.0
#include "node/query/instruction.h"
#include "node/query/like.h"

static struct value load_constant(const uint8_t *object)
{
    return value_load(bytes_of(object, code_object_bytes(object)));
}

// Both are str of up to 31 bytes, of which there is one encoding: equal if their bytes are.
static inline bool both_short(struct bytes field, const uint8_t *object)
{
    return field.size > 0 && (field.data[0] & 0xe0) == 0xa0 && (object[0] & 0xe0) == 0xa0;
}

static inline struct value compare_path(enum comparison comparison, struct bytes field,
                                        const uint8_t *object, size_t size)
{
    if (comparison <= COMPARE_UNEQUAL && both_short(field, object)) {
        bool is_equal = field.size == size && memcmp(field.data, object, size) == 0;
        return value_of_bool(is_equal == (comparison == COMPARE_EQUAL));
    }
    struct value left = value_load(field);
    struct value right = value_load(bytes_of(object, size));
    return value_compare(comparison, &left, &right);
}

// ---- IN ----

static struct value set_miss(const struct code_set *set)
{
    return set->has_null ? value_null() : value_of_bool(false);
}

static struct value set_scan(const struct code_set *set, const uint8_t *objects,
                             const struct value *operand)
{
    for (uint32_t left = set->count; left > 0; left--) {
        size_t size = code_object_bytes(objects);
        struct value element = value_load(bytes_of(objects, size));
        enum order order = value_order(operand, &element);
        if (order == ORDER_NONE)
            return value_null();
        if (order == ORDER_EQUAL)
            return value_of_bool(true);
        objects += size;
    }
    return set_miss(set);
}

static struct value set_halve(const struct code_set *set, const uint8_t *offsets,
                              const struct value *operand)
{
    const uint8_t *objects = offsets + set->count * sizeof(uint32_t);
    uint32_t low = 0;
    uint32_t high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct value element =
            load_constant(objects + code_u32(offsets + middle * sizeof(uint32_t)));
        enum order order = value_order(operand, &element);
        if (order == ORDER_NONE)
            return value_null();
        if (order == ORDER_EQUAL)
            return value_of_bool(true);
        if (order == ORDER_LESS)
            high = middle;
        else
            low = middle + 1;
    }
    return set_miss(set);
}

// operand IN set: TRUE, FALSE, or NULL where SQL says so.
static struct value set_find(const uint8_t *at, const struct value *operand)
{
    struct code_set set = code_set_head(at);
    if (operand->kind == VALUE_NULL)
        return value_null();
    at += sizeof set;
    return set.count > CODE_SET_SCANNED_MAX ? set_halve(&set, at, operand)
                                            : set_scan(&set, at, operand);
}

// ---- Instructions ----

static struct value between(const struct value *operands)
{
    struct value above = value_compare(COMPARE_GREATER_EQUAL, &operands[0], &operands[1]);
    struct value below = value_compare(COMPARE_LESS_EQUAL, &operands[0], &operands[2]);
    return value_and(&above, &below);
}

static struct value like(const uint8_t *pattern, const struct value *operand)
{
    if (operand->kind != VALUE_STR)
        return value_null();
    return value_of_bool(like_matches(pattern, operand->bytes));
}

// Of the instructions that push a value; they find `top` above the others.
static struct value pushed(const uint8_t *at, struct bytes key, const struct bytes *slots,
                           const struct value *top)
{
    switch (*at) {
    case CODE_CONSTANT:
        return load_constant(at + 1);
    case CODE_KEY:
        return value_load(key);
    case CODE_EXISTS:
        return value_of_bool(slots[code_slot(at + 1)].size > 0);
    default:
        CHECK(*at == CODE_IN_SET_KEEP);
        return set_find(at + 1, top);
    }
}

// Of the instructions that replace the top.
static struct value replaced(const uint8_t *at, const struct value *top)
{
    switch (*at) {
    case CODE_NEGATE:
        return value_negate(top);
    case CODE_NOT:
        return value_not(top);
    case CODE_IS_NULL:
        return value_of_bool(top->kind == VALUE_NULL);
    case CODE_LIKE:
        return like(at + 1, top);
    default:
        CHECK(*at == CODE_IN_SET);
        return set_find(at + 1, top);
    }
}

// Of the instructions that replace the two values on top, `left` and the one above it.
static struct value joined(const uint8_t *at, const struct value *left)
{
    const struct value *right = left + 1;
    struct value equal;
    switch (*at) {
    case CODE_COMPARE:
        return value_compare((enum comparison)at[1], left, right);
    case CODE_CALCULATE:
        return value_calculate((enum arithmetic)at[1], left, right);
    case CODE_AND:
        return value_and(left, right);
    case CODE_OR:
        return value_or(left, right);
    case CODE_IN_ELEMENT:
        equal = value_compare(COMPARE_EQUAL, left - 1, right);
        return value_or(left, &equal);
    default:
        CHECK(*at == CODE_IN_END);
        return *right;
    }
}

static bool jump_taken(const uint8_t *at, const struct value *top)
{
    switch (*at) {
    case CODE_JUMP_FALSE:
        return value_is_false(top);
    case CODE_ALL_TRUE:
        return !value_is_true(top);
    default:
        return value_is_true(top);
    }
}

struct value code_run(struct bytes code, struct bytes key, const struct bytes *slots,
                      struct code_stack *stack)
{
    const uint8_t *at = code.data;
    struct value *top = stack->values;
    for (;;) {
        size_t size = code_instruction_bytes(at);
        switch ((enum instruction) * at) {
        case CODE_END:
            return *top;
        case CODE_REQUIRE:
            if (!value_is_true(top--))
                return value_of_bool(false);
            break;
        case CODE_PATH:
            *++top = value_load(slots[code_slot(at + 1)]);
            break;
        case CODE_COMPARE_PATH:
            *++top =
                compare_path((enum comparison)at[1], slots[code_slot(at + 2)], at + 4, size - 4);
            break;
        case CODE_CONSTANT:
        case CODE_KEY:
        case CODE_EXISTS:
        case CODE_IN_SET_KEEP:
            top[1] = pushed(at, key, slots, top);
            top++;
            break;
        case CODE_NEGATE:
        case CODE_NOT:
        case CODE_IS_NULL:
        case CODE_LIKE:
        case CODE_IN_SET:
            *top = replaced(at, top);
            break;
        case CODE_COMPARE:
        case CODE_CALCULATE:
        case CODE_AND:
        case CODE_OR:
        case CODE_IN_ELEMENT:
        case CODE_IN_END:
            top--;
            *top = joined(at, top);
            break;
        case CODE_BETWEEN:
            top -= 2;
            *top = between(top);
            break;
        case CODE_CALL:
            top -= (int)at[2] - 1;
            *top = function_call((enum function_id)at[1], top, at[2], stack->scratch[at[3]]);
            break;
        case CODE_JUMP_FALSE:
        case CODE_JUMP_TRUE:
            if (jump_taken(at, top))
                at += code_u32(at + 1);
            break;
        case CODE_ALL_TRUE:
        case CODE_ANY_TRUE:
            if (jump_taken(at, top))
                at += code_u32(at + 1);
            else
                top--;
            break;
        case CODE_INSTRUCTION_COUNT:
            CHECK(false);
        }
        at += size;
    }
}
