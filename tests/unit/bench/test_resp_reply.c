// SPDX-License-Identifier: Apache-2.0
#include "bench/resp_reply.h"

#include <criterion/criterion.h>

static const struct {
    const char *wire;
    enum resp_type type;
    const char *text; // NULL: not looked at
    int64_t number;
} whole[] = {
    {"+OK\r\n", RESP_SIMPLE, "OK", 0},
    {"+\r\n", RESP_SIMPLE, "", 0},
    {"-ERR no such thing\r\n", RESP_ERROR, "ERR no such thing", 0},
    {":0\r\n", RESP_INTEGER, NULL, 0},
    {":-123456789\r\n", RESP_INTEGER, NULL, -123456789},
    {"$5\r\nhello\r\n", RESP_BULK, "hello", 5},
    {"$4\r\n\r\n\r\n\r\n", RESP_BULK, "\r\n\r\n", 4},
    {"$0\r\n\r\n", RESP_BULK, "", 0},
    {"$-1\r\n", RESP_NIL, NULL, -1},
    {"*-1\r\n", RESP_NIL, NULL, -1},
    {"*3\r\n", RESP_ARRAY, NULL, 3},
};

Test(resp_reply, every_type_is_read)
{
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        struct resp_reply reply;
        struct bytes input = bytes_of_text(whole[i].wire);
        cr_assert_eq(resp_reply_parse(input, &reply), RESP_COMPLETE, "row %zu", i);
        cr_assert_eq(reply.type, whole[i].type, "row %zu", i);
        cr_assert_eq(reply.wire_bytes, input.size, "row %zu", i);
        if (whole[i].text)
            cr_assert(bytes_equal(reply.text, bytes_of_text(whole[i].text)), "row %zu", i);
        if (reply.type == RESP_INTEGER || reply.type == RESP_ARRAY)
            cr_assert_eq(reply.number, whole[i].number, "row %zu", i);
    }
}

Test(resp_reply, every_beginning_is_incomplete)
{
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        size_t size = strlen(whole[i].wire);
        for (size_t part = 0; part < size; part++) {
            // A copy of exactly that size, so that the address sanitizer sees a read beyond it.
            uint8_t *copy = malloc(part);
            struct resp_reply reply;
            if (part > 0)
                memcpy(copy, whole[i].wire, part);
            cr_assert_eq(resp_reply_parse(bytes_of(copy, part), &reply), RESP_INCOMPLETE,
                         "row %zu, %zu bytes", i, part);
            free(copy);
        }
    }
}

Test(resp_reply, what_follows_is_left_alone)
{
    struct resp_reply reply;
    struct bytes input = bytes_of_text("$3\r\nabc\r\n+OK\r\n");
    cr_assert_eq(resp_reply_parse(input, &reply), RESP_COMPLETE);
    cr_assert_eq(reply.wire_bytes, 9);
    input = bytes_of(input.data + reply.wire_bytes, input.size - reply.wire_bytes);
    cr_assert_eq(resp_reply_parse(input, &reply), RESP_COMPLETE);
    cr_assert_eq(reply.type, RESP_SIMPLE);
}

Test(resp_reply, what_is_no_reply_is_invalid)
{
    static const char *const wires[] = {
        "OK\r\n",          "\r\n",
        "+OK\n",           ":\r\n",
        ":-\r\n",          ":1x\r\n",
        "$x\r\n",          "$-2\r\n",
        "$3\r\nabcde",     "*-2\r\n",
        "*a\r\n",          "\n",
        "$9999999999\r\n", ":1234567890123456789012\r\n",
    };
    for (size_t i = 0; i < sizeof wires / sizeof *wires; i++) {
        struct resp_reply reply;
        cr_assert_eq(resp_reply_parse(bytes_of_text(wires[i]), &reply), RESP_INVALID, "row %zu", i);
    }
}

Test(resp_reply, a_line_without_an_end_is_bounded)
{
    uint8_t *line = malloc(RESP_LINE_BYTES_MAX);
    struct resp_reply reply;
    memset(line, '+', RESP_LINE_BYTES_MAX);
    cr_assert_eq(resp_reply_parse(bytes_of(line, RESP_LINE_BYTES_MAX - 1), &reply),
                 RESP_INCOMPLETE);
    cr_assert_eq(resp_reply_parse(bytes_of(line, RESP_LINE_BYTES_MAX), &reply), RESP_INVALID);
    free(line);
}
