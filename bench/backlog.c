// SPDX-License-Identifier: Apache-2.0
#include "bench/backlog.h"

#include "cluster/base/memory.h"

void backlog_init(struct backlog *backlog)
{
    *backlog = (struct backlog){0};
    backlog->ring = memory_new_array(BACKLOG_OPERATIONS_MAX, sizeof *backlog->ring);
}

void backlog_deinit(struct backlog *backlog)
{
    free(backlog->ring);
    *backlog = (struct backlog){0};
}

bool backlog_push(struct backlog *backlog, const struct operation *operation)
{
    if (backlog->count == BACKLOG_OPERATIONS_MAX)
        return false;
    backlog->ring[(backlog->start + backlog->count) % BACKLOG_OPERATIONS_MAX] = *operation;
    backlog->count++;
    return true;
}

bool backlog_pop(struct backlog *backlog, struct operation *operation)
{
    if (backlog->count == 0)
        return false;
    *operation = backlog->ring[backlog->start];
    backlog->start = (backlog->start + 1) % BACKLOG_OPERATIONS_MAX;
    backlog->count--;
    return true;
}
