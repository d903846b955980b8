// SPDX-License-Identifier: Apache-2.0
#include "client/shell/duration.h"

#include "cluster/base/units.h"

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    {"", 1}, {"ms", 1}, {"s", MS_PER_S}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};

static size_t digits_at(struct bytes text)
{
    size_t count = 0;
    while (count < text.size && text.data[count] >= '0' && text.data[count] <= '9')
        count++;
    return count;
}

bool shell_uint_parse(struct bytes text, uint64_t *number)
{
    uint64_t value = 0;
    if (text.size == 0 || digits_at(text) != text.size)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, text.data[i] - (uint64_t)'0', &value))
            return false;
    *number = value;
    return true;
}

bool shell_int_parse(struct bytes text, int64_t *number)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    uint64_t magnitude;
    if (!shell_uint_parse(bytes_of(text.data + negative, text.size - negative), &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *number = (int64_t)(negative ? -magnitude : magnitude);
    return true;
}

bool shell_duration_parse(struct bytes text, int64_t *duration_ms)
{
    size_t digits = digits_at(text);
    uint64_t count;
    if (!shell_uint_parse(bytes_of(text.data, digits), &count) || count > INT64_MAX)
        return false;
    struct bytes unit = bytes_of(text.data + digits, text.size - digits);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (bytes_equal(unit, bytes_of_text(units[i].name)))
            return !__builtin_mul_overflow((int64_t)count, units[i].ms, duration_ms);
    return false;
}
