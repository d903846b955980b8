// SPDX-License-Identifier: Apache-2.0
#include "node/query/index.h"

#include "cluster/base/memory.h"
#include "cluster/wire/writer.h"
#include "tests/support/json.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

enum { STANDING_MAX = 3000, TEXT_BYTES = 256 };

// What an index told of one update.
struct seen {
    struct index_entry *entries; // numbered from here
    enum transition transitions[STANDING_MAX];
    unsigned calls;
};

static void note(void *context, struct index_entry *entry, enum transition transition)
{
    struct seen *seen = context;
    ptrdiff_t number = entry - seen->entries;
    cr_assert(number >= 0 && number < STANDING_MAX);
    cr_assert_eq(seen->transitions[number], TRANSITION_NONE);
    cr_assert_neq(transition, TRANSITION_NONE);
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

static struct index *index_make(void)
{
    return index_new(&(struct index_options){.always_max = 100});
}

static enum error try_add(struct index *index, const char *text, struct index_entry *entry,
                          char *reason)
{
    struct query *query = compile(text);
    enum error error = index_add(index, query, entry, reason, TEXT_BYTES);
    query_free(query);
    return error;
}

static void add(struct index *index, const char *text, struct index_entry *entry)
{
    char reason[TEXT_BYTES];
    cr_assert_eq(try_add(index, text, entry, reason), ERROR_NONE, "%s", reason);
}

// An empty JSON text stands for no entry.
static struct seen change(struct index *index, struct index_entry *entries, const char *map,
                          const char *old_json, const char *new_json)
{
    struct buffer old_value = {0};
    struct buffer new_value = {0};
    struct seen seen = {.entries = entries};
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

static struct explanation explain(struct index *index, const char *text)
{
    struct explanation explanation;
    struct query *query = compile(text);
    index_explain(index, query, &explanation);
    query_free(query);
    return explanation;
}

static struct index_figures figures_of(const struct index *index)
{
    struct index_figures figures;
    index_figures(index, &figures);
    return figures;
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
        {"{\"a\": 5}", "{\"a\": 5.0000001}", TRANSITION_ENTER},
        {"{\"a\": 1}", "", TRANSITION_NONE},
        {"{\"a\": 1}", "{\"a\": 2}", TRANSITION_NONE},
    };
    struct index *index = index_make();
    struct index_entry entry;
    add(index, "SELECT * FROM m WHERE a > 5", &entry);
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        struct seen seen = change(index, &entry, "m", rows[at].old_json, rows[at].new_json);
        cr_expect_eq(seen.transitions[0], rows[at].transition, "%s -> %s", rows[at].old_json,
                     rows[at].new_json);
        cr_expect_eq(seen.calls, rows[at].transition != TRANSITION_NONE);
    }
    cr_expect_eq(change(index, &entry, "other", "", "{\"a\": 9}").calls, 0);
    index_remove(index, &entry);
    index_free(index);
}

Test(index, a_query_without_a_predicate_sees_every_change)
{
    struct index *index = index_make();
    struct index_entry entry;
    add(index, "SELECT * FROM m", &entry);
    cr_expect_eq(change(index, &entry, "m", "", "5").transitions[0], TRANSITION_ENTER);
    cr_expect_eq(change(index, &entry, "m", "5", "6").transitions[0], TRANSITION_UPDATE);
    cr_expect_eq(change(index, &entry, "m", "6", "").transitions[0], TRANSITION_LEAVE);
    index_remove(index, &entry);
    index_free(index);
}

Test(index, equal_predicates_share_one_and_outlive_the_first)
{
    struct index *index = index_make();
    struct index_entry entries[2];
    add(index, "SELECT a FROM m WHERE a > 5 LIMIT 3", &entries[0]);
    add(index, "SELECT * FROM m WHERE a > 5", &entries[1]);
    cr_expect_eq(figures_of(index).entry_count, 2);
    cr_expect_eq(figures_of(index).predicate_count, 1);
    cr_expect_eq(change(index, entries, "m", "", "{\"a\": 9}").calls, 2);
    index_remove(index, &entries[0]);
    cr_expect_null(entries[0].predicate);
    cr_expect_eq(change(index, entries, "m", "", "{\"a\": 9}").transitions[1], TRANSITION_ENTER);
    cr_expect(bytes_equal(index_entry_map(&entries[1]), bytes_of_text("m")));
    cr_expect(bytes_equal(index_entry_where(&entries[1]), bytes_of_text("a > 5")));
    index_remove(index, &entries[1]);
    cr_expect_eq(figures_of(index).predicate_count, 0);
    cr_expect(!index_has_map(index, bytes_of_text("m")));
    index_free(index);
}

