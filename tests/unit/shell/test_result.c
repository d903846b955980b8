// SPDX-License-Identifier: Apache-2.0
#include "client/shell/result.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void document_add(struct shell_result *result, const char *json)
{
    struct grid_builder *document = grid_builder_new();
    cr_assert_eq(grid_build_json(document, json, strlen(json), NULL, 0), GRID_OK);
    shell_result_row(result);
    if (!shell_result_document(result, grid_builder_bytes(document)))
        shell_result_object(result, "value", grid_builder_bytes(document));
    shell_result_row_end(result);
    grid_builder_free(document);
}

static void check_documents(enum shell_format format, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    struct shell_output output = {.file = open_memstream(&text, &size), .format = format};
    struct shell_result *result = shell_result_new(&output);
    document_add(result, "{\"a\":1,\"b\":\"x, \\\"y\\\"\\n\"}");
    document_add(result, "{\"b\":null,\"c\":[1,2]}");
    document_add(result, "\"plain\"");
    cr_assert_eq(shell_result_end(result), 3);
    shell_result_free(result);
    fclose(output.file);
    cr_assert_str_eq(text, expected);
    free(text);
}

Test(shell_result, json_is_an_object_per_line)
{
    check_documents(SHELL_FORMAT_JSON, "{\"a\":1,\"b\":\"x, \\\"y\\\"\\n\"}\n"
                                       "{\"b\":null,\"c\":[1,2]}\n"
                                       "{\"value\":\"plain\"}\n");
}

Test(shell_result, csv_has_a_header_and_tells_nil_from_empty)
{
    check_documents(SHELL_FORMAT_CSV, "a,b,c,value\n"
                                      "1,\"x, \"\"y\"\"\n\",,\n"
                                      ",,\"[1,2]\",\n"
                                      ",,,plain\n");
}

Test(shell_result, raw_is_cells_with_tabs_and_nothing_else)
{
    check_documents(SHELL_FORMAT_RAW, "1\tx, \"y\" \n"
                                      "\t[1,2]\n"
                                      "plain\n");
}

Test(shell_result, a_table_is_aligned)
{
    check_documents(SHELL_FORMAT_TABLE, "a  b         c      value\n"
                                        "-  --------  -----  -----\n"
                                        "1  x, \"y\"\\n\n"
                                        "             [1,2]\n"
                                        "                    plain\n");
}

Test(shell_result, streams_without_holding_back_more_than_a_page)
{
    char *text = NULL;
    size_t size = 0;
    struct shell_output output = {.file = open_memstream(&text, &size), .format = SHELL_FORMAT_CSV};
    struct shell_result *result = shell_result_new(&output);
    for (unsigned i = 0; i < 2500; i++) {
        shell_result_row(result);
        shell_result_uint(result, "n", i);
        shell_result_row_end(result);
    }
    fflush(output.file);
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    cr_assert_eq(lines, 2001, "the header and two pages of a thousand");
    cr_assert_eq(shell_result_end(result), 2500);
    shell_result_free(result);
    fclose(output.file);
    free(text);
}

Test(shell_result, cells_of_each_kind)
{
    char *text = NULL;
    size_t size = 0;
    struct shell_output output = {.file = open_memstream(&text, &size),
                                  .format = SHELL_FORMAT_JSON};
    struct shell_result *result = shell_result_new(&output);
    struct grid_builder *key = grid_builder_new();
    grid_build_bin(key, "\x00\xff", 2);
    shell_result_row(result);
    shell_result_text(result, "t", "a\"b");
    shell_result_uint(result, "u", UINT64_MAX);
    shell_result_bool(result, "b", true);
    shell_result_decimal(result, "d", 1.5, 3);
    shell_result_key(result, "k", grid_builder_bytes(key));
    shell_result_object(result, "o", (struct grid_bytes){0});
    shell_result_row_end(result);
    shell_result_end(result);
    shell_result_free(result);
    fclose(output.file);
    cr_assert_str_eq(text, "{\"t\":\"a\\\"b\",\"u\":18446744073709551615,\"b\":true,\"d\":1.500,"
                           "\"k\":\"x'00ff'\",\"o\":null}\n");
    grid_builder_free(key);
    free(text);
}

Test(shell_result, formats_have_names)
{
    enum shell_format format;
    cr_assert(shell_format_find("raw", &format));
    cr_assert_eq(format, SHELL_FORMAT_RAW);
    cr_assert_str_eq(shell_format_name(SHELL_FORMAT_CSV), "csv");
    cr_assert_not(shell_format_find("xml", &format));
}
