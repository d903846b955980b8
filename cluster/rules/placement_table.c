// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/placement_table.h"

#include "cluster/base/memory.h"

// ---- Members and slots ----

static void table_number_zones(struct table *table, const struct placement_member *members)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->member_count; i++) {
        if (members[i].weight == 0)
            continue;
        uint32_t same = members[i].zone[0] == '\0' ? i : 0;
        while (same < i && (members[same].weight == 0 || members[same].zone[0] == '\0' ||
                            strcmp(members[same].zone, members[i].zone) != 0))
            same++;
        table->members[i].zone = same < i ? table->members[same].zone : count++;
    }
    table->zone_count = count;
}

// The next copy of the partition on a member that may hold one, from *at on.
static uint16_t next_held(const struct table *table, uint32_t partition, uint32_t *at)
{
    while (*at < table->held_count) {
        uint16_t member = table->held[(size_t)partition * table->held_count + (*at)++];
        if (member < table->member_count && table->members[member].weight > 0)
            return member;
    }
    return RING_NO_MEMBER;
}

static void table_load(struct table *table)
{
    for (uint32_t p = 0; p < table->partition_count; p++) {
        uint32_t at = 0;
        for (uint32_t i = 0; i < table->copies;) {
            uint16_t member = next_held(table, p, &at);
            if (member == RING_NO_MEMBER)
                break;
            if (!table_holds(table, p, member))
                table_assign(table, table_slot(table, p, i++), member);
        }
        uint16_t primary = table->held[(size_t)p * table->held_count];
        table->primaries[p] = primary == table_owner(table, p, 0) ? primary : RING_NO_MEMBER;
    }
}

void table_init(struct table *table, const struct placement_member *members, uint32_t member_count,
                uint32_t partition_count, uint32_t replica_count, const uint16_t *held,
                uint32_t held_count)
{
    uint32_t live_count = 0;
    for (uint32_t i = 0; i < member_count; i++)
        live_count += members[i].weight > 0;
    *table = (struct table){
        .partition_count = partition_count,
        .copies = replica_count < live_count ? replica_count : live_count,
        .member_count = member_count,
        .members = memory_new_array(member_count, sizeof *table->members),
        .primaries = memory_new_array(partition_count, sizeof *table->primaries),
        .held = held,
        .held_count = held_count,
    };
    uint32_t slot_count = partition_count * table->copies;
    table->slots = memory_new_array(slot_count, sizeof *table->slots);
    for (uint32_t i = 0; i < slot_count; i++)
        table->slots[i].owner = RING_NO_MEMBER;
    for (uint32_t i = 0; i < member_count; i++) {
        table->members[i].weight = members[i].weight;
        table->members[i].first_slot = SLOT_NONE;
    }
    table_number_zones(table, members);
    struct table_search *search = &table->search;
    search->is_closed = memory_new_array(member_count, sizeof *search->is_closed);
    search->queue = memory_new_array(member_count, sizeof *search->queue);
    search->open = memory_new_array(member_count, sizeof *search->open);
    search->via = memory_new_array(member_count, sizeof *search->via);
    table_load(table);
}

void table_deinit(struct table *table)
{
    free(table->members);
    free(table->slots);
    free(table->primaries);
    free(table->search.is_closed);
    free(table->search.queue);
    free(table->search.open);
    free(table->search.via);
    *table = (struct table){0};
}

bool table_holds(const struct table *table, uint32_t partition, uint16_t member)
{
    for (uint32_t i = 0; i < table->copies; i++) {
        if (table_owner(table, partition, i) == member)
            return true;
    }
    return false;
}

bool table_has_held(const struct table *table, uint32_t partition, uint16_t member)
{
    const uint16_t *held = table->held + (size_t)partition * table->held_count;
    for (uint32_t i = 0; i < table->held_count; i++) {
        if (held[i] == member)
            return true;
    }
    return false;
}

static void slot_unlink(struct table *table, int32_t slot)
{
    struct table_slot *it = &table->slots[slot];
    struct table_member *owner = &table->members[it->owner];
    if (it->previous == SLOT_NONE)
        owner->first_slot = it->next;
    else
        table->slots[it->previous].next = it->next;
    if (it->next != SLOT_NONE)
        table->slots[it->next].previous = it->previous;
    owner->replica_count--;
}

void table_assign(struct table *table, int32_t slot, uint16_t member)
{
    struct table_slot *it = &table->slots[slot];
    CHECK(!table_holds(table, table_partition(table, slot), member));
    if (it->owner != RING_NO_MEMBER)
        slot_unlink(table, slot);
    struct table_member *owner = &table->members[member];
    *it = (struct table_slot){.owner = member, .next = owner->first_slot, .previous = SLOT_NONE};
    if (it->next != SLOT_NONE)
        table->slots[it->next].previous = slot;
    owner->first_slot = slot;
    owner->replica_count++;
}

// ---- Zones and room ----

// Whether a copy in the partition's other slots is in the zone.
static bool others_reach(const struct table *table, int32_t slot, uint32_t zone)
{
    uint32_t partition = table_partition(table, slot);
    for (uint32_t i = 0; i < table->copies; i++) {
        uint16_t owner = table_owner(table, partition, i);
        if (owner != RING_NO_MEMBER && table_slot(table, partition, i) != slot &&
            table->members[owner].zone == zone)
            return true;
    }
    return false;
}

uint32_t table_zones(const struct table *table, uint32_t partition)
{
    uint32_t zones[REPLICAS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->copies; i++) {
        uint16_t owner = table_owner(table, partition, i);
        if (owner == RING_NO_MEMBER)
            continue;
        uint32_t same = 0;
        while (same < count && zones[same] != table->members[owner].zone)
            same++;
        zones[same] = table->members[owner].zone;
        count += same == count;
    }
    return count;
}

