// SPDX-License-Identifier: Apache-2.0
// Words as keys, values and names.
#pragma once

#include "client/grid.h"
#include "client/shell/words.h"

// Appends the word as a key: an integer, text, or x'hex' as bin.
MUST_USE bool shell_literal_key(const struct shell_word *word, struct grid_builder *key,
                                struct shell_fault *fault);

// Appends the word as a value: JSON, or text when it is a bare word that is no JSON.
MUST_USE bool shell_literal_value(const struct shell_word *word, struct grid_builder *value,
                                  struct shell_fault *fault);

// The word as plain text (the name of a map, a file, a field); the caller releases it with free().
MUST_USE bool shell_literal_text(const struct shell_word *word, char **text,
                                 struct shell_fault *fault);
