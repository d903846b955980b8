// SPDX-License-Identifier: Apache-2.0
#include "client/shell/token_text.h"

#include <stdlib.h>

// The library writes a bin in JSON as base64 between quotes.
void token_text_write(struct buffer *out, struct grid_bytes token)
{
    struct grid_builder *builder = grid_builder_new();
    grid_build_bin(builder, token.data, token.size);
    char *json = grid_value_to_json(grid_builder_bytes(builder));
    CHECK(json != NULL);
    buffer_append(out, json + 1, strlen(json) - 2);
    free(json);
    grid_builder_free(builder);
}

static int digit_value(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    if (byte == '+')
        return 62;
    return byte == '/' ? 63 : -1;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct bytes trim(struct bytes text)
{
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    return text;
}

// Four digits, the last two of which may be padding: 1 to 3 bytes; 0: they are no such group.
static size_t group_read(const uint8_t *digits, bool is_last, uint8_t *bytes)
{
    size_t padding = 0;
    if (is_last && digits[3] == '=')
        padding = digits[2] == '=' ? 2 : 1;
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - padding ? digit_value(digits[i]) : 0;
        if (value < 0)
            return 0;
        bits = bits << 6 | (uint32_t)value;
    }
    bytes[0] = (uint8_t)(bits >> 16);
    bytes[1] = (uint8_t)(bits >> 8);
    bytes[2] = (uint8_t)bits;
    return 3 - padding;
}

bool token_text_read(struct buffer *out, struct bytes text)
{
    struct buffer read = {0};
    text = trim(text);
    bool ok = text.size > 0 && text.size % 4 == 0;
    for (size_t i = 0; ok && i < text.size; i += 4) {
        uint8_t bytes[3];
        size_t count = group_read(text.data + i, i + 4 == text.size, bytes);
        buffer_append(&read, bytes, count);
        ok = count > 0;
    }
    if (ok)
        buffer_append(out, read.data, buffer_size(&read));
    buffer_deinit(&read);
    return ok;
}
