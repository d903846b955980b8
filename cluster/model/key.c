// SPDX-License-Identifier: Apache-2.0
#include "cluster/model/key.h"

#include "cluster/model/limits.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

// First bytes of the MessagePack specification's formats that a key may have.
enum {
    FIXINT_POSITIVE_LAST = 0x7f,
    FIXSTR_FIRST = 0xa0,
    FIXSTR_LAST = 0xbf,
    BIN8 = 0xc4,
    BIN16 = 0xc5,
    UINT8 = 0xcc,
    UINT64 = 0xcf,
    INT8 = 0xd0,
    INT64 = 0xd3,
    STR8 = 0xd9,
    STR16 = 0xda,
    FIXINT_NEGATIVE_FIRST = 0xe0,
};

static uint64_t big_endian(const uint8_t *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | data[i];
    return value;
}

size_t key_bytes(const uint8_t *data)
{
    uint8_t first = data[0];
    if (first <= FIXINT_POSITIVE_LAST || first >= FIXINT_NEGATIVE_FIRST)
        return 1;
    if (first >= FIXSTR_FIRST && first <= FIXSTR_LAST)
        return 1 + (size_t)(first - FIXSTR_FIRST);
    switch (first) {
    case BIN8:
    case STR8:
        return 2 + (size_t)data[1];
    case BIN16:
    case STR16:
        return 3 + (size_t)big_endian(data + 1, 2);
    default: // uint 8 to 64, int 8 to 64: the two low bits are the logarithm of the width
        return 1 + ((size_t)1 << (first & 3));
    }
}

static bool int_is_shortest(const uint8_t *data)
{
    uint8_t first = data[0];
    size_t width = (size_t)1 << (first & 3);
    uint64_t value = big_endian(data + 1, width);
    if (first >= UINT8 && first <= UINT64)
        return width == 1 ? value > FIXINT_POSITIVE_LAST : value >> (width * 4) != 0;
    // Only negative numbers are canonical as int N: the others are shorter or equal as uint N.
    unsigned unused_bits = 64 - (unsigned)width * 8;
    int64_t number = (int64_t)(value << unused_bits) >> unused_bits;
    switch (width) {
    case 1:
        return number < -32;
    case 2:
        return number < INT8_MIN;
    case 4:
        return number < INT16_MIN;
    default:
        return number < INT32_MIN;
    }
}

static bool first_byte_is_key(uint8_t first)
{
    return first <= FIXINT_POSITIVE_LAST || first >= FIXINT_NEGATIVE_FIRST ||
           (first >= FIXSTR_FIRST && first <= FIXSTR_LAST) || first == BIN8 || first == BIN16 ||
           first == STR8 || first == STR16 || (first >= UINT8 && first <= INT64);
}

enum error key_check(struct bytes key)
{
    if (key.size == 0)
        return ERROR_MALFORMED_KEY;
    if (key.size > KEY_BYTES_MAX)
        return ERROR_TOO_LARGE;
    uint8_t first = key.data[0];
    if (!first_byte_is_key(first))
        return ERROR_MALFORMED_KEY;
    size_t header = first == BIN8 || first == STR8 ? 2 : first == BIN16 || first == STR16 ? 3 : 1;
    if (key.size < header || key_bytes(key.data) != key.size)
        return ERROR_MALFORMED_KEY;
    if (first >= UINT8 && first <= INT64 && !int_is_shortest(key.data))
        return ERROR_MALFORMED_KEY;
    if (first == STR8 && key.data[1] <= FIXSTR_LAST - FIXSTR_FIRST)
        return ERROR_MALFORMED_KEY;
    if ((first == STR16 || first == BIN16) && big_endian(key.data + 1, 2) <= UINT8_MAX)
        return ERROR_MALFORMED_KEY;
    return ERROR_NONE;
}

uint64_t key_hash(struct bytes key)
{
    return XXH3_64bits(key.data, key.size);
}
