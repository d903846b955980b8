// SPDX-License-Identifier: Apache-2.0
// A query as a tree: what the parser makes, the check annotates and the compiler reads. Everything
// lives in one arena.
#pragma once

#include "node/query/arena.h"
#include "node/query/arithmetic.h"
#include "node/query/value.h"

enum {
    NODE_DEPTH_MAX = 200,  // nested operators; bounds every recursion over the tree
    PATH_PARTS_MAX = 32,   // VALUE_DEPTH_MAX: no value is deeper
    PATH_NODES_MAX = 1024, // different paths and their prefixes in one clause
    SELECT_COLUMNS_MAX = 1024,
    LIKE_FLOATING_MAX = 64, // characters between two % of a pattern when one of them is _
};

enum node_kind {
    NODE_CONSTANT,
    NODE_PATH,
    NODE_KEY,        // __key
    NODE_AND,        // two or more operands
    NODE_OR,         // two or more operands
    NODE_NOT,        // operand
    NODE_COMPARE,    // left, right; operation: enum comparison
    NODE_ARITHMETIC, // left, right; operation: enum arithmetic
    NODE_NEGATE,     // operand
    NODE_IN,         // operand, then the elements
    NODE_BETWEEN,    // operand, low, high
    NODE_LIKE,       // operand, pattern[, escape]: both constant strings
    NODE_IS_NULL,    // operand
    NODE_EXISTS,     // path
    NODE_CALL,       // arguments; operation: enum function_id
};

// One step from a container to an element.
struct path_part {
    struct path_part *next;
    bool is_index;
    uint32_t index;    // into an array
    struct bytes name; // of a map's key
};

struct path {
    struct path_part *first;
    struct path_part *last;
    uint32_t part_count; // 1 to PATH_PARTS_MAX
};

struct node {
    enum node_kind kind;
    enum family family; // set by the check
    uint8_t operation;
    bool is_negated;     // NOT IN, NOT BETWEEN, NOT LIKE, IS NOT NULL
    bool in_parentheses; // an AND in parentheses does not take further operands
    uint16_t depth;      // 1 + the deepest operand's
    uint32_t start;      // offsets into the text: first byte,
    uint32_t end;        // one past the last,
    uint32_t at;         // and the place that complaints point at
    struct node *first;  // operands
    struct node *last;
    struct node *next; // among its siblings
    uint32_t child_count;
    union {
        struct value constant;
        struct path path;
    };
};

struct column {
    struct column *next;
    struct node *node;
    struct bytes name; // in the arena
    uint32_t start;    // offsets of the item into the text: first byte,
    uint32_t end;      // and one past the last
};

struct select {
    bool selects_all;
    struct column *first_column; // in the order of the text
    struct column *last_column;
    uint32_t column_count;
    struct bytes map;
    struct node *where; // NULL without WHERE
    uint64_t limit;     // 0 without LIMIT
};

struct node *node_new(struct arena *arena, enum node_kind kind, uint32_t start, uint32_t end);

// Makes `child` the last operand of `parent` and widens the parent's extent over it.
void node_append(struct node *parent, struct node *child);
// The same for the first operand.
void node_prepend(struct node *parent, struct node *child);

// The escape character of a NODE_LIKE, or -1.
int node_like_escape(const struct node *node);

void path_append_name(struct arena *arena, struct path *path, struct bytes name);
void path_append_index(struct arena *arena, struct path *path, uint32_t index);
