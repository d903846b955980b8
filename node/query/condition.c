// SPDX-License-Identifier: Apache-2.0
#include "node/query/condition.h"

// ---- One condition ----

static bool text_begins(struct bytes text, struct bytes with)
{
    return text.size >= with.size && memcmp(text.data, with.data, with.size) == 0;
}

static bool text_ends(struct bytes text, struct bytes with)
{
    return text.size >= with.size &&
           memcmp(text.data + (text.size - with.size), with.data, with.size) == 0;
}

static bool range_holds(const struct condition *range, const struct value *value)
{
    if (range->low.kind != VALUE_NULL) {
        enum order order = value_order(value, &range->low);
        if (order != ORDER_GREATER && (order != ORDER_EQUAL || range->is_low_open))
            return false;
    }
    if (range->high.kind != VALUE_NULL) {
        enum order order = value_order(value, &range->high);
        if (order != ORDER_LESS && (order != ORDER_EQUAL || range->is_high_open))
            return false;
    }
    return true;
}

static bool in_holds(const struct condition *in, const struct value *value)
{
    for (uint32_t at = 0; at < in->value_count; at++)
        if (value_order(&in->values[at], value) == ORDER_EQUAL)
            return true;
    return false;
}

// Of a field that has this value, which is not NULL.
static bool condition_holds(const struct condition *condition, const struct value *value)
{
    bool is_text = value->kind == VALUE_STR;
    switch (condition->kind) {
    case CONDITION_IN:
        return in_holds(condition, value);
    case CONDITION_NULL:
        return false;
    case CONDITION_EXISTS:
        return true;
    case CONDITION_RANGE:
        return range_holds(condition, value);
    case CONDITION_PREFIX:
        return is_text && text_begins(value->bytes, condition->values->bytes);
    case CONDITION_SUFFIX:
        return is_text && text_ends(value->bytes, condition->values->bytes);
    case CONDITION_CONTAINS:
        break;
    }
    return is_text && memmem(value->bytes.data, value->bytes.size, condition->values->bytes.data,
                             condition->values->bytes.size) != NULL;
}

// ---- Two conditions on one field ----

enum meeting {
    MEETING_NEVER,   // both cannot hold
    MEETING_ONE,     // the first, as changed, says it all
    MEETING_UNKNOWN, // too much work: the first is kept as it is
    MEETING_BOTH,
};

static void in_set_values(struct condition *in, struct value *values, uint32_t count)
{
    in->kind = CONDITION_IN;
    in->values = values;
    in->value_count = count;
}

// Keeps those values of `in` for which `other` holds.
static enum meeting meet_in(struct derivation *derivation, struct condition *in,
                            const struct condition *other)
{
    uint32_t others = other->kind == CONDITION_IN ? other->value_count : 1;
    uint64_t work = (uint64_t)in->value_count * others;
    if (work > derivation->work_left)
        return MEETING_UNKNOWN;
    derivation->work_left -= (uint32_t)work;
    struct value *kept = arena_take_array(derivation->arena, in->value_count, sizeof *kept);
    uint32_t count = 0;
    for (uint32_t at = 0; at < in->value_count; at++)
        if (condition_holds(other, &in->values[at]))
            kept[count++] = in->values[at];
    in_set_values(in, kept, count);
    return count > 0 ? MEETING_ONE : MEETING_NEVER;
}

static enum family range_family(const struct condition *range)
{
    return value_family(range->low.kind != VALUE_NULL ? &range->low : &range->high);
}

