// SPDX-License-Identifier: Apache-2.0
#include "node/query/program.h"

void program_start(const struct program *program, struct bytes key, struct bytes value,
                   struct evaluation *evaluation)
{
    evaluation->key = key;
    paths_find(&program->paths, value, evaluation->slots);
}

// operand IN set: TRUE, FALSE, or NULL where SQL says so.
static struct value in_set_find(const struct in_set *set, const struct value *operand)
{
    if (operand->kind == VALUE_NULL)
        return value_null();
    uint32_t low = 0;
    uint32_t high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        enum order order = value_order(operand, &set->elements[middle]);
        if (order == ORDER_NONE)
            return value_null();
        if (order == ORDER_EQUAL)
            return value_of_bool(true);
        if (order == ORDER_LESS)
            high = middle;
        else
            low = middle + 1;
    }
    return set->has_null ? value_null() : value_of_bool(false);
}

static struct value between(const struct value *operands)
{
    struct value above = value_compare(COMPARE_GREATER_EQUAL, &operands[0], &operands[1]);
    struct value below = value_compare(COMPARE_LESS_EQUAL, &operands[0], &operands[2]);
    return value_and(&above, &below);
}

static struct value like(const struct like *pattern, const struct value *operand)
{
    if (operand->kind != VALUE_STR)
        return value_null();
    return value_of_bool(like_matches(pattern, operand->bytes));
}

// The instructions that push a value of the entry or the program.
static struct value push_value(const struct program *program, const struct instruction *at,
                               const struct evaluation *evaluation)
{
    struct value value;
    switch (at->code) {
    case CODE_PATH:
        return value_load(evaluation->slots[at->slot]);
    case CODE_COMPARE_PATH:
        value = value_load(evaluation->slots[at->slot]);
        return value_compare((enum comparison)at->detail, &value, &program->constants[at->operand]);
    case CODE_CONSTANT:
        return program->constants[at->operand];
    case CODE_KEY:
        return value_load(evaluation->key);
    default:
        CHECK(at->code == CODE_EXISTS);
        return value_of_bool(evaluation->slots[at->slot].size > 0);
    }
}

// The instructions that replace the top of the stack.
static void replace_top(const struct program *program, const struct instruction *at,
                        struct value *top)
{
    switch (at->code) {
    case CODE_NEGATE:
        *top = value_negate(top);
        return;
    case CODE_NOT:
        *top = value_not(top);
        return;
    case CODE_IS_NULL:
        *top = value_of_bool(top->kind == VALUE_NULL);
        return;
    case CODE_LIKE:
        *top = like(&program->likes[at->operand], top);
        return;
    default:
        CHECK(at->code == CODE_IN_SET);
        *top = in_set_find(&program->sets[at->operand], top);
        return;
    }
}

// The instructions that pop two values, `left` and the one above it, and push one.
static void join_top(const struct instruction *at, struct value *left)
{
    const struct value *right = left + 1;
    struct value equal;
    switch (at->code) {
    case CODE_COMPARE:
        *left = value_compare((enum comparison)at->detail, left, right);
        return;
    case CODE_CALCULATE:
        *left = value_calculate((enum arithmetic)at->detail, left, right);
        return;
    case CODE_AND:
        *left = value_and(left, right);
        return;
    case CODE_OR:
        *left = value_or(left, right);
        return;
    case CODE_IN_ELEMENT:
        equal = value_compare(COMPARE_EQUAL, left - 1, right);
        *left = value_or(left, &equal);
        return;
    default:
        CHECK(at->code == CODE_IN_END);
        *left = *right;
        return;
    }
}

static bool jump_taken(const struct instruction *at, const struct value *top)
{
    switch (at->code) {
    case CODE_JUMP_FALSE:
        return value_is_false(top);
    case CODE_ALL_TRUE:
        return !value_is_true(top);
    default:
        return value_is_true(top);
    }
}

struct value program_run(const struct program *program, uint32_t start,
                         struct evaluation *evaluation)
{
    const struct instruction *at = program->instructions + start;
    struct value *free_top = evaluation->stack; // one above the top
    for (;; at++) {
        switch ((enum code)at->code) {
        case CODE_END:
            return free_top[-1];
        case CODE_CONSTANT:
        case CODE_PATH:
        case CODE_KEY:
        case CODE_EXISTS:
        case CODE_COMPARE_PATH:
            *free_top++ = push_value(program, at, evaluation);
            break;
        case CODE_NEGATE:
        case CODE_NOT:
        case CODE_IS_NULL:
        case CODE_LIKE:
        case CODE_IN_SET:
            replace_top(program, at, free_top - 1);
            break;
        case CODE_COMPARE:
        case CODE_CALCULATE:
        case CODE_AND:
        case CODE_OR:
        case CODE_IN_ELEMENT:
        case CODE_IN_END:
            free_top--;
            join_top(at, free_top - 1);
            break;
        case CODE_BETWEEN:
            free_top -= 2;
            free_top[-1] = between(free_top - 1);
            break;
        case CODE_IN_SET_KEEP:
            *free_top = in_set_find(&program->sets[at->operand], free_top - 1);
            free_top++;
            break;
        case CODE_CALL:
            free_top -= at->slot;
            *free_top = function_call((enum function_id)at->detail, free_top, at->slot,
                                      evaluation->scratch[at->operand]);
            free_top++;
            break;
        case CODE_JUMP_FALSE:
        case CODE_JUMP_TRUE:
        case CODE_ALL_TRUE:
        case CODE_ANY_TRUE:
            if (jump_taken(at, free_top - 1))
                at = program->instructions + at->operand - 1; // the loop adds one
            else
                free_top -= at->slot;
            break;
        }
    }
}
