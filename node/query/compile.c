// SPDX-License-Identifier: Apache-2.0
#include "node/query/code.h"
#include "node/query/instruction.h"
#include "node/query/like.h"

#include "cluster/base/memory.h"

// Who wants the result of an expression.
enum use {
    USE_VALUE,     // three values count
    USE_CONDITION, // only TRUE counts
    USE_ANSWER,    // the same, and what is not TRUE decides the whole
};

struct compiler {
    struct fields *fields; // borrowed
    struct buffer *out;    // borrowed
    size_t start;          // of the code in `out`
    uint32_t stack_used;
    uint32_t scratch_used;
    bool failed; // too many fields: some slots are SLOT_NONE
};

enum { SLOT_NONE = UINT16_MAX };

static void compile(struct compiler *compiler, const struct node *node, enum use use);

// ---- Emission ----

// `pushed` is how many values the instruction leaves on the stack beyond those it takes.
static void emit(struct compiler *compiler, enum instruction instruction, int pushed)
{
    uint8_t byte = (uint8_t)instruction;
    buffer_append(compiler->out, &byte, 1);
    compiler->stack_used = (uint32_t)((int)compiler->stack_used + pushed);
    CHECK(compiler->stack_used <= STACK_MAX);
}

static void emit_byte(struct compiler *compiler, unsigned byte)
{
    uint8_t operand = (uint8_t)byte;
    buffer_append(compiler->out, &operand, 1);
}

static void emit_u32(struct compiler *compiler, uint32_t number)
{
    buffer_append(compiler->out, &number, sizeof number);
}

static void emit_slot(struct compiler *compiler, const struct node *path)
{
    uint16_t slot = SLOT_NONE;
    if (!fields_hold(compiler->fields, &path->path, &slot))
        compiler->failed = true;
    buffer_append(compiler->out, &slot, sizeof slot);
}

// The jumps of a chain of AND or OR that wait for its end are linked through their operands: where
// the one before has its operand, from the start of the code.
enum { CHAIN_END = UINT32_MAX };

static uint32_t emit_jump(struct compiler *compiler, enum instruction instruction, int pushed,
                          uint32_t chain)
{
    emit(compiler, instruction, pushed);
    emit_u32(compiler, chain);
    return (uint32_t)(buffer_size(compiler->out) - compiler->start - sizeof chain);
}

static void chain_resolve(struct compiler *compiler, uint32_t chain)
{
    uint8_t *code = compiler->out->data + compiler->out->start + compiler->start;
    uint32_t end = (uint32_t)(buffer_size(compiler->out) - compiler->start);
    while (chain != CHAIN_END) {
        uint32_t next = code_u32(code + chain);
        uint32_t offset = end - chain - (uint32_t)sizeof offset;
        memcpy(code + chain, &offset, sizeof offset);
        chain = next;
    }
}

// ---- Operators ----

// Operators that follow their operands and need nothing else.
static void compile_plain(struct compiler *compiler, const struct node *node,
                          enum instruction instruction)
{
    for (const struct node *child = node->first; child != NULL; child = child->next)
        compile(compiler, child, USE_VALUE);
    emit(compiler, instruction, 1 - (int)node->child_count);
}

// Between two operands of AND in a condition. NULL is as good as FALSE, so that one jump does; and
// where an operand decides the whole, none is needed.
static uint32_t emit_and(struct compiler *compiler, enum use use, uint32_t chain)
{
    if (use == USE_ANSWER) {
        emit(compiler, CODE_REQUIRE, -1);
        return chain;
    }
    return emit_jump(compiler, CODE_ALL_TRUE, -1, chain);
}

static void compile_condition(struct compiler *compiler, const struct node *node, enum use use)
{
    bool is_and = node->kind == NODE_AND;
    enum use inner = is_and ? use : USE_CONDITION;
    uint32_t chain = CHAIN_END;
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        if (child != node->first)
            chain = is_and ? emit_and(compiler, use, chain)
                           : emit_jump(compiler, CODE_ANY_TRUE, -1, chain);
        compile(compiler, child, inner);
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
        compile(compiler, child, USE_VALUE);
        if (child != node->first)
            emit(compiler, is_and ? CODE_AND : CODE_OR, -1);
    }
    chain_resolve(compiler, chain);
}

