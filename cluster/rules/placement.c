// SPDX-License-Identifier: Apache-2.0
// What each member should hold is settled first (cluster/rules/quota.h); then copies move until
// everybody holds that much, each step only where the ones before have left something to do:
//
//   1. copies that are there, although not wanted, take the place of others
//   2. holes, and then what members hold too much of, walk the ring to a member with room
//   3. where a walk finds none, chains of moves do (augmenting paths: Ford, Fulkerson, "Maximal
//      Flow through a Network", 1956): for holes, and last of all for members beyond their bounds
//   4. in between, partitions whose copies share a zone move apart where there is room
//   5. primaries are chosen among the copies (placement_primaries.c)
//
// That a chain exists when zones are left aside: loads that are wanted are at most partition_count
// each and sum up to all copies, so a table with these loads exists (Gale, Ryser 1957), and the
// members that a search in vain has reached would all be full of partitions that nobody else lacks.
#include "cluster/rules/placement.h"

#include "cluster/base/memory.h"
#include "cluster/rules/placement_table.h"

// A walk that finds nobody within so many points leaves it to a chain.
enum { WALK_POINTS_MAX = 4096 };

// Where a partition's walk begins.
struct position {
    uint64_t distance; // to the first point
    size_t start;      // that point
    uint32_t partition;
};

// The walks of step 2.
struct walks {
    struct table *table;
    struct ring ring;           // of the members that had room when the step began
    struct position *positions; // owned; of all partitions, the nearest to a point first
    uint32_t room;              // what all members together may still be given
};

static void table_set_quotas(struct table *table)
{
    uint32_t weights[MEMBERS_MAX];
    uint32_t loads[MEMBERS_MAX];
    struct quota quotas[MEMBERS_MAX];
    for (uint32_t i = 0; i < table->member_count; i++) {
        weights[i] = table->members[i].weight;
        loads[i] = table->members[i].replica_count;
    }
    quotas_make(weights, table->member_count, table->partition_count, table->copies, loads, quotas);
    for (uint32_t i = 0; i < table->member_count; i++)
        table->members[i].replicas = quotas[i];
}

static bool gives_replicas(const struct table *table, uint16_t member)
{
    const struct table_member *it = &table->members[member];
    return it->replica_count > it->replicas.want;
}

// ---- 1. Copies that are there ----

static void table_use_held(struct table *table, uint32_t partition)
{
    for (uint32_t at = 0; at < table->held_count; at++) {
        uint16_t member = table->held[(size_t)partition * table->held_count + at];
        if (member >= table->member_count || !table_has_room(table, member, ROOM_WANTED))
            continue;
        for (uint32_t i = table->copies; i-- > 0;) {
            int32_t slot = table_slot(table, partition, i);
            uint16_t owner = table->slots[slot].owner;
            if (owner == RING_NO_MEMBER || !gives_replicas(table, owner) ||
                !table_may_take(table, slot, member, ZONES_KEPT))
                continue;
            table_assign(table, slot, member);
            break;
        }
    }
}

// ---- 2. Walks ----

static int position_compare(const void *left, const void *right)
{
    const struct position *a = left;
    const struct position *b = right;
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return (a->partition > b->partition) - (a->partition < b->partition);
}

static void walks_init(struct walks *walks, struct table *table,
                       const struct placement_member *members)
{
    *walks = (struct walks){.table = table};
    struct ring_member ring_members[MEMBERS_MAX];
    for (uint32_t i = 0; i < table->member_count; i++) {
        const struct table_member *it = &table->members[i];
        bool has_room = it->replica_count < it->replicas.want;
        ring_members[i] = (struct ring_member){members[i].name, has_room ? it->weight : 0};
        walks->room += has_room ? it->replicas.want - it->replica_count : 0;
    }
    ring_init(&walks->ring, ring_members, table->member_count);
    walks->positions = memory_new_array(table->partition_count, sizeof *walks->positions);
}

static void walks_place(struct walks *walks)
{
    const struct table *table = walks->table;
    for (uint32_t p = 0; p < table->partition_count; p++) {
        uint64_t position = ring_position(p);
        size_t start = ring_start(&walks->ring, position);
        walks->positions[p] = (struct position){
            .distance = walks->ring.points[start].position - position, // round the circle
            .start = start,
            .partition = p,
        };
    }
    qsort(walks->positions, table->partition_count, sizeof *walks->positions, position_compare);
}

static void walks_deinit(struct walks *walks)
{
    ring_deinit(&walks->ring);
    free(walks->positions);
}

