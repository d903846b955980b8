// SPDX-License-Identifier: Apache-2.0
// Complaints about the order of tokens: what was found, what could have stood there, and a hint
// for the usual mistakes.
#pragma once

#include "node/query/parse.h"

// `token` is what `parser` (of grammar.y) does not accept after `previous` (kind 0: at the start).
void syntax_complain(struct parse *parse, const void *parser, struct token token,
                     struct token previous);

void syntax_complain_function(struct parse *parse, struct token name);
