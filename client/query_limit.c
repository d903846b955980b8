// SPDX-License-Identifier: Apache-2.0
#include "client/query_limit.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

// Past a quoted text or name; a doubled quote inside looks like two of them, which ends alike.
static const char *quoted_skip(const char *at)
{
    const char *end = strchr(at + 1, *at);
    return end ? end + 1 : at + strlen(at);
}

static bool is_word(char character)
{
    return isalnum((unsigned char)character) || character == '_' || character == '$' ||
           (unsigned char)character >= 0x80;
}

static const char *blank_skip(const char *at)
{
    for (;;) {
        if (isspace((unsigned char)*at))
            at++;
        else if (at[0] == '-' && at[1] == '-')
            at += strcspn(at, "\n");
        else
            return at;
    }
}

static uint64_t number_read(const char *at)
{
    uint64_t number = 0;
    if (!isdigit((unsigned char)*at))
        return UINT64_MAX;
    for (; isdigit((unsigned char)*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return UINT64_MAX;
        number = number * 10 + digit;
    }
    return number;
}

uint64_t client_query_limit(const char *query)
{
    uint64_t limit = UINT64_MAX;
    const char *at = blank_skip(query);
    while (*at != '\0') {
        if (*at == '\'' || *at == '"') {
            at = quoted_skip(at);
        } else if (is_word(*at)) {
            size_t size = 0;
            while (is_word(at[size]))
                size++;
            if (size == 5 && strncasecmp(at, "limit", 5) == 0)
                limit = number_read(blank_skip(at + size));
            at += size;
        } else {
            at++;
        }
        at = blank_skip(at);
    }
    return limit;
}
