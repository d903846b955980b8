// SPDX-License-Identifier: Apache-2.0
#include "node/query/program.h"

#include "cluster/base/memory.h"

#include <stdio.h>

// A vector whose elements are copied into the arena at the end.
struct vector {
    void *elements; // owned
    uint32_t count;
    uint32_t capacity;
};

struct compiler {
    struct arena *arena;   // borrowed
    struct source *source; // borrowed
    struct vector instructions;
    struct vector constants;
    struct vector likes;
    struct vector sets;
    struct paths paths;
    uint32_t stack_used;
    uint32_t scratch_used;
};

static void compile(struct compiler *compiler, const struct node *node, bool is_condition);

static void *vector_push(struct vector *vector, size_t element_size)
{
    if (vector->count == vector->capacity) {
        vector->capacity = vector->capacity == 0 ? 8 : vector->capacity * 2;
        vector->elements = memory_resize_array(vector->elements, vector->capacity, element_size);
    }
    uint8_t *element = (uint8_t *)vector->elements + vector->count * element_size;
    memset(element, 0, element_size);
    vector->count++;
    return element;
}

// Moves the elements into the arena.
static void *vector_finish(struct vector *vector, struct arena *arena, size_t element_size)
{
    struct bytes elements = bytes_of(vector->elements, vector->count * element_size);
    void *moved = arena_take(arena, elements.size);
    if (elements.size > 0)
        memcpy(moved, elements.data, elements.size);
    free(vector->elements);
    return moved;
}

// ---- Emission ----

// `pushed` is how many values the instruction leaves on the stack beyond those it takes.
static struct instruction *emit(struct compiler *compiler, enum code code, int pushed)
{
    struct instruction *instruction =
        vector_push(&compiler->instructions, sizeof(struct instruction));
    instruction->code = (uint8_t)code;
    compiler->stack_used = (uint32_t)((int)compiler->stack_used + pushed);
    CHECK(compiler->stack_used <= STACK_MAX);
    return instruction;
}

static uint32_t constant_add(struct compiler *compiler, const struct value *value)
{
    struct value *constant = vector_push(&compiler->constants, sizeof *constant);
    *constant = *value;
    if (value->kind == VALUE_STR || value->kind == VALUE_BIN)
        constant->bytes = arena_copy(compiler->arena, value->bytes);
    return compiler->constants.count - 1;
}

static uint16_t slot_of(struct compiler *compiler, const struct node *node)
{
    uint16_t slot = 0;
    if (!paths_add(&compiler->paths, compiler->arena, &node->path, &slot))
        source_complain(compiler->source, node->start,
                        "too many different paths: at most %d with their prefixes", PATH_NODES_MAX);
    return slot;
}

// The jumps of a chain of AND or OR that wait for its end are linked through their operands.
enum { CHAIN_END = UINT32_MAX };

// `popped` is 1 when what the jump has looked at goes, where it does not jump.
static uint32_t emit_jump(struct compiler *compiler, enum code code, uint16_t popped,
                          uint32_t chain)
{
    struct instruction *jump = emit(compiler, code, -popped);
    jump->operand = chain;
    jump->slot = popped;
    return compiler->instructions.count - 1;
}

static void chain_resolve(struct compiler *compiler, uint32_t chain)
{
    struct instruction *instructions = compiler->instructions.elements;
    while (chain != CHAIN_END) {
        uint32_t next = instructions[chain].operand;
        instructions[chain].operand = compiler->instructions.count;
        chain = next;
    }
}

// ---- Operators ----

// In a condition NULL is as good as FALSE, so that one jump between the operands does.
static void compile_condition(struct compiler *compiler, const struct node *node)
{
    enum code jump = node->kind == NODE_AND ? CODE_ALL_TRUE : CODE_ANY_TRUE;
    uint32_t chain = CHAIN_END;
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        if (child != node->first)
            chain = emit_jump(compiler, jump, 1, chain);
        compile(compiler, child, true);
    }
    chain_resolve(compiler, chain);
}

static void compile_logic(struct compiler *compiler, const struct node *node)
{
    bool is_and = node->kind == NODE_AND;
    uint32_t chain = CHAIN_END;
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        if (child != node->first)
            chain = emit_jump(compiler, is_and ? CODE_JUMP_FALSE : CODE_JUMP_TRUE, 0, chain);
        compile(compiler, child, false);
        if (child != node->first)
            emit(compiler, is_and ? CODE_AND : CODE_OR, -1);
    }
    chain_resolve(compiler, chain);
}

