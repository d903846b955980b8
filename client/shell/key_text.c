// SPDX-License-Identifier: Apache-2.0
#include "client/shell/key_text.h"

#include <stdio.h>
#include <stdlib.h>

// The bytes of a MessagePack bin: behind its format byte (0xc4, 0xc5, 0xc6) stands its size in 1, 2
// or 4 bytes. False when the key is no bin.
static bool bin_of(struct grid_bytes key, struct bytes *bin)
{
    const uint8_t *data = key.data;
    if (key.size < 2 || data[0] < 0xc4 || data[0] > 0xc6)
        return false;
    size_t head = 1 + ((size_t)1 << (data[0] - 0xc4));
    if (key.size < head)
        return false;
    *bin = bytes_of(data + head, key.size - head);
    return true;
}

void key_text_write(struct buffer *out, struct grid_bytes key)
{
    struct bytes bin;
    if (key.data != NULL && bin_of(key, &bin)) {
        char digits[3];
        buffer_append(out, "\"x'", 3);
        for (size_t i = 0; i < bin.size; i++) {
            snprintf(digits, sizeof digits, "%02x", bin.data[i]);
            buffer_append(out, digits, 2);
        }
        buffer_append(out, "'\"", 2);
        return;
    }
    char *json = key.data != NULL ? grid_value_to_json(key) : NULL;
    buffer_append(out, json != NULL ? json : "null", strlen(json != NULL ? json : "null"));
    free(json);
}
