// SPDX-License-Identifier: Apache-2.0
#include "node/query/fold.h"

#include "node/query/function.h"

enum { OPERANDS_MAX = 2 }; // of what has a number as its result

static bool is_number(const struct node *node)
{
    return node->kind == NODE_CONSTANT && value_family(&node->constant) == FAMILY_NUMBER;
}

static struct value result_of(const struct node *node, const struct value *operands)
{
    if (node->kind == NODE_NEGATE)
        return value_negate(operands);
    if (node->kind == NODE_ARITHMETIC)
        return value_calculate((enum arithmetic)node->operation, &operands[0], &operands[1]);
    // With numbers as arguments no function needs room for its result.
    return function_call((enum function_id)node->operation, operands, node->child_count, NULL);
}

// What has no result stays as it is: a NULL that was written and one that was computed are not the
// same to those who read the tree.
static void fold_number(struct node *node)
{
    struct value operands[OPERANDS_MAX];
    uint32_t count = 0;
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        if (!is_number(child) || count == OPERANDS_MAX)
            return;
        operands[count++] = child->constant;
    }
    struct value result = result_of(node, operands);
    if (result.kind == VALUE_NULL)
        return;
    node->kind = NODE_CONSTANT;
    node->constant = result;
    node->first = node->last = NULL;
    node->child_count = 0;
}

static void fold_node(struct node *node)
{
    for (struct node *child = node->first; child != NULL; child = child->next)
        fold_node(child); // at most NODE_DEPTH_MAX deep
    bool is_computed =
        node->kind == NODE_NEGATE || node->kind == NODE_ARITHMETIC || node->kind == NODE_CALL;
    if (is_computed && node->family == FAMILY_NUMBER)
        fold_number(node);
}

void fold_select(struct select *select)
{
    for (struct column *column = select->first_column; column != NULL; column = column->next)
        fold_node(column->node);
    if (select->where != NULL)
        fold_node(select->where);
}
