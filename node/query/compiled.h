// SPDX-License-Identifier: Apache-2.0
// What a query is made of, for the files of this folder.
#pragma once

#include "cluster/base/buffer.h"
#include "node/query/fields.h"
#include "node/query/query.h"

// One column of the SELECT list.
struct projected {
    struct bytes name; // as MessagePack
    uint32_t start;    // of its expression in the code
    bool is_path;      // copied as encoded, from slot
    uint16_t slot;
};

// WHERE, or the SELECT list.
struct clause {
    struct fields *fields; // owned; NULL: there is no such clause
    struct buffer code;    // of its expressions, one after the other
};

struct query {
    struct arena arena; // owns the text, the tree and the columns
    const char *text;   // followed by a NUL byte
    struct select select;
    struct clause predicate;
    struct clause projection;
    struct projected *columns;
};
