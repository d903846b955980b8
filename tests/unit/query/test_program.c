// SPDX-License-Identifier: Apache-2.0
// Random expressions: the compiled program gives what an interpreter of the tree gives. The
// interpreter shares no code with the evaluation: it walks the document anew for every path, keeps
// integers in 128 bits and compares numbers as long doubles, which hold every 64-bit integer.
#include "cluster/base/random.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"
#include "node/query/check.h"
#include "node/query/function.h"
#include "node/query/parse.h"
#include "node/query/query.h"
#include "tests/support/expression.h"

#include <assert.h>
#include <criterion/criterion.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>

static_assert(__LDBL_MANT_DIG__ >= 64, "a long double holds every 64-bit integer");

// ---- The interpreter ----

enum naive_kind { NAIVE_NULL, NAIVE_BOOL, NAIVE_INTEGER, NAIVE_FLOAT, NAIVE_TEXT, NAIVE_OTHER };

enum { TEXT_BYTES_MAX = 64 };

struct naive {
    enum naive_kind kind;
    bool boolean;
    __int128 integer;
    double real;
    char text[TEXT_BYTES_MAX]; // of NAIVE_TEXT
    uint32_t count;            // elements of NAIVE_OTHER
};

struct entry {
    struct bytes key;
    struct bytes value;
};

static struct naive interpret(const struct node *node, const struct entry *entry);

static struct naive naive_null(void)
{
    return (struct naive){.kind = NAIVE_NULL};
}

static struct naive naive_bool(bool boolean)
{
    return (struct naive){.kind = NAIVE_BOOL, .boolean = boolean};
}

static struct naive naive_integer(__int128 integer)
{
    if (integer < INT64_MIN || integer > UINT64_MAX)
        return naive_null();
    return (struct naive){.kind = NAIVE_INTEGER, .integer = integer};
}

static struct naive naive_float(double real)
{
    return isnan(real) ? naive_null() : (struct naive){.kind = NAIVE_FLOAT, .real = real};
}

static struct naive naive_text(struct bytes bytes)
{
    struct naive naive = {.kind = NAIVE_TEXT};
    cr_assert_lt(bytes.size, TEXT_BYTES_MAX);
    memcpy(naive.text, bytes.data, bytes.size);
    return naive;
}

static struct naive naive_of_object(struct cursor cursor)
{
    uint64_t natural;
    int64_t integer;
    double real;
    bool boolean;
    struct bytes bytes;
    struct naive other = {.kind = NAIVE_OTHER};
    if (cursor_read_bool(&cursor, &boolean))
        return naive_bool(boolean);
    if (cursor_read_uint(&cursor, &natural))
        return naive_integer(natural);
    if (cursor_read_int(&cursor, &integer))
        return naive_integer(integer);
    if (cursor_read_float(&cursor, &real))
        return naive_float(real);
    if (cursor_read_str(&cursor, &bytes))
        return naive_text(bytes);
    if (cursor_read_array(&cursor, &other.count) || cursor_read_map(&cursor, &other.count))
        return other;
    return naive_null();
}

// Moves the cursor from a container to the element that the part names.
static bool step_into(struct cursor *cursor, const struct path_part *part)
{
    uint32_t count;
    struct bytes key;
    if (part->is_index) {
        if (!cursor_read_array(cursor, &count) || part->index >= count)
            return false;
        for (uint32_t at = 0; at < part->index; at++)
            cr_assert(cursor_skip(cursor));
        return true;
    }
    if (!cursor_read_map(cursor, &count))
        return false;
    for (uint32_t at = 0; at < count; at++) {
        cr_assert(cursor_read_str(cursor, &key));
        if (bytes_equal(key, part->name))
            return true;
        cr_assert(cursor_skip(cursor));
    }
    return false;
}

static bool path_walk(const struct node *node, const struct entry *entry, struct cursor *cursor)
{
    *cursor = cursor_of(entry->value);
    for (const struct path_part *part = node->path.first; part != NULL; part = part->next)
        if (!step_into(cursor, part))
            return false;
    return true;
}

static struct naive interpret_path(const struct node *node, const struct entry *entry)
{
    struct cursor cursor;
    return path_walk(node, entry, &cursor) ? naive_of_object(cursor) : naive_null();
}

