// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/audience.h"

#include "cluster/base/memory.h"

#include <stdio.h>

enum { FAULTS_TOLD_MAX = 10 };

static int64_t number_of(struct grid_bytes value)
{
    int64_t number = -1;
    return value.data && grid_value_int(grid_value_field(value, "n"), &number) ? number : -1;
}

// The place of the event's key; NULL: it is none of ours.
static int64_t *seen_of(struct audience *audience, const struct grid_event *event)
{
    int64_t key;
    if (!grid_value_int(event->key, &key) || key < 0 || key >= (int64_t)audience->key_count)
        return NULL;
    return &audience->seen[key];
}

static void fault(struct audience *audience, const struct grid_event *event, const char *what)
{
    int64_t key = -1;
    grid_value_int(event->key, &key);
    if (audience->faults++ < FAULTS_TOLD_MAX)
        fprintf(stderr, "event of key %lld, partition %u, epoch %llu, seq %llu: %s\n",
                (long long)key, event->partition, (unsigned long long)event->epoch,
                (unsigned long long)event->seq, what);
}

static void on_row(void *context, const struct grid_event *event)
{
    struct audience *audience = context;
    int64_t *seen = seen_of(audience, event);
    if (!seen || *seen != 0)
        fault(audience, event, "a row comes twice, or of nothing");
    else
        *seen = number_of(event->new_value);
}

static void on_enter(void *context, const struct grid_event *event)
{
    struct audience *audience = context;
    int64_t *seen = seen_of(audience, event);
    if (!seen || *seen != 0)
        fault(audience, event, "an entry that was there enters");
    else
        *seen = number_of(event->new_value);
}

static void on_update(void *context, const struct grid_event *event)
{
    struct audience *audience = context;
    int64_t *seen = seen_of(audience, event);
    if (!seen || *seen != number_of(event->old_value))
        fault(audience, event, "the old value is not the one that was seen last");
    if (seen)
        *seen = number_of(event->new_value);
}

static void on_leave(void *context, const struct grid_event *event)
{
    fault(context, event, "nothing is ever removed");
}

static void on_ready(void *context)
{
    struct audience *audience = context;
    audience->is_ready = true;
}

static bool is_expected(enum grid_error error)
{
    return error == GRID_MOVED || error == GRID_DISCONNECTED || error == GRID_NO_QUORUM;
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    struct audience *audience = context;
    audience->has_ended = true;
    audience->is_ready = false;
    audience->ends[error]++;
    if (!is_expected(error))
        fprintf(stderr, "subscription ended: %s: %s\n", grid_error_name(error), text);
}

uint32_t audience_unexpected_ends(const struct audience *audience)
{
    uint32_t count = 0;
    for (enum grid_error error = GRID_OK; error <= GRID_MOVED; error++)
        count += is_expected(error) ? 0 : audience->ends[error];
    return count;
}

void audience_init(struct audience *audience, struct grid *grid, const char *query,
                   uint32_t key_count)
{
    *audience = (struct audience){.grid = grid, .query = query, .key_count = key_count};
    audience->seen = memory_new_array(key_count, sizeof *audience->seen);
}

void audience_deinit(struct audience *audience)
{
    if (audience->subscription)
        grid_unsubscribe(audience->subscription);
    free(audience->seen);
}

void audience_tick(struct audience *audience)
{
    static const struct grid_listener listener = {.row = on_row,
                                                  .ready = on_ready,
                                                  .enter = on_enter,
                                                  .update = on_update,
                                                  .leave = on_leave,
                                                  .error = on_error};
    if (audience->subscription && !audience->has_ended)
        return;
    if (audience->subscription)
        grid_unsubscribe(audience->subscription);
    memset(audience->seen, 0, audience->key_count * sizeof *audience->seen);
    audience->has_ended = audience->is_ready = false;
    audience->starts++;
    audience->subscription =
        grid_subscribe(audience->grid, audience->query, NULL, &listener, audience);
}
