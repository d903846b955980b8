// SPDX-License-Identifier: Apache-2.0
#include "node/query/instruction.h"
#include "node/query/like.h"

// A str of up to 31 bytes has one encoding: two of them are equal if their bytes are.
static inline bool is_short(uint8_t first)
{
    return (first & 0xe0) == 0xa0;
}

// The same for any bytes, as long as there are not many: no call, no loop.
static inline bool short_equal(const uint8_t *left, const uint8_t *right, size_t size)
{
    enum { HALF = sizeof(uint64_t) };
    uint64_t lefts[2] = {0};
    uint64_t rights[2] = {0};
    if (size > 2 * HALF)
        return memcmp(left, right, size) == 0;
    if (size >= HALF) { // two halves that may overlap
        memcpy(&lefts[0], left, HALF);
        memcpy(&rights[0], right, HALF);
        memcpy(&lefts[1], left + size - HALF, HALF);
        memcpy(&rights[1], right + size - HALF, HALF);
        return lefts[0] == rights[0] && lefts[1] == rights[1];
    }
    for (size_t at = 0; at < size; at++)
        if (left[at] != right[at])
            return false;
    return true;
}

static inline enum truth compare_path(enum comparison comparison, struct bytes field,
                                      const uint8_t *object, size_t size)
{
    bool is_for_bytes = comparison <= COMPARE_UNEQUAL && is_short(object[0]);
    if (is_for_bytes && field.size > 0 && is_short(field.data[0])) {
        bool is_equal = field.size == size && short_equal(field.data, object, size);
        return is_equal == (comparison == COMPARE_EQUAL) ? TRUTH_TRUE : TRUTH_FALSE;
    }
    struct value left;
    struct value right;
    value_load_at(&left, field);
    value_load_at(&right, bytes_of(object, size));
    return comparison_truth(comparison, value_order(&left, &right));
}

// ---- IN ----

static enum truth set_miss(const struct code_set *set)
{
    return set->has_null ? TRUTH_NULL : TRUTH_FALSE;
}

static enum truth set_scan(const struct code_set *set, const uint8_t *objects,
                           const struct value *operand)
{
    for (uint32_t left = set->count; left > 0; left--) {
        size_t size = code_object_bytes(objects);
        struct value element;
        value_load_at(&element, bytes_of(objects, size));
        enum order order = value_order(operand, &element);
        if (order == ORDER_NONE)
            return TRUTH_NULL;
        if (order == ORDER_EQUAL)
            return TRUTH_TRUE;
        objects += size;
    }
    return set_miss(set);
}

static enum truth set_halve(const struct code_set *set, const uint8_t *offsets,
                            const struct value *operand)
{
    const uint8_t *objects = offsets + set->count * sizeof(uint32_t);
    uint32_t low = 0;
    uint32_t high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const uint8_t *object = objects + code_u32(offsets + middle * sizeof(uint32_t));
        struct value element;
        value_load_at(&element, bytes_of(object, code_object_bytes(object)));
        enum order order = value_order(operand, &element);
        if (order == ORDER_NONE)
            return TRUTH_NULL;
        if (order == ORDER_EQUAL)
            return TRUTH_TRUE;
        if (order == ORDER_LESS)
            high = middle;
        else
            low = middle + 1;
    }
    return set_miss(set);
}

// operand IN set: TRUE, FALSE, or NULL where SQL says so.
static enum truth set_find(const uint8_t *at, const struct value *operand)
{
    struct code_set set = code_set_head(at);
    if (operand->kind == VALUE_NULL)
        return TRUTH_NULL;
    at += sizeof set;
    return set.count > CODE_SET_SCANNED_MAX ? set_halve(&set, at, operand)
                                            : set_scan(&set, at, operand);
}

// slot IN set. The strings of a set are all there is to a set with one: short ones are compared as
// they stand.
static enum truth set_find_path(const uint8_t *at, struct bytes field)
{
    struct code_set set = code_set_head(at);
    const uint8_t *object = at + sizeof set;
    bool is_for_bytes = field.size > 0 && is_short(field.data[0]) && set.count > 0 &&
                        set.count <= CODE_SET_SCANNED_MAX && is_short(object[0]);
    if (!is_for_bytes) {
        struct value operand;
        value_load_at(&operand, field);
        return set_find(at, &operand);
    }
    for (uint32_t left = set.count; left > 0; left--) {
        size_t size = code_object_bytes(object);
        if (size == field.size && short_equal(field.data, object, size))
            return TRUTH_TRUE;
        object += size;
    }
    return set_miss(&set);
}