Test(index, holds_many_queries_and_maps)
{
    static struct index_entry entries[STANDING_MAX];
    struct index *index = index_make();
    for (unsigned at = 0; at < STANDING_MAX; at++) {
        char text[64];
        snprintf(text, sizeof text, "SELECT * FROM m%u WHERE a = %u", at % 200, at / 400);
        add(index, text, &entries[at]);
    }
    struct seen seen = change(index, entries, "m7", "", "{\"a\": 3}");
    cr_expect_eq(seen.calls, 2);
    cr_expect_eq(seen.transitions[1207], TRANSITION_ENTER);
    cr_expect_eq(seen.transitions[1407], TRANSITION_ENTER);
    cr_expect(index_has_map(index, bytes_of_text("m199")));
    cr_expect(!index_has_map(index, bytes_of_text("m200")));
    for (unsigned at = 0; at < STANDING_MAX; at++)
        index_remove(index, &entries[at]);
    cr_expect_eq(change(index, entries, "m7", "", "{\"a\": 3}").calls, 0);
    index_free(index);
}

// Sets of postings change their shape as they grow and shrink.
Test(index, many_predicates_stand_under_one_key)
{
    static struct index_entry entries[STANDING_MAX];
    struct index *index = index_make();
    for (unsigned at = 0; at < STANDING_MAX; at++) {
        char text[80];
        snprintf(text, sizeof text, "SELECT * FROM m WHERE k = 'x' AND a > %u",
                 at * 7 % STANDING_MAX);
        add(index, text, &entries[at]);
    }
    for (unsigned removed = 0; removed < STANDING_MAX; removed++) {
        if (removed % 500 == 0) {
            unsigned expected = 0;
            for (unsigned at = removed; at < STANDING_MAX; at++)
                expected += at * 7 % STANDING_MAX < 1000;
            cr_expect_eq(
                change(index, entries, "m", "{\"k\": \"x\", \"a\": 1000}", "{\"k\": 1}").calls,
                expected);
        }
        index_remove(index, &entries[removed]);
    }
    index_free(index);
}

Test(index, only_candidates_are_verified)
{
    static struct index_entry entries[1000];
    struct index *index = index_make();
    for (unsigned at = 0; at < 1000; at++) {
        char text[120];
        snprintf(text, sizeof text,
                 "SELECT * FROM m WHERE r = 'r%u' AND p > %u AND s IN ('s%u', 't')", at % 4, at,
                 at % 100);
        add(index, text, &entries[at]);
    }
    struct seen seen =
        change(index, entries, "m", "", "{\"r\": \"r3\", \"p\": 500, \"s\": \"s3\"}");
    cr_expect_eq(seen.calls, 5); // 3, 103, ... 403
    cr_expect_eq(figures_of(index).candidate_count, 5);
    cr_expect_eq(figures_of(index).verified_count, 5);
    cr_expect_eq(figures_of(index).match_count, 5);
    cr_expect_eq(figures_of(index).update_count, 1);
    for (unsigned at = 0; at < 1000; at++)
        index_remove(index, &entries[at]);
    index_free(index);
}

Test(index, the_always_evaluated_have_a_quota)
{
    struct index *index = index_new(&(struct index_options){.always_max = 1});
    struct index_entry entries[3];
    char reason[TEXT_BYTES] = "";
    add(index, "SELECT * FROM m WHERE length(a) = 3", &entries[0]);
    cr_expect_eq(try_add(index, "SELECT * FROM m WHERE length(b) = 3", &entries[1], reason),
                 ERROR_OVERLOADED);
    cr_expect(strstr(reason, "field = value") != NULL, "%s", reason);
    cr_expect_eq(try_add(index, "SELECT * FROM other WHERE a <> 3", &entries[1], reason),
                 ERROR_OVERLOADED);
    cr_expect(!index_has_map(index, bytes_of_text("other")));
    add(index, "SELECT * FROM m WHERE length(b) = 3 AND c = 1", &entries[1]);
    add(index, "SELECT * FROM m WHERE length(a) = 3", &entries[2]); // shares the first
    cr_expect_eq(figures_of(index).always_count, 1);
    cr_expect_eq(change(index, entries, "m", "", "{\"a\": \"xyz\"}").calls, 2);
    index_remove(index, &entries[0]);
    index_remove(index, &entries[2]);
    cr_expect_eq(figures_of(index).always_count, 0);
    add(index, "SELECT * FROM m WHERE length(b) = 3", &entries[0]);
    index_remove(index, &entries[0]);
    index_remove(index, &entries[1]);
    index_free(index);
}

