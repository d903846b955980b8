// SPDX-License-Identifier: Apache-2.0
#include "node/store/number.h"

#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

struct number {
    bool is_float;
    __int128 integer; // -2^63 to 2^64 - 1: what MessagePack can hold
    double real;
};

static bool number_read(struct bytes bytes, struct number *number)
{
    struct cursor cursor = cursor_of(bytes);
    int64_t negative;
    uint64_t positive;
    number->is_float = false;
    if (cursor_read_uint(&cursor, &positive)) {
        number->integer = positive;
    } else if (cursor_read_int(&cursor, &negative)) {
        number->integer = negative;
    } else {
        number->is_float = true;
        return cursor_read_float(&cursor, &number->real);
    }
    number->real = (double)number->integer;
    return true;
}

enum error number_add(struct bytes value, struct bytes delta, struct buffer *out)
{
    struct number a, b;
    if (!number_read(value, &a) || !number_read(delta, &b))
        return ERROR_WRONG_TYPE;
    if (a.is_float || b.is_float) {
        write_float(out, a.real + b.real);
        return ERROR_NONE;
    }
    __int128 sum = a.integer + b.integer;
    if (sum < INT64_MIN || sum > (__int128)UINT64_MAX)
        return ERROR_OVERFLOW;
    if (sum < 0)
        write_int(out, (int64_t)sum);
    else
        write_uint(out, (uint64_t)sum);
    return ERROR_NONE;
}
