// SPDX-License-Identifier: Apache-2.0
#include "client/shell/json_text.h"

#include <criterion/criterion.h>

static void check_buffer(struct buffer *out, const char *expected)
{
    cr_assert(bytes_equal(buffer_bytes(out), bytes_of_text(expected)), "%.*s, expected %s",
              (int)buffer_size(out), (const char *)out->data, expected);
    buffer_deinit(out);
}

Test(shell_json_text, quotes_what_json_wants_quoted)
{
    struct buffer out = {0};
    json_text_quote(&out, bytes_of_text("a\"b\\c\nd\x01\xc3\xa9\xff"));
    check_buffer(&out, "\"a\\\"b\\\\c\\nd\\u0001\xc3\xa9\xef\xbf\xbd\"");
}

Test(shell_json_text, unquotes_every_escape)
{
    static const struct {
        const char *quoted;
        const char *plain;
    } rows[] = {
        {"\"\"", ""},
        {"\"abc\"", "abc"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!"},
        {"\"\\ud83dx\"", "\xef\xbf\xbdx"},
        {"\"\\ude00\"", "\xef\xbf\xbd"},
        {"\"a\\", "a"}, // cut off: what can be read
        {"\"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer out = {0};
        json_text_unquote(&out, bytes_of_text(rows[i].quoted));
        check_buffer(&out, rows[i].plain);
    }
}

static void check_members(const char *json, const char *expected)
{
    struct json_members members;
    struct bytes name;
    struct bytes value;
    struct buffer out = {0};
    cr_assert(json_members_start(&members, bytes_of_text(json)), "%s", json);
    while (json_members_next(&members, &name, &value)) {
        buffer_append(&out, name.data, name.size);
        buffer_append(&out, "=", 1);
        buffer_append(&out, value.data, value.size);
        buffer_append(&out, ";", 1);
    }
    check_buffer(&out, expected);
}

Test(shell_json_text, walks_the_members_of_an_object)
{
    check_members("{}", "");
    check_members("{\"a\":1}", "\"a\"=1;");
    check_members("{\"a\": 1, \"b\": \"x,}\", \"c\": [1, {\"d\": 2}] , \"e\": null}",
                  "\"a\"=1;\"b\"=\"x,}\";\"c\"=[1, {\"d\": 2}];\"e\"=null;");
    check_members(" { \"q\\\"\" : \"\\\\\" }", "\"q\\\"\"=\"\\\\\";");
}

Test(shell_json_text, ends_early_where_the_text_does)
{
    check_members("{\"a\":1,\"b\"", "\"a\"=1;");
    check_members("{\"a\":1,\"b\":", "\"a\"=1;");
    check_members("{\"a", "");
    check_members("{\"a\":\"b", "\"a\"=\"b;");
    struct json_members members;
    cr_assert_not(json_members_start(&members, bytes_of_text("[1]")));
    cr_assert_not(json_members_start(&members, bytes_of_text("")));
}

Test(shell_json_text, tells_kinds_and_shows_them_plain)
{
    static const struct {
        const char *json;
        enum json_kind kind;
        const char *plain;
    } rows[] = {
        {"null", JSON_KIND_NULL, ""},      {"", JSON_KIND_NULL, ""},
        {"true", JSON_KIND_BOOL, "true"},  {"-1.5", JSON_KIND_NUMBER, "-1.5"},
        {"\"x\"", JSON_KIND_STRING, "x"},  {"[1]", JSON_KIND_CONTAINER, "[1]"},
        {"{}", JSON_KIND_CONTAINER, "{}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer out = {0};
        cr_assert_eq(json_text_kind(bytes_of_text(rows[i].json)), rows[i].kind);
        json_text_plain(&out, bytes_of_text(rows[i].json));
        check_buffer(&out, rows[i].plain);
    }
}
