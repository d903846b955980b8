// SPDX-License-Identifier: Apache-2.0
// Splits a line of the shell into words: bare ones, 'text' ('' is a quote), x'hex', and JSON that
// starts with ", { or [ and ends where it closes. Words are parted by blanks.
#pragma once

#include "client/shell/fault.h"

enum shell_word_kind {
    SHELL_WORD_BARE,
    SHELL_WORD_TEXT, // '...'
    SHELL_WORD_HEX,  // x'...'
    SHELL_WORD_JSON, // "...", {...}, [...]
};

struct shell_word {
    enum shell_word_kind kind;
    struct bytes raw; // as it was written, with its quotes; borrowed from the line
    size_t offset;    // in the line, in bytes
};

struct shell_words {
    struct bytes line; // borrowed
    size_t at;
};

enum shell_words_verdict {
    SHELL_WORDS_ONE,
    SHELL_WORDS_END,
    SHELL_WORDS_FAULT,
};

static inline struct shell_words shell_words_of(struct bytes line)
{
    return (struct shell_words){.line = line};
}

// Takes the next word. The fault is filled with SHELL_WORDS_FAULT only.
enum shell_words_verdict shell_words_next(struct shell_words *words, struct shell_word *word,
                                          struct shell_fault *fault);

// The next word, which must be there; the fault says what it would be: "expected ... here".
MUST_USE bool shell_words_take(struct shell_words *words, struct shell_word *word,
                               const char *expected, struct shell_fault *fault);

// The next word, which must be this one, whatever its case.
MUST_USE bool shell_words_keyword(struct shell_words *words, const char *keyword,
                                  struct shell_fault *fault);

// What is left of the line, without blanks at its start.
struct bytes shell_words_rest(struct shell_words *words);

// The line without blanks around it and without semicolons at its end.
struct bytes shell_line_trim(struct bytes line);

// Whether the word is this one, whatever its case. Words in quotes are never keywords.
bool shell_word_is(const struct shell_word *word, const char *keyword);
