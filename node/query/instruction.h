// SPDX-License-Identifier: Apache-2.0
// The code of an expression, for those who write, run and walk it: instructions of a small stack
// machine, one byte each and then its operands, unaligned, in the byte order of the machine.
// Nothing in it is an address, so that code may be copied and moved.
#pragma once

#include "node/query/ast.h"
#include "node/query/fields.h"
#include "node/query/function.h"

enum instruction {
    CODE_END = 0,      // the result is the top
    CODE_REQUIRE,      // pop; the result is FALSE unless it was TRUE
    CODE_CONSTANT,     // <object>; push it
    CODE_PATH,         // <slot>; push its value
    CODE_KEY,          // push the entry's key
    CODE_EXISTS,       // <slot>; push whether it is there
    CODE_COMPARE,      // <byte: enum comparison>; pop right, left; push left ? right
    CODE_COMPARE_PATH, // <byte: enum comparison> <slot> <object>; push slot ? object
    CODE_CALCULATE,    // <byte: enum arithmetic>; pop right, left; push left ? right
    CODE_NEGATE,       // replace the top
    CODE_NOT,          // replace the top
    CODE_AND,          // pop right, left; push left AND right
    CODE_OR,           // pop right, left; push left OR right
    CODE_IS_NULL,      // replace the top
    CODE_BETWEEN,      // pop high, low, operand; push whether low <= operand <= high
    CODE_LIKE,         // <like>; replace the top
    CODE_IN_SET,       // <set>; replace the top
    CODE_IN_SET_PATH,  // <slot> <set>; push whether slot is in it
    CODE_IN_SET_KEEP,  // <set>; push whether the top is in it
    CODE_IN_ELEMENT,   // pop element, result; push result OR operand = element
    CODE_IN_END,       // pop result, operand; push result
    CODE_CALL,         // <byte: enum function_id> <byte: arguments> <byte: scratch>
    CODE_JUMP_FALSE,   // <offset>; jump when the top is FALSE, which stays
    CODE_JUMP_TRUE,    // <offset>; jump when the top is TRUE, which stays
    CODE_ALL_TRUE,     // <offset>; jump when the top is not TRUE; else pop it
    CODE_ANY_TRUE,     // <offset>; jump when the top is TRUE; else pop it
    CODE_INSTRUCTION_COUNT
};

// Operands:
// <slot>   u16
// <object> a constant as MessagePack, in its shortest form
// <offset> u32: bytes from behind the operand
// <like>   see like.h
// <set>    the constants of an IN list, of one family, ascending: struct code_set, then for more
//          than CODE_SET_SCANNED_MAX of them the u32 offset of each from the first, then the
//          objects

struct code_set {
    uint32_t bytes; // of the set
    uint16_t count;
    bool has_null; // NULL stood in the list: what is not found is NULL, not FALSE
} __attribute__((packed));

enum {
    CODE_SET_SCANNED_MAX = 8, // looked through from the first on; more: halved
    // An operator needs its operands' room: two beside the deepest.
    STACK_MAX = 2 * NODE_DEPTH_MAX + 4,
    // A comparison of lower and upper results: BETWEEN has three.
    SCRATCH_MAX = 3,
};

struct code_stack {
    struct value values[1 + STACK_MAX]; // the first one is below all
    uint8_t scratch[SCRATCH_MAX][FUNCTION_TEXT_BYTES_MAX];
};

static inline uint16_t code_slot(const uint8_t *operand)
{
    uint16_t slot;
    memcpy(&slot, operand, sizeof slot);
    return slot;
}

static inline uint32_t code_u32(const uint8_t *operand)
{
    uint32_t number;
    memcpy(&number, operand, sizeof number);
    return number;
}

static inline struct code_set code_set_head(const uint8_t *operand)
{
    struct code_set set;
    memcpy(&set, operand, sizeof set);
    return set;
}

size_t code_long_object_bytes(const uint8_t *object);

// The size of a constant.
static inline size_t code_object_bytes(const uint8_t *object)
{
    size_t size = value_head_sizes[*object];
    return __builtin_expect(size > 0, 1) ? size : code_long_object_bytes(object);
}

extern const uint8_t code_fixed_sizes[CODE_INSTRUCTION_COUNT]; // 0: it varies

size_t code_varying_bytes(const uint8_t *at);

// The size of the instruction with its operands.
static inline size_t code_instruction_bytes(const uint8_t *at)
{
    if (*at == CODE_COMPARE_PATH)
        return 4 + code_object_bytes(at + 4);
    return code_fixed_sizes[*at] > 0 ? code_fixed_sizes[*at] : code_varying_bytes(at);
}

// ---- Writing ----

// Appends the code of an expression, whose fields it holds. With `is_condition` only TRUE counts:
// NULL may be given as FALSE and the other way round. False, with nothing appended or held, when
// there are too many fields.
MUST_USE bool code_write(const struct node *node, bool is_condition, struct fields *fields,
                         struct buffer *out);

// ---- Running ----

// The value of the expression, borrowed from the entry, the code and the stack until the next run.
// `slots` as of fields_find.
struct value code_run(struct bytes code, struct bytes key, const struct bytes *slots,
                      struct code_stack *stack);