Test(index, explains_what_becomes_of_a_query)
{
    static const struct {
        const char *where;
        enum access_class access;
        const char *key;
    } rows[] = {
        {"", ACCESS_ALL, ""},
        {" WHERE a = 1 AND a = 2", ACCESS_NEVER, ""},
        {" WHERE length(a) = 1", ACCESS_ALWAYS, ""},
        {" WHERE a = 1 OR length(a) = 1", ACCESS_ALWAYS, ""},
        {" WHERE a = 1", ACCESS_KEYED, "a ="},
        {" WHERE a IN (1, 2, 3)", ACCESS_KEYED, "a = (3 keys)"},
        {" WHERE a.b > 5", ACCESS_KEYED, "a.b > sorted"},
        {" WHERE a IS NULL AND b < 5", ACCESS_KEYED, "a =, b < sorted"},
        {" WHERE a = 1 AND b = 2 AND length(c) = 1", ACCESS_KEYED, "a = and b ="},
        {" WHERE a = 1 OR b LIKE 'xyz%'", ACCESS_KEYED, "a =; b begins"},
        {" WHERE b LIKE '%xyz'", ACCESS_KEYED, "b ends"},
        {" WHERE b LIKE '%xyz%'", ACCESS_KEYED, "b contains"},
        {" WHERE EXISTS b", ACCESS_KEYED, "b exists"},
        {" WHERE b BETWEEN 10 AND 11", ACCESS_KEYED, NULL},
        {" WHERE __key = 7", ACCESS_KEYED, "__key ="},
    };
    struct index *index = index_make();
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        char text[128];
        snprintf(text, sizeof text, "SELECT * FROM m%s", rows[at].where);
        struct explanation explanation = explain(index, text);
        cr_expect_eq(explanation.access, rows[at].access, "%s", text);
        if (rows[at].key != NULL)
            cr_expect_str_eq(explanation.key, rows[at].key, "%s: %s", text, explanation.key);
    }
    cr_expect(!index_has_map(index, bytes_of_text("m")));
    index_free(index);
}

enum { OWNERS = 10, KINDS = 20 }; // of one query: too many for keys of both

// Every query asks for the owner 'common', among others of its own, and for some of 200 kinds.
static void busy_where_write(unsigned number, char *text, size_t capacity)
{
    int size = snprintf(text, capacity, "SELECT * FROM m WHERE owner IN ('common'");
    for (unsigned at = 0; at < OWNERS; at++)
        size += snprintf(text + size, capacity - (size_t)size, ", 'o%u'", number * OWNERS + at);
    size += snprintf(text + size, capacity - (size_t)size, ") AND kind IN (-1");
    for (unsigned at = 0; at < KINDS; at++)
        size += snprintf(text + size, capacity - (size_t)size, ", %u", (number + at * 10) % 200);
    snprintf(text + size, capacity - (size_t)size, ")");
}

// A key that looked good while nothing was known is left for a better one.
Test(index, upkeep_leaves_a_key_that_every_update_has)
{
    enum { COUNT = 50 };
    static struct index_entry entries[COUNT];
    struct index *index = index_make();
    for (unsigned at = 0; at < COUNT; at++) {
        char text[1024];
        busy_where_write(at, text, sizeof text);
        add(index, text, &entries[at]);
    }
    struct explanation explanation;
    index_entry_explain(index, &entries[COUNT - 1], &explanation);
    cr_assert_str_eq(explanation.key, "owner = (11 keys)", "%s", explanation.key);
    for (unsigned at = 0; at < 64 * 200; at++) {
        char json[80];
        snprintf(json, sizeof json, "{\"owner\": \"common\", \"kind\": %u}", 1000 + at);
        cr_assert_eq(change(index, entries, "m", "", json).calls, 0);
    }
    cr_expect_gt(figures_of(index).candidate_count, 64 * 200 * COUNT / 2);
    while (index_tend(index))
        ;
    cr_expect_gt(figures_of(index).repick_count, COUNT / 2);
    index_entry_explain(index, &entries[COUNT - 1], &explanation);
    cr_expect_str_eq(explanation.key, "kind = (21 keys)", "%s", explanation.key);
    uint64_t candidates = figures_of(index).candidate_count;
    (void)change(index, entries, "m", "", "{\"owner\": \"common\", \"kind\": 1000}");
    cr_expect_eq(figures_of(index).candidate_count, candidates);
    cr_expect_eq(change(index, entries, "m", "", "{\"owner\": \"common\", \"kind\": -1}").calls,
                 COUNT);
    for (unsigned at = 0; at < COUNT; at++)
        index_remove(index, &entries[at]);
    index_free(index);
}

Test(index, is_not_freed_while_it_holds_entries, .signal = SIGABRT)
{
    struct index *index = index_make();
    struct index_entry entry;
    add(index, "SELECT * FROM m", &entry);
    index_free(index);
}
