// SPDX-License-Identifier: Apache-2.0
// An expression as instructions for a small stack machine. A value is pushed by its operands'
// instructions and popped by its operator's.
#pragma once

#include "node/query/ast.h"
#include "node/query/function.h"
#include "node/query/like.h"
#include "node/query/paths.h"
#include "node/query/source.h"

enum code {
    CODE_END = 0,      // the result is on the stack
    CODE_CONSTANT,     // push constants[operand]
    CODE_PATH,         // push the value in slot
    CODE_KEY,          // push the entry's key
    CODE_EXISTS,       // push whether slot is there
    CODE_COMPARE,      // pop right, left; push left <detail> right
    CODE_COMPARE_PATH, // push slot <detail> constants[operand]
    CODE_CALCULATE,    // pop right, left; push left <detail> right
    CODE_NEGATE,       // replace the top
    CODE_NOT,          // replace the top
    CODE_AND,          // pop right, left; push left AND right
    CODE_OR,           // pop right, left; push left OR right
    CODE_IS_NULL,      // replace the top
    CODE_BETWEEN,      // pop high, low, operand; push whether low <= operand <= high
    CODE_LIKE,         // replace the top; likes[operand]
    CODE_IN_SET,       // replace the top; sets[operand]
    CODE_IN_SET_KEEP,  // push whether the top is in sets[operand]
    CODE_IN_ELEMENT,   // pop element, result; push result OR operand = element
    CODE_IN_END,       // pop result, operand; push result
    CODE_CALL,         // pop slot arguments; push function detail; scratch operand
    CODE_JUMP_FALSE,   // go to operand when the top is FALSE, which stays
    CODE_JUMP_TRUE,    // go to operand when the top is TRUE, which stays
    CODE_ALL_TRUE,     // go to operand when the top is not TRUE; else pop it (slot is 1)
    CODE_ANY_TRUE,     // go to operand when the top is TRUE; else pop it (slot is 1)
};

struct instruction {
    uint8_t code;   // enum code
    uint8_t detail; // enum comparison, arithmetic or function_id
    uint16_t slot;
    uint32_t operand;
};

// The constants of an IN list, sorted; one family.
struct in_set {
    struct value *elements;
    uint32_t count;
    bool has_null; // NULL stood in the list: what is not found is NULL, not FALSE
};

enum {
    // An operator needs its operands' room: two beside the deepest.
    STACK_MAX = 2 * NODE_DEPTH_MAX + 4,
    // A comparison of lower and upper results: BETWEEN has three.
    SCRATCH_MAX = 3,
};

struct program {
    struct instruction *instructions;
    struct value *constants;
    struct like *likes;
    struct in_set *sets;
    struct paths paths;
};

// Compiles expressions into one program that shares paths; everything lives in `arena`.
struct compiler;

struct compiler *compiler_new(struct arena *arena, struct source *source);

// Adds an expression; returns where it starts. In a condition only TRUE counts: NULL may be given
// as FALSE and the other way round.
uint32_t compiler_add(struct compiler *compiler, const struct node *node, bool is_condition);

// Fills *program and frees the compiler. False, after a complaint, when the expressions are too
// many or a pattern is broken.
MUST_USE bool compiler_finish(struct compiler *compiler, struct program *program);

// ---- Evaluation ----

struct evaluation {
    struct bytes key;                   // of the entry
    struct bytes slots[PATH_NODES_MAX]; // as paths_find left them
    uint8_t scratch[SCRATCH_MAX][FUNCTION_TEXT_BYTES_MAX];
    struct value stack[STACK_MAX];
};

// Finds the paths of the entry. An evaluation needs no other initialisation; most of it stays
// untouched.
void program_start(const struct program *program, struct bytes key, struct bytes value,
                   struct evaluation *evaluation);

// The value of the expression that starts there; borrowed from the entry, the program and the
// evaluation until the next run.
struct value program_run(const struct program *program, uint32_t start,
                         struct evaluation *evaluation);
