// SPDX-License-Identifier: Apache-2.0
#include "node/query/function.h"

#include "cluster/base/name.h"

#include "cluster/wire/cursor.h"
#include "node/query/arithmetic.h"

#include <strings.h>

static const struct function functions[FUNCTION_COUNT] = {
    [FUNCTION_LOWER] = {"lower", "lower(string)", 1, 1, FAMILY_STR, FAMILY_STR},
    [FUNCTION_UPPER] = {"upper", "upper(string)", 1, 1, FAMILY_STR, FAMILY_STR},
    [FUNCTION_LENGTH] = {"length", "length(string, binary, array or map)", 1, 1, FAMILY_UNKNOWN,
                         FAMILY_NUMBER},
    [FUNCTION_ABS] = {"abs", "abs(number)", 1, 1, FAMILY_NUMBER, FAMILY_NUMBER},
    [FUNCTION_ROUND] = {"round", "round(number[, digits])", 1, 2, FAMILY_NUMBER, FAMILY_NUMBER},
    [FUNCTION_MOD] = {"mod", "mod(number, number)", 2, 2, FAMILY_NUMBER, FAMILY_NUMBER},
};

bool function_find(struct bytes name, enum function_id *id)
{
    for (unsigned at = 0; at < FUNCTION_COUNT; at++) {
        const char *candidate = functions[at].name;
        if (strlen(candidate) == name.size &&
            strncasecmp(candidate, (const char *)name.data, name.size) == 0) {
            *id = (enum function_id)at;
            return true;
        }
    }
    return false;
}

const struct function *function_of(enum function_id id)
{
    CHECK(id < FUNCTION_COUNT);
    return &functions[id];
}

static uint8_t letter_lower(uint8_t letter)
{
    return letter >= 'A' && letter <= 'Z' ? (uint8_t)(letter + ('a' - 'A')) : letter;
}

static uint8_t letter_upper(uint8_t letter)
{
    return letter >= 'a' && letter <= 'z' ? (uint8_t)(letter - ('a' - 'A')) : letter;
}

const char *function_nearest(struct bytes name)
{
    // Other dialects' names for the same thing.
    static const struct {
        const char *name;
        enum function_id id;
    } synonyms[] = {{"lcase", FUNCTION_LOWER},        {"ucase", FUNCTION_UPPER},
                    {"len", FUNCTION_LENGTH},         {"size", FUNCTION_LENGTH},
                    {"char_length", FUNCTION_LENGTH}, {"cardinality", FUNCTION_LENGTH},
                    {"tolower", FUNCTION_LOWER},      {"toupper", FUNCTION_UPPER}};
    for (size_t at = 0; at < sizeof synonyms / sizeof *synonyms; at++)
        if (name.size == strlen(synonyms[at].name) &&
            strncasecmp(synonyms[at].name, (const char *)name.data, name.size) == 0)
            return functions[synonyms[at].id].name;
    enum { NEAR_MAX = 2 };
    const char *nearest = NULL;
    size_t nearest_distance = NEAR_MAX + 1;
    for (unsigned at = 0; at < FUNCTION_COUNT; at++) {
        size_t here = name_distance(name, bytes_of_text(functions[at].name));
        if (here < nearest_distance && here < strlen(functions[at].name) - 1) {
            nearest_distance = here;
            nearest = functions[at].name;
        }
    }
    return nearest;
}

static struct value text_map(const struct value *text, uint8_t (*map)(uint8_t), uint8_t *scratch)
{
    if (text->kind != VALUE_STR || text->bytes.size > FUNCTION_TEXT_BYTES_MAX)
        return value_null();
    for (size_t at = 0; at < text->bytes.size; at++)
        scratch[at] = map(text->bytes.data[at]);
    return value_of_str(bytes_of(scratch, text->bytes.size));
}

// UTF-8: every byte but the continuation bytes starts a character.
static int64_t character_count(struct bytes text)
{
    int64_t count = 0;
    for (size_t at = 0; at < text.size; at++)
        count += (text.data[at] & 0xc0) != 0x80;
    return count;
}

static struct value length_of(const struct value *value)
{
    struct cursor cursor;
    uint32_t count;
    switch (value->kind) {
    case VALUE_STR:
        return value_of_int(character_count(value->bytes));
    case VALUE_BIN:
        return value_of_uint(value->bytes.size);
    case VALUE_ARRAY:
        cursor = cursor_of(value->object);
        return cursor_read_array(&cursor, &count) ? value_of_int(count) : value_null();
    case VALUE_MAP:
        cursor = cursor_of(value->object);
        return cursor_read_map(&cursor, &count) ? value_of_int(count) : value_null();
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_UINT:
    case VALUE_FLOAT:
    case VALUE_EXT:
        break;
    }
    return value_null();
}

struct value function_call(enum function_id id, const struct value *arguments, unsigned count,
                           uint8_t *scratch)
{
    static const struct value zero_digits = {.kind = VALUE_INT, .integer = 0};
    switch (id) {
    case FUNCTION_LOWER:
        return text_map(arguments, letter_lower, scratch);
    case FUNCTION_UPPER:
        return text_map(arguments, letter_upper, scratch);
    case FUNCTION_LENGTH:
        return length_of(arguments);
    case FUNCTION_ABS:
        return value_abs(arguments);
    case FUNCTION_ROUND:
        return value_round(arguments, count == 2 ? &arguments[1] : &zero_digits);
    case FUNCTION_MOD:
        return value_calculate(ARITHMETIC_REMAINDER, &arguments[0], &arguments[1]);
    case FUNCTION_COUNT:
        break;
    }
    CHECK(false);
    return value_null();
}