// Gives the slot to the first member on the ring that has room and may take it, if there is one.
static void walk(struct walks *walks, size_t at, int32_t slot, enum zone_rule zones)
{
    if (walks->room == 0)
        return;
    const struct ring *ring = &walks->ring;
    for (size_t step = 0; step < ring->count && step < WALK_POINTS_MAX; step++) {
        uint16_t member = (uint16_t)ring->points[at].member;
        if (table_has_room(walks->table, member, ROOM_WANTED) &&
            table_may_take(walks->table, slot, member, zones)) {
            table_assign(walks->table, slot, member);
            walks->room--;
            return;
        }
        at = ring_next(ring, at);
    }
}

static void walk_holes(struct walks *walks, const struct position *it)
{
    struct table *table = walks->table;
    for (uint32_t i = 0; i < table->copies; i++) {
        if (table_owner(table, it->partition, i) == RING_NO_MEMBER)
            walk(walks, it->start, table_slot(table, it->partition, i), ZONES_KEPT);
    }
}

// The place whose owner has most to give, but for those in `tried`; `copies`: nobody has anything.
// Of equal ones the last: the primary stays where it is as long as others may go.
static uint32_t most_surplus(const struct table *table, uint32_t partition, const bool *tried)
{
    uint32_t best = table->copies;
    uint32_t best_surplus = 0;
    for (uint32_t i = table->copies; i-- > 0;) {
        uint16_t owner = table_owner(table, partition, i);
        if (tried[i] || owner == RING_NO_MEMBER || !gives_replicas(table, owner))
            continue;
        const struct table_member *it = &table->members[owner];
        uint32_t surplus = it->replica_count - it->replicas.want;
        if (surplus > best_surplus) {
            best = i;
            best_surplus = surplus;
        }
    }
    return best;
}

static void walk_surplus(struct walks *walks, const struct position *it, enum zone_rule zones)
{
    struct table *table = walks->table;
    bool tried[REPLICAS_MAX] = {false};
    for (uint32_t n = 0; n < table->copies; n++) {
        uint32_t i = most_surplus(table, it->partition, tried);
        if (i == table->copies)
            return;
        tried[i] = true;
        walk(walks, it->start, table_slot(table, it->partition, i), zones);
    }
}

// Whether the copies of a partition could be in more zones than they are.
static bool shares_zones(const struct table *table, uint32_t partition)
{
    uint32_t zones = table_zones(table, partition);
    return zones < table->copies && zones < table->zone_count;
}

// Who joins takes the partitions that stand before its own points, not those that the one before it
// has taken: else old members would come to share all that is left to them.
static void walks_run(struct walks *walks)
{
    const struct table *table = walks->table;
    for (uint32_t i = 0; i < table->partition_count; i++)
        walk_holes(walks, &walks->positions[i]);
    for (uint32_t i = 0; i < table->partition_count; i++) {
        if (shares_zones(table, walks->positions[i].partition))
            walk_surplus(walks, &walks->positions[i], ZONES_BETTER);
    }
    for (uint32_t i = 0; i < table->partition_count; i++)
        walk_surplus(walks, &walks->positions[i], ZONES_KEPT);
}

static void table_walk(struct table *table, const struct placement_member *members)
{
    struct walks walks;
    walks_init(&walks, table, members);
    if (walks.room > 0) {
        walks_place(&walks);
        walks_run(&walks);
    }
    walks_deinit(&walks);
}

// ---- 3. Chains ----

struct chain_rule {
    enum zone_rule zones;
    enum room_rule above; // who gives (not of holes)
    enum room_rule room;  // who is given
    bool is_frugal;
};

static void table_chain_holes(struct table *table, const struct chain_rule *rule)
{
    table_search_reopen(table);
    int32_t slot_count = (int32_t)(table->partition_count * table->copies);
    for (int32_t slot = 0; slot < slot_count; slot++) {
        if (table->slots[slot].owner != RING_NO_MEMBER)
            continue;
        table_search_begin(table, rule->zones, rule->room, rule->is_frugal);
        uint16_t reached = table_search_from_slot(table, slot, rule->zones);
        if (reached == RING_NO_MEMBER)
            table_search_close(table);
        else
            table_search_apply(table, reached);
    }
    table_search_reopen(table);
}

static void table_chain_surplus(struct table *table, const struct chain_rule *rule)
{
    for (;;) {
        table_search_begin(table, rule->zones, rule->room, rule->is_frugal);
        table_search_from_members(table, rule->above);
        uint16_t reached = table_search_run(table);
        if (reached == RING_NO_MEMBER)
            return;
        table_search_apply(table, reached);
    }
}