static bool is_number(const struct naive *naive)
{
    return naive->kind == NAIVE_INTEGER || naive->kind == NAIVE_FLOAT;
}

static long double long_double_of(const struct naive *naive)
{
    return naive->kind == NAIVE_FLOAT ? (long double)naive->real : (long double)naive->integer;
}

// -1, 0 or 1; 2 where they cannot be compared.
static int naive_order(const struct naive *left, const struct naive *right)
{
    if (is_number(left) && is_number(right)) {
        long double a = long_double_of(left);
        long double b = long_double_of(right);
        return a < b ? -1 : a > b;
    }
    if (left->kind != right->kind)
        return 2;
    if (left->kind == NAIVE_BOOL)
        return left->boolean - right->boolean;
    if (left->kind != NAIVE_TEXT)
        return 2;
    int order = strcmp(left->text, right->text);
    return order < 0 ? -1 : order > 0;
}

static struct naive naive_compare(uint8_t comparison, const struct naive *left,
                                  const struct naive *right)
{
    int order = naive_order(left, right);
    if (order == 2)
        return naive_null();
    bool results[] = {order == 0, order != 0, order<0, order <= 0, order> 0, order >= 0};
    return naive_bool(results[comparison]);
}

// Three values as -1 (FALSE), 0 (NULL), 1 (TRUE): AND is the least, OR the greatest.
static int truth(const struct naive *naive)
{
    return naive->kind != NAIVE_BOOL ? 0 : naive->boolean ? 1 : -1;
}

static struct naive naive_of_truth(int truth_value)
{
    return truth_value == 0 ? naive_null() : naive_bool(truth_value > 0);
}

static struct naive interpret_logic(const struct node *node, const struct entry *entry)
{
    int result = node->kind == NODE_AND ? 1 : -1;
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        struct naive operand = interpret(child, entry);
        int here = truth(&operand);
        if (node->kind == NODE_AND ? here < result : here > result)
            result = here;
    }
    return naive_of_truth(result);
}

static struct naive naive_calculate(enum arithmetic operation, const struct naive *left,
                                    const struct naive *right)
{
    if (!is_number(left) || !is_number(right))
        return naive_null();
    double a = left->kind == NAIVE_FLOAT ? left->real : (double)left->integer;
    double b = right->kind == NAIVE_FLOAT ? right->real : (double)right->integer;
    bool integers = left->kind == NAIVE_INTEGER && right->kind == NAIVE_INTEGER;
    __int128 product;
    switch (operation) {
    case ARITHMETIC_ADD:
        return integers ? naive_integer(left->integer + right->integer) : naive_float(a + b);
    case ARITHMETIC_SUBTRACT:
        return integers ? naive_integer(left->integer - right->integer) : naive_float(a - b);
    case ARITHMETIC_MULTIPLY:
        if (!integers)
            return naive_float(a * b);
        return __builtin_mul_overflow(left->integer, right->integer, &product)
                   ? naive_null()
                   : naive_integer(product);
    case ARITHMETIC_DIVIDE:
        return b < 0 || b > 0 ? naive_float(a / b) : naive_null();
    case ARITHMETIC_REMAINDER:
        break;
    }
    if (!(b < 0 || b > 0))
        return naive_null();
    return integers ? naive_integer(left->integer % right->integer) : naive_float(fmod(a, b));
}

static struct naive naive_negate(const struct naive *operand)
{
    if (operand->kind == NAIVE_FLOAT)
        return naive_float(-operand->real);
    return operand->kind == NAIVE_INTEGER ? naive_integer(-operand->integer) : naive_null();
}

