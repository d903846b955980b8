// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/writer.h"

enum { HEAD_BYTES_MAX = 9 };

// The first byte and `field_bytes` (1, 2, 4 or 8) of big-endian number; writes 9 bytes, returns how
// many count.
static size_t head_store(uint8_t *at, unsigned first, uint64_t number, unsigned field_bytes)
{
    at[0] = (uint8_t)first;
    uint64_t swapped = __builtin_bswap64(number << (64 - field_bytes * 8));
    memcpy(at + 1, &swapped, 8);
    return 1 + (size_t)field_bytes;
}

static void head_write(struct buffer *out, unsigned first, uint64_t number, unsigned field_bytes)
{
    buffer_advance(out,
                   head_store(buffer_reserve(out, HEAD_BYTES_MAX), first, number, field_bytes));
}

size_t uint_store(uint8_t *at, uint64_t value)
{
    if (value <= 0x7f) {
        at[0] = (uint8_t)value;
        return 1;
    }
    if (value <= UINT8_MAX)
        return head_store(at, 0xcc, value, 1);
    if (value <= UINT16_MAX)
        return head_store(at, 0xcd, value, 2);
    if (value <= UINT32_MAX)
        return head_store(at, 0xce, value, 4);
    return head_store(at, 0xcf, value, 8);
}

static void byte_write(struct buffer *out, unsigned byte)
{
    *buffer_reserve(out, 1) = (uint8_t)byte;
    buffer_advance(out, 1);
}

void write_nil(struct buffer *out)
{
    byte_write(out, 0xc0);
}

void write_bool(struct buffer *out, bool value)
{
    byte_write(out, value ? 0xc3 : 0xc2);
}

void write_uint(struct buffer *out, uint64_t value)
{
    buffer_advance(out, uint_store(buffer_reserve(out, HEAD_BYTES_MAX), value));
}

void write_int(struct buffer *out, int64_t value)
{
    if (value >= 0)
        write_uint(out, (uint64_t)value);
    else if (value >= -32)
        byte_write(out, (unsigned)value & 0xff);
    else if (value >= INT8_MIN)
        head_write(out, 0xd0, (uint64_t)value & UINT8_MAX, 1);
    else if (value >= INT16_MIN)
        head_write(out, 0xd1, (uint64_t)value & UINT16_MAX, 2);
    else if (value >= INT32_MIN)
        head_write(out, 0xd2, (uint64_t)value & UINT32_MAX, 4);
    else
        head_write(out, 0xd3, (uint64_t)value, 8);
}

void write_float(struct buffer *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    head_write(out, 0xcb, bits, 8);
}

void write_str(struct buffer *out, struct bytes text)
{
    if (text.size <= 31)
        byte_write(out, 0xa0 | (unsigned)text.size);
    else if (text.size <= UINT8_MAX)
        head_write(out, 0xd9, text.size, 1);
    else if (text.size <= UINT16_MAX)
        head_write(out, 0xda, text.size, 2);
    else
        head_write(out, 0xdb, text.size, 4);
    buffer_append(out, text.data, text.size);
}

void write_text(struct buffer *out, const char *text)
{
    write_str(out, bytes_of_text(text));
}

void write_bin_head(struct buffer *out, size_t size)
{
    if (size <= UINT8_MAX)
        head_write(out, 0xc4, size, 1);
    else if (size <= UINT16_MAX)
        head_write(out, 0xc5, size, 2);
    else
        head_write(out, 0xc6, size, 4);
}

void write_bin(struct buffer *out, struct bytes data)
{
    write_bin_head(out, data.size);
    buffer_append(out, data.data, data.size);
}

void write_array(struct buffer *out, uint32_t count)
{
    if (count <= 15)
        byte_write(out, 0x90 | count);
    else if (count <= UINT16_MAX)
        head_write(out, 0xdc, count, 2);
    else
        head_write(out, 0xdd, count, 4);
}

void write_map(struct buffer *out, uint32_t pair_count)
{
    if (pair_count <= 15)
        byte_write(out, 0x80 | pair_count);
    else if (pair_count <= UINT16_MAX)
        head_write(out, 0xde, pair_count, 2);
    else
        head_write(out, 0xdf, pair_count, 4);
}
