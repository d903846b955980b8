// SPDX-License-Identifier: Apache-2.0
#include "client/shell/clause.h"

#include "client/shell/duration.h"
#include "client/shell/literal.h"

static const struct {
    enum shell_clause clause;
    const char *keyword;
} clause_keywords[] = {
    {CLAUSE_TTL, "ttl"},    {CLAUSE_IDLE, "idle"},   {CLAUSE_ABSENT, "if"},
    {CLAUSE_VERSION, "if"}, {CLAUSE_LIMIT, "limit"},
};

enum { CLAUSE_COUNT = sizeof clause_keywords / sizeof clause_keywords[0] };

bool shell_clause_starts(unsigned clauses, const struct shell_word *word)
{
    for (size_t i = 0; i < CLAUSE_COUNT; i++)
        if ((clauses & clause_keywords[i].clause) != 0 &&
            shell_word_is(word, clause_keywords[i].keyword))
            return true;
    return false;
}

bool shell_clause_duration(const struct shell_word *word, int64_t *duration_ms,
                           struct shell_fault *fault)
{
    return (word->kind == SHELL_WORD_BARE && shell_duration_parse(word->raw, duration_ms)) ||
           shell_fault_set(fault, word->offset, "expected a time: 500ms, 10s, 5m, 2h or 1d");
}

static bool duration_take(struct shell_words *words, int64_t *duration_ms,
                          struct shell_fault *fault)
{
    struct shell_word word;
    return shell_words_take(words, &word, "a time (500ms, 10s, 5m, 2h, 1d)", fault) &&
           shell_clause_duration(&word, duration_ms, fault);
}

bool shell_clause_count(struct shell_words *words, uint64_t max, uint64_t *count,
                        struct shell_fault *fault)
{
    struct shell_word word;
    uint64_t number;
    if (!shell_words_take(words, &word, "a number", fault))
        return false;
    bool valid = shell_uint_parse(word.raw, &number) && number > 0 && number <= max;
    if (valid)
        *count = number;
    else if (max == UINT64_MAX)
        shell_fault_set(fault, word.offset, "expected a whole number above 0");
    else
        shell_fault_set(fault, word.offset, "expected a whole number from 1 to %llu",
                        (unsigned long long)max);
    return valid;
}

static bool condition_take(struct shell_command *command, struct shell_words *words,
                           struct shell_fault *fault)
{
    struct shell_word word;
    unsigned clauses = command->verb->clauses;
    const char *expected = (clauses & CLAUSE_ABSENT) != 0 ? "'absent' or 'version'" : "'version'";
    if (!shell_words_take(words, &word, expected, fault))
        return false;
    if ((clauses & CLAUSE_ABSENT) != 0 && shell_word_is(&word, "absent")) {
        command->condition = GRID_IF_ABSENT;
        return true;
    }
    if (!shell_word_is(&word, "version"))
        return shell_fault_set(fault, word.offset, "expected %s here", expected);
    command->condition = GRID_IF_VERSION;
    return shell_clause_count(words, UINT64_MAX, &command->version, fault);
}

static bool clause_parse(struct shell_command *command, const struct shell_word *keyword,
                         struct shell_words *words, struct shell_fault *fault)
{
    if (!shell_clause_starts(command->verb->clauses, keyword))
        return shell_fault_set(fault, keyword->offset, "this is too much: %s",
                               command->verb->synopsis);
    if (shell_word_is(keyword, "ttl"))
        return duration_take(words, &command->ttl_ms, fault);
    if (shell_word_is(keyword, "idle"))
        return duration_take(words, &command->idle_ms, fault);
    if (shell_word_is(keyword, "limit"))
        return shell_clause_count(words, UINT64_MAX, &command->limit, fault);
    return condition_take(command, words, fault);
}

bool shell_clauses_parse(struct shell_command *command, struct shell_words *words,
                         struct shell_fault *fault)
{
    for (;;) {
        struct shell_word keyword;
        switch (shell_words_next(words, &keyword, fault)) {
        case SHELL_WORDS_END:
            return true;
        case SHELL_WORDS_FAULT:
            return false;
        case SHELL_WORDS_ONE:
            if (!clause_parse(command, &keyword, words, fault))
                return false;
        }
    }
}

static bool load_option(struct shell_command *command, const struct shell_word *option,
                        struct shell_words *words, struct shell_fault *fault)
{
    if (shell_word_is(option, "--stop-on-error")) {
        command->stop_on_error = true;
        return true;
    }
    if (shell_word_is(option, "--window"))
        return shell_clause_count(words, LOAD_WINDOW_MAX, &command->window, fault);
    return shell_fault_set(fault, option->offset, "no such option: %s", command->verb->synopsis);
}

static bool is_option(const struct shell_word *word)
{
    return word->kind == SHELL_WORD_BARE && word->raw.size > 2 &&
           memcmp(word->raw.data, "--", 2) == 0;
}

bool shell_load_parse(struct shell_command *command, struct shell_words *words,
                      struct shell_fault *fault)
{
    struct shell_word word;
    if (!shell_words_take(words, &word, "the name of a file", fault))
        return false;
    while (is_option(&word))
        if (!load_option(command, &word, words, fault) ||
            !shell_words_take(words, &word, "the name of a file", fault))
            return false;
    return shell_literal_text(&word, &command->word, fault) &&
           shell_words_keyword(words, "into", fault) &&
           shell_words_take(words, &word, "the name of a map", fault) &&
           shell_literal_text(&word, &command->map, fault) &&
           shell_words_keyword(words, "key", fault) &&
           shell_words_take(words, &word, "the field that holds the key", fault) &&
           shell_literal_text(&word, &command->field, fault) &&
           shell_clauses_parse(command, words, fault);
}
