// SPDX-License-Identifier: Apache-2.0
#include "client/shell/token_text.h"

#include <criterion/criterion.h>

// The test vectors of RFC 4648, section 10.
static const struct {
    const char *token;
    const char *text;
} vectors[] = {
    {"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
};

Test(shell_token_text, tokens_are_base64)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct buffer out = {0};
        token_text_write(&out, (struct grid_bytes){vectors[i].token, strlen(vectors[i].token)});
        cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_text(vectors[i].text)), "%s",
                  vectors[i].token);
        buffer_clear(&out);
        cr_assert(token_text_read(&out, bytes_of_text(vectors[i].text)));
        cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_text(vectors[i].token)), "%s",
                  vectors[i].text);
        buffer_deinit(&out);
    }
}

Test(shell_token_text, every_byte_comes_back)
{
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + 250);
    struct buffer text = {0};
    struct buffer token = {0};
    token_text_write(&text, (struct grid_bytes){bytes, sizeof bytes});
    cr_assert(token_text_read(&token, buffer_bytes(&text)));
    cr_assert(bytes_equal(buffer_bytes(&token), bytes_of(bytes, sizeof bytes)));
    buffer_deinit(&text);
    buffer_deinit(&token);
}

Test(shell_token_text, blanks_around_it_are_passed_over)
{
    struct buffer out = {0};
    cr_assert(token_text_read(&out, bytes_of_text(" \tZm9v\r\n")));
    cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_text("foo")));
    buffer_deinit(&out);
}

Test(shell_token_text, what_is_no_base64_is_refused_and_adds_nothing)
{
    static const char *const texts[] = {
        "",     " \n",      "Z",    "Zm9",       "Zm9vZ", "Zg=",         "Z===",
        "====", "Zg==Zm9v", "Zm=v", "Zm9v Zm9v", "Zm9-",  "caf\xc3\xa9",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buffer out = {0};
        cr_assert_not(token_text_read(&out, bytes_of_text(texts[i])), "%s", texts[i]);
        cr_assert_eq(buffer_size(&out), 0, "%s", texts[i]);
        buffer_deinit(&out);
    }
}
