// SPDX-License-Identifier: Apache-2.0
// Input: any bytes. A key is one object, and the writer writes that object in just these bytes.
#include "cluster/model/key.h"
#include "cluster/model/limits.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Whether the bytes are an int, str or bin as the writer writes it.
static bool is_canonical(struct bytes bytes)
{
    struct buffer written = {0};
    struct cursor cursor = cursor_of(bytes);
    uint64_t number;
    int64_t integer;
    struct bytes payload;
    if (cursor_read_uint(&cursor, &number))
        write_uint(&written, number);
    else if (cursor_read_int(&cursor, &integer))
        write_int(&written, integer);
    else if (cursor_read_str(&cursor, &payload))
        write_str(&written, payload);
    else if (cursor_read_bin(&cursor, &payload))
        write_bin(&written, payload);
    bool same = bytes.size > 0 && bytes_equal(buffer_bytes(&written), bytes);
    buffer_deinit(&written);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes key = bytes_of(data, size);
    enum error error = key_check(key);
    if (size > KEY_BYTES_MAX)
        CHECK(error == ERROR_TOO_LARGE);
    else
        CHECK((error == ERROR_NONE) == is_canonical(key));
    if (error == ERROR_NONE) {
        CHECK(key_bytes(data) == size);
        CHECK(key_partition(key_hash(key), PARTITIONS_MAX) < PARTITIONS_MAX);
    }
    return 0;
}
