// SPDX-License-Identifier: Apache-2.0
#include "bench/reason.h"

#include <stdarg.h>
#include <stdio.h>

bool reason_set(char reason[static REASON_BYTES], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, REASON_BYTES, format, arguments);
    va_end(arguments);
    return false;
}
