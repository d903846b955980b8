// SPDX-License-Identifier: Apache-2.0
// Input: the text of a query, a NUL byte, and a document of any bytes. Whatever compiles is
// evaluated and projected; its code says the same as the query, its conditions no less and its
// exact conditions no more, and an index finds it just when it matches. A well-formed document
// gives a well-formed row, and the SELECT list alone the same.
#include "cluster/wire/cursor.h"
#include "node/query/code.h"
#include "node/query/index.h"
#include "tests/support/outcome.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key_bytes[] = {0xa1, 'k'};

static void note(void *context, struct index_entry *entry, enum transition transition)
{
    (void)entry;
    enum transition *noted = context;
    *noted = transition;
}

static void project(const struct query *query, struct bytes key, struct bytes document)
{
    struct buffer row = {0};
    query_project(query, key, document, &row);
    // A projection may nest the document's parts one deeper than the document.
    if (!query_selects_all(query) && document.size > 0 && value_check(document) == ERROR_NONE) {
        struct cursor cursor = cursor_of(buffer_bytes(&row));
        uint32_t pairs;
        CHECK(cursor_read_map(&cursor, &pairs));
        for (uint32_t object = 0; object < 2 * pairs; object++)
            CHECK(cursor_skip(&cursor));
        CHECK(cursor.at == cursor.end);
    }
    struct query *alone = query_of_columns(query);
    struct buffer same = {0};
    query_project(alone, key, document, &same);
    CHECK(bytes_equal(buffer_bytes(&row), buffer_bytes(&same)));
    query_free(alone);
    buffer_deinit(&same);
    buffer_deinit(&row);
}

static void compare_code(const struct query *query, struct bytes key, struct bytes document,
                         bool matches)
{
    struct fields *fields = fields_new();
    struct buffer code = {0};
    struct arena arena = {0};
    struct code_stack *stack = code_stack_new();
    if (code_compile(query, fields, &code)) {
        struct bytes slots[FIELDS_MAX];
        fields_find(fields, document, slots);
        CHECK(code_matches(buffer_bytes(&code), key, slots, stack) == matches);
        struct conditions conditions = conditions_of(query, fields, &arena);
        struct outcome outcome = outcome_of(&conditions, key, slots);
        CHECK(!matches || outcome.may_be_true);
        CHECK(!outcome.is_true || matches);
        code_release(buffer_bytes(&code), fields);
    }
    code_stack_free(stack);
    arena_deinit(&arena);
    buffer_deinit(&code);
    fields_free(fields);
}

static void compare_index(const struct query *query, struct bytes key, struct bytes document,
                          bool matches)
{
    static const struct index_options options = {.always_max = 1};
    struct index *index = index_new(&options);
    struct index_entry entry = {0};
    char text[256];
    if (index_add(index, query, &entry, text, sizeof text) == ERROR_NONE) {
        enum transition transition = TRANSITION_NONE;
        index_match(index, query_map(query), key, document, document, note, &transition);
        CHECK(transition == (matches ? TRANSITION_UPDATE : TRANSITION_NONE));
        index_remove(index, &entry);
    }
    index_free(index);
}

static void run(const struct query *query, struct bytes document)
{
    struct bytes key = bytes_of(key_bytes, sizeof key_bytes);
    bool matches = query_matches(query, key, document);
    project(query, key, document);
    if (query_has_predicate(query))
        compare_code(query, key, document, matches);
    if (document.size > 0 && value_check(document) == ERROR_NONE)
        compare_index(query, key, document, matches);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
    size_t text_size = nul != NULL ? (size_t)(nul - data) : size;
    struct bytes document = {0};
    if (nul != NULL)
        document = bytes_of(nul + 1, size - text_size - 1);
    struct query_error error = {0};
    struct query *query = query_new(bytes_of(data, text_size), &error);
    if (query == NULL) {
        CHECK(error.line > 0 && error.column > 0 && error.text[0] != 0);
        CHECK(memchr(error.text, 0, sizeof error.text) != NULL);
        return 0;
    }
    run(query, document);
    query_free(query);
    return 0;
}
