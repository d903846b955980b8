// SPDX-License-Identifier: Apache-2.0
// The table that placement works on: who holds which partition, how much each member holds and
// should hold, and the search for chains of moves. Private to placement.
#pragma once

#include "cluster/rules/placement.h"
#include "cluster/rules/quota.h"
#include "cluster/rules/ring.h"

enum { SLOT_NONE = -1 };

// A slot is a place for one copy: slot / copies is its partition.
struct table_slot {
    uint16_t owner;   // RING_NO_MEMBER: a hole
    int32_t next;     // slots of the same owner; SLOT_NONE: the last
    int32_t previous; // SLOT_NONE: the first
};

struct table_member {
    uint32_t weight;
    uint32_t zone;      // a number for each zone; members without one have a number each
    int32_t first_slot; // that it owns
    struct quota replicas;
    struct quota primaries;
    uint32_t replica_count;
    uint32_t primary_count;
    bool is_needy; // it was below primaries.low
};

// Which copies may go where, as far as zones are concerned.
enum zone_rule {
    ZONES_BETTER, // the partition's copies are in more zones afterwards
    ZONES_KEPT,   // ... in no fewer; a hole is filled in a new zone if there is any
    ZONES_ANY,
};

// Up to which load a member may be given copies.
enum room_rule {
    ROOM_NONE,   // none
    ROOM_LOW,    // quota.low
    ROOM_WANTED, // quota.want
    ROOM_BOUND,  // quota.high
};

// A breadth-first search through members: each one reached can be given what `via` holds, if the
// owner of `via` is given something by the one before.
struct table_search {
    enum zone_rule zones;
    enum room_rule room;
    // Only one step of the chain may make a copy that was not there before: the first one from a
    // slot, the last one from members. Each other step gives what the taker has held, or takes what
    // the giver has not.
    bool is_frugal;
    int32_t start; // a slot that the search starts with; SLOT_NONE: it starts with members
    uint16_t *queue;
    uint32_t queued;
    uint16_t *open; // members not reached yet
    uint32_t open_count;
    int32_t *via; // by member; SLOT_NONE: the search started there
    // By member: what searches in vain have reached. Others under the same rules would not get on
    // from there either (but for what has moved since, so the last word is a search anew).
    bool *is_closed;
};

struct table {
    uint32_t partition_count;
    uint32_t copies; // of each partition: as wanted, or as many as members may hold one
    uint32_t member_count;
    uint32_t zone_count; // of members that may hold something
    struct table_member *members;
    struct table_slot *slots; // partition_count x copies
    uint16_t *primaries;      // by partition; RING_NO_MEMBER: none yet
    const uint16_t *held;     // borrowed; partition_count x held_count, see placement_choose
    uint32_t held_count;
    struct table_search search;
};

// The table that stands: of what is held the first copies that members may hold, and the primary if
// it is the first one.
void table_init(struct table *table, const struct placement_member *members, uint32_t member_count,
                uint32_t partition_count, uint32_t replica_count, const uint16_t *held,
                uint32_t held_count);
void table_deinit(struct table *table);

static inline uint32_t table_partition(const struct table *table, int32_t slot)
{
    return (uint32_t)slot / table->copies;
}

static inline int32_t table_slot(const struct table *table, uint32_t partition, uint32_t place)
{
    return (int32_t)(partition * table->copies + place);
}

static inline uint16_t table_owner(const struct table *table, uint32_t partition, uint32_t place)
{
    return table->slots[table_slot(table, partition, place)].owner;
}

// Whether the member holds, or is to hold, a copy of the partition.
bool table_holds(const struct table *table, uint32_t partition, uint16_t member);

// Whether it holds one already.
bool table_has_held(const struct table *table, uint32_t partition, uint16_t member);

// In how many zones the partition's copies are.
uint32_t table_zones(const struct table *table, uint32_t partition);

// The slot is the member's from now on.
void table_assign(struct table *table, int32_t slot, uint16_t member);

// Whether the member could hold what is in the slot, room aside.
bool table_may_take(const struct table *table, int32_t slot, uint16_t member, enum zone_rule zones);
bool table_has_room(const struct table *table, uint16_t member, enum room_rule room);

// ---- Chains of moves ----

void table_search_begin(struct table *table, enum zone_rule zones, enum room_rule room,
                        bool is_frugal);
// Either: the members that hold more than `above` allows shall give something away.
void table_search_from_members(struct table *table, enum room_rule above);
// Or: the slot shall go to somebody, this first step under the rule `zones`.
// Then the search goes on until a member with room is reached: returned; RING_NO_MEMBER: none can.
uint16_t table_search_from_slot(struct table *table, int32_t slot, enum zone_rule zones);
uint16_t table_search_run(struct table *table);
// Moves along the chain that reached the member.
void table_search_apply(struct table *table, uint16_t reached);
// It was in vain, under rules that the next searches share.
void table_search_close(struct table *table);
void table_search_reopen(struct table *table);

// ---- Primaries (placement_primaries.c) ----

// Chooses the primary of each partition among its copies.
void table_place_primaries(struct table *table);
