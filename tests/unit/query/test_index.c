// SPDX-License-Identifier: Apache-2.0
#include "node/query/index.h"

#include "tests/support/json.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

enum { SUBSCRIBERS_MAX = 2000 };

struct seen {
    enum transition transitions[SUBSCRIBERS_MAX];
    unsigned calls;
};

static void note(void *context, void *subscriber, enum transition transition)
{
    struct seen *seen = context;
    uintptr_t number = (uintptr_t)subscriber;
    cr_assert_lt(number, SUBSCRIBERS_MAX);
    cr_assert_eq(seen->transitions[number], TRANSITION_NONE);
    seen->transitions[number] = transition;
    seen->calls++;
}

static struct query *compile(const char *text)
{
    struct query_error error = {0};
    struct query *query = query_new(bytes_of_text(text), &error);
    cr_assert_not_null(query, "%s: %s", text, error.text);
    return query;
}

// An empty JSON text stands for no entry.
static struct seen change(struct index *index, const char *map, const char *old_json,
                          const char *new_json)
{
    struct buffer old_value = {0};
    struct buffer new_value = {0};
    struct seen seen = {0};
    if (*old_json != 0)
        json_write_text(old_json, &old_value);
    if (*new_json != 0)
        json_write_text(new_json, &new_value);
    index_match(index, bytes_of_text(map), bytes_of("\x01", 1), buffer_bytes(&old_value),
                buffer_bytes(&new_value), note, &seen);
    buffer_deinit(&old_value);
    buffer_deinit(&new_value);
    return seen;
}

Test(index, tells_enter_update_and_leave)
{
    static const struct {
        const char *old_json;
        const char *new_json;
        enum transition transition;
    } rows[] = {
        {"", "{\"a\": 1}", TRANSITION_NONE},
        {"", "{\"a\": 9}", TRANSITION_ENTER},
        {"{\"a\": 1}", "{\"a\": 9}", TRANSITION_ENTER},
        {"{\"a\": 9}", "{\"a\": 8}", TRANSITION_UPDATE},
        {"{\"a\": 9}", "{\"a\": 1}", TRANSITION_LEAVE},
        {"{\"a\": 9}", "{}", TRANSITION_LEAVE},
        {"{\"a\": 9}", "", TRANSITION_LEAVE},
        {"{\"a\": 1}", "", TRANSITION_NONE},
        {"{\"a\": 1}", "{\"a\": 2}", TRANSITION_NONE},
    };
    struct index *index = index_new();
    struct query *query = compile("SELECT * FROM m WHERE a > 5");
    struct index_entry *entry = index_add(index, query, (void *)7);
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        struct seen seen = change(index, "m", rows[at].old_json, rows[at].new_json);
        cr_expect_eq(seen.transitions[7], rows[at].transition, "%s -> %s", rows[at].old_json,
                     rows[at].new_json);
        cr_expect_eq(seen.calls, rows[at].transition != TRANSITION_NONE);
    }
    cr_expect_eq(change(index, "other", "", "{\"a\": 9}").calls, 0);
    index_remove(index, entry);
    index_free(index);
    query_free(query);
}

Test(index, a_query_without_a_predicate_sees_every_change)
{
    struct index *index = index_new();
    struct query *query = compile("SELECT * FROM m");
    struct index_entry *entry = index_add(index, query, (void *)1);
    cr_expect_eq(change(index, "m", "", "5").transitions[1], TRANSITION_ENTER);
    cr_expect_eq(change(index, "m", "5", "6").transitions[1], TRANSITION_UPDATE);
    cr_expect_eq(change(index, "m", "6", "").transitions[1], TRANSITION_LEAVE);
    index_remove(index, entry);
    index_free(index);
    query_free(query);
}

Test(index, equal_predicates_outlive_the_query_that_came_first)
{
    struct index *index = index_new();
    struct query *first = compile("SELECT a FROM m WHERE a > 5 LIMIT 3");
    struct query *second = compile("SELECT * FROM m WHERE a > 5");
    struct index_entry *first_entry = index_add(index, first, (void *)1);
    struct index_entry *second_entry = index_add(index, second, (void *)2);
    cr_expect_eq(index_count(index), 2);
    cr_expect_eq(change(index, "m", "", "{\"a\": 9}").calls, 2);
    index_remove(index, first_entry);
    query_free(first);
    cr_expect_eq(change(index, "m", "", "{\"a\": 9}").transitions[2], TRANSITION_ENTER);
    index_remove(index, second_entry);
    cr_expect_eq(index_count(index), 0);
    cr_expect(!index_has_map(index, bytes_of_text("m")));
    query_free(second);
    index_free(index);
}

Test(index, holds_many_queries_and_maps)
{
    static struct query *queries[SUBSCRIBERS_MAX];
    static struct index_entry *entries[SUBSCRIBERS_MAX];
    struct index *index = index_new();
    for (unsigned at = 0; at < SUBSCRIBERS_MAX; at++) {
        char text[64];
        snprintf(text, sizeof text, "SELECT * FROM m%u WHERE a = %u", at % 200, at / 400);
        queries[at] = compile(text);
        entries[at] = index_add(index, queries[at], (void *)(uintptr_t)at);
    }
    cr_expect_eq(index_count(index), SUBSCRIBERS_MAX);
    struct seen seen = change(index, "m7", "", "{\"a\": 3}");
    cr_expect_eq(seen.calls, 2);
    cr_expect_eq(seen.transitions[1207], TRANSITION_ENTER);
    cr_expect_eq(seen.transitions[1407], TRANSITION_ENTER);
    cr_expect(index_has_map(index, bytes_of_text("m199")));
    cr_expect(!index_has_map(index, bytes_of_text("m200")));
    for (unsigned at = 0; at < SUBSCRIBERS_MAX; at++) {
        index_remove(index, entries[at]);
        query_free(queries[at]);
    }
    cr_expect_eq(change(index, "m7", "", "{\"a\": 3}").calls, 0);
    index_free(index);
}

Test(index, is_not_freed_while_it_holds_entries, .signal = SIGABRT)
{
    struct index *index = index_new();
    struct query *query = compile("SELECT * FROM m");
    (void)index_add(index, query, NULL);
    index_free(index);
}
