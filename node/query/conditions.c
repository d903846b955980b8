// SPDX-License-Identifier: Apache-2.0
#include "node/query/conditions.h"

#include "node/query/compiled.h"
#include "node/query/condition.h"
#include "node/query/like.h"

enum {
    WORK_MAX = 16 * 1024, // see struct derivation
    CONTAINS_BYTES_MIN = 3,
};

// What must hold for `node` to be TRUE, or FALSE if that is `wanted`. Neither is the opposite of
// the other: there is NULL.
static struct form derive(struct derivation *derivation, const struct node *node, bool wanted);

static struct condition condition_on(const struct derivation *derivation, const struct node *field,
                                     enum condition_kind kind)
{
    bool is_key = field->kind == NODE_KEY;
    return (struct condition){.kind = kind,
                              .is_key = is_key,
                              .slot = is_key ? 0 : fields_slot(derivation->fields, &field->path)};
}

static bool is_field(const struct node *node)
{
    return node->kind == NODE_PATH || node->kind == NODE_KEY;
}

static struct form derive_in(struct derivation *derivation, const struct node *field,
                             struct value *values, uint32_t count)
{
    if (count == 0)
        return form_never();
    for (uint32_t at = 0; at < count; at++)
        values[at] = value_canonical(&values[at]);
    struct condition in = condition_on(derivation, field, CONDITION_IN);
    in.values = values;
    in.value_count = values_sort(values, count);
    return form_of(derivation, &in, 1, true);
}

// ---- Comparisons ----

static struct form derive_truth(struct derivation *derivation, const struct value *value)
{
    return value_is_true(value) ? form_always(derivation) : form_never();
}

// Which of the two booleans compare like this.
static struct form derive_boolean(struct derivation *derivation, enum comparison comparison,
                                  const struct node *field, const struct value *constant)
{
    struct value *values = arena_take_array(derivation->arena, 2, sizeof *values);
    uint32_t count = 0;
    for (unsigned boolean = 0; boolean < 2; boolean++) {
        struct value value = value_of_bool(boolean);
        struct value result = value_compare(comparison, &value, constant);
        if (value_is_true(&result))
            values[count++] = value;
    }
    return derive_in(derivation, field, values, count);
}

static struct form derive_range(struct derivation *derivation, enum comparison comparison,
                                const struct node *field, const struct value *constant)
{
    struct condition range = condition_on(derivation, field, CONDITION_RANGE);
    if (comparison == COMPARE_GREATER || comparison == COMPARE_GREATER_EQUAL) {
        range.low = value_canonical(constant);
        range.is_low_open = comparison == COMPARE_GREATER;
    } else {
        range.high = value_canonical(constant);
        range.is_high_open = comparison == COMPARE_LESS;
    }
    return form_of(derivation, &range, 1, true);
}

static struct form derive_field_compare(struct derivation *derivation, enum comparison comparison,
                                        const struct node *field, const struct value *constant)
{
    if (constant->kind == VALUE_BOOL)
        return derive_boolean(derivation, comparison, field, constant);
    if (comparison == COMPARE_UNEQUAL)
        return form_unknown(derivation);
    if (comparison != COMPARE_EQUAL)
        return derive_range(derivation, comparison, field, constant);
    struct value *value = arena_take(derivation->arena, sizeof *value);
    *value = *constant;
    return derive_in(derivation, field, value, 1);
}

// left ? right is TRUE.
static struct form derive_compare(struct derivation *derivation, enum comparison comparison,
                                  const struct node *left, const struct node *right)
{
    bool is_left_constant = left->kind == NODE_CONSTANT;
    bool is_right_constant = right->kind == NODE_CONSTANT;
    if ((is_left_constant && left->constant.kind == VALUE_NULL) ||
        (is_right_constant && right->constant.kind == VALUE_NULL))
        return form_never();
    if (is_left_constant && is_right_constant) {
        struct value result = value_compare(comparison, &left->constant, &right->constant);
        return derive_truth(derivation, &result);
    }
    if (is_field(left) && is_right_constant)
        return derive_field_compare(derivation, comparison, left, &right->constant);
    if (is_field(right) && is_left_constant)
        return derive_field_compare(derivation, comparison_mirrored(comparison), right,
                                    &left->constant);
    return form_unknown(derivation);
}

