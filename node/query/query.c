// SPDX-License-Identifier: Apache-2.0
#include "node/query/query.h"

#include "cluster/base/memory.h"
#include "cluster/model/limits.h"
#include "cluster/wire/writer.h"
#include "node/query/check.h"
#include "node/query/compiled.h"
#include "node/query/parse.h"

static bool predicate_compile(struct query *query, const struct select *select,
                              struct source *source)
{
    const struct node *where = select->where;
    query->has_predicate = where != NULL;
    if (where == NULL)
        return true;
    query->where = arena_copy(
        &query->arena, bytes_of(source->text.data + where->start, where->end - where->start));
    struct compiler *compiler = compiler_new(&query->arena, source);
    (void)compiler_add(compiler, where, true);
    return compiler_finish(compiler, &query->predicate);
}

static bool projection_compile(struct query *query, const struct select *select,
                               struct source *source)
{
    query->column_count = select->column_count;
    query->columns = arena_take_array(&query->arena, select->column_count, sizeof *query->columns);
    struct compiler *compiler = compiler_new(&query->arena, source);
    struct projected *projected = query->columns;
    for (const struct column *column = select->first_column; column != NULL;
         column = column->next, projected++) {
        projected->name = arena_copy(&query->arena, column->name);
        projected->start = compiler_add(compiler, column->node, false);
        projected->is_path = column->node->kind == NODE_PATH;
    }
    if (!compiler_finish(compiler, &query->projection))
        return false;
    for (uint32_t at = 0; at < query->column_count; at++)
        query->columns[at].slot = query->projection.instructions[query->columns[at].start].slot;
    return true;
}

static bool query_compile(struct query *query, struct source *source)
{
    struct arena arena = {0};
    char *text = memory_copy_text((const char *)source->text.data, source->text.size);
    struct parse parse = {.source = source, .arena = &arena, .text = text};
    bool done = parse_select(&parse) && check_select(&parse.select, source);
    if (done) {
        query->map = arena_copy(&query->arena, parse.select.map);
        query->limit = parse.select.limit;
        done = predicate_compile(query, &parse.select, source) &&
               projection_compile(query, &parse.select, source);
    }
    arena_deinit(&arena);
    free(text);
    return done;
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
    struct query *query = memory_new(sizeof *query);
    if (query_compile(query, &source))
        return query;
    query_free(query);
    return NULL;
}

void query_free(struct query *query)
{
    if (query == NULL)
        return;
    arena_deinit(&query->arena);
    free(query);
}

struct bytes query_map(const struct query *query)
{
    return query->map;
}

uint64_t query_limit(const struct query *query)
{
    return query->limit;
}

bool query_selects_all(const struct query *query)
{
    return query->column_count == 0;
}

bool query_has_predicate(const struct query *query)
{
    return query->has_predicate;
}

bool query_matches(const struct query *query, struct bytes key, struct bytes value)
{
    if (!query->has_predicate)
        return true;
    struct evaluation evaluation;
    program_start(&query->predicate, key, value, &evaluation);
    struct value result = program_run(&query->predicate, 0, &evaluation);
    return value_is_true(&result);
}

static void column_write(const struct query *query, const struct projected *column,
                         struct evaluation *evaluation, struct buffer *out)
{
    write_str(out, column->name);
    struct bytes object = column->is_path ? evaluation->slots[column->slot] : bytes_of(NULL, 0);
    if (object.size > 0) {
        write_object(out, object); // keeps float 32 and other formats as they were written
        return;
    }
    struct value value = program_run(&query->projection, column->start, evaluation);
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
    program_start(&query->projection, key, value, &evaluation);
    write_map(out, query->column_count);
    for (uint32_t at = 0; at < query->column_count; at++)
        column_write(query, &query->columns[at], &evaluation, out);
}
