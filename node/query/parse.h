// SPDX-License-Identifier: Apache-2.0
// From the text of a query to its tree. The functions below parse_select are the actions of
// grammar.y; nodes belong to the arena.
#pragma once

#include "node/query/ast.h"
#include "node/query/lexer.h"
#include "node/query/source.h"

struct parse {
    struct source *source; // borrowed
    struct arena *arena;   // borrowed
    const char *text;      // the source's, followed by a NUL byte
    uint32_t at;           // offset of the token under way
    bool refused;          // it could not stand there
    struct select select;  // the result
};

// Fills parse->select. False, with a complaint about the source, when the text is no query.
MUST_USE bool parse_select(struct parse *parse);

// ---- The generated parser ----
// Gives a fresh parser to `feed`, and returns what that returns.
typedef bool grammar_feed(struct parse *parse, void *parser, bool is_careful);
bool grammar_run(struct parse *parse, bool is_careful, grammar_feed *feed);
void grammar(void *parser, int kind, struct token token, struct parse *parse);
bool grammar_accepts(const void *parser, int kind);

// ---- Actions ----
void parse_overflow(struct parse *parse);
void parse_map(struct parse *parse, struct token name);
void parse_column(struct parse *parse, struct node *node, const struct token *name);
void parse_limit(struct parse *parse, struct token integer);

struct node *parse_join(struct parse *parse, enum node_kind kind, struct node *left,
                        struct node *right);
struct node *parse_unary(struct parse *parse, enum node_kind kind, struct token sign,
                         struct node *operand);
struct node *parse_minus(struct parse *parse, struct token sign, struct node *operand);
struct node *parse_compare(struct parse *parse, struct node *left, struct token sign,
                           struct node *right);
struct node *parse_arithmetic(struct parse *parse, struct node *left, struct token sign,
                              struct node *right);
struct node *parse_elements(struct parse *parse, struct node *first);
struct node *parse_in(struct parse *parse, struct node *operand, struct token sign,
                      struct node *elements, struct token close, bool is_negated);
struct node *parse_between(struct parse *parse, struct node *operand, struct token sign,
                           struct node *low, struct node *high, bool is_negated);
struct node *parse_like(struct parse *parse, struct node *operand, struct token sign,
                        struct token pattern, const struct token *escape, bool is_negated);
struct node *parse_is_null(struct parse *parse, struct node *operand, struct token sign,
                           struct token null, bool is_negated);
struct node *parse_exists(struct parse *parse, struct token sign, struct node *path,
                          struct token close);
struct node *parse_call(struct parse *parse, struct token name, struct node *arguments,
                        struct token close);
struct node *parse_literal(struct parse *parse, struct token literal);
struct node *parse_key(struct parse *parse, struct token key);
struct node *parse_parentheses(struct node *node, struct token open, struct token close);
struct node *parse_path(struct parse *parse, struct token name);
struct node *parse_path_name(struct parse *parse, struct node *path, struct token name);
struct node *parse_path_index(struct parse *parse, struct node *path, struct token index,
                              struct token close);
