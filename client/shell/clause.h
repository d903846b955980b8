// SPDX-License-Identifier: Apache-2.0
// What follows the arguments of a command: clauses (TTL 10s, LIMIT 5), and the options of
// load.
#pragma once

#include "client/shell/command.h"

// Whether the word starts one of these clauses.
MUST_USE bool shell_clause_starts(unsigned clauses, const struct shell_word *word);

MUST_USE bool shell_clause_duration(const struct shell_word *word, int64_t *duration_ms,
                                    struct shell_fault *fault);

// A whole number from 1 to `max`.
MUST_USE bool shell_clause_count(struct shell_words *words, uint64_t max, uint64_t *count,
                                 struct shell_fault *fault);

// Reads clauses that the verb has, to the end of the line.
MUST_USE bool shell_clauses_parse(struct shell_command *command, struct shell_words *words,
                                  struct shell_fault *fault);

// load [--stop-on-error] [--window N] FILE into MAP key FIELD
MUST_USE bool shell_load_parse(struct shell_command *command, struct shell_words *words,
                               struct shell_fault *fault);
