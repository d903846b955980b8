// SPDX-License-Identifier: Apache-2.0
#include "node/query/query.h"

#include "cluster/base/memory.h"
#include "cluster/model/limits.h"
#include "cluster/wire/writer.h"
#include "node/query/check.h"
#include "node/query/code.h"
#include "node/query/compiled.h"
#include "node/query/fold.h"
#include "node/query/instruction.h"
#include "node/query/parse.h"

// What one clause of a query needs when it runs.
struct evaluation {
    struct bytes slots[PATH_NODES_MAX];
    struct code_stack stack;
};

// ---- Compilation ----

// Appends the code of an expression of this clause. False, after a complaint, when the clause uses
// too many paths.
static bool expression_compile(struct clause *clause, const struct node *node, bool is_condition,
                               struct source *source)
{
    if (code_write(node, is_condition, clause->fields, &clause->code) &&
        fields_count(clause->fields) <= PATH_NODES_MAX)
        return true;
    source_complain(source, node->start, "too many different paths: at most %d with their prefixes",
                    PATH_NODES_MAX);
    return false;
}

static bool predicate_compile(struct query *query, struct source *source)
{
    if (query->select.where == NULL)
        return true;
    query->predicate.fields = fields_new();
    return expression_compile(&query->predicate, query->select.where, true, source);
}

static void projected_name(struct query *query, struct projected *projected, struct bytes name)
{
    struct buffer encoded = {0};
    write_str(&encoded, name);
    projected->name = arena_copy(&query->arena, buffer_bytes(&encoded));
    buffer_deinit(&encoded);
}

static bool projection_compile(struct query *query, struct source *source)
{
    const struct select *select = &query->select;
    if (select->column_count == 0)
        return true;
    struct clause *clause = &query->projection;
    clause->fields = fields_new();
    query->columns = arena_take_array(&query->arena, select->column_count, sizeof *query->columns);
    struct projected *projected = query->columns;
    for (const struct column *column = select->first_column; column != NULL;
         column = column->next, projected++) {
        projected_name(query, projected, column->name);
        projected->start = (uint32_t)buffer_size(&clause->code);
        if (!expression_compile(clause, column->node, false, source))
            return false;
        projected->is_path = column->node->kind == NODE_PATH;
        if (projected->is_path)
            projected->slot = fields_slot(clause->fields, &column->node->path);
    }
    return true;
}

static bool query_compile(struct query *query, struct source *source)
{
    struct parse parse = {.source = source, .arena = &query->arena, .text = query->text};
    if (!parse_select(&parse) || !check_select(&parse.select, source))
        return false;
    query->select = parse.select;
    fold_select(&query->select);
    return predicate_compile(query, source) && projection_compile(query, source);
}

static struct query *query_of_source(struct source *source)
{
    struct query *query = memory_new(sizeof *query);
    char *copy = arena_take(&query->arena, source->text.size + 1);
    memcpy(copy, source->text.data, source->text.size);
    query->text = copy;
    if (query_compile(query, source))
        return query;
    query_free(query);
    return NULL;
}

struct query *query_new(struct bytes text, struct query_error *error)
{
    // No bytes may have no address; the compilation wants one.
    struct source source = {.text = text.size > 0 ? text : bytes_of("", 0), .error = error};
    if (text.size > QUERY_TEXT_BYTES_MAX) {
        source_complain(&source, 0, "the query has %zu bytes, at most %d are allowed", text.size,
                        QUERY_TEXT_BYTES_MAX);
        return NULL;
    }
    return query_of_source(&source);
}

struct query *query_of_columns(const struct query *query)
{
    static const char before[] = "SELECT ";
    static const char behind[] = " FROM m";
    struct bytes columns = query_columns(query);
    struct buffer text = {0};
    buffer_append(&text, before, sizeof before - 1);
    buffer_append(&text, columns.data, columns.size);
    buffer_append(&text, behind, sizeof behind - 1);
    struct query_error error;
    struct source source = {.text = buffer_bytes(&text), .error = &error};
    struct query *alone = query_of_source(&source);
    CHECK(alone != NULL); // it was compiled before
    buffer_deinit(&text);
    return alone;
}

static void clause_deinit(struct clause *clause)
{
    if (clause->fields == NULL)
        return;
    code_release(buffer_bytes(&clause->code), clause->fields);
    fields_free(clause->fields);
    buffer_deinit(&clause->code);
}

void query_free(struct query *query)
{
    if (query == NULL)
        return;
    clause_deinit(&query->predicate);
    clause_deinit(&query->projection);
    arena_deinit(&query->arena);
    free(query);
}

// ---- Parts ----

struct bytes query_map(const struct query *query)
{
    return query->select.map;
}

uint64_t query_limit(const struct query *query)
{
    return query->select.limit;
}

bool query_selects_all(const struct query *query)
{
    return query->select.selects_all;
}

bool query_has_predicate(const struct query *query)
{
    return query->select.where != NULL;
}

// From the first to the last item: no comment is at the end, which would take in what is put
// behind.
struct bytes query_columns(const struct query *query)
{
    const struct select *select = &query->select;
    if (select->selects_all)
        return bytes_of("*", 1);
    uint32_t start = select->first_column->start;
    return bytes_of(query->text + start, select->last_column->end - start);
}

struct bytes query_where(const struct query *query)
{
    const struct node *where = query->select.where;
    return where == NULL ? bytes_of("", 0)
                         : bytes_of(query->text + where->start, where->end - where->start);
}

// ---- Evaluation ----

bool query_matches(const struct query *query, struct bytes key, struct bytes value)
{
    if (!query_has_predicate(query))
        return true;
    struct evaluation evaluation;
    fields_find(query->predicate.fields, value, evaluation.slots);
    struct value result =
        code_run(buffer_bytes(&query->predicate.code), key, evaluation.slots, &evaluation.stack);
    return value_is_true(&result);
}

static void column_write(const struct query *query, const struct projected *column,
                         struct bytes key, struct evaluation *evaluation, struct buffer *out)
{
    write_object(out, column->name);
    if (column->is_path) {
        struct bytes object = evaluation->slots[column->slot];
        if (object.size > 0)
            write_object(out, object); // keeps float 32 and other formats as they were written
        else
            write_nil(out);
        return;
    }
    struct bytes code = buffer_bytes(&query->projection.code);
    struct value value = code_run(bytes_of(code.data + column->start, code.size - column->start),
                                  key, evaluation->slots, &evaluation->stack);
    value_write(&value, out);
}

void query_project(const struct query *query, struct bytes key, struct bytes value,
                   struct buffer *out)
{
    if (query_selects_all(query)) {
        write_object(out, value);
        return;
    }
    struct evaluation evaluation;
    fields_find(query->projection.fields, value, evaluation.slots);
    write_map(out, query->select.column_count);
    for (uint32_t at = 0; at < query->select.column_count; at++)
        column_write(query, &query->columns[at], key, &evaluation, out);
}
