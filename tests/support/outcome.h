// SPDX-License-Identifier: Apache-2.0
// What conditions say of an entry, one after the other: the definition that conditions_of is held
// against. All inline, so that fuzz targets have it too.
#pragma once

#include "node/query/conditions.h"

struct outcome {
    bool may_be_true; // some conjunction holds
    bool is_true;     // some exact conjunction holds
};

static inline bool outcome_text_holds(const struct condition *condition, const struct value *value)
{
    if (value->kind != VALUE_STR)
        return false;
    struct bytes text = value->bytes;
    struct bytes part = condition->values[0].bytes;
    bool found = false;
    for (size_t at = 0; at + part.size <= text.size; at++) {
        bool is_here = memcmp(text.data + at, part.data, part.size) == 0;
        bool is_place = condition->kind == CONDITION_CONTAINS ||
                        (condition->kind == CONDITION_PREFIX && at == 0) ||
                        (condition->kind == CONDITION_SUFFIX && at + part.size == text.size);
        found |= is_here && is_place;
    }
    return found;
}

static inline bool outcome_range_holds(const struct condition *range, const struct value *value)
{
    struct value result = value_of_bool(true);
    if (range->low.kind != VALUE_NULL)
        result = value_compare(range->is_low_open ? COMPARE_GREATER : COMPARE_GREATER_EQUAL, value,
                               &range->low);
    if (range->high.kind != VALUE_NULL && value_is_true(&result))
        result = value_compare(range->is_high_open ? COMPARE_LESS : COMPARE_LESS_EQUAL, value,
                               &range->high);
    return value_is_true(&result);
}

static inline bool outcome_condition_holds(const struct condition *condition, struct bytes key,
                                           const struct bytes *slots)
{
    struct bytes object = condition->is_key ? key : slots[condition->slot];
    struct value value = value_load(object);
    bool found = false;
    switch (condition->kind) {
    case CONDITION_IN:
        for (uint32_t at = 0; at < condition->value_count; at++)
            found |= value_order(&condition->values[at], &value) == ORDER_EQUAL;
        return found;
    case CONDITION_NULL:
        return value.kind == VALUE_NULL;
    case CONDITION_EXISTS:
        return object.size > 0;
    case CONDITION_RANGE:
        return outcome_range_holds(condition, &value);
    case CONDITION_PREFIX:
    case CONDITION_SUFFIX:
    case CONDITION_CONTAINS:
        break;
    }
    return outcome_text_holds(condition, &value);
}

// `slots` as of fields_find.
static inline struct outcome outcome_of(const struct conditions *conditions, struct bytes key,
                                        const struct bytes *slots)
{
    struct outcome outcome = {0};
    for (uint32_t at = 0; at < conditions->count; at++) {
        const struct conjunction *conjunction = &conditions->conjunctions[at];
        bool holds = true;
        for (uint32_t inner = 0; inner < conjunction->count; inner++)
            holds &= outcome_condition_holds(&conjunction->conditions[inner], key, slots);
        outcome.may_be_true |= holds;
        outcome.is_true |= holds && conjunction->is_exact;
    }
    return outcome;
}
