// SPDX-License-Identifier: Apache-2.0
#include "client/shell/command.h"

#include "client/shell/clause.h"
#include "client/shell/duration.h"
#include "client/shell/literal.h"

#include <stdlib.h>

static const char *argument_name(char letter)
{
    switch (letter) {
    case 'm':
        return "the name of a map";
    case 'k':
        return "a key";
    case 'v':
        return "a value";
    case 'd':
        return "a time to live";
    default:
        CHECK(false);
    }
}

static bool argument_read(struct shell_command *command, char letter, const struct shell_word *word,
                          struct shell_fault *fault)
{
    switch (letter) {
    case 'm':
        return shell_literal_text(word, &command->map, fault);
    case 'k':
        return shell_literal_key(word, command->key, fault);
    case 'v':
        return shell_literal_value(word, command->value, fault);
    case 'd':
        return shell_clause_duration(word, &command->ttl_ms, fault);
    case 'I':
        return shell_int_parse(word->raw, &command->delta) ||
               shell_fault_set(fault, word->offset, "expected an integer of 64 bits");
    case 'W':
        return shell_literal_text(word, &command->word, fault);
    default:
        CHECK(false);
    }
}

// An optional argument is there unless the line ends or goes on with a clause.
static bool is_left_out(const struct shell_command *command, char letter,
                        const struct shell_words *words)
{
    struct shell_words ahead = *words;
    struct shell_word word;
    struct shell_fault ignored;
    if (letter != 'I' && letter != 'W')
        return false;
    enum shell_words_verdict verdict = shell_words_next(&ahead, &word, &ignored);
    return verdict == SHELL_WORDS_END ||
           (verdict == SHELL_WORDS_ONE && shell_clause_starts(command->verb->clauses, &word));
}

static bool arguments_parse(struct shell_command *command, struct shell_words *words,
                            struct shell_fault *fault)
{
    for (const char *letter = command->verb->arguments; *letter != '\0'; letter++) {
        struct shell_word word;
        if (is_left_out(command, *letter, words))
            break;
        switch (shell_words_next(words, &word, fault)) {
        case SHELL_WORDS_FAULT:
            return false;
        case SHELL_WORDS_END:
            return shell_fault_set(fault, words->at, "expected %s here: %s", argument_name(*letter),
                                   command->verb->synopsis);
        case SHELL_WORDS_ONE:
            if (!argument_read(command, *letter, &word, fault))
                return false;
        }
    }
    return shell_clauses_parse(command, words, fault);
}

static bool verb_parse(struct shell_command *command, struct shell_words *words,
                       struct shell_fault *fault)
{
    struct shell_word word;
    switch (shell_words_next(words, &word, fault)) {
    case SHELL_WORDS_FAULT:
        return false;
    case SHELL_WORDS_END:
        return shell_fault_set(fault, 0, "expected a command here");
    case SHELL_WORDS_ONE:
        break;
    }
    command->verb = shell_verb_find(word.raw);
    if (command->verb != NULL)
        return true;
    const struct shell_verb *near = shell_verb_nearest(word.raw);
    if (near != NULL)
        return shell_fault_set(fault, word.offset, "no such command; did you mean '%s'?",
                               near->name);
    return shell_fault_set(fault, word.offset, "no such command; 'help' lists them");
}

static bool rest_parse(struct shell_command *command, struct shell_words *words,
                       struct shell_fault *fault)
{
    enum shell_verb_id id = command->verb->id;
    if (id == VERB_WATCH)
        return shell_watch_parse(&command->watch, words, &command->statement, fault);
    if (id == VERB_EXPLAIN)
        return shell_words_keyword(words, "subscribe", fault) &&
               shell_statement_parse(words, &command->statement, fault);
    if (id == VERB_LOAD)
        return shell_load_parse(command, words, fault);
    if (id == VERB_CLUSTER)
        return shell_cluster_parse(&command->cluster, words, fault);
    if (id != VERB_SELECT)
        return arguments_parse(command, words, fault);
    command->statement = command->line;
    return true;
}

bool shell_command_parse(struct shell_command *command, struct bytes line,
                         struct shell_fault *fault)
{
    *command = (struct shell_command){.line = line,
                                      .delta = 1,
                                      .window = LOAD_WINDOW_DEFAULT,
                                      .key = grid_builder_new(),
                                      .value = grid_builder_new()};
    struct shell_words words = shell_words_of(line);
    return verb_parse(command, &words, fault) && rest_parse(command, &words, fault);
}

void shell_command_deinit(struct shell_command *command)
{
    free(command->map);
    free(command->word);
    free(command->field);
    shell_cluster_deinit(&command->cluster);
    shell_watch_deinit(&command->watch);
    grid_builder_free(command->key);
    grid_builder_free(command->value);
    *command = (struct shell_command){0};
}
