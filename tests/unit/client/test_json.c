// SPDX-License-Identifier: Apache-2.0
#include "client/grid.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What the JSON text becomes when it has been MessagePack; NULL: it is not JSON. free().
static char *there_and_back(const char *json, char *error, size_t error_size)
{
    struct grid_builder *builder = grid_builder_new();
    char *back = NULL;
    if (grid_build_json(builder, json, strlen(json), error, error_size) == GRID_OK)
        back = grid_value_to_json(grid_builder_bytes(builder));
    else
        cr_assert_eq(grid_builder_bytes(builder).size, 0, "nothing is appended");
    grid_builder_free(builder);
    return back;
}

Test(json, texts_come_back_as_they_went_in)
{
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "0.1",
        "4.5",
        "5.0",
        "1e+300",
        "-2.5e-09",
        "0.30000000000000004",
        "\"\"",
        "\"a \\\"quoted\\\" \\\\ back\\nslash\\t\\b\\f\\r\"",
        "\"\\u0000\\u001f\\u007f\"",
        "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "[]",
        "{}",
        "[1,[2,[3]],{\"a\":[]}]",
        "{\"z\":1,\"a\":{\"b\":null}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *back = there_and_back(texts[i], NULL, 0);
        cr_assert_str_eq(back, texts[i]);
        free(back);
    }
}

Test(json, what_is_no_json_is_refused_with_its_place)
{
    static const char *const texts[] = {"",        "{",   "[1,]",  "{\"a\" 1}",
                                        "tru",     "1 2", "'a'",   "\"\n\"",
                                        "01",      "NaN", "[1 2]", "18446744073709551615",
                                        "\"\xff\""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char error[100] = "";
        cr_assert_null(there_and_back(texts[i], error, sizeof error), "%s", texts[i]);
        cr_assert_eq(strncmp(error, "line ", 5), 0, "%s", error);
    }
    char error[100];
    cr_assert_null(there_and_back("{\n  \"a\": x\n}", error, sizeof error));
    cr_assert_eq(strncmp(error, "line 2 column 8: ", 17), 0, "%s", error);
}

Test(json, of_equal_keys_the_last_one_counts)
{
    char *back = there_and_back("{\"a\":1,\"a\":2}", NULL, 0);
    cr_assert_str_eq(back, "{\"a\":2}");
    free(back);
}

Test(json, depth_has_the_limit_of_values)
{
    char text[200] = "";
    for (int i = 0; i < 32; i++)
        strcat(text, "[");
    for (int i = 0; i < 32; i++)
        strcat(text, "]");
    char *back = there_and_back(text, NULL, 0);
    cr_assert_str_eq(back, text);
    free(back);
    char deeper[300];
    char error[100];
    snprintf(deeper, sizeof deeper, "[%s]", text);
    cr_assert_null(there_and_back(deeper, error, sizeof error));
    cr_assert_str_eq(error, "nested deeper than 32 arrays and objects");
}

#define CHECK_JSON(expected, ...)                                                                  \
    do {                                                                                           \
        static const uint8_t object[] = {__VA_ARGS__};                                             \
        char *json = grid_value_to_json((struct grid_bytes){object, sizeof object});               \
        cr_assert_str_eq(json, expected);                                                          \
        free(json);                                                                                \
    } while (0)

Test(json, what_json_does_not_have_is_written_as_something_near)
{
    CHECK_JSON("18446744073709551615", 0xcf, 255, 255, 255, 255, 255, 255, 255, 255);
    CHECK_JSON("null", 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0);
    CHECK_JSON("null", 0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0);
    CHECK_JSON("1.5", 0xca, 0x3f, 0xc0, 0, 0);
    CHECK_JSON("\"\"", 0xc4, 0);
    CHECK_JSON("\"Zg==\"", 0xc4, 1, 'f');
    CHECK_JSON("\"Zm8=\"", 0xc4, 2, 'f', 'o');
    CHECK_JSON("\"Zm9v\"", 0xc4, 3, 'f', 'o', 'o');
    CHECK_JSON("\"Zm9vYg==\"", 0xc4, 4, 'f', 'o', 'o', 'b');
    CHECK_JSON("\"Zg==\"", 0xd4, 7, 'f');
    CHECK_JSON("\"Zm9v\"", 0xc7, 3, 7, 'f', 'o', 'o');
    CHECK_JSON("{\"1\":2,\"[\\\"a\\\"]\":3}", 0x82, 1, 2, 0x91, 0xa1, 'a', 3);
    CHECK_JSON("{\"a\":1,\"a\":2}", 0x82, 0xa1, 'a', 1, 0xa1, 'a', 2);
}

Test(json, what_is_no_utf8_becomes_the_replacement_character)
{
    CHECK_JSON("\"a\xef\xbf\xbd"
               "b\"",
               0xa3, 'a', 0xff, 'b');
    CHECK_JSON("\"\xef\xbf\xbd\xef\xbf\xbd\"", 0xa2, 0xc3, 0xe2);                   // cut short
    CHECK_JSON("\"\xef\xbf\xbd\xef\xbf\xbd\"", 0xa2, 0xc0, 0x80);                   // overlong
    CHECK_JSON("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", 0xa3, 0xed, 0xa0, 0x80); // surrogate
}

Test(json, only_the_first_object_is_written)
{
    CHECK_JSON("1", 1, 2);
}

Test(json, what_is_not_well_formed_gives_null)
{
    cr_assert_null(grid_value_to_json((struct grid_bytes){0}));
    cr_assert_null(grid_value_to_json((struct grid_bytes){"\xc1", 1}));
    cr_assert_null(grid_value_to_json((struct grid_bytes){"\xa5hi", 3}));
    cr_assert_null(grid_value_to_json((struct grid_bytes){"\x91", 1}));
}