static enum meeting meet_ranges(struct derivation *derivation, struct condition *range,
                                const struct condition *other)
{
    if (range_family(range) != range_family(other))
        return MEETING_NEVER;
    enum order low = value_order(&other->low, &range->low);
    if (range->low.kind == VALUE_NULL || low == ORDER_GREATER) {
        range->low = other->low;
        range->is_low_open = other->is_low_open;
    } else if (low == ORDER_EQUAL) {
        range->is_low_open |= other->is_low_open;
    }
    enum order high = value_order(&other->high, &range->high);
    if (range->high.kind == VALUE_NULL || high == ORDER_LESS) {
        range->high = other->high;
        range->is_high_open = other->is_high_open;
    } else if (high == ORDER_EQUAL) {
        range->is_high_open |= other->is_high_open;
    }
    enum order extent = value_order(&range->low, &range->high);
    if (extent == ORDER_LESS || extent == ORDER_NONE)
        return MEETING_ONE;
    if (extent == ORDER_GREATER || range->is_low_open || range->is_high_open)
        return MEETING_NEVER;
    struct value *single = arena_take(derivation->arena, sizeof *single);
    *single = range->low;
    in_set_values(range, single, 1);
    return MEETING_ONE;
}

static enum meeting meet_prefixes(struct condition *prefix, const struct condition *other)
{
    if (text_begins(prefix->values->bytes, other->values->bytes))
        return MEETING_ONE;
    if (!text_begins(other->values->bytes, prefix->values->bytes))
        return MEETING_NEVER;
    *prefix = *other;
    return MEETING_ONE;
}

static enum meeting meet_null(const struct condition *other)
{
    if (other->kind == CONDITION_NULL)
        return MEETING_ONE;
    return other->kind == CONDITION_EXISTS ? MEETING_BOTH : MEETING_NEVER;
}

// `first` has the lower kind.
static enum meeting meet_ordered(struct derivation *derivation, struct condition *first,
                                 const struct condition *other)
{
    switch (first->kind) {
    case CONDITION_IN:
        return meet_in(derivation, first, other);
    case CONDITION_NULL:
        return meet_null(other);
    case CONDITION_EXISTS:
        *first = *other; // which implies it
        return MEETING_ONE;
    case CONDITION_RANGE:
        if (other->kind == CONDITION_RANGE)
            return meet_ranges(derivation, first, other);
        return range_family(first) == FAMILY_STR ? MEETING_BOTH : MEETING_NEVER;
    case CONDITION_PREFIX:
        return other->kind == CONDITION_PREFIX ? meet_prefixes(first, other) : MEETING_BOTH;
    case CONDITION_SUFFIX:
    case CONDITION_CONTAINS:
        break;
    }
    bool is_same =
        first->kind == other->kind && bytes_equal(first->values->bytes, other->values->bytes);
    return is_same ? MEETING_ONE : MEETING_BOTH;
}

static enum meeting meet(struct derivation *derivation, struct condition *condition,
                         const struct condition *other)
{
    if (condition->kind <= other->kind)
        return meet_ordered(derivation, condition, other);
    struct condition first = *other;
    enum meeting meeting = meet_ordered(derivation, &first, condition);
    if (meeting == MEETING_ONE)
        *condition = first;
    return meeting;
}

// ---- Conjunctions ----

// A conjunction under construction.
struct draft {
    struct condition *conditions; // in the arena
    uint32_t count;
    uint32_t capacity;
    bool is_exact;
};

static struct draft draft_new(struct derivation *derivation, uint32_t capacity)
{
    if (capacity > CONJUNCTION_CONDITIONS_MAX)
        capacity = CONJUNCTION_CONDITIONS_MAX;
    struct condition *conditions =
        arena_take_array(derivation->arena, capacity, sizeof *conditions);
    return (struct draft){.conditions = conditions, .capacity = capacity, .is_exact = true};
}

static struct conjunction draft_finish(const struct draft *draft)
{
    return (struct conjunction){
        .conditions = draft->conditions, .count = draft->count, .is_exact = draft->is_exact};
}

static bool same_field(const struct condition *left, const struct condition *right)
{
    return left->is_key == right->is_key && left->slot == right->slot;
}

