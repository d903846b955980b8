// SPDX-License-Identifier: Apache-2.0
#include "client/shell/words.h"

#include <strings.h>

enum { JSON_DEPTH_MAX = 64 }; // brackets open at once; values may be nested 32 deep

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static void skip_blanks(struct shell_words *words)
{
    while (words->at < words->line.size && is_blank(words->line.data[words->at]))
        words->at++;
}

// From the opening quote at `at` to behind the closing one; 0 when it is not closed. The quote is
// written within by doubling it ('), or behind a backslash (").
static size_t quote_end(struct bytes line, size_t at)
{
    uint8_t quote = line.data[at++];
    while (at < line.size) {
        uint8_t byte = line.data[at++];
        bool escape = byte == '\\' && quote == '"';
        bool doubled = byte == '\'' && quote == '\'' && at < line.size && line.data[at] == '\'';
        if (escape || doubled)
            at++;
        else if (byte == quote)
            return at;
    }
    return 0;
}

// From the opening bracket to behind the one that closes it. Only brackets and strings are looked
// at: whether it is JSON, the library says.
static bool bracket_end(struct bytes line, size_t at, size_t *end, struct shell_fault *fault)
{
    uint8_t closers[JSON_DEPTH_MAX];
    size_t openers[JSON_DEPTH_MAX];
    size_t depth = 0;
    do {
        if (at >= line.size)
            return shell_fault_set(fault, openers[depth - 1], "this bracket is not closed");
        uint8_t byte = line.data[at];
        if (byte == '"') {
            size_t behind = quote_end(line, at);
            if (behind == 0)
                return shell_fault_set(fault, at, "this string is not closed");
            at = behind;
            continue;
        }
        if (byte == '{' || byte == '[') {
            if (depth == JSON_DEPTH_MAX)
                return shell_fault_set(fault, at, "nested too deep");
            openers[depth] = at;
            closers[depth++] = byte == '{' ? '}' : ']';
        } else if (byte == '}' || byte == ']') {
            if (byte != closers[--depth])
                return shell_fault_set(fault, at, "expected '%c' here", closers[depth]);
        }
        at++;
    } while (depth > 0);
    *end = at;
    return true;
}

static size_t bare_end(struct bytes line, size_t at)
{
    while (at < line.size && !is_blank(line.data[at]))
        at++;
    return at;
}

static enum shell_word_kind kind_at(struct bytes line, size_t at)
{
    uint8_t byte = line.data[at];
    if (byte == '\'')
        return SHELL_WORD_TEXT;
    if (byte == '"' || byte == '{' || byte == '[')
        return SHELL_WORD_JSON;
    bool hex = (byte == 'x' || byte == 'X') && at + 1 < line.size && line.data[at + 1] == '\'';
    return hex ? SHELL_WORD_HEX : SHELL_WORD_BARE;
}

static bool word_end(struct bytes line, size_t at, enum shell_word_kind kind, size_t *end,
                     struct shell_fault *fault)
{
    if (kind == SHELL_WORD_BARE) {
        *end = bare_end(line, at);
        return true;
    }
    if (kind == SHELL_WORD_JSON && line.data[at] != '"')
        return bracket_end(line, at, end, fault);
    size_t quote = kind == SHELL_WORD_HEX ? at + 1 : at;
    *end = quote_end(line, quote);
    return *end != 0 || shell_fault_set(fault, quote, "this quote is not closed");
}

enum shell_words_verdict shell_words_next(struct shell_words *words, struct shell_word *word,
                                          struct shell_fault *fault)
{
    skip_blanks(words);
    size_t start = words->at;
    struct bytes line = words->line;
    if (start == line.size)
        return SHELL_WORDS_END;
    word->kind = kind_at(line, start);
    word->offset = start;
    size_t end;
    if (!word_end(line, start, word->kind, &end, fault))
        return SHELL_WORDS_FAULT;
    if (end < line.size && !is_blank(line.data[end])) {
        shell_fault_set(fault, end, "expected a blank here, behind what was closed");
        return SHELL_WORDS_FAULT;
    }
    word->raw = bytes_of(line.data + start, end - start);
    words->at = end;
    return SHELL_WORDS_ONE;
}

bool shell_words_take(struct shell_words *words, struct shell_word *word, const char *expected,
                      struct shell_fault *fault)
{
    switch (shell_words_next(words, word, fault)) {
    case SHELL_WORDS_ONE:
        return true;
    case SHELL_WORDS_END:
        return shell_fault_set(fault, words->at, "expected %s here", expected);
    case SHELL_WORDS_FAULT:
        return false;
    }
    CHECK(false);
}

bool shell_words_keyword(struct shell_words *words, const char *keyword, struct shell_fault *fault)
{
    struct shell_word word;
    return shell_words_take(words, &word, keyword, fault) &&
           (shell_word_is(&word, keyword) ||
            shell_fault_set(fault, word.offset, "expected '%s' here", keyword));
}

struct bytes shell_words_rest(struct shell_words *words)
{
    skip_blanks(words);
    return bytes_of(words->line.data + words->at, words->line.size - words->at);
}

struct bytes shell_line_trim(struct bytes line)
{
    while (line.size > 0 && (is_blank(line.data[line.size - 1]) || line.data[line.size - 1] == ';'))
        line.size--;
    while (line.size > 0 && is_blank(line.data[0])) {
        line.data++;
        line.size--;
    }
    return line;
}

bool shell_word_is(const struct shell_word *word, const char *keyword)
{
    return word->kind == SHELL_WORD_BARE && word->raw.size == strlen(keyword) &&
           strncasecmp((const char *)word->raw.data, keyword, word->raw.size) == 0;
}
