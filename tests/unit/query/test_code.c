// SPDX-License-Identifier: Apache-2.0
#include "node/query/code.h"

#include "cluster/wire/writer.h"
#include "tests/support/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct query *query_of(const char *predicate)
{
    struct buffer text = {0};
    struct query_error error = {0};
    buffer_append(&text, "SELECT * FROM m WHERE ", 22);
    buffer_append(&text, predicate, strlen(predicate));
    struct query *query = query_new(buffer_bytes(&text), &error);
    cr_assert_not_null(query, "%s: %s", predicate, error.text);
    buffer_deinit(&text);
    return query;
}

// A copy at an address of its own, whose end the sanitizer watches.
static struct bytes code_of(const char *predicate, struct fields *fields)
{
    struct query *query = query_of(predicate);
    struct buffer code = {0};
    cr_assert(code_compile(query, fields, &code));
    query_free(query);
    uint8_t *copy = malloc(buffer_size(&code));
    memcpy(copy, code.data, buffer_size(&code));
    struct bytes bytes = bytes_of(copy, buffer_size(&code));
    buffer_deinit(&code);
    return bytes;
}

static void code_free(struct bytes code, struct fields *fields)
{
    code_release(code, fields);
    free((void *)(uintptr_t)code.data);
}

static bool matches(struct bytes code, const struct fields *fields, const char *json)
{
    static const uint8_t key[] = {0xa1, 'k'};
    struct buffer document = {0};
    json_write_text(json, &document);
    struct bytes *slots = calloc(fields_slot_count(fields) + 1, sizeof *slots);
    struct code_stack *stack = code_stack_new();
    fields_find(fields, buffer_bytes(&document), slots);
    bool result = code_matches(code, bytes_of(key, sizeof key), slots, stack);
    code_stack_free(stack);
    free(slots);
    buffer_deinit(&document);
    return result;
}

Test(code, a_usual_predicate_is_small)
{
    struct fields *fields = fields_new();
    struct bytes code =
        code_of("region = 'eu' AND price > 12.5 AND symbol IN ('a1', 'b2', 'c3')", fields);
    cr_expect_leq(code.size, 48, "%zu bytes", code.size);
    cr_expect(matches(code, fields, "{\"region\": \"eu\", \"price\": 13, \"symbol\": \"b2\"}"));
    cr_expect(!matches(code, fields, "{\"region\": \"eu\", \"price\": 12, \"symbol\": \"b2\"}"));
    code_free(code, fields);
    fields_free(fields);
}

Test(code, queries_share_slots_and_release_them)
{
    struct fields *fields = fields_new();
    struct bytes first = code_of("a = 1 AND b.c = 2", fields);
    struct bytes second = code_of("a > 1 OR EXISTS b.c OR a IN (5, 6)", fields);
    cr_expect_eq(fields_count(fields), 3);
    code_free(first, fields);
    cr_expect_eq(fields_count(fields), 3);
    cr_expect(matches(second, fields, "{\"b\": {\"c\": null}}"));
    code_free(second, fields);
    cr_expect_eq(fields_count(fields), 0);
    fields_free(fields);
}

static void slot_note(void *context, uint16_t slot)
{
    uint64_t *noted = context;
    *noted |= UINT64_C(1) << slot;
}

Test(code, tells_all_that_it_reads)
{
    static const struct {
        const char *predicate;
        unsigned slots;
        bool reads_key;
    } rows[] = {
        {"a = 1", 1, false},
        {"1 < a AND a + b > c", 3, false},
        {"__key = 'k'", 0, true},
        {"length(a) = 1 AND lower(__key) LIKE 'a%'", 1, true},
        {"a BETWEEN 1 AND 2 AND b BETWEEN 1 AND c", 3, false},
        {"EXISTS a AND b IN (1, 2) AND c IN (1, d) AND e IS NULL AND f LIKE 'x_%y'", 6, false},
        {"a IN (1,2,3,4,5,6,7,8,9,10,11) OR NOT b OR x'00' = __key", 2, true},
    };
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        struct fields *fields = fields_new();
        struct bytes code = code_of(rows[at].predicate, fields);
        uint64_t noted = 0;
        code_each_slot(code, slot_note, &noted);
        cr_expect_eq(__builtin_popcountll(noted), (int)rows[at].slots, "%s", rows[at].predicate);
        cr_expect_eq(code_reads_key(code), rows[at].reads_key, "%s", rows[at].predicate);
        code_free(code, fields);
        fields_free(fields);
    }
}

// A kind of constant: what stands before and behind its number.
struct form {
    const char *before;
    const char *behind;
};

static void element_write(const struct form *form, unsigned number, char *out, size_t capacity)
{
    snprintf(out, capacity, "%s%u%s", form->before, number, form->behind);
}

// element(at) is of the list when at is even and below 2 * count; the list is in no order, and has
// an element twice.
static void list_write(const struct form *form, unsigned count, struct buffer *out)
{
    char element[80];
    for (unsigned at = 0; at <= count; at++) {
        element_write(form, 10 + at * 41 % count * 2, element, sizeof element);
        buffer_append(out, at == 0 ? " IN (" : ", ", at == 0 ? 5 : 2);
        buffer_append(out, element, strlen(element));
    }
    buffer_append(out, ")", 2);
}