bool table_may_take(const struct table *table, int32_t slot, uint16_t member, enum zone_rule zones)
{
    uint32_t partition = table_partition(table, slot);
    if (table_holds(table, partition, member))
        return false;
    if (zones == ZONES_ANY)
        return true;
    uint16_t owner = table->slots[slot].owner;
    bool is_new = !others_reach(table, slot, table->members[member].zone);
    if (owner == RING_NO_MEMBER)
        return is_new || table_zones(table, partition) == table->zone_count;
    bool was_new = !others_reach(table, slot, table->members[owner].zone);
    return zones == ZONES_KEPT ? is_new || !was_new : is_new && !was_new;
}

static uint32_t room_limit(const struct table_member *it, enum room_rule room)
{
    switch (room) {
    case ROOM_NONE:
        return 0;
    case ROOM_LOW:
        return it->replicas.low;
    case ROOM_WANTED:
        return it->replicas.want;
    case ROOM_BOUND:
        break;
    }
    return it->replicas.high;
}

bool table_has_room(const struct table *table, uint16_t member, enum room_rule room)
{
    const struct table_member *it = &table->members[member];
    return it->replica_count < room_limit(it, room);
}

// ---- Chains of moves ----

void table_search_begin(struct table *table, enum zone_rule zones, enum room_rule room,
                        bool is_frugal)
{
    struct table_search *search = &table->search;
    search->zones = zones;
    search->room = room;
    search->is_frugal = is_frugal;
    search->start = SLOT_NONE;
    search->queued = 0;
    search->open_count = 0;
    for (uint32_t i = 0; i < table->member_count; i++) {
        if (table->members[i].weight > 0 && !search->is_closed[i])
            search->open[search->open_count++] = (uint16_t)i;
    }
}

void table_search_from_members(struct table *table, enum room_rule above)
{
    struct table_search *search = &table->search;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < search->open_count; i++) {
        uint16_t member = search->open[i];
        const struct table_member *it = &table->members[member];
        if (it->replica_count <= room_limit(it, above)) {
            search->open[kept++] = member;
            continue;
        }
        search->via[member] = SLOT_NONE;
        search->queue[search->queued++] = member;
    }
    search->open_count = kept;
}

// Whether the step makes a copy that was not there, and takes back none that would have been made.
static bool step_costs(const struct table *table, int32_t slot, uint16_t member)
{
    uint32_t partition = table_partition(table, slot);
    uint16_t owner = table->slots[slot].owner;
    return !table_has_held(table, partition, member) &&
           (owner == RING_NO_MEMBER || table_has_held(table, partition, owner));
}

// Whether every step from the slot does: nobody but the present owners has held the partition.
static bool all_steps_cost(const struct table *table, int32_t slot)
{
    uint32_t partition = table_partition(table, slot);
    if (!table_has_held(table, partition, table->slots[slot].owner))
        return false;
    uint32_t at = 0;
    uint16_t member = next_held(table, partition, &at);
    while (member != RING_NO_MEMBER && table_holds(table, partition, member))
        member = next_held(table, partition, &at);
    return member == RING_NO_MEMBER;
}

// Reaches whoever may take the slot. Returns one that has room, or RING_NO_MEMBER.
static uint16_t search_offer(struct table *table, int32_t slot, enum zone_rule zones)
{
    struct table_search *search = &table->search;
    bool is_start = slot == search->start;
    if (search->is_frugal && !is_start && search->start != SLOT_NONE && all_steps_cost(table, slot))
        return RING_NO_MEMBER;
    for (uint32_t i = 0; i < search->open_count;) {
        uint16_t member = search->open[i];
        bool is_end = table_has_room(table, member, search->room);
        bool may_cost = !search->is_frugal || is_start || (is_end && search->start == SLOT_NONE);
        if (!table_may_take(table, slot, member, zones) ||
            (!may_cost && step_costs(table, slot, member))) {
            i++;
            continue;
        }
        search->open[i] = search->open[--search->open_count];
        search->via[member] = slot;
        if (is_end)
            return member;
        search->queue[search->queued++] = member;
    }
    return RING_NO_MEMBER;
}

uint16_t table_search_run(struct table *table)
{
    struct table_search *search = &table->search;
    for (uint32_t head = 0; head < search->queued; head++) {
        int32_t slot = table->members[search->queue[head]].first_slot;
        for (; slot != SLOT_NONE; slot = table->slots[slot].next) {
            uint16_t reached = search_offer(table, slot, search->zones);
            if (reached != RING_NO_MEMBER)
                return reached;
        }
    }
    return RING_NO_MEMBER;
}

uint16_t table_search_from_slot(struct table *table, int32_t slot, enum zone_rule zones)
{
    table->search.start = slot;
    uint16_t reached = search_offer(table, slot, zones);
    return reached == RING_NO_MEMBER ? table_search_run(table) : reached;
}

void table_search_apply(struct table *table, uint16_t reached)
{
    const struct table_search *search = &table->search;
    for (int32_t slot = search->via[reached]; slot != SLOT_NONE;) {
        uint16_t giver = table->slots[slot].owner;
        table_assign(table, slot, reached);
        slot = slot == search->start ? SLOT_NONE : search->via[giver];
        reached = giver;
    }
}

void table_search_close(struct table *table)
{
    struct table_search *search = &table->search;
    for (uint32_t i = 0; i < search->queued; i++)
        search->is_closed[search->queue[i]] = true;
}

void table_search_reopen(struct table *table)
{
    memset(table->search.is_closed, 0, table->member_count * sizeof(bool));
}
