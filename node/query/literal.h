// SPDX-License-Identifier: Apache-2.0
// What the tokens of names, numbers, strings and binaries stand for.
#pragma once

#include "node/query/lexer.h"
#include "node/query/parse.h"

// The text of a name, without quotes; in the arena.
struct bytes literal_name(struct parse *parse, struct token token);

// The content of a 'string'; in the arena.
struct bytes literal_string(struct parse *parse, struct token token);

// False, with a complaint, when 64 bits do not hold it.
MUST_USE bool literal_integer(struct parse *parse, struct token token, uint64_t *natural);

// The value of any literal; NULL after a complaint.
struct value literal_value(struct parse *parse, struct token token);