static enum comparison comparison_mirrored(enum comparison comparison)
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

static void compile_compare(struct compiler *compiler, const struct node *node)
{
    const struct node *left = node->first;
    const struct node *right = left->next;
    enum comparison comparison = (enum comparison)node->operation;
    if (left->kind == NODE_CONSTANT && right->kind == NODE_PATH) {
        comparison = comparison_mirrored(comparison);
        left = right;
        right = node->first;
    }
    struct instruction *instruction;
    if (left->kind == NODE_PATH && right->kind == NODE_CONSTANT) {
        uint16_t slot = slot_of(compiler, left);
        uint32_t constant = constant_add(compiler, &right->constant);
        instruction = emit(compiler, CODE_COMPARE_PATH, 1);
        instruction->slot = slot;
        instruction->operand = constant;
    } else {
        compile(compiler, left, false);
        compile(compiler, right, false);
        instruction = emit(compiler, CODE_COMPARE, -1);
    }
    instruction->detail = (uint8_t)comparison;
}

static int element_order(const void *left, const void *right)
{
    return (int)value_order(left, right);
}

// The constants among the elements as a set. Returns its number.
static uint32_t set_add(struct compiler *compiler, const struct node *elements, uint32_t count)
{
    struct in_set set = {.elements =
                             arena_take_array(compiler->arena, count, sizeof *set.elements)};
    for (const struct node *element = elements; element != NULL; element = element->next) {
        if (element->kind != NODE_CONSTANT)
            continue;
        if (element->constant.kind == VALUE_NULL) {
            set.has_null = true;
            continue;
        }
        struct value *copy = &set.elements[set.count++];
        *copy = element->constant;
        if (copy->kind == VALUE_STR || copy->kind == VALUE_BIN)
            copy->bytes = arena_copy(compiler->arena, copy->bytes);
    }
    qsort(set.elements, set.count, sizeof *set.elements, element_order);
    *(struct in_set *)vector_push(&compiler->sets, sizeof set) = set;
    return compiler->sets.count - 1;
}

static void compile_in(struct compiler *compiler, const struct node *node)
{
    const struct node *elements = node->first->next;
    bool is_constant = true;
    for (const struct node *element = elements; element != NULL; element = element->next)
        is_constant &= element->kind == NODE_CONSTANT;
    compile(compiler, node->first, false);
    uint32_t set = set_add(compiler, elements, node->child_count - 1);
    if (is_constant) {
        emit(compiler, CODE_IN_SET, 0)->operand = set;
    } else {
        emit(compiler, CODE_IN_SET_KEEP, 1)->operand = set;
        uint32_t scratch = compiler->scratch_used;
        uint32_t chain = CHAIN_END;
        for (const struct node *element = elements; element != NULL; element = element->next) {
            if (element->kind == NODE_CONSTANT)
                continue;
            chain = emit_jump(compiler, CODE_JUMP_TRUE, 0, chain);
            compile(compiler, element, false);
            emit(compiler, CODE_IN_ELEMENT, -1);
            compiler->scratch_used = scratch; // the element is done with
        }
        chain_resolve(compiler, chain);
        emit(compiler, CODE_IN_END, -1);
    }
}

static void compile_like(struct compiler *compiler, const struct node *node)
{
    const struct node *pattern = node->first->next;
    const struct node *escape = pattern->next;
    compile(compiler, node->first, false);
    struct like *like = vector_push(&compiler->likes, sizeof *like);
    enum like_error error = like_init(like, compiler->arena, pattern->constant.bytes,
                                      escape != NULL ? escape->constant.bytes.data[0] : -1);
    if (error == LIKE_DANGLING_ESCAPE)
        source_complain(compiler->source, pattern->start,
                        "the ESCAPE character must stand before %%, _ or itself");
    else if (error == LIKE_TOO_WIDE)
        source_complain(compiler->source, pattern->start,
                        "between two %% at most %d bytes when one of them is _", LIKE_FLOATING_MAX);
    emit(compiler, CODE_LIKE, 0)->operand = compiler->likes.count - 1;
}

