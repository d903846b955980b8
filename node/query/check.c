// SPDX-License-Identifier: Apache-2.0
#include "node/query/check.h"

#include "node/query/function.h"
#include "node/query/like.h"

static enum family check_node(struct node *node, struct source *source);

// "a number"
static const char *family_name(enum family family)
{
    switch (family) {
    case FAMILY_BOOL:
        return "a boolean";
    case FAMILY_NUMBER:
        return "a number";
    case FAMILY_STR:
        return "a string";
    case FAMILY_BIN:
        return "a binary";
    case FAMILY_NULL:
        return "NULL";
    case FAMILY_UNKNOWN:
    case FAMILY_OTHER:
        break;
    }
    return "a value";
}

// Known to be of another family than `wanted`, whatever the entry.
static bool family_excludes(enum family family, enum family wanted)
{
    return family != FAMILY_UNKNOWN && family != FAMILY_NULL && family != wanted;
}

static bool families_differ(enum family left, enum family right)
{
    return right != FAMILY_UNKNOWN && right != FAMILY_NULL && family_excludes(left, right);
}

static void check_children(struct node *node, struct source *source)
{
    for (struct node *child = node->first; child != NULL; child = child->next)
        child->family = check_node(child, source);
}

// Every operand from `first` on must be able to have the wanted family.
static void check_wanted(const struct node *first, enum family wanted, const char *what,
                         struct source *source)
{
    for (const struct node *child = first; child != NULL; child = child->next)
        if (family_excludes(child->family, wanted))
            source_complain(source, child->start, "%s takes %s, this is %s", what,
                            family_name(wanted), family_name(child->family));
}

static enum family check_logic(struct node *node, const char *what, struct source *source)
{
    check_wanted(node->first, FAMILY_BOOL, what, source);
    return FAMILY_BOOL;
}

static bool is_null_literal(const struct node *node)
{
    return node->kind == NODE_CONSTANT && node->constant.kind == VALUE_NULL;
}

static enum family check_compare(struct node *node, struct source *source)
{
    const struct node *left = node->first;
    const struct node *right = left->next;
    if (is_null_literal(left) || is_null_literal(right))
        source_complain(source, node->at, "a comparison with NULL is never TRUE: write IS %sNULL",
                        node->operation == COMPARE_UNEQUAL ? "NOT " : "");
    if (families_differ(left->family, right->family))
        source_complain(source, node->at, "%s and %s are never comparable%s",
                        family_name(left->family), family_name(right->family),
                        left->family == FAMILY_NUMBER || right->family == FAMILY_NUMBER
                            ? ": write numbers without quotes"
                            : "");
    return FAMILY_BOOL;
}

// IN and BETWEEN: all operands are compared with the first, and belong together.
static enum family check_alike(struct node *node, const char *what, struct source *source)
{
    const struct node *known = NULL;
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        if (child->family == FAMILY_UNKNOWN || child->family == FAMILY_NULL)
            continue;
        if (known == NULL)
            known = child;
        else if (families_differ(known->family, child->family))
            source_complain(source, child->start, "%s mixes %s and %s", what,
                            family_name(known->family), family_name(child->family));
    }
    return FAMILY_BOOL;
}

static enum family check_arithmetic(struct node *node, struct source *source)
{
    for (const struct node *child = node->first; child != NULL; child = child->next)
        if (family_excludes(child->family, FAMILY_NUMBER))
            source_complain(source, child->start, "arithmetic takes numbers, this is %s%s",
                            family_name(child->family),
                            child->family == FAMILY_STR ? "; strings cannot be joined" : "");
    return FAMILY_NUMBER;
}

static void check_pattern(const struct node *like, struct source *source)
{
    const struct node *pattern = like->first->next;
    switch (like_check(pattern->constant.bytes, node_like_escape(like))) {
    case LIKE_OK:
        return;
    case LIKE_DANGLING_ESCAPE:
        source_complain(source, pattern->start,
                        "the ESCAPE character must stand before %%, _ or itself");
        return;
    case LIKE_TOO_WIDE:
        source_complain(source, pattern->start,
                        "between two %% at most %d bytes when one of them is _", LIKE_FLOATING_MAX);
        return;
    }
}

static enum family check_like(struct node *node, struct source *source)
{
    const struct node *operand = node->first;
    const struct node *escape = operand->next->next;
    if (family_excludes(operand->family, FAMILY_STR))
        source_complain(source, operand->start, "LIKE takes a string, this is %s",
                        family_name(operand->family));
    if (escape != NULL &&
        (escape->constant.bytes.size != 1 || escape->constant.bytes.data[0] >= 0x80))
        source_complain(source, escape->start, "ESCAPE takes one ASCII character");
    else
        check_pattern(node, source);
    return FAMILY_BOOL;
}

static enum family check_call(struct node *node, struct source *source)
{
    const struct function *function = function_of((enum function_id)node->operation);
    if (node->child_count < function->arguments_min ||
        node->child_count > function->arguments_max) {
        source_complain(source, node->at, "%s: this call has %u argument%s", function->usage,
                        node->child_count, node->child_count == 1 ? "" : "s");
        return function->result;
    }
    if (function->arguments != FAMILY_UNKNOWN) {
        check_wanted(node->first, function->arguments, function->usage, source);
    } else if (node->first->family == FAMILY_NUMBER || node->first->family == FAMILY_BOOL) {
        source_complain(source, node->first->start, "%s: this is %s", function->usage,
                        family_name(node->first->family));
    }
    return function->result;
}

static enum family check_operator(struct node *node, struct source *source)
{
    switch (node->kind) {
    case NODE_AND:
        return check_logic(node, "AND", source);
    case NODE_OR:
        return check_logic(node, "OR", source);
    case NODE_NOT:
        return check_logic(node, "NOT", source);
    case NODE_COMPARE:
        return check_compare(node, source);
    case NODE_ARITHMETIC:
    case NODE_NEGATE:
        return check_arithmetic(node, source);
    case NODE_IN:
        return check_alike(node, "IN", source);
    case NODE_BETWEEN:
        return check_alike(node, "BETWEEN", source);
    case NODE_LIKE:
        return check_like(node, source);
    case NODE_CALL:
        return check_call(node, source);
    case NODE_IS_NULL:
    case NODE_EXISTS:
        return FAMILY_BOOL;
    case NODE_CONSTANT:
        return value_family(&node->constant);
    case NODE_PATH:
    case NODE_KEY:
        break;
    }
    return FAMILY_UNKNOWN;
}

static enum family check_node(struct node *node, struct source *source)
{
    check_children(node, source);
    return check_operator(node, source);
}

static void check_column_names(const struct select *select, struct source *source)
{
    for (const struct column *column = select->first_column; column != NULL; column = column->next)
        for (const struct column *earlier = select->first_column; earlier != column;
             earlier = earlier->next)
            if (bytes_equal(earlier->name, column->name)) {
                source_complain(source, column->start,
                                "a second column `%s`: give it another name with AS",
                                quote_of(column->name).text);
                return;
            }
}

bool check_select(struct select *select, struct source *source)
{
    if (select->column_count > SELECT_COLUMNS_MAX)
        source_complain(source, select->first_column->start, "SELECT takes at most %d columns",
                        SELECT_COLUMNS_MAX);
    else
        check_column_names(select, source);
    for (struct column *column = select->first_column; column != NULL; column = column->next)
        column->node->family = check_node(column->node, source);
    if (select->where != NULL) {
        select->where->family = check_node(select->where, source);
        check_wanted(select->where, FAMILY_BOOL, "WHERE", source);
    }
    return !source->failed;
}
