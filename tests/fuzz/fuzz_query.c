// SPDX-License-Identifier: Apache-2.0
// Input: the text of a query, a NUL byte, and a document of any bytes. Whatever compiles is
// evaluated, projected and matched by an index; a well-formed document gives a well-formed row.
#include "cluster/wire/cursor.h"
#include "node/query/index.h"
#include "node/query/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *context, void *subscriber, enum transition transition)
{
    (void)context;
    (void)subscriber;
    CHECK(transition != TRANSITION_NONE);
}

static void run(const struct query *query, struct bytes document)
{
    static const uint8_t key[] = {0xa1, 'k'};
    struct bytes entry_key = bytes_of(key, sizeof key);
    struct buffer row = {0};
    (void)query_matches(query, entry_key, document);
    query_project(query, entry_key, document, &row);
    // A projection may nest the document's parts one deeper than the document.
    if (!query_selects_all(query) && document.size > 0 && value_check(document) == ERROR_NONE) {
        struct cursor cursor = cursor_of(buffer_bytes(&row));
        uint32_t pairs;
        CHECK(cursor_read_map(&cursor, &pairs));
        for (uint32_t object = 0; object < 2 * pairs; object++)
            CHECK(cursor_skip(&cursor));
        CHECK(cursor.at == cursor.end);
    }
    buffer_deinit(&row);
    struct index *index = index_new();
    struct index_entry *entry = index_add(index, query, NULL);
    index_match(index, query_map(query), entry_key, document, document, ignore, NULL);
    index_remove(index, entry);
    index_free(index);
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
