// SPDX-License-Identifier: Apache-2.0
#include "node/query/parse.h"

#include "cluster/model/limits.h"
#include "node/query/function.h"
#include "node/query/literal.h"
#include "node/query/syntax.h"

#include "grammar.h"

// All tokens. With is_careful each is tried before it is given to the parser, which tells what
// could have stood there instead; without, a token that cannot stand there is noticed late.
static bool feed(struct parse *parse, void *parser, bool is_careful)
{
    struct lexer lexer = {.source = parse->source,
                          .start = parse->text,
                          .at = parse->text,
                          .end = parse->text + parse->source->text.size};
    struct token token;
    struct token previous = {0};
    do {
        if (!lexer_next(&lexer, &token))
            return false;
        parse->at = token.offset;
        if (is_careful && !grammar_accepts(parser, token.kind)) {
            syntax_complain(parse, parser, token, previous);
            return false;
        }
        grammar(parser, token.kind, token, parse);
        previous = token;
    } while (token.kind != 0 && !parse->refused && !parse->source->failed);
    return !parse->refused && !parse->source->failed;
}

// Trying each token takes as long as everything else, and is for texts that have an error.
bool parse_select(struct parse *parse)
{
    if (grammar_run(parse, false, feed))
        return true;
    parse->source->failed = false; // of several errors the careful way may come upon another first
    parse->refused = false;
    parse->select = (struct select){0};
    bool done = grammar_run(parse, true, feed);
    CHECK(!done);
    return done;
}

static void complain_depth(struct parse *parse, uint32_t offset)
{
    source_complain(parse->source, offset, "nested too deeply: at most %d operators within another",
                    NODE_DEPTH_MAX);
}

void parse_overflow(struct parse *parse)
{
    complain_depth(parse, parse->at);
}

// A node without operands yet; complaints point at `sign`.
static struct node *operator_new(struct parse *parse, enum node_kind kind, struct token sign)
{
    struct node *node = node_new(parse->arena, kind, sign.offset, sign.offset + sign.size);
    node->at = sign.offset;
    return node;
}

// To be called when the node has its operands.
static struct node *bounded(struct parse *parse, struct node *node)
{
    if (node->depth > NODE_DEPTH_MAX)
        complain_depth(parse, node->at);
    return node;
}

static void node_close(struct node *node, struct token close)
{
    node->end = close.offset + close.size;
}

// ---- Clauses ----

void parse_map(struct parse *parse, struct token name)
{
    parse->select.map = literal_name(parse, name);
    size_t size = parse->select.map.size;
    if (size == 0 || size > MAP_NAME_BYTES_MAX)
        source_complain(parse->source, name.offset, "the name of a map has 1 to %d bytes",
                        MAP_NAME_BYTES_MAX);
}

static struct bytes column_name(struct parse *parse, const struct node *node)
{
    if (node->kind == NODE_PATH && node->path.part_count == 1)
        return node->path.first->name;
    return arena_copy(parse->arena, bytes_of(parse->text + node->start, node->end - node->start));
}

void parse_column(struct parse *parse, struct node *node, const struct token *name)
{
    struct column *column = arena_take(parse->arena, sizeof *column);
    column->node = node;
    column->start = node->start;
    column->end = name != NULL ? name->offset + name->size : node->end;
    column->name = name != NULL ? literal_name(parse, *name) : column_name(parse, node);
    struct select *select = &parse->select;
    if (select->last_column != NULL)
        select->last_column->next = column;
    else
        select->first_column = column;
    select->last_column = column;
    select->column_count++;
}

void parse_limit(struct parse *parse, struct token integer)
{
    if (literal_integer(parse, integer, &parse->select.limit) && parse->select.limit == 0)
        source_complain(parse->source, integer.offset, "LIMIT is at least 1");
}

// ---- Operators ----

// a AND b AND c is one node with three operands, however long the chain: no depth.
struct node *parse_join(struct parse *parse, enum node_kind kind, struct node *left,
                        struct node *right)
{
    if (left->kind != kind || left->in_parentheses) {
        struct node *join = node_new(parse->arena, kind, left->start, left->end);
        node_append(join, left);
        left = join;
    }
    node_append(left, right);
    return bounded(parse, left);
}

struct node *parse_unary(struct parse *parse, enum node_kind kind, struct token sign,
                         struct node *operand)
{
    struct node *node = operator_new(parse, kind, sign);
    node_append(node, operand);
    return bounded(parse, node);
}

// A minus before a number makes a negative number, so that -9223372036854775808 can be written.
struct node *parse_minus(struct parse *parse, struct token sign, struct node *operand)
{
    bool is_number =
        operand->kind == NODE_CONSTANT && value_family(&operand->constant) == FAMILY_NUMBER;
    if (!is_number || operand->in_parentheses)
        return parse_unary(parse, NODE_NEGATE, sign, operand);
    operand->constant = value_negate(&operand->constant);
    operand->start = operand->at = sign.offset;
    if (operand->constant.kind == VALUE_NULL)
        source_complain(parse->source, sign.offset,
                        "integers start at -9223372036854775808; write a float (-1e20) for less");
    return operand;
}

static struct node *parse_binary(struct parse *parse, enum node_kind kind, struct node *left,
                                 struct token sign, struct node *right)
{
    struct node *node = operator_new(parse, kind, sign);
    node_append(node, left);
    node_append(node, right);
    return bounded(parse, node);
}

