// SPDX-License-Identifier: Apache-2.0
#include "node/query/code.h"

#include "cluster/base/memory.h"
#include "cluster/model/limits.h"
#include "node/query/compiled.h"
#include "node/query/instruction.h"
#include "node/query/like.h"

#include <assert.h>

struct code_stack *code_stack_new(void)
{
    return memory_new(sizeof(struct code_stack));
}

void code_stack_free(struct code_stack *stack)
{
    free(stack);
}

bool code_compile(const struct query *query, struct fields *fields, struct buffer *out)
{
    CHECK(query->select.where != NULL);
    return code_write(query->select.where, true, fields, out);
}

bool code_matches(struct bytes code, struct bytes key, const struct bytes *slots,
                  struct code_stack *stack)
{
    struct value result = code_run(code, key, slots, stack);
    return value_is_true(&result);
}

// ---- Walking the instructions ----

static_assert((int)QUERY_TEXT_BYTES_MAX <= UINT16_MAX + 1, "16 bits hold the size of a constant");

size_t code_long_object_bytes(const uint8_t *object)
{
    if (object[0] == 0xc4 || object[0] == 0xd9) // bin 8, str 8
        return 2 + (size_t)object[1];
    return 3 + ((size_t)object[1] << 8 | object[2]); // bin 16, str 16
}

const uint8_t code_fixed_sizes[CODE_INSTRUCTION_COUNT] = {
    [CODE_END] = 1,        [CODE_REQUIRE] = 1,    [CODE_PATH] = 3,      [CODE_KEY] = 1,
    [CODE_EXISTS] = 3,     [CODE_COMPARE] = 2,    [CODE_CALCULATE] = 2, [CODE_NEGATE] = 1,
    [CODE_NOT] = 1,        [CODE_AND] = 1,        [CODE_OR] = 1,        [CODE_IS_NULL] = 1,
    [CODE_BETWEEN] = 1,    [CODE_IN_ELEMENT] = 1, [CODE_IN_END] = 1,    [CODE_CALL] = 4,
    [CODE_JUMP_FALSE] = 5, [CODE_JUMP_TRUE] = 5,  [CODE_ALL_TRUE] = 5,  [CODE_ANY_TRUE] = 5,
};

size_t code_varying_bytes(const uint8_t *at)
{
    switch (*at) {
    case CODE_CONSTANT:
        return 1 + code_object_bytes(at + 1);
    case CODE_LIKE:
        return 1 + like_bytes(at + 1);
    case CODE_IN_SET_PATH:
        return 3 + code_set_head(at + 3).bytes;
    default:
        CHECK(*at == CODE_IN_SET || *at == CODE_IN_SET_KEEP);
        return 1 + code_set_head(at + 1).bytes;
    }
}

void code_each_slot(struct bytes code, void (*visit)(void *context, uint16_t slot), void *context)
{
    const uint8_t *end = code.data + code.size;
    for (const uint8_t *at = code.data; at < end; at += code_instruction_bytes(at)) {
        if (*at == CODE_PATH || *at == CODE_EXISTS || *at == CODE_IN_SET_PATH)
            visit(context, code_slot(at + 1));
        else if (*at == CODE_COMPARE_PATH)
            visit(context, code_slot(at + 2));
    }
}

bool code_reads_key(struct bytes code)
{
    const uint8_t *end = code.data + code.size;
    const uint8_t *at = code.data;
    while (at < end && *at != CODE_KEY)
        at += code_instruction_bytes(at);
    return at < end;
}

static void slot_release(void *context, uint16_t slot)
{
    fields_release(context, slot);
}

void code_release(struct bytes code, struct fields *fields)
{
    code_each_slot(code, slot_release, fields);
}