// False when the condition cannot hold together with the others.
static bool draft_add_condition(struct derivation *derivation, struct draft *draft,
                                const struct condition *added)
{
    for (uint32_t at = 0; at < draft->count; at++) {
        if (!same_field(&draft->conditions[at], added))
            continue;
        switch (meet(derivation, &draft->conditions[at], added)) {
        case MEETING_NEVER:
            return false;
        case MEETING_ONE:
            return true;
        case MEETING_UNKNOWN:
            draft->is_exact = false;
            return true;
        case MEETING_BOTH:
            break;
        }
    }
    if (draft->count < draft->capacity)
        draft->conditions[draft->count++] = *added;
    else
        draft->is_exact = false;
    return true;
}

static bool draft_add(struct derivation *derivation, struct draft *draft,
                      const struct conjunction *added)
{
    draft->is_exact &= added->is_exact;
    for (uint32_t at = 0; at < added->count; at++)
        if (!draft_add_condition(derivation, draft, &added->conditions[at]))
            return false;
    return true;
}

// ---- Forms ----

struct form form_never(void)
{
    return (struct form){0};
}

static struct form form_of_one(struct derivation *derivation, struct conjunction conjunction)
{
    struct form form = {.conjunctions = arena_take(derivation->arena, sizeof conjunction),
                        .count = 1};
    form.conjunctions[0] = conjunction;
    return form;
}

struct form form_unknown(struct derivation *derivation)
{
    return form_of_one(derivation, (struct conjunction){0});
}

struct form form_always(struct derivation *derivation)
{
    return form_of_one(derivation, (struct conjunction){.is_exact = true});
}

struct form form_of(struct derivation *derivation, const struct condition *conditions,
                    uint32_t count, bool is_exact)
{
    struct draft draft = draft_new(derivation, count);
    draft.is_exact = is_exact;
    for (uint32_t at = 0; at < count; at++)
        if (!draft_add_condition(derivation, &draft, &conditions[at]))
            return form_never();
    return form_of_one(derivation, draft_finish(&draft));
}

static void form_blur(struct form *form)
{
    for (uint32_t at = 0; at < form->count; at++)
        form->conjunctions[at].is_exact = false;
}

// Each conjunction of the one with each of the other; where that is too much, the one that says
// more stands for both.
static struct form form_multiply(struct derivation *derivation, struct form left, struct form right)
{
    uint32_t pair_count = left.count * right.count;
    uint32_t width = left.conjunctions->count + right.conjunctions->count + 1;
    if (pair_count > CONJUNCTIONS_MAX || pair_count * width > derivation->work_left) {
        struct form fewer = left.count <= right.count ? left : right;
        form_blur(&fewer);
        return fewer;
    }
    derivation->work_left -= pair_count * width;
    struct form product = {.conjunctions = arena_take_array(derivation->arena, pair_count,
                                                            sizeof *product.conjunctions)};
    for (uint32_t at = 0; at < pair_count; at++) {
        const struct conjunction *one = &left.conjunctions[at / right.count];
        const struct conjunction *other = &right.conjunctions[at % right.count];
        struct draft draft = draft_new(derivation, one->count + other->count);
        if (draft_add(derivation, &draft, one) && draft_add(derivation, &draft, other))
            product.conjunctions[product.count++] = draft_finish(&draft);
    }
    return product;
}

// Forms of one conjunction first, all into one: most predicates have no others.
struct form form_and(struct derivation *derivation, const struct form *forms, uint32_t count)
{
    uint32_t condition_count = 0;
    for (uint32_t at = 0; at < count; at++) {
        if (forms[at].count == 0)
            return form_never();
        if (forms[at].count == 1 && condition_count < CONJUNCTION_CONDITIONS_MAX)
            condition_count += forms[at].conjunctions[0].count;
    }
    struct draft draft = draft_new(derivation, condition_count);
    for (uint32_t at = 0; at < count; at++)
        if (forms[at].count == 1 && !draft_add(derivation, &draft, forms[at].conjunctions))
            return form_never();
    struct form all = form_of_one(derivation, draft_finish(&draft));
    for (uint32_t at = 0; at < count && all.count > 0; at++)
        if (forms[at].count > 1)
            all = form_multiply(derivation, all, forms[at]);
    return all;
}

