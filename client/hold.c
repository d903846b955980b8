// SPDX-License-Identifier: Apache-2.0
#include "client/hold.h"

#include "client/bounds.h"
#include "cluster/base/check.h"
#include "cluster/base/memory.h"

void client_holds_deinit(struct client_holds *holds)
{
    free(holds->array);
    *holds = (struct client_holds){0};
}

void client_holds_resize(struct client_holds *holds, uint32_t partition_count)
{
    if (holds->count == partition_count)
        return;
    client_holds_deinit(holds);
    holds->array = memory_new_array(partition_count, sizeof *holds->array);
    holds->count = partition_count;
}

// Doubles up to the longest; half of it is random, so that clients that were refused together do
// not come back together.
static uint32_t pause_ms(uint32_t step, struct random *random)
{
    uint32_t pause = CLIENT_RETRY_MAX_MS;
    if (step < 16 && (uint32_t)CLIENT_RETRY_FIRST_MS << step < pause)
        pause = (uint32_t)CLIENT_RETRY_FIRST_MS << step;
    return pause - (uint32_t)random_below(random, pause / 2 + 1);
}

void client_holds_extend(struct client_holds *holds, uint16_t partition, int64_t now_ms,
                         struct random *random)
{
    CHECK(partition < holds->count);
    struct client_hold *hold = &holds->array[partition];
    if (hold->until_ms > now_ms)
        return;
    hold->until_ms = now_ms + pause_ms(hold->step, random);
    holds->held_count += hold->step == 0;
    hold->step++;
}

bool client_holds_expire(struct client_holds *holds, uint16_t partition, int64_t now_ms)
{
    if (!client_holds_is_held(holds, partition))
        return true;
    if (holds->array[partition].until_ms > now_ms)
        return false;
    holds->array[partition].until_ms = 0;
    return true;
}

void client_holds_release(struct client_holds *holds, uint16_t partition)
{
    if (holds->held_count == 0)
        return;
    struct client_hold *hold = &holds->array[partition];
    holds->held_count -= hold->step != 0;
    *hold = (struct client_hold){0};
}
