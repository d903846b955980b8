// SPDX-License-Identifier: Apache-2.0
// The text of a query while it is compiled, and the one complaint about it.
#pragma once

#include "cluster/base/check.h"
#include "node/query/query.h"

struct source {
    struct bytes text;         // borrowed
    struct query_error *error; // borrowed; filled by the first complaint
    bool failed;
};

// Notes what is wrong at this offset into the text. Only the first complaint counts: what follows
// it is mostly its consequence.
void source_complain(struct source *source, size_t offset, const char *format, ...)
    PRINTF_LIKE(3, 4);

enum { QUOTE_BYTES = 64 };

struct quote {
    char text[QUOTE_BYTES];
};

// A piece of the user's text for a message: cut when long, unprintable bytes as \xhh.
struct quote quote_of(struct bytes bytes);
