// SPDX-License-Identifier: Apache-2.0
// What a query is made of, for the files of this folder.
#pragma once

#include "node/query/program.h"
#include "node/query/query.h"

// One column of the SELECT list.
struct projected {
    struct bytes name;
    uint32_t start; // of its expression in the projection program
    bool is_path;   // copied as encoded, from slot
    uint16_t slot;
};

struct query {
    struct arena arena; // owns everything below
    struct bytes map;
    struct bytes where; // the predicate's text: the same text is the same predicate
    uint64_t limit;
    bool has_predicate;
    struct program predicate;
    uint32_t column_count; // 0: SELECT *
    struct projected *columns;
    struct program projection;
};