// ---- Instructions ----

// Member by member: a whole value that is copied has just been written in parts, and waits for
// them.
static inline void truth_store(struct value *value, enum truth truth)
{
    value->kind = truth == TRUTH_NULL ? VALUE_NULL : VALUE_BOOL;
    value->boolean = truth == TRUTH_TRUE;
}

// Of the operand below its two bounds.
static struct value between(const struct value *operand)
{
    struct value above = value_compare(COMPARE_GREATER_EQUAL, &operand[0], &operand[1]);
    struct value below = value_compare(COMPARE_LESS_EQUAL, &operand[0], &operand[2]);
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
    case CODE_KEY:
        return value_load(key);
    case CODE_EXISTS:
        return value_of_bool(slots[code_slot(at + 1)].size > 0);
    default:
        CHECK(*at == CODE_IN_SET_KEEP);
        return value_of_truth(set_find(at + 1, top));
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
        return value_of_truth(set_find(at + 1, top));
    }
}

// Of the instructions that replace the two values on top, `left` and the one above it.
static struct value joined(const uint8_t *at, const struct value *left)
{
    const struct value *right = left + 1;
    struct value equal;
    switch (*at) {
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

static unsigned pops_where_it_stays(const uint8_t *jump)
{
    return *jump == CODE_ALL_TRUE || *jump == CODE_ANY_TRUE;
}

// Where a run looks.
struct view {
    struct bytes key;
    const struct bytes *slots;
    struct code_stack *stack;
};

// The instructions that are neither jumps nor as frequent as those of code_run. Returns the new
// top.
static struct value *run_other(const uint8_t *at, struct value *top, const struct view *view)
{
    switch (*at) {
    case CODE_KEY:
    case CODE_EXISTS:
    case CODE_IN_SET_KEEP:
        top[1] = pushed(at, view->key, view->slots, top);
        return top + 1;
    case CODE_NEGATE:
    case CODE_NOT:
    case CODE_IS_NULL:
    case CODE_LIKE:
    case CODE_IN_SET:
        *top = replaced(at, top);
        return top;
    case CODE_BETWEEN:
        top -= 2;
        *top = between(top);
        return top;
    case CODE_CALL:
        top -= (int)at[2] - 1;
        *top = function_call((enum function_id)at[1], top, at[2], view->stack->scratch[at[3]]);
        return top;
    default:
        top--;
        *top = joined(at, top);
        return top;
    }
}

struct value code_run(struct bytes code, struct bytes key, const struct bytes *slots,
                      struct code_stack *stack)
{
    const struct view view = {.key = key, .slots = slots, .stack = stack};
    const uint8_t *at = code.data;
    struct value *top = stack->values;
    for (;;) {
        size_t size = code_instruction_bytes(at);
        switch (*at) {
        case CODE_END:
            return *top;
        case CODE_REQUIRE:
            if (!value_is_true(top--))
                return value_of_bool(false);
            break;
        case CODE_PATH:
            value_load_at(++top, slots[code_slot(at + 1)]);
            break;
        case CODE_CONSTANT:
            value_load_at(++top, bytes_of(at + 1, size - 1));
            break;
        case CODE_COMPARE_PATH:
            truth_store(++top, compare_path((enum comparison)at[1], slots[code_slot(at + 2)],
                                            at + 4, size - 4));
            break;
        case CODE_IN_SET_PATH:
            truth_store(++top, set_find_path(at + 3, slots[code_slot(at + 1)]));
            break;
        case CODE_COMPARE:
            top--;
            truth_store(top, comparison_truth((enum comparison)at[1], value_order(top, top + 1)));
            break;
        case CODE_JUMP_FALSE:
        case CODE_JUMP_TRUE:
        case CODE_ALL_TRUE:
        case CODE_ANY_TRUE:
            if (jump_taken(at, top))
                at += code_u32(at + 1);
            else
                top -= pops_where_it_stays(at);
            break;
        default:
            top = run_other(at, top, &view);
            break;
        }
        at += size;
    }
}
