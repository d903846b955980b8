// SPDX-License-Identifier: Apache-2.0
#include "node/store/latest.h"

#include "cluster/base/memory.h"

enum { CAPACITY_FIRST = 8 };

void latest_deinit(struct latest *latest)
{
    free(latest->slots);
    *latest = (struct latest){0};
}

static uint32_t slot_home(const struct latest *latest, uint64_t client)
{
    return (uint32_t)((client * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (latest->capacity - 1);
}

// The client's slot, or the free one where it would be.
static struct latest_slot *slot_of(const struct latest *latest, uint64_t client)
{
    uint32_t mask = latest->capacity - 1;
    uint32_t at = slot_home(latest, client);
    while (latest->slots[at].client != 0 && latest->slots[at].client != client)
        at = (at + 1) & mask;
    return &latest->slots[at];
}

bool latest_is_overtaken(const struct latest *latest, uint64_t client, uint64_t number)
{
    return latest->slots != NULL && number <= slot_of(latest, client)->number;
}

static void latest_grow(struct latest *latest)
{
    struct latest old = *latest;
    bool is_full = old.count >= LATEST_CLIENTS_MAX;
    latest->capacity = is_full || old.capacity == 0 ? CAPACITY_FIRST : old.capacity * 2;
    latest->slots = memory_new_array(latest->capacity, sizeof *latest->slots);
    latest->count = is_full ? 0 : old.count;
    for (uint32_t i = 0; !is_full && i < old.capacity; i++) {
        if (old.slots[i].client != 0)
            *slot_of(latest, old.slots[i].client) = old.slots[i];
    }
    free(old.slots);
}

void latest_note(struct latest *latest, uint64_t client, uint64_t number)
{
    if (2 * (latest->count + 1) > latest->capacity)
        latest_grow(latest);
    struct latest_slot *slot = slot_of(latest, client);
    latest->count += slot->client == 0;
    slot->client = client;
    if (slot->number < number)
        slot->number = number;
}

uint64_t latest_bytes(const struct latest *latest)
{
    return latest->capacity * sizeof *latest->slots;
}

void latest_prefetch(const struct latest *latest, uint64_t client)
{
    if (latest->slots != NULL)
        __builtin_prefetch(&latest->slots[slot_home(latest, client)], 1);
}
