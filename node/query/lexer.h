// SPDX-License-Identifier: Apache-2.0
// Cuts the text of a query into tokens. The kinds are the terminals of grammar.y.
#pragma once

#include "node/query/source.h"

struct token {
    int kind;        // TOKEN_... of the generated grammar.h; 0 at the end of the text
    uint32_t offset; // of its first byte
    uint32_t size;   // bytes
};

struct lexer {
    struct source *source; // borrowed
    const char *start;     // the text, followed by a NUL byte; borrowed
    const char *at;
    const char *end; // where the NUL byte is
    int previous;    // kind of the token before: after `.` and AS every word is a name
};

// False, with a complaint about the source, where no token can be made.
MUST_USE bool lexer_next(struct lexer *lexer, struct token *token);