static void emit_compare_path(struct compiler *compiler, enum comparison comparison,
                              const struct node *path, const struct value *constant)
{
    emit(compiler, CODE_COMPARE_PATH, 1);
    emit_byte(compiler, comparison);
    emit_slot(compiler, path);
    value_write(constant, compiler->out);
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
    if (left->kind == NODE_PATH && right->kind == NODE_CONSTANT) {
        emit_compare_path(compiler, comparison, left, &right->constant);
        return;
    }
    compile(compiler, left, USE_VALUE);
    compile(compiler, right, USE_VALUE);
    emit(compiler, CODE_COMPARE, -1);
    emit_byte(compiler, comparison);
}

// Of a field and two constants it is two comparisons, which need no values on the stack.
static void compile_between(struct compiler *compiler, const struct node *node, enum use use)
{
    const struct node *low = node->first->next;
    const struct node *high = low->next;
    bool is_plain =
        node->first->kind == NODE_PATH && low->kind == NODE_CONSTANT && high->kind == NODE_CONSTANT;
    if (!is_plain) {
        compile_plain(compiler, node, CODE_BETWEEN);
        return;
    }
    emit_compare_path(compiler, COMPARE_GREATER_EQUAL, node->first, &low->constant);
    uint32_t chain = use == USE_VALUE ? CHAIN_END : emit_and(compiler, use, CHAIN_END);
    emit_compare_path(compiler, COMPARE_LESS_EQUAL, node->first, &high->constant);
    if (use == USE_VALUE)
        emit(compiler, CODE_AND, -1);
    chain_resolve(compiler, chain);
}

// The offsets and the size are filled in when they are known.
static void emit_set_values(struct compiler *compiler, struct code_set set,
                            const struct value *values)
{
    struct buffer *out = compiler->out;
    size_t start = buffer_size(out);
    bool has_offsets = set.count > CODE_SET_SCANNED_MAX;
    buffer_append(out, &set, sizeof set);
    size_t offsets = buffer_size(out);
    for (uint32_t at = 0; has_offsets && at < set.count; at++)
        emit_u32(compiler, 0);
    size_t objects = buffer_size(out);
    for (uint32_t at = 0; at < set.count; at++) {
        uint32_t offset = (uint32_t)(buffer_size(out) - objects);
        if (has_offsets)
            memcpy(out->data + out->start + offsets + at * sizeof offset, &offset, sizeof offset);
        value_write(&values[at], out);
    }
    set.bytes = (uint32_t)(buffer_size(out) - start);
    memcpy(out->data + out->start + start, &set, sizeof set);
}

// The constants among the elements.
static void emit_set(struct compiler *compiler, const struct node *elements, uint32_t capacity)
{
    struct code_set set = {0};
    uint32_t count = 0;
    struct value *values = memory_new_array(capacity, sizeof *values);
    for (const struct node *element = elements; element != NULL; element = element->next) {
        if (element->kind != NODE_CONSTANT)
            continue;
        if (element->constant.kind == VALUE_NULL)
            set.has_null = true;
        else
            values[count++] = element->constant;
    }
    count = values_sort(values, count);
    CHECK(count <= UINT16_MAX); // by the text's size
    set.count = (uint16_t)count;
    emit_set_values(compiler, set, values);
    free(values);
}

static bool all_constant(const struct node *elements)
{
    while (elements != NULL && elements->kind == NODE_CONSTANT)
        elements = elements->next;
    return elements == NULL;
}

static void compile_in(struct compiler *compiler, const struct node *node)
{
    const struct node *elements = node->first->next;
    uint32_t count = node->child_count - 1;
    bool is_constant = all_constant(elements);
    if (is_constant && node->first->kind == NODE_PATH) {
        emit(compiler, CODE_IN_SET_PATH, 1);
        emit_slot(compiler, node->first);
        emit_set(compiler, elements, count);
        return;
    }
    compile(compiler, node->first, USE_VALUE);
    if (is_constant) {
        emit(compiler, CODE_IN_SET, 0);
        emit_set(compiler, elements, count);
        return;
    }
    emit(compiler, CODE_IN_SET_KEEP, 1);
    emit_set(compiler, elements, count);
    uint32_t scratch = compiler->scratch_used;
    uint32_t chain = CHAIN_END;
    for (const struct node *element = elements; element != NULL; element = element->next) {
        if (element->kind == NODE_CONSTANT)
            continue;
        chain = emit_jump(compiler, CODE_JUMP_TRUE, 0, chain);
        compile(compiler, element, USE_VALUE);
        emit(compiler, CODE_IN_ELEMENT, -1);
        compiler->scratch_used = scratch; // the element is done with
    }
    chain_resolve(compiler, chain);
    emit(compiler, CODE_IN_END, -1);
}

