// SPDX-License-Identifier: Apache-2.0
#include "tests/support/truth.h"

#include "node/query/query.h"
#include "tests/support/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static bool matches(const char *before, const char *predicate, const char *after, struct bytes key,
                    struct bytes value)
{
    char *text;
    cr_assert_gt(asprintf(&text, "SELECT * FROM m WHERE %s%s%s", before, predicate, after), 0);
    struct query_error error;
    struct query *query = query_new(bytes_of_text(text), &error);
    cr_assert_not_null(query, "%s: %u:%u: %s", text, error.line, error.column, error.text);
    bool result = query_matches(query, key, value);
    query_free(query);
    free(text);
    return result;
}

char truth_of(const char *predicate, struct bytes key, struct bytes value)
{
    bool is_true = matches("", predicate, "", key, value);
    bool is_false = matches("NOT (", predicate, ")", key, value);
    bool is_null = matches("((", predicate, ") AND TRUE) IS NULL", key, value);
    cr_assert_eq(is_true + is_false + is_null, 1, "%s: TRUE %d, FALSE %d, NULL %d", predicate,
                 is_true, is_false, is_null);
    return is_true ? 'T' : is_false ? 'F' : 'N';
}

char truth_of_json(const char *predicate, const char *json)
{
    static const uint8_t key[] = {1};
    struct buffer value = {0};
    json_write_text(json, &value);
    char truth = truth_of(predicate, bytes_of(key, sizeof key), buffer_bytes(&value));
    buffer_deinit(&value);
    return truth;
}
