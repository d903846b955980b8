// SPDX-License-Identifier: Apache-2.0
#include "bench/argument.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Steps over a k or an M.
static unsigned unit_take(char **text)
{
    unsigned unit = **text == 'k' ? 1000 : **text == 'M' ? 1000000 : 1;
    if (unit > 1)
        (*text)++;
    return unit;
}

bool argument_number_parse(const char *text, uint64_t *number)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    uint64_t unit = unit_take(&end);
    if (errno != 0 || *end != '\0' || value > UINT64_MAX / unit)
        return false;
    *number = value * unit;
    return true;
}

// Returns where the number ends; NULL: there is none.
static char *real_parse(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if (end == text)
        return NULL;
    *value *= unit_take(&end);
    return isfinite(*value) ? end : NULL;
}

// One number, or two with '-' between; moves *text behind them.
static bool range_parse(const char **text, uint64_t *first, uint64_t *last)
{
    char *end;
    errno = 0;
    if (**text < '0' || **text > '9')
        return false;
    *first = *last = strtoull(*text, &end, 10);
    if (*end == '-') {
        if (end[1] < '0' || end[1] > '9')
            return false;
        *last = strtoull(end + 1, &end, 10);
    }
    *text = end;
    return errno == 0 && *first <= *last;
}

uint32_t argument_list_parse(const char *text, uint64_t *numbers, uint32_t capacity)
{
    uint32_t count = 0;
    while (true) {
        uint64_t first, last;
        if (!range_parse(&text, &first, &last) || last - first >= capacity - count)
            return 0;
        for (uint64_t number = first; number <= last; number++)
            numbers[count++] = number;
        if (*text == '\0')
            return count;
        if (*text++ != ',')
            return 0;
    }
}

static bool value_is_within(const struct argument_row *row, const char *text, double value,
                            char *reason)
{
    return (value >= row->minimum && value <= row->maximum) ||
           reason_set(reason, "--%s: %s is not within %.15g and %.15g", row->name, text,
                      row->minimum, row->maximum);
}

static bool number_apply(const struct argument_row *row, void *field, const char *text,
                         char *reason)
{
    double value;
    if (row->kind == ARGUMENT_NUMBER) {
        uint64_t number;
        if (!argument_number_parse(text, &number))
            return reason_set(reason, "--%s: '%s' is not a whole number", row->name, text);
        value = (double)number;
        *(uint64_t *)field = number;
    } else {
        char *end = real_parse(text, &value);
        if (!end || *end != '\0')
            return reason_set(reason, "--%s: '%s' is not a number", row->name, text);
        *(double *)field = value;
    }
    return value_is_within(row, text, value, reason);
}

static bool list_apply(const struct argument_row *row, struct argument_list *list, const char *text,
                       char *reason)
{
    list->count = 0;
    for (const char *at = text;; at++) {
        double value;
        char *end = real_parse(at, &value);
        if (!end || (*end != ',' && *end != '\0'))
            return reason_set(reason, "--%s: '%s' is not a list of numbers", row->name, text);
        if (row->kind == ARGUMENT_NUMBERS && value != floor(value))
            return reason_set(reason, "--%s: '%s': whole numbers are wanted", row->name, text);
        if (!value_is_within(row, text, value, reason))
            return false;
        if (list->count == ARGUMENT_LIST_MAX)
            return reason_set(reason, "--%s: more than %d values", row->name, ARGUMENT_LIST_MAX);
        list->values[list->count++] = value;
        if (*end == '\0')
            return true;
        at = end;
    }
}

static bool choice_apply(const struct argument_row *row, void *field, const char *text,
                         char *reason)
{
    for (const struct argument_choice *choice = row->choices; choice->name; choice++) {
        if (strcmp(choice->name, text) == 0) {
            *(int *)field = choice->value;
            return true;
        }
    }
    return reason_set(reason, "--%s: '%s' is not one of %s", row->name, text, row->argument);
}

static bool argument_apply(const struct argument_row *row, void *settings, const char *text,
                           char *reason)
{
    void *field = (char *)settings + row->offset;
    switch (row->kind) {
    case ARGUMENT_NUMBER:
    case ARGUMENT_REAL:
        return number_apply(row, field, text, reason);
    case ARGUMENT_NUMBERS:
    case ARGUMENT_REALS:
        return list_apply(row, field, text, reason);
    case ARGUMENT_TEXT:
        *(const char **)field = text;
        return true;
    case ARGUMENT_CHOICE:
        return choice_apply(row, field, text, reason);
    case ARGUMENT_ON:
    case ARGUMENT_OFF:
        *(bool *)field = row->kind == ARGUMENT_ON;
        return true;
    case ARGUMENT_OTHER:
        return row->apply(settings, text) ||
               reason_set(reason, "--%s: '%s' is not %s", row->name, text, row->argument);
    default:
        CHECK(false);
    }
}

static const struct argument_row *argument_find(const struct argument_row *rows, unsigned command,
                                                const char *name, size_t name_bytes)
{
    for (const struct argument_row *row = rows; row->name; row++) {
        if ((row->commands & command) && strlen(row->name) == name_bytes &&
            memcmp(row->name, name, name_bytes) == 0)
            return row;
    }
    return NULL;
}

bool arguments_apply(const struct argument_row *rows, unsigned command, int argc, char **argv,
                     void *settings, char reason[static REASON_BYTES])
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            return reason_set(reason, "'%s' is not an option", argv[i]);
        const char *name = argv[i] + 2;
        size_t name_bytes = strcspn(name, "=");
        const char *text = name[name_bytes] == '=' ? name + name_bytes + 1 : NULL;
        const struct argument_row *row = argument_find(rows, command, name, name_bytes);
        if (!row)
            return reason_set(reason, "--%.*s: there is no such option", (int)name_bytes, name);
        bool wanted = row->kind != ARGUMENT_ON && row->kind != ARGUMENT_OFF;
        if (!wanted && text)
            return reason_set(reason, "--%s takes no argument", row->name);
        if (wanted && !text && i + 1 == argc)
            return reason_set(reason, "--%s needs %s", row->name, row->argument);
        if (wanted && !text)
            text = argv[++i];
        if (!argument_apply(row, settings, text, reason))
            return false;
    }
    return true;
}

void arguments_print(const struct argument_row *rows, unsigned commands, FILE *out)
{
    for (const struct argument_row *row = rows; row->name; row++) {
        if (row->commands == commands)
            fprintf(out, "  --%s%s%s\n          %s\n", row->name, row->argument ? " " : "",
                    row->argument ? row->argument : "", row->help);
    }
}