static void compile_like(struct compiler *compiler, const struct node *node)
{
    const struct node *pattern = node->first->next;
    compile(compiler, node->first, USE_VALUE);
    emit(compiler, CODE_LIKE, 0);
    like_write(compiler->out, pattern->constant.bytes, node_like_escape(node));
}

static void compile_call(struct compiler *compiler, const struct node *node)
{
    uint32_t scratch = compiler->scratch_used;
    for (const struct node *argument = node->first; argument != NULL; argument = argument->next)
        compile(compiler, argument, USE_VALUE);
    compiler->scratch_used = scratch; // the arguments are read before the result is written
    emit(compiler, CODE_CALL, 1 - (int)node->child_count);
    emit_byte(compiler, node->operation);
    emit_byte(compiler, node->child_count);
    emit_byte(compiler, scratch);
    if (node->family == FAMILY_STR)
        compiler->scratch_used++;
    CHECK(compiler->scratch_used <= SCRATCH_MAX);
}

static void compile_kind(struct compiler *compiler, const struct node *node, enum use use)
{
    switch (node->kind) {
    case NODE_CONSTANT:
        emit(compiler, CODE_CONSTANT, 1);
        value_write(&node->constant, compiler->out);
        return;
    case NODE_PATH:
        emit(compiler, CODE_PATH, 1);
        emit_slot(compiler, node);
        return;
    case NODE_KEY:
        emit(compiler, CODE_KEY, 1);
        return;
    case NODE_EXISTS:
        emit(compiler, CODE_EXISTS, 1);
        emit_slot(compiler, node->first);
        return;
    case NODE_AND:
    case NODE_OR:
        if (use == USE_VALUE)
            compile_logic(compiler, node);
        else
            compile_condition(compiler, node, use);
        return;
    case NODE_NOT:
        compile_plain(compiler, node, CODE_NOT);
        return;
    case NODE_COMPARE:
        compile_compare(compiler, node);
        return;
    case NODE_ARITHMETIC:
        compile_plain(compiler, node, CODE_CALCULATE);
        emit_byte(compiler, node->operation);
        return;
    case NODE_NEGATE:
        compile_plain(compiler, node, CODE_NEGATE);
        return;
    case NODE_IN:
        compile_in(compiler, node);
        return;
    case NODE_BETWEEN:
        compile_between(compiler, node, use);
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

static void compile(struct compiler *compiler, const struct node *node, enum use use)
{
    uint32_t scratch = compiler->scratch_used;
    compile_kind(compiler, node, node->is_negated ? USE_VALUE : use);
    if (node->is_negated)
        emit(compiler, CODE_NOT, 0);
    // Only lower and upper leave their result in scratch.
    if (node->kind != NODE_CALL || node->family != FAMILY_STR)
        compiler->scratch_used = scratch;
}

// ---- Border ----

static void slot_give_back(void *context, uint16_t slot)
{
    if (slot != SLOT_NONE)
        fields_release(context, slot);
}

bool code_write(const struct node *node, bool is_condition, struct fields *fields,
                struct buffer *out)
{
    struct compiler compiler = {.fields = fields, .out = out, .start = buffer_size(out)};
    compile(&compiler, node, is_condition ? USE_ANSWER : USE_VALUE);
    emit(&compiler, CODE_END, -1);
    CHECK(compiler.stack_used == 0);
    if (!compiler.failed)
        return true;
    struct bytes code = buffer_bytes(out);
    code_each_slot(bytes_of(code.data + compiler.start, code.size - compiler.start), slot_give_back,
                   fields);
    out->end = out->start + compiler.start;
    return false;
}
