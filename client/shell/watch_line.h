// SPDX-License-Identifier: Apache-2.0
// What follows `watch` in a line: how a continuous query begins, what it tells, when it ends.
#pragma once

#include "client/grid.h"
#include "client/shell/words.h"

struct shell_watch {
    enum grid_start start;
    char *after;      // owned; with GRID_START_AFTER: the name of a file, or a token as base64
    char *token_path; // owned; the file that the resume token goes to; "-": it is shown; NULL: none
    enum grid_content content;
    enum grid_policy policy;
    bool only_changed;
    unsigned kinds;    // GRID_KIND_ bits; 0: all
    unsigned causes;   // 1 << cause; 0: all
    uint64_t limit;    // changes at most; 0: no end
    int64_t time_ms;   // 0: no end
    unsigned settings; // that were given: two options for one are a fault
};

// The options that may be completed; ends with NULL.
const char *const *shell_watch_options(void);

// Reads the line behind `watch`; `statement` is borrowed from it. Either way `watch` is to be
// released.
MUST_USE bool shell_watch_parse(struct shell_watch *watch, struct shell_words *words,
                                struct bytes *statement, struct shell_fault *fault);
void shell_watch_deinit(struct shell_watch *watch);

// The rest of the line, which starts with `select`; borrowed.
MUST_USE bool shell_statement_parse(struct shell_words *words, struct bytes *statement,
                                    struct shell_fault *fault);