static struct form derive_between(struct derivation *derivation, const struct node *node,
                                  bool wanted)
{
    const struct node *low = node->first->next;
    const struct node *high = low->next;
    struct form forms[2] = {
        derive_compare(derivation, wanted ? COMPARE_GREATER_EQUAL : COMPARE_LESS, node->first, low),
        derive_compare(derivation, wanted ? COMPARE_LESS_EQUAL : COMPARE_GREATER, node->first,
                       high)};
    return wanted ? form_and(derivation, forms, 2) : form_or(derivation, forms, 2);
}

// ---- IN ----

// The operand is a field: one condition, unless an element is no constant.
static struct form derive_field_in(struct derivation *derivation, const struct node *node)
{
    struct value *values =
        arena_take_array(derivation->arena, node->child_count - 1, sizeof *values);
    uint32_t count = 0;
    for (const struct node *element = node->first->next; element != NULL; element = element->next) {
        if (element->kind != NODE_CONSTANT)
            return form_unknown(derivation);
        if (element->constant.kind != VALUE_NULL)
            values[count++] = element->constant;
    }
    return derive_in(derivation, node->first, values, count);
}

// Equal to one of the elements; or, if FALSE is wanted, unequal to all.
static struct form derive_membership(struct derivation *derivation, const struct node *node,
                                     bool wanted)
{
    if (wanted && is_field(node->first))
        return derive_field_in(derivation, node);
    struct form *forms = arena_take_array(derivation->arena, node->child_count - 1, sizeof *forms);
    uint32_t count = 0;
    for (const struct node *element = node->first->next; element != NULL; element = element->next)
        forms[count++] = derive_compare(derivation, wanted ? COMPARE_EQUAL : COMPARE_UNEQUAL,
                                        node->first, element);
    return wanted ? form_or(derivation, forms, count) : form_and(derivation, forms, count);
}

// ---- LIKE ----

// Conditions on one field that a pattern gives.
struct affixes {
    struct derivation *derivation;
    struct condition conditions[CONJUNCTION_CONDITIONS_MAX];
    uint32_t count;
};

static void affix_add(struct affixes *affixes, const struct node *field, enum condition_kind kind,
                      struct bytes text)
{
    size_t least = kind == CONDITION_CONTAINS ? CONTAINS_BYTES_MIN : 1;
    if (text.size < least || affixes->count == CONJUNCTION_CONDITIONS_MAX)
        return;
    struct value *value = arena_take(affixes->derivation->arena, sizeof *value);
    *value = value_of_str(text);
    struct condition *condition = &affixes->conditions[affixes->count++];
    *condition = condition_on(affixes->derivation, field, kind);
    condition->values = value;
    condition->value_count = 1;
}

// The runs of a segment between its _: the first of them stands at the start of the string if the
// segment does, the last at the end.
static void affixes_of_segment(struct affixes *affixes, const struct node *field,
                               const struct like_segment *segment, bool is_first, bool is_last)
{
    uint8_t *text = arena_take(affixes->derivation->arena, segment->size);
    size_t start = 0;
    for (size_t at = 0; at <= segment->size; at++) {
        bool is_end = at == segment->size;
        if (!is_end && like_unit(segment, at) != LIKE_ANY) {
            text[at] = (uint8_t)like_unit(segment, at);
            continue;
        }
        enum condition_kind kind = is_first && start == 0 ? CONDITION_PREFIX
                                   : is_last && is_end    ? CONDITION_SUFFIX
                                                          : CONDITION_CONTAINS;
        affix_add(affixes, field, kind, bytes_of(text + start, at - start));
        start = at + 1;
    }
}

static struct form derive_pattern(struct derivation *derivation, const struct node *field,
                                  const uint8_t *pattern)
{
    struct like like = like_open(pattern);
    struct affixes affixes = {.derivation = derivation};
    bool has_any = false;
    uint32_t count = like.segment_count;
    for (uint32_t at = 0; at < count; at++) {
        struct like_segment segment = like_next(&like);
        bool is_first = at == 0 && !like.starts_anywhere;
        bool is_last = at + 1 == count && !like.ends_anywhere;
        has_any |= segment.has_any;
        affixes_of_segment(&affixes, field, &segment, is_first, is_last);
    }
    bool is_whole = !like.starts_anywhere && !like.ends_anywhere;
    if (is_whole && count <= 1 && !has_any) {
        struct value *value = arena_take(derivation->arena, sizeof *value);
        *value = count == 0 ? value_of_str(bytes_of("", 0)) : *affixes.conditions[0].values;
        return derive_in(derivation, field, value, 1);
    }
    // A single run at one end or anywhere says it all.
    bool is_exact = count == 1 && affixes.count == 1 && !has_any && !is_whole;
    return form_of(derivation, affixes.conditions, affixes.count, is_exact);
}

