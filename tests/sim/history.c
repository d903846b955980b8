// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/history.h"

#include "cluster/base/memory.h"

#include <inttypes.h>
#include <stdio.h>

enum { DEEDS_FIRST = 256 };

void history_deinit(struct history *history)
{
    free(history->deeds);
    *history = (struct history){0};
}

void history_add(struct history *history, const struct deed *deed)
{
    if (history->count == history->capacity) {
        history->capacity = history->capacity ? 2 * history->capacity : DEEDS_FIRST;
        history->deeds =
            memory_resize_array(history->deeds, history->capacity, sizeof *history->deeds);
    }
    history->deeds[history->count++] = *deed;
}

static const char *deed_verb(const struct deed *deed)
{
    switch ((int)deed->kind) {
    case OP_NONE:
        return "expires";
    case OP_GET:
        return "get";
    case OP_PUT:
        return deed->condition == CONDITION_IF_ABSENT    ? "put-if-absent"
               : deed->condition == CONDITION_IF_VERSION ? "put-if-version"
                                                         : "put";
    case OP_GET_AND_PUT:
        return "get-and-put";
    case OP_REMOVE:
        return "remove";
    case OP_INCREMENT:
        return "increment";
    case OP_MERGE:
        return "merge";
    case OP_TOUCH:
        return "touch";
    case OP_CLEAR:
        return "clear";
    default:
        return "?";
    }
}

void deed_print(const struct deed *deed, char *text, size_t capacity)
{
    char answer[128] = "unknown";
    char output[32] = "-";
    if (deed->has_output)
        snprintf(output, sizeof output, "%" PRId64, deed->output);
    if (deed->returned_us != UINT64_MAX)
        snprintf(answer, sizeof answer, "%.6f %s found=%d value=%s version=%" PRIu64,
                 (double)deed->returned_us / 1e6, error_name(deed->error), deed->found, output,
                 deed->out_version);
    snprintf(text, capacity,
             "client %u key %u %s input=%" PRId64 " version=%" PRIu64 " ttl=%u %.6f -> %s",
             deed->client, deed->key, deed_verb(deed), deed->input, deed->version, deed->ttl_ms,
             (double)deed->called_us / 1e6, answer);
}
