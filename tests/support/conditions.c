// SPDX-License-Identifier: Apache-2.0
#include "tests/support/conditions.h"

#include <inttypes.h>
#include <stdio.h>

static void say(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void value_say(const struct value *value, struct buffer *out)
{
    char text[64] = "";
    switch (value->kind) {
    case VALUE_BOOL:
        say(out, value->boolean ? "true" : "false");
        return;
    case VALUE_INT:
        snprintf(text, sizeof text, "%" PRId64, value->integer);
        break;
    case VALUE_UINT:
        snprintf(text, sizeof text, "%" PRIu64, value->natural);
        break;
    case VALUE_FLOAT:
        snprintf(text, sizeof text, "%g", value->real);
        break;
    case VALUE_STR:
        say(out, "'");
        buffer_append(out, value->bytes.data, value->bytes.size);
        say(out, "'");
        return;
    case VALUE_BIN:
        say(out, "x'");
        for (size_t at = 0; at < value->bytes.size; at++) {
            snprintf(text, sizeof text, "%02x", value->bytes.data[at]);
            say(out, text);
        }
        say(out, "'");
        return;
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_MAP:
    case VALUE_EXT:
        snprintf(text, sizeof text, "?");
        break;
    }
    say(out, text);
}

static void range_say(const struct condition *range, struct buffer *out)
{
    say(out, range->is_low_open ? " (" : " ");
    if (range->low.kind != VALUE_NULL)
        value_say(&range->low, out);
    say(out, "..");
    if (range->high.kind != VALUE_NULL)
        value_say(&range->high, out);
    if (range->is_high_open)
        say(out, ")");
}

static void condition_say(const struct condition *condition, const struct fields *fields,
                          struct buffer *out)
{
    static const char *const kinds[] = {
        [CONDITION_IN] = " in",
        [CONDITION_NULL] = " null",
        [CONDITION_EXISTS] = " exists",
        [CONDITION_RANGE] = " range",
        [CONDITION_PREFIX] = " prefix",
        [CONDITION_SUFFIX] = " suffix",
        [CONDITION_CONTAINS] = " contains",
    };
    if (condition->is_key)
        say(out, "__key");
    else
        fields_name(fields, condition->slot, out);
    say(out, kinds[condition->kind]);
    if (condition->kind == CONDITION_RANGE)
        range_say(condition, out);
    for (uint32_t at = 0; at < condition->value_count; at++) {
        say(out, " ");
        value_say(&condition->values[at], out);
    }
}

void conditions_say(const struct conditions *conditions, const struct fields *fields,
                    struct buffer *out)
{
    if (conditions->count == 0)
        say(out, "never");
    for (uint32_t at = 0; at < conditions->count; at++) {
        const struct conjunction *conjunction = &conditions->conjunctions[at];
        say(out, at > 0 ? " | {" : "{");
        for (uint32_t inner = 0; inner < conjunction->count; inner++) {
            if (inner > 0)
                say(out, ", ");
            condition_say(&conjunction->conditions[inner], fields, out);
        }
        say(out, conjunction->is_exact ? "}!" : "}");
    }
}