// ---- OR ----

// A conjunction of one IN condition, which takes in the values of others on its field.
struct choice_in {
    struct condition *condition; // NULL until it does
    struct value *values;        // the condition's
    uint32_t capacity;
};

// Conjunctions of which one holds, under construction.
struct choice {
    struct conjunction *conjunctions;
    struct choice_in *ins; // of each
    uint32_t count;
    uint32_t capacity;
};

static struct choice choice_new(struct derivation *derivation, const struct form *forms,
                                uint32_t count)
{
    struct choice choice = {0};
    for (uint32_t at = 0; at < count && choice.capacity < CONJUNCTIONS_MAX; at++)
        choice.capacity += forms[at].count;
    if (choice.capacity > CONJUNCTIONS_MAX)
        choice.capacity = CONJUNCTIONS_MAX;
    choice.conjunctions =
        arena_take_array(derivation->arena, choice.capacity, sizeof *choice.conjunctions);
    choice.ins = arena_take_array(derivation->arena, choice.capacity, sizeof *choice.ins);
    return choice;
}

static bool is_single_in(const struct conjunction *conjunction)
{
    return conjunction->count == 1 && conjunction->conditions->kind == CONDITION_IN;
}

static void choice_widen(struct derivation *derivation, struct choice *choice, uint32_t place,
                         const struct conjunction *added)
{
    struct conjunction *conjunction = &choice->conjunctions[place];
    const struct condition *old = conjunction->conditions;
    const struct condition *other = added->conditions;
    struct choice_in *in = &choice->ins[place];
    uint32_t count = old->value_count + other->value_count;
    if (count > in->capacity) {
        in->capacity = 2 * count;
        struct value *values = arena_take_array(derivation->arena, in->capacity, sizeof *values);
        memcpy(values, old->values, old->value_count * sizeof *values);
        in->values = values;
    }
    memcpy(in->values + old->value_count, other->values, other->value_count * sizeof *in->values);
    if (in->condition == NULL) {
        in->condition = arena_take(derivation->arena, sizeof *in->condition);
        *in->condition = *old;
        conjunction->conditions = in->condition;
    }
    in->condition->values = in->values;
    in->condition->value_count = count;
    conjunction->is_exact &= added->is_exact;
}

// False when there are too many.
static bool choice_add(struct derivation *derivation, struct choice *choice,
                       const struct conjunction *added)
{
    for (uint32_t at = 0; is_single_in(added) && at < choice->count; at++) {
        if (is_single_in(&choice->conjunctions[at]) &&
            same_field(choice->conjunctions[at].conditions, added->conditions)) {
            choice_widen(derivation, choice, at, added);
            return true;
        }
    }
    if (choice->count == choice->capacity)
        return false;
    choice->conjunctions[choice->count++] = *added;
    return true;
}

static struct form choice_finish(struct choice *choice)
{
    for (uint32_t at = 0; at < choice->count; at++) {
        struct choice_in *in = &choice->ins[at];
        if (in->condition != NULL)
            in->condition->value_count = values_sort(in->values, in->condition->value_count);
    }
    return (struct form){.conjunctions = choice->conjunctions, .count = choice->count};
}

struct form form_or(struct derivation *derivation, const struct form *forms, uint32_t count)
{
    struct choice choice = choice_new(derivation, forms, count);
    for (uint32_t at = 0; at < count; at++)
        for (uint32_t inner = 0; inner < forms[at].count; inner++) {
            const struct conjunction *added = &forms[at].conjunctions[inner];
            if (added->count == 0)
                return form_of_one(derivation, *added);
            if (!choice_add(derivation, &choice, added))
                return form_unknown(derivation);
        }
    return choice_finish(&choice);
}
