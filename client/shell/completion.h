// SPDX-License-Identifier: Apache-2.0
// What may stand where the cursor is: verbs, names of maps or members, words of a verb.
#pragma once

#include "cluster/base/bytes.h"

enum { COMPLETIONS_MAX = 128 };

struct shell_completions {
    const char *words[COMPLETIONS_MAX]; // borrowed
    size_t count;
    size_t typed;  // bytes before the cursor that the words start with
    size_t common; // bytes that all the words start with; >= typed
};

// What names may stand at the end of a line.
enum shell_names {
    SHELL_NAMES_NONE,
    SHELL_NAMES_MAPS,
    SHELL_NAMES_MEMBERS,
};

// Of which kind the names are that may stand at the end of `before`, the line up to the cursor:
// only those are needed.
enum shell_names shell_completions_names(struct bytes before);

// Finds what may stand at the end of `before`. `names` are those of this kind that the grid has,
// `name_count` of them; the words are borrowed from there.
void shell_completions_find(struct shell_completions *completions, struct bytes before,
                            char *const *names, size_t name_count);
