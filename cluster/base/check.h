// SPDX-License-Identifier: Apache-2.0
// Assertions that stay on in release builds: a broken invariant stops the process where it broke.
#pragma once

#include <stdbool.h>

__attribute__((noreturn)) void check_failed(const char *condition, const char *file, int line);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(#condition, __FILE__, __LINE__);                                          \
    } while (0)

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_index)                                                     \
    __attribute__((format(printf, format_index, first_index)))
