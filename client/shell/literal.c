// SPDX-License-Identifier: Apache-2.0
#include "client/shell/literal.h"

#include "client/shell/duration.h"
#include "client/shell/json_text.h"
#include "cluster/base/memory.h"

// 'it''s' -> it's
static void text_unquote(struct buffer *out, struct bytes raw)
{
    for (size_t i = 1; i + 1 < raw.size; i++) {
        buffer_append(out, &raw.data[i], 1);
        if (raw.data[i] == '\'')
            i++;
    }
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

// The digits between x' and '.
static bool hex_decode(const struct shell_word *word, struct buffer *out, struct shell_fault *fault)
{
    struct bytes digits = bytes_of(word->raw.data + 2, word->raw.size - 3);
    for (size_t i = 0; i < digits.size; i++)
        if (hex_digit(digits.data[i]) < 0)
            return shell_fault_set(fault, word->offset + 2 + i, "this is no hexadecimal digit");
    if (digits.size % 2 != 0)
        return shell_fault_set(fault, word->offset, "x'...' needs an even number of digits");
    for (size_t i = 0; i < digits.size; i += 2) {
        int byte = hex_digit(digits.data[i]) << 4 | hex_digit(digits.data[i + 1]);
        buffer_append(out, &(uint8_t){(uint8_t)byte}, 1);
    }
    return true;
}

static bool build_hex(const struct shell_word *word, struct grid_builder *builder,
                      struct shell_fault *fault)
{
    struct buffer data = {0};
    bool ok = hex_decode(word, &data, fault);
    if (ok)
        grid_build_bin(builder, data.data, buffer_size(&data));
    buffer_deinit(&data);
    return ok;
}

static void build_text(const struct shell_word *word, struct grid_builder *builder)
{
    struct buffer text = {0};
    text_unquote(&text, word->raw);
    grid_build_str_n(builder, (const char *)text.data, buffer_size(&text));
    buffer_deinit(&text);
}

static bool build_json(const struct shell_word *word, struct grid_builder *builder,
                       struct shell_fault *fault)
{
    char text[256];
    if (grid_build_json(builder, (const char *)word->raw.data, word->raw.size, text, sizeof text) ==
        GRID_OK)
        return true;
    unsigned line;
    unsigned column;
    size_t within = shell_fault_place(text, &line, &column) && line == 1 ? column - 1 : 0;
    if (within > word->raw.size)
        within = word->raw.size;
    return shell_fault_set(fault, word->offset + within, "not JSON: %s", shell_fault_reason(text));
}

static bool is_json(struct bytes text)
{
    struct grid_builder *trial = grid_builder_new();
    enum grid_error error = grid_build_json(trial, (const char *)text.data, text.size, NULL, 0);
    grid_builder_free(trial);
    return error == GRID_OK;
}

// Whether an int as JSON writes it: 007 is text.
static bool is_plain_int(struct bytes raw)
{
    size_t sign = raw.size > 0 && raw.data[0] == '-';
    return raw.size == sign + 1 || (raw.size > sign && raw.data[sign] != '0');
}

static bool key_from_bare(const struct shell_word *word, struct grid_builder *key,
                          struct shell_fault *fault)
{
    uint64_t number;
    int64_t signed_number;
    if (is_plain_int(word->raw) && shell_uint_parse(word->raw, &number))
        grid_build_uint(key, number);
    else if (is_plain_int(word->raw) && shell_int_parse(word->raw, &signed_number))
        grid_build_int(key, signed_number);
    else if (is_json(word->raw))
        return shell_fault_set(
            fault, word->offset,
            "a key is an integer of 64 bits, text or x'hex'; quote it to make it text: '%.*s'",
            (int)word->raw.size, (const char *)word->raw.data);
    else
        grid_build_str_n(key, (const char *)word->raw.data, word->raw.size);
    return true;
}

bool shell_literal_key(const struct shell_word *word, struct grid_builder *key,
                       struct shell_fault *fault)
{
    switch (word->kind) {
    case SHELL_WORD_BARE:
        return key_from_bare(word, key, fault);
    case SHELL_WORD_TEXT:
        build_text(word, key);
        return true;
    case SHELL_WORD_HEX:
        return build_hex(word, key, fault);
    case SHELL_WORD_JSON:
        if (word->raw.data[0] != '"')
            return shell_fault_set(fault, word->offset,
                                   "a key is an integer, text or x'hex', no object or array");
        return build_json(word, key, fault);
    }
    CHECK(false);
}

bool shell_literal_value(const struct shell_word *word, struct grid_builder *value,
                         struct shell_fault *fault)
{
    switch (word->kind) {
    case SHELL_WORD_BARE:
        if (grid_build_json(value, (const char *)word->raw.data, word->raw.size, NULL, 0) !=
            GRID_OK)
            grid_build_str_n(value, (const char *)word->raw.data, word->raw.size);
        return true;
    case SHELL_WORD_TEXT:
        build_text(word, value);
        return true;
    case SHELL_WORD_HEX:
        return build_hex(word, value, fault);
    case SHELL_WORD_JSON:
        return build_json(word, value, fault);
    }
    CHECK(false);
}

bool shell_literal_text(const struct shell_word *word, char **text, struct shell_fault *fault)
{
    struct buffer plain = {0};
    if (word->kind == SHELL_WORD_BARE)
        buffer_append(&plain, word->raw.data, word->raw.size);
    else if (word->kind == SHELL_WORD_TEXT)
        text_unquote(&plain, word->raw);
    else if (word->kind == SHELL_WORD_JSON && word->raw.data[0] == '"')
        json_text_unquote(&plain, word->raw);
    bool ok = buffer_size(&plain) > 0 && memchr(plain.data, '\0', buffer_size(&plain)) == NULL;
    if (ok)
        *text = memory_copy_text((const char *)plain.data, buffer_size(&plain));
    buffer_deinit(&plain);
    return ok || shell_fault_set(fault, word->offset, "expected a name here");
}
