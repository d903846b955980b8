// SPDX-License-Identifier: Apache-2.0
#include "node/query/literal.h"

#include "grammar.h"

#include <math.h>
#include <stdlib.h>

// What stands between the quotes, with doubled quotes made single.
static struct bytes unquote(struct arena *arena, const char *text, uint32_t size)
{
    char quote = text[0];
    uint8_t *content = arena_take(arena, size);
    size_t used = 0;
    for (uint32_t at = 1; at + 1 < size; at++) {
        content[used++] = (uint8_t)text[at];
        if (text[at] == quote)
            at++;
    }
    return bytes_of(content, used);
}

struct bytes literal_name(struct parse *parse, struct token token)
{
    const char *text = parse->text + token.offset;
    if (token.kind == TOKEN_QUOTED)
        return unquote(parse->arena, text, token.size);
    return arena_copy(parse->arena, bytes_of(text, token.size));
}

struct bytes literal_string(struct parse *parse, struct token token)
{
    return unquote(parse->arena, parse->text + token.offset, token.size);
}

bool literal_integer(struct parse *parse, struct token token, uint64_t *natural)
{
    uint64_t sum = 0;
    for (uint32_t at = 0; at < token.size; at++) {
        uint64_t digit = (uint64_t)(parse->text[token.offset + at] - '0');
        if (__builtin_mul_overflow(sum, UINT64_C(10), &sum) ||
            __builtin_add_overflow(sum, digit, &sum)) {
            source_complain(parse->source, token.offset,
                            "integers end at 18446744073709551615; write a float (1e20) for more");
            return false;
        }
    }
    *natural = sum;
    return true;
}

static struct value literal_float(struct parse *parse, struct token token)
{
    double real = strtod(parse->text + token.offset, NULL);
    if (isinf(real)) {
        source_complain(parse->source, token.offset, "a float ends at about 1.8e308");
        return value_null();
    }
    return value_of_float(real);
}

static uint8_t hex_digit(char digit)
{
    if (digit <= '9')
        return (uint8_t)(digit - '0');
    return (uint8_t)((digit | 0x20) - 'a' + 10);
}

// x'0aff'
static struct bytes literal_binary(struct parse *parse, struct token token)
{
    const char *digits = parse->text + token.offset + 2;
    size_t size = (token.size - 3) / 2;
    uint8_t *data = arena_take(parse->arena, size);
    for (size_t at = 0; at < size; at++)
        data[at] = (uint8_t)(hex_digit(digits[2 * at]) << 4 | hex_digit(digits[2 * at + 1]));
    return bytes_of(data, size);
}

struct value literal_value(struct parse *parse, struct token token)
{
    uint64_t natural;
    switch (token.kind) {
    case TOKEN_INTEGER:
        return literal_integer(parse, token, &natural) ? value_of_uint(natural) : value_null();
    case TOKEN_FLOAT:
        return literal_float(parse, token);
    case TOKEN_STRING:
        return value_of_str(literal_string(parse, token));
    case TOKEN_BINARY:
        return value_of_bin(literal_binary(parse, token));
    case TOKEN_TRUE:
        return value_of_bool(true);
    case TOKEN_FALSE:
        return value_of_bool(false);
    default:
        CHECK(token.kind == TOKEN_NULL);
        return value_null();
    }
}