static struct naive interpret_call(const struct node *node, const struct entry *entry)
{
    struct naive first = interpret(node->first, entry);
    struct naive second =
        node->first->next != NULL ? interpret(node->first->next, entry) : naive_integer(0);
    bool is_negative = first.kind == NAIVE_FLOAT ? signbit(first.real) : first.integer < 0;
    switch ((enum function_id)node->operation) {
    case FUNCTION_LOWER:
    case FUNCTION_UPPER:
        if (first.kind != NAIVE_TEXT)
            return naive_null();
        for (char *at = first.text; *at != 0; at++)
            *at = (char)(node->operation == FUNCTION_LOWER ? tolower(*at) : toupper(*at));
        return first;
    case FUNCTION_LENGTH:
        if (first.kind == NAIVE_TEXT)
            return naive_integer((__int128)strlen(first.text));
        return first.kind == NAIVE_OTHER ? naive_integer(first.count) : naive_null();
    case FUNCTION_ABS:
        if (!is_number(&first))
            return naive_null();
        return is_negative ? naive_negate(&first) : first;
    case FUNCTION_ROUND:
        return first.kind == NAIVE_FLOAT     ? naive_float(round(first.real))
               : first.kind == NAIVE_INTEGER ? first
                                             : naive_null();
    case FUNCTION_MOD:
        return naive_calculate(ARITHMETIC_REMAINDER, &first, &second);
    case FUNCTION_COUNT:
        break;
    }
    cr_assert_fail("a function that the test does not know");
    return naive_null();
}

static struct naive interpret_in(const struct node *node, const struct entry *entry)
{
    struct naive operand = interpret(node->first, entry);
    int result = -1;
    for (const struct node *at = node->first->next; at != NULL; at = at->next) {
        struct naive element = interpret(at, entry);
        struct naive equal = naive_compare(COMPARE_EQUAL, &operand, &element);
        int here = truth(&equal);
        result = here > result ? here : result;
    }
    return naive_of_truth(result);
}

static struct naive interpret_between(const struct node *node, const struct entry *entry)
{
    struct naive operand = interpret(node->first, entry);
    struct naive low = interpret(node->first->next, entry);
    struct naive high = interpret(node->first->next->next, entry);
    struct naive above = naive_compare(COMPARE_GREATER_EQUAL, &operand, &low);
    struct naive below = naive_compare(COMPARE_LESS_EQUAL, &operand, &high);
    return naive_of_truth(truth(&above) < truth(&below) ? truth(&above) : truth(&below));
}

static bool like(const char *pattern, const char *text)
{
    if (*pattern == 0)
        return *text == 0;
    if (*pattern == '%')
        return like(pattern + 1, text) || (*text != 0 && like(pattern, text + 1));
    return *text != 0 && (*pattern == '_' || *pattern == *text) && like(pattern + 1, text + 1);
}

static struct naive interpret_like(const struct node *node, const struct entry *entry)
{
    struct naive operand = interpret(node->first, entry);
    struct naive pattern = interpret(node->first->next, entry);
    return operand.kind == NAIVE_TEXT ? naive_bool(like(pattern.text, operand.text)) : naive_null();
}

static struct naive naive_of_constant(const struct value *constant)
{
    struct buffer encoded = {0};
    value_write(constant, &encoded);
    struct naive naive = naive_of_object(cursor_of(buffer_bytes(&encoded)));
    buffer_deinit(&encoded);
    return naive;
}

static struct naive interpret_plain(const struct node *node, const struct entry *entry)
{
    struct naive first;
    struct naive second;
    struct cursor cursor;
    switch (node->kind) {
    case NODE_CONSTANT:
        return naive_of_constant(&node->constant);
    case NODE_PATH:
        return interpret_path(node, entry);
    case NODE_KEY:
        return naive_of_object(cursor_of(entry->key));
    case NODE_EXISTS:
        return naive_bool(path_walk(node->first, entry, &cursor));
    case NODE_AND:
    case NODE_OR:
        return interpret_logic(node, entry);
    case NODE_NOT:
        first = interpret(node->first, entry);
        return naive_of_truth(-truth(&first));
    case NODE_NEGATE:
        first = interpret(node->first, entry);
        return naive_negate(&first);
    case NODE_IS_NULL:
        first = interpret(node->first, entry);
        return naive_bool(first.kind == NAIVE_NULL);
    case NODE_COMPARE:
    case NODE_ARITHMETIC:
        first = interpret(node->first, entry);
        second = interpret(node->first->next, entry);
        return node->kind == NODE_COMPARE
                   ? naive_compare(node->operation, &first, &second)
                   : naive_calculate((enum arithmetic)node->operation, &first, &second);
    case NODE_IN:
        return interpret_in(node, entry);
    case NODE_BETWEEN:
        return interpret_between(node, entry);
    case NODE_LIKE:
        return interpret_like(node, entry);
    case NODE_CALL:
        break;
    }
    return interpret_call(node, entry);
}