static void expect_list(const struct form *form, unsigned count)
{
    struct buffer list = {0};
    list_write(form, count, &list);
    for (unsigned at = 0; at < 2 * count + 2; at++) {
        char element[80];
        char predicate[4096];
        element_write(form, 10 + at, element, sizeof element);
        int size = snprintf(predicate, sizeof predicate, "a%s", (const char *)list.data);
        cr_assert_lt(size, (int)sizeof predicate);
        for (char *quote = predicate; *quote != 0; quote++)
            if (*quote == '"')
                *quote = '\'';
        struct fields *fields = fields_new();
        struct bytes code = code_of(predicate, fields);
        char json[96];
        snprintf(json, sizeof json, "{\"a\": %s}", element);
        cr_expect_eq(matches(code, fields, json), at % 2 == 0 && at < 2 * count, "%s in %s",
                     element, predicate);
        code_free(code, fields);
        fields_free(fields);
    }
    buffer_deinit(&list);
}

Test(code, lists_of_any_length_and_form_are_searched)
{
    static const struct form forms[] = {
        {"", ""}, {"", ".5"}, {"\"text", "\""}, {"\"a text of more than thirty-one bytes ", "\""}};
    for (size_t form = 0; form < sizeof forms / sizeof *forms; form++)
        for (unsigned count = 1; count < 40; count += count < 12 ? 1 : 9)
            expect_list(&forms[form], count);
}

// {"a": text}
static void text_write(struct bytes text, struct buffer *out)
{
    buffer_clear(out);
    write_map(out, 1);
    write_text(out, "a");
    write_str(out, text);
}

static void expect_matches(struct bytes code, const struct fields *fields, struct bytes document,
                           bool expected, size_t size)
{
    struct bytes slots[1];
    struct code_stack *stack = code_stack_new();
    // A copy whose end the sanitizer watches.
    uint8_t *copy = malloc(document.size);
    memcpy(copy, document.data, document.size);
    fields_find(fields, bytes_of(copy, document.size), slots);
    cr_expect_eq(code_matches(code, bytes_of("\1", 1), slots, stack), expected, "%zu bytes", size);
    free(copy);
    code_stack_free(stack);
}

// A string of this size equals itself, and nothing that differs in one byte or in its size.
static void expect_equality(const char *before, const char *behind, size_t size, bool is_equality)
{
    struct fields *fields = fields_new();
    struct buffer predicate = {0};
    struct buffer document = {0};
    char *text = malloc(size + 1);
    memset(text, 'x', size + 1);
    buffer_append(&predicate, before, strlen(before));
    buffer_append(&predicate, text, size);
    buffer_append(&predicate, behind, strlen(behind) + 1);
    struct bytes code = code_of((const char *)predicate.data, fields);
    text_write(bytes_of(text, size), &document);
    expect_matches(code, fields, buffer_bytes(&document), is_equality, size);
    text_write(bytes_of(text, size + 1), &document);
    expect_matches(code, fields, buffer_bytes(&document), !is_equality, size);
    for (size_t at = 0; at < size; at += size < 64 ? 1 : size / 7) {
        text[at] = 'y';
        text_write(bytes_of(text, size), &document);
        expect_matches(code, fields, buffer_bytes(&document), !is_equality, size);
        text[at] = 'x';
    }
    free(text);
    buffer_deinit(&document);
    buffer_deinit(&predicate);
    code_free(code, fields);
    fields_free(fields);
}

Test(code, strings_of_any_size_are_compared)
{
    static const size_t sizes[] = {0,  1,  2,  6,  7,  8,  9,  14,  15,  16,
                                   17, 30, 31, 32, 33, 62, 64, 255, 256, 65000};
    for (size_t at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        size_t size = sizes[at];
        expect_equality("a = '", "'", size, true);
        expect_equality("a <> '", "'", size, false);
        expect_equality("a IN ('other', '", "')", size, true);
        expect_equality("a NOT IN ('x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7', 'x8', '", "')", size,
                        false);
    }
}

// FIELDS_MAX slots, of which the first query leaves too few for the second.
Test(code, what_finds_no_slots_leaves_nothing)
{
    struct fields *fields = fields_new();
    struct bytes codes[FIELDS_MAX / 512];
    for (unsigned query = 0; query < FIELDS_MAX / 512; query++) {
        struct buffer text = {0};
        for (unsigned at = 0; at < 512 - (query == 0); at++) {
            char term[32];
            int size =
                snprintf(term, sizeof term, "%sf%u=1", at == 0 ? "" : " OR ", query * 512 + at);
            buffer_append(&text, term, (size_t)size);
        }
        buffer_append(&text, "", 1);
        codes[query] = code_of((const char *)text.data, fields);
        buffer_deinit(&text);
    }
    cr_assert_eq(fields_count(fields), FIELDS_MAX - 1);
    struct query *query = query_of("f1 = 1 AND new = 1 AND newer = 2 AND f2 = 3 AND EXISTS newest");
    struct buffer code = {0};
    buffer_append(&code, "before", 6);
    cr_expect(!code_compile(query, fields, &code));
    cr_expect_eq(buffer_size(&code), 6);
    cr_expect_eq(fields_count(fields), FIELDS_MAX - 1);
    query_free(query);
    buffer_deinit(&code);
    for (unsigned at = 0; at < FIELDS_MAX / 512; at++)
        code_free(codes[at], fields);
    cr_expect_eq(fields_count(fields), 0);
    fields_free(fields);
}