static struct form derive_like(struct derivation *derivation, const struct node *node, bool wanted)
{
    if (!wanted || !is_field(node->first))
        return form_unknown(derivation);
    struct buffer pattern = {0};
    like_write(&pattern, node->first->next->constant.bytes, node_like_escape(node));
    struct form form = derive_pattern(derivation, node->first, pattern.data);
    buffer_deinit(&pattern);
    return form;
}

// ---- NULL, and the rest ----

static struct form derive_presence(struct derivation *derivation, const struct node *field,
                                   enum condition_kind kind, bool is_exact)
{
    struct condition condition = condition_on(derivation, field, kind);
    return form_of(derivation, &condition, 1, is_exact);
}

// There is no entry without a key.
static struct form derive_is_null(struct derivation *derivation, const struct node *node,
                                  bool wanted)
{
    const struct node *operand = node->first;
    if (operand->kind == NODE_CONSTANT) {
        struct value result = value_of_bool((operand->constant.kind == VALUE_NULL) == wanted);
        return derive_truth(derivation, &result);
    }
    if (operand->kind == NODE_KEY)
        return wanted ? form_never() : form_unknown(derivation);
    if (operand->kind != NODE_PATH)
        return form_unknown(derivation);
    return wanted ? derive_presence(derivation, operand, CONDITION_NULL, true)
                  : derive_presence(derivation, operand, CONDITION_EXISTS, false);
}

static struct form derive_logic(struct derivation *derivation, const struct node *node, bool wanted)
{
    struct form *forms = arena_take_array(derivation->arena, node->child_count, sizeof *forms);
    uint32_t count = 0;
    for (const struct node *child = node->first; child != NULL; child = child->next)
        forms[count++] = derive(derivation, child, wanted);
    return (node->kind == NODE_AND) == wanted ? form_and(derivation, forms, count)
                                              : form_or(derivation, forms, count);
}

static struct form derive_boolean_field(struct derivation *derivation, const struct node *node,
                                        bool wanted)
{
    struct value constant = value_of_bool(wanted);
    return derive_boolean(derivation, COMPARE_EQUAL, node, &constant);
}

static struct form derive(struct derivation *derivation, const struct node *node, bool wanted)
{
    enum comparison comparison = (enum comparison)node->operation;
    struct value truth;
    wanted = wanted != node->is_negated;
    switch (node->kind) {
    case NODE_CONSTANT:
        truth =
            value_of_bool(node->constant.kind == VALUE_BOOL && node->constant.boolean == wanted);
        return derive_truth(derivation, &truth);
    case NODE_PATH:
    case NODE_KEY:
        return derive_boolean_field(derivation, node, wanted);
    case NODE_AND:
    case NODE_OR:
        return derive_logic(derivation, node, wanted);
    case NODE_NOT:
        return derive(derivation, node->first, !wanted);
    case NODE_COMPARE:
        return derive_compare(derivation, wanted ? comparison : comparison_negated(comparison),
                              node->first, node->first->next);
    case NODE_IN:
        return derive_membership(derivation, node, wanted);
    case NODE_BETWEEN:
        return derive_between(derivation, node, wanted);
    case NODE_LIKE:
        return derive_like(derivation, node, wanted);
    case NODE_IS_NULL:
        return derive_is_null(derivation, node, wanted);
    case NODE_EXISTS:
        return wanted ? derive_presence(derivation, node->first, CONDITION_EXISTS, true)
                      : derive_presence(derivation, node->first, CONDITION_NULL, false);
    case NODE_ARITHMETIC:
    case NODE_NEGATE:
    case NODE_CALL:
        break; // no booleans
    }
    return form_unknown(derivation);
}

struct conditions conditions_of(const struct query *query, struct fields *fields,
                                struct arena *arena)
{
    CHECK(query->select.where != NULL);
    struct derivation derivation = {.fields = fields, .arena = arena, .work_left = WORK_MAX};
    struct form form = derive(&derivation, query->select.where, true);
    return (struct conditions){.conjunctions = form.conjunctions, .count = form.count};
}
