// SPDX-License-Identifier: Apache-2.0
// What may stand where the cursor is: verbs, names of maps, words of a verb.
#pragma once

#include "cluster/base/bytes.h"

enum { COMPLETIONS_MAX = 128 };

struct shell_completions {
    const char *words[COMPLETIONS_MAX]; // borrowed
    size_t count;
    size_t typed;  // bytes before the cursor that the words start with
    size_t common; // bytes that all the words start with; >= typed
};

// Finds what may stand at the end of `before`, the line up to the cursor. `maps` are the names of
// the grid's maps, `map_count` of them; the words are borrowed from there.
void shell_completions_find(struct shell_completions *completions, struct bytes before,
                            char *const *maps, size_t map_count);

// Whether a name of a map is what stands at the end of `before`: only then maps are needed.
bool shell_completions_want_maps(struct bytes before);