struct node *parse_compare(struct parse *parse, struct node *left, struct token sign,
                           struct node *right)
{
    static const uint8_t comparisons[] = {
        [TOKEN_EQUAL] = COMPARE_EQUAL,     [TOKEN_UNEQUAL] = COMPARE_UNEQUAL,
        [TOKEN_LESS] = COMPARE_LESS,       [TOKEN_LESS_EQUAL] = COMPARE_LESS_EQUAL,
        [TOKEN_GREATER] = COMPARE_GREATER, [TOKEN_GREATER_EQUAL] = COMPARE_GREATER_EQUAL,
    };
    struct node *node = parse_binary(parse, NODE_COMPARE, left, sign, right);
    node->operation = comparisons[sign.kind];
    return node;
}

struct node *parse_arithmetic(struct parse *parse, struct node *left, struct token sign,
                              struct node *right)
{
    static const uint8_t operations[] = {
        [TOKEN_PLUS] = ARITHMETIC_ADD,          [TOKEN_MINUS] = ARITHMETIC_SUBTRACT,
        [TOKEN_STAR] = ARITHMETIC_MULTIPLY,     [TOKEN_SLASH] = ARITHMETIC_DIVIDE,
        [TOKEN_PERCENT] = ARITHMETIC_REMAINDER,
    };
    struct node *node = parse_binary(parse, NODE_ARITHMETIC, left, sign, right);
    node->operation = operations[sign.kind];
    return node;
}

// A list under construction; parse_in or parse_call says what it is.
struct node *parse_elements(struct parse *parse, struct node *first)
{
    struct node *list = node_new(parse->arena, NODE_CALL, first->start, first->end);
    node_append(list, first);
    return list;
}

struct node *parse_in(struct parse *parse, struct node *operand, struct token sign,
                      struct node *elements, struct token close, bool is_negated)
{
    elements->kind = NODE_IN;
    elements->at = sign.offset;
    elements->is_negated = is_negated;
    node_prepend(elements, operand);
    node_close(elements, close);
    return bounded(parse, elements);
}

struct node *parse_between(struct parse *parse, struct node *operand, struct token sign,
                           struct node *low, struct node *high, bool is_negated)
{
    struct node *node = parse_binary(parse, NODE_BETWEEN, operand, sign, low);
    node->is_negated = is_negated;
    node_append(node, high);
    return bounded(parse, node);
}

struct node *parse_like(struct parse *parse, struct node *operand, struct token sign,
                        struct token pattern, const struct token *escape, bool is_negated)
{
    struct node *node =
        parse_binary(parse, NODE_LIKE, operand, sign, parse_literal(parse, pattern));
    node->is_negated = is_negated;
    if (escape != NULL)
        node_append(node, parse_literal(parse, *escape));
    return bounded(parse, node);
}

struct node *parse_is_null(struct parse *parse, struct node *operand, struct token sign,
                           struct token null, bool is_negated)
{
    struct node *node = parse_unary(parse, NODE_IS_NULL, sign, operand);
    node->is_negated = is_negated;
    node_close(node, null);
    return node;
}

struct node *parse_exists(struct parse *parse, struct token sign, struct node *path,
                          struct token close)
{
    struct node *node = parse_unary(parse, NODE_EXISTS, sign, path);
    node_close(node, close);
    return node;
}

struct node *parse_call(struct parse *parse, struct token name, struct node *arguments,
                        struct token close)
{
    struct node *node = arguments != NULL ? arguments : operator_new(parse, NODE_CALL, name);
    node->kind = NODE_CALL;
    node->start = node->at = name.offset;
    node_close(node, close);
    enum function_id function;
    if (function_find(bytes_of(parse->text + name.offset, name.size), &function))
        node->operation = (uint8_t)function;
    else
        syntax_complain_function(parse, name);
    return bounded(parse, node);
}

// ---- Operands ----

struct node *parse_literal(struct parse *parse, struct token literal)
{
    struct node *node = operator_new(parse, NODE_CONSTANT, literal);
    node->constant = literal_value(parse, literal);
    return node;
}

struct node *parse_key(struct parse *parse, struct token key)
{
    return operator_new(parse, NODE_KEY, key);
}

struct node *parse_parentheses(struct node *node, struct token open, struct token close)
{
    node->in_parentheses = true;
    node->start = open.offset;
    node_close(node, close);
    return node;
}

struct node *parse_path(struct parse *parse, struct token name)
{
    struct node *node = operator_new(parse, NODE_PATH, name);
    struct bytes text = literal_name(parse, name);
    if (name.kind == TOKEN_NAME && text.size >= 2 && memcmp(text.data, "__", 2) == 0)
        source_complain(parse->source, name.offset,
                        "`%s`: names with two underscores in front are reserved, and only __key "
                        "is one; a field of that name takes double quotes",
                        quote_of(text).text);
    path_append_name(parse->arena, &node->path, text);
    return node;
}

static struct node *path_bounded(struct parse *parse, struct node *node)
{
    if (node->path.part_count > PATH_PARTS_MAX)
        source_complain(parse->source, node->start,
                        "a path has at most %d parts: no value is nested deeper", PATH_PARTS_MAX);
    return node;
}

struct node *parse_path_name(struct parse *parse, struct node *path, struct token name)
{
    path_append_name(parse->arena, &path->path, literal_name(parse, name));
    node_close(path, name);
    return path_bounded(parse, path);
}

struct node *parse_path_index(struct parse *parse, struct node *path, struct token index,
                              struct token close)
{
    uint64_t natural = 0;
    if (literal_integer(parse, index, &natural) && natural > UINT32_MAX)
        source_complain(parse->source, index.offset, "an array has at most 4294967295 elements");
    path_append_index(parse->arena, &path->path, (uint32_t)natural);
    node_close(path, close);
    return path_bounded(parse, path);
}
