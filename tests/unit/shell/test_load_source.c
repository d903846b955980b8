// SPDX-License-Identifier: Apache-2.0
#include "client/shell/load_source.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

// Reads all of `text`: LINE: JSON, or LINE! fault, a line each.
static void check_read(enum load_format format, const char *text, const char *expected)
{
    char *shown = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&shown, &size);
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    struct load_source *source = load_source_new(in, format);
    struct grid_builder *document = grid_builder_new();
    enum load_verdict verdict;
    while ((verdict = load_source_next(source, document)) != LOAD_END) {
        int line = (int)load_source_line(source);
        if (verdict == LOAD_DOCUMENT) {
            char *json = grid_value_to_json(grid_builder_bytes(document));
            fprintf(out, "%d: %s\n", line, json);
            free(json);
        } else {
            fprintf(out, "%d! %s\n", line, load_source_fault(source));
        }
        if (verdict == LOAD_BAD_FILE)
            break;
        grid_builder_clear(document);
    }
    grid_builder_free(document);
    load_source_free(source);
    fclose(in);
    fclose(out);
    cr_assert_str_eq(shown, expected);
    free(shown);
}

Test(shell_load_source, the_name_tells_the_format)
{
    enum load_format format;
    cr_assert(load_format_of("a/b.csv", &format) && format == LOAD_CSV);
    cr_assert(load_format_of("b.CSV", &format) && format == LOAD_CSV);
    cr_assert(load_format_of("b.jsonl", &format) && format == LOAD_JSON_LINES);
    cr_assert(load_format_of("b.ndjson", &format) && format == LOAD_JSON_LINES);
    cr_assert(load_format_of("b.json", &format) && format == LOAD_JSON_LINES);
    cr_assert_not(load_format_of("b.txt", &format));
    cr_assert_not(load_format_of("csv", &format));
}

Test(shell_load_source, reads_json_lines_and_passes_over_empty_ones)
{
    check_read(LOAD_JSON_LINES, "{\"a\":1}\n\n  \r\n{\"a\": [2, null]}",
               "1: {\"a\":1}\n4: {\"a\":[2,null]}\n");
}

Test(shell_load_source, names_bad_json_lines_and_goes_on)
{
    check_read(LOAD_JSON_LINES, "{\"a\":}\n1\n",
               "1! not JSON at column 6: unexpected token near '}'\n"
               "2: 1\n");
}

Test(shell_load_source, csv_fields_are_numbers_text_or_null)
{
    check_read(LOAD_CSV,
               "a,b\n1,x\n-2.5e3,\"1\"\n,\"\"\n007,1.\n99999999999999999999,- 1\ntrue,NaN\n",
               "2: {\"a\":1,\"b\":\"x\"}\n"
               "3: {\"a\":-2500.0,\"b\":\"1\"}\n"
               "4: {\"a\":null,\"b\":\"\"}\n"
               "5: {\"a\":\"007\",\"b\":\"1.\"}\n"
               "6: {\"a\":\"99999999999999999999\",\"b\":\"- 1\"}\n"
               "7: {\"a\":\"true\",\"b\":\"NaN\"}\n");
}

Test(shell_load_source, csv_may_start_with_a_byte_order_mark)
{
    check_read(LOAD_CSV,
               "\xef\xbb\xbf"
               "a\n1\n",
               "2: {\"a\":1}\n");
}

Test(shell_load_source, names_bad_csv_records_and_goes_on)
{
    check_read(LOAD_CSV, "a,b\n1\n1,2,3\n\"x\"y,2\n1,2\n",
               "2! 1 fields where the header has 2\n"
               "3! 3 fields where the header has 2\n"
               "4! text behind the closing quote\n"
               "5: {\"a\":1,\"b\":2}\n");
}

Test(shell_load_source, csv_needs_a_header)
{
    check_read(LOAD_CSV, "", "1! there is no header line\n");
    check_read(LOAD_CSV, "a\"b\n1\n", "1! header: a quote within a field without quotes\n");
}

static void check_key(const char *json, const char *path, const char *expected)
{
    struct grid_builder *document = grid_builder_new();
    struct grid_bytes key = {0};
    cr_assert_eq(grid_build_json(document, json, strlen(json), NULL, 0), GRID_OK);
    const char *fault = load_key_find(grid_builder_bytes(document), path, &key);
    char *found = fault == NULL ? grid_value_to_json(key) : NULL;
    cr_assert_str_eq(found != NULL ? found : fault, expected);
    free(found);
    grid_builder_free(document);
}

Test(shell_load_source, the_key_is_found_by_its_path)
{
    check_key("{\"id\":7}", "id", "7");
    check_key("{\"a\":{\"b\":\"k\"}}", "a.b", "\"k\"");
    check_key("{\"a.b\":\"dotted\",\"a\":{\"b\":\"k\"}}", "a.b", "\"dotted\"");
    check_key("{\"id\":7}", "key", "it has no field of the key's name");
    check_key("{\"a\":1}", "a.b", "it has no field of the key's name");
    check_key("[1]", "a", "it has no field of the key's name");
    check_key("{\"id\":1.5}", "id", "its key is neither an integer nor text");
    check_key("{\"id\":null}", "id", "its key is neither an integer nor text");
    check_key("{\"a\":{}}", "a", "its key is neither an integer nor text");
}