static struct naive interpret(const struct node *node, const struct entry *entry)
{
    struct naive result = interpret_plain(node, entry);
    return node->is_negated ? naive_of_truth(-truth(&result)) : result;
}

// ---- The comparison ----

static void naive_write(const struct naive *naive, struct buffer *out)
{
    switch (naive->kind) {
    case NAIVE_NULL:
        write_nil(out);
        return;
    case NAIVE_BOOL:
        write_bool(out, naive->boolean);
        return;
    case NAIVE_INTEGER:
        if (naive->integer < 0)
            write_int(out, (int64_t)naive->integer);
        else
            write_uint(out, (uint64_t)naive->integer);
        return;
    case NAIVE_FLOAT:
        write_float(out, naive->real);
        return;
    case NAIVE_TEXT:
        write_text(out, naive->text);
        return;
    case NAIVE_OTHER:
        return;
    }
}

// What the interpreter makes of the WHERE clause of this query.
static struct naive interpret_text(struct bytes text, const struct entry *entry)
{
    struct query_error error = {0};
    struct source source = {.text = text, .error = &error};
    struct arena arena = {0};
    struct parse parse = {.source = &source, .arena = &arena, .text = (const char *)text.data};
    cr_assert(parse_select(&parse) && check_select(&parse.select, &source), "%.*s\n%u: %s",
              (int)text.size, (const char *)text.data, error.column, error.text);
    const struct node *node =
        parse.select.where != NULL ? parse.select.where : parse.select.first_column->node;
    struct naive result = interpret(node, entry);
    arena_deinit(&arena);
    return result;
}

static void say(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static struct query *compile(struct buffer *text)
{
    struct query_error error = {0};
    *buffer_reserve(text, 1) = 0;
    struct query *query = query_new(buffer_bytes(text), &error);
    cr_assert_not_null(query, "%s\n%u: %s", (char *)text->data, error.column, error.text);
    return query;
}

static void round_of_condition(struct random *random, const struct entry *entry)
{
    struct buffer text = {0};
    say(&text, "SELECT * FROM m WHERE ");
    expression_write_boolean(random, 3, &text);
    struct query *query = compile(&text);
    struct naive expected = interpret_text(buffer_bytes(&text), entry);
    cr_assert_eq(query_matches(query, entry->key, entry->value), truth(&expected) > 0, "%s",
                 (char *)text.data);
    query_free(query);
    buffer_deinit(&text);
}

static void round_of_value(struct random *random, const struct entry *entry)
{
    struct buffer text = {0};
    struct buffer projected = {0};
    struct buffer expected = {0};
    say(&text, "SELECT ");
    expression_write_any(random, 3, &text);
    say(&text, " AS r FROM m");
    struct query *query = compile(&text);
    struct naive result = interpret_text(buffer_bytes(&text), entry);
    write_map(&expected, 1);
    write_text(&expected, "r");
    naive_write(&result, &expected);
    query_project(query, entry->key, entry->value, &projected);
    bool is_equal = result.kind == NAIVE_OTHER ||
                    bytes_equal(buffer_bytes(&projected), buffer_bytes(&expected));
    cr_assert(is_equal, "%s", (char *)text.data);
    query_free(query);
    buffer_deinit(&text);
    buffer_deinit(&projected);
    buffer_deinit(&expected);
}

static void rounds(void (*round_of)(struct random *random, const struct entry *entry),
                   uint64_t seed)
{
    enum { ROUNDS = 30000 };
    struct random random = {.state = seed};
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct buffer key = {0};
        struct buffer value = {0};
        write_int(&key, (int64_t)random_below(&random, 3) - 1);
        expression_write_document(&random, &value);
        struct entry entry = {.key = buffer_bytes(&key), .value = buffer_bytes(&value)};
        round_of(&random, &entry);
        buffer_deinit(&key);
        buffer_deinit(&value);
    }
}

Test(program, random_conditions_agree_with_the_tree)
{
    rounds(round_of_condition, 20261122);
}

Test(program, random_values_agree_with_the_tree)
{
    rounds(round_of_value, 7);
}