// Rather than move more, or have two copies in one zone, a member gets more or less than is wanted;
// rather than more than its bound, two copies in one zone.
static void table_fill_holes(struct table *table)
{
    static const struct chain_rule rules[] = {
        {ZONES_KEPT, ROOM_NONE, ROOM_WANTED, true},  {ZONES_KEPT, ROOM_NONE, ROOM_BOUND, true},
        {ZONES_KEPT, ROOM_NONE, ROOM_WANTED, false}, {ZONES_KEPT, ROOM_NONE, ROOM_BOUND, false},
        {ZONES_ANY, ROOM_NONE, ROOM_WANTED, false},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        table_chain_holes(table, &rules[i]);
}

static void table_level(struct table *table)
{
    static const struct chain_rule rules[] = {
        {ZONES_KEPT, ROOM_BOUND, ROOM_WANTED, true}, {ZONES_KEPT, ROOM_BOUND, ROOM_BOUND, true},
        {ZONES_KEPT, ROOM_BOUND, ROOM_BOUND, false}, {ZONES_ANY, ROOM_BOUND, ROOM_WANTED, false},
        {ZONES_KEPT, ROOM_WANTED, ROOM_LOW, true},   {ZONES_KEPT, ROOM_LOW, ROOM_LOW, true},
        {ZONES_KEPT, ROOM_LOW, ROOM_LOW, false},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        table_chain_surplus(table, &rules[i]);
}

// ---- 4. Zones ----

// The place among those not tried whose owner has the largest load by weight.
static uint32_t heaviest_place(const struct table *table, uint32_t partition, const bool *tried)
{
    uint32_t best = table->copies;
    for (uint32_t i = 0; i < table->copies; i++) {
        const struct table_member *it = &table->members[table_owner(table, partition, i)];
        const struct table_member *other =
            best < table->copies ? &table->members[table_owner(table, partition, best)] : NULL;
        if (!tried[i] && (other == NULL || (uint64_t)it->replica_count * other->weight >
                                               (uint64_t)other->replica_count * it->weight))
            best = i;
    }
    return best;
}

// Moves one copy of the partition to another zone, if there is room or somebody makes it.
static bool table_spread(struct table *table, uint32_t partition)
{
    bool tried[REPLICAS_MAX] = {false};
    for (uint32_t n = 0; n < table->copies; n++) {
        uint32_t i = heaviest_place(table, partition, tried);
        tried[i] = true;
        table_search_begin(table, ZONES_KEPT, ROOM_BOUND, false);
        uint16_t reached =
            table_search_from_slot(table, table_slot(table, partition, i), ZONES_BETTER);
        if (reached != RING_NO_MEMBER) {
            table_search_apply(table, reached);
            return true;
        }
        table_search_close(table);
    }
    return false;
}

static void table_spread_all(struct table *table)
{
    for (uint32_t p = 0; p < table->partition_count; p++) {
        while (shares_zones(table, p) && table_spread(table, p))
            ;
    }
    table_search_reopen(table);
}

// ---- All of it ----

static void table_save(const struct table *table, uint32_t replica_count, uint16_t *target)
{
    for (uint32_t p = 0; p < table->partition_count; p++) {
        uint16_t *row = target + (size_t)p * replica_count;
        uint32_t count = 0;
        row[count++] = table->primaries[p];
        for (uint32_t i = 0; i < table->copies; i++) {
            if (table_owner(table, p, i) != table->primaries[p])
                row[count++] = table_owner(table, p, i);
        }
        while (count < replica_count)
            row[count++] = RING_NO_MEMBER;
    }
}

enum error placement_choose(const struct placement_member *members, uint32_t member_count,
                            uint32_t partition_count, uint32_t replica_count, const uint16_t *held,
                            uint32_t held_count, uint16_t *target)
{
    if (member_count < 1 || member_count > MEMBERS_MAX || partition_count < 1 ||
        partition_count > PARTITIONS_MAX || replica_count < 1 || replica_count > REPLICAS_MAX ||
        held_count < 1)
        return ERROR_INVALID_ARGUMENT;
    bool has_any = false;
    for (uint32_t i = 0; i < member_count; i++) {
        if (members[i].weight > RING_WEIGHT_MAX)
            return ERROR_INVALID_ARGUMENT;
        has_any = has_any || members[i].weight > 0;
    }
    if (!has_any)
        return ERROR_INVALID_ARGUMENT;
    struct table table;
    table_init(&table, members, member_count, partition_count, replica_count, held, held_count);
    table_set_quotas(&table);
    for (uint32_t p = 0; p < partition_count; p++)
        table_use_held(&table, p);
    table_walk(&table, members);
    table_fill_holes(&table);
    table_spread_all(&table);
    table_level(&table);
    table_place_primaries(&table);
    table_save(&table, replica_count, target);
    table_deinit(&table);
    return ERROR_NONE;
}

enum error placement_make(const struct placement_member *members, uint32_t member_count,
                          uint32_t partition_count, uint32_t replica_count,
                          const uint16_t *standing, uint16_t *target)
{
    return placement_choose(members, member_count, partition_count, replica_count, standing,
                            replica_count, target);
}