static void compile_call(struct compiler *compiler, const struct node *node)
{
    uint32_t scratch = compiler->scratch_used;
    for (const struct node *argument = node->first; argument != NULL; argument = argument->next)
        compile(compiler, argument, false);
    compiler->scratch_used = scratch; // the arguments are read before the result is written
    struct instruction *instruction = emit(compiler, CODE_CALL, 1 - (int)node->child_count);
    instruction->detail = node->operation;
    instruction->slot = (uint16_t)node->child_count;
    instruction->operand = scratch;
    if (node->family == FAMILY_STR)
        compiler->scratch_used++;
    CHECK(compiler->scratch_used <= SCRATCH_MAX);
}

static void compile_operands(struct compiler *compiler, const struct node *node)
{
    for (const struct node *child = node->first; child != NULL; child = child->next)
        compile(compiler, child, false);
}

// Operators that follow their operands and need nothing else.
static void compile_plain(struct compiler *compiler, const struct node *node, enum code code)
{
    compile_operands(compiler, node);
    emit(compiler, code, 1 - (int)node->child_count)->detail = node->operation;
}

static void compile_kind(struct compiler *compiler, const struct node *node, bool is_condition)
{
    switch (node->kind) {
    case NODE_CONSTANT:
        emit(compiler, CODE_CONSTANT, 1)->operand = constant_add(compiler, &node->constant);
        return;
    case NODE_PATH:
        emit(compiler, CODE_PATH, 1)->slot = slot_of(compiler, node);
        return;
    case NODE_KEY:
        emit(compiler, CODE_KEY, 1);
        return;
    case NODE_EXISTS:
        emit(compiler, CODE_EXISTS, 1)->slot = slot_of(compiler, node->first);
        return;
    case NODE_AND:
    case NODE_OR:
        if (is_condition)
            compile_condition(compiler, node);
        else
            compile_logic(compiler, node);
        return;
    case NODE_NOT:
        compile_plain(compiler, node, CODE_NOT);
        return;
    case NODE_COMPARE:
        compile_compare(compiler, node);
        return;
    case NODE_ARITHMETIC:
        compile_plain(compiler, node, CODE_CALCULATE);
        return;
    case NODE_NEGATE:
        compile_plain(compiler, node, CODE_NEGATE);
        return;
    case NODE_IN:
        compile_in(compiler, node);
        return;
    case NODE_BETWEEN:
        compile_plain(compiler, node, CODE_BETWEEN);
        return;
    case NODE_LIKE:
        compile_like(compiler, node);
        return;
    case NODE_IS_NULL:
        compile_plain(compiler, node, CODE_IS_NULL);
        return;
    case NODE_CALL:
        compile_call(compiler, node);
        return;
    }
}

static void compile(struct compiler *compiler, const struct node *node, bool is_condition)
{
    uint32_t scratch = compiler->scratch_used;
    compile_kind(compiler, node, is_condition);
    if (node->is_negated)
        emit(compiler, CODE_NOT, 0);
    // Only lower and upper leave their result in scratch.
    if (node->kind != NODE_CALL || node->family != FAMILY_STR)
        compiler->scratch_used = scratch;
}

// ---- Border ----

struct compiler *compiler_new(struct arena *arena, struct source *source)
{
    struct compiler *compiler = memory_new(sizeof *compiler);
    compiler->arena = arena;
    compiler->source = source;
    return compiler;
}

uint32_t compiler_add(struct compiler *compiler, const struct node *node, bool is_condition)
{
    uint32_t start = compiler->instructions.count;
    compile(compiler, node, is_condition);
    emit(compiler, CODE_END, -1);
    CHECK(compiler->stack_used == 0);
    compiler->scratch_used = 0;
    return start;
}

bool compiler_finish(struct compiler *compiler, struct program *program)
{
    struct arena *arena = compiler->arena;
    bool done = !compiler->source->failed;
    paths_finish(&compiler->paths, arena);
    *program = (struct program){
        .instructions =
            vector_finish(&compiler->instructions, arena, sizeof *program->instructions),
        .constants = vector_finish(&compiler->constants, arena, sizeof *program->constants),
        .likes = vector_finish(&compiler->likes, arena, sizeof *program->likes),
        .sets = vector_finish(&compiler->sets, arena, sizeof *program->sets),
        .paths = compiler->paths,
    };
    free(compiler);
    return done;
}
