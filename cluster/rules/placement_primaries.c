// SPDX-License-Identifier: Apache-2.0
// Primaries move among the copies of their partitions. Copies within the bounds of replicas leave
// room for primaries within theirs: of the partitions that a set of members holds alone, each takes
// all its copies from them, and their bounds of primaries are at least that part of their bounds of
// replicas (Hall's condition). So chains of moves bring everybody within the bounds.
#include "cluster/rules/placement_table.h"

// Who may give a primary to whom.
enum giver { ABOVE_LOW, ABOVE_WANT, ABOVE_HIGH };
enum taker { BELOW_LOW, BELOW_WANT, BELOW_HIGH, NEEDY }; // NEEDY: below what is wanted, and was low
struct rule {
    enum giver giver;
    enum taker taker;
    bool held_only; // the taker must hold a copy already
    bool is_chain;  // else one move each
};

static void table_count_primaries(struct table *table)
{
    for (uint32_t p = 0; p < table->partition_count; p++) {
        uint16_t primary = table->primaries[p];
        if (primary != RING_NO_MEMBER && table_holds(table, p, primary))
            table->members[primary].primary_count++;
        else
            table->primaries[p] = RING_NO_MEMBER;
    }
    uint32_t weights[MEMBERS_MAX];
    uint32_t loads[MEMBERS_MAX];
    struct quota quotas[MEMBERS_MAX];
    for (uint32_t i = 0; i < table->member_count; i++) {
        weights[i] = table->members[i].weight;
        loads[i] = table->members[i].primary_count;
    }
    quotas_make(weights, table->member_count, table->partition_count, 1, loads, quotas);
    for (uint32_t i = 0; i < table->member_count; i++) {
        table->members[i].primaries = quotas[i];
        table->members[i].is_needy = loads[i] < quotas[i].low;
    }
}

static void primary_move(struct table *table, uint32_t partition, uint16_t member)
{
    uint16_t former = table->primaries[partition];
    if (former != RING_NO_MEMBER)
        table->members[former].primary_count--;
    table->members[member].primary_count++;
    table->primaries[partition] = member;
}

static bool may_give(const struct table_member *it, enum giver giver)
{
    uint32_t limit = giver == ABOVE_HIGH   ? it->primaries.high
                     : giver == ABOVE_WANT ? it->primaries.want
                                           : it->primaries.low;
    return it->primary_count > limit;
}

static bool may_get(const struct table_member *it, enum taker taker)
{
    uint32_t limit = taker == BELOW_LOW    ? it->primaries.low
                     : taker == BELOW_HIGH ? it->primaries.high
                                           : it->primaries.want;
    return it->primary_count < limit && (taker != NEEDY || it->is_needy);
}

// ---- Partitions without a primary ----

// The less, the better. A copy that is there can serve at once; where the primary has been moved
// away (and serves until then), a new copy may take its place without haste.
static uint32_t candidate_rank(const struct table *table, uint32_t partition, uint16_t member)
{
    const struct table_member *it = &table->members[member];
    uint16_t former = table->held[(size_t)partition * table->held_count];
    bool is_served = former < table->member_count && table->members[former].weight > 0;
    bool has_held = table_has_held(table, partition, member);
    if (may_get(it, BELOW_WANT))
        return has_held ? 0 : is_served ? 1 : 4;
    if (has_held)
        return it->primary_count < it->primaries.high ? 2 : 3;
    return 5;
}

static bool is_lighter(const struct table_member *a, const struct table_member *b)
{
    return (uint64_t)(a->primary_count + 1) * b->weight <
           (uint64_t)(b->primary_count + 1) * a->weight;
}

static void table_choose_primary(struct table *table, uint32_t partition)
{
    uint16_t best = table_owner(table, partition, 0);
    uint32_t best_rank = candidate_rank(table, partition, best);
    for (uint32_t i = 1; i < table->copies; i++) {
        uint16_t member = table_owner(table, partition, i);
        uint32_t rank = candidate_rank(table, partition, member);
        if (rank > best_rank ||
            (rank == best_rank && !is_lighter(&table->members[member], &table->members[best])))
            continue;
        best = member;
        best_rank = rank;
    }
    primary_move(table, partition, best);
}

// ---- Balance ----

// Whether the member may get the primary of the partition from who has it.
static bool may_lead(const struct table *table, uint32_t partition, uint16_t member, bool held_only)
{
    return member != table->primaries[partition] &&
           (!held_only || table_has_held(table, partition, member));
}

static void table_shift_primaries(struct table *table, struct rule rule)
{
    for (uint32_t p = 0; p < table->partition_count; p++) {
        if (!may_give(&table->members[table->primaries[p]], rule.giver))
            continue;
        for (uint32_t i = 0; i < table->copies; i++) {
            uint16_t member = table_owner(table, p, i);
            if (!may_get(&table->members[member], rule.taker) ||
                !may_lead(table, p, member, rule.held_only))
                continue;
            primary_move(table, p, member);
            break;
        }
    }
}

static void search_from_givers(struct table *table, enum giver giver, bool *is_reached)
{
    struct table_search *search = &table->search;
    search->queued = 0;
    for (uint32_t i = 0; i < table->member_count; i++) {
        is_reached[i] = may_give(&table->members[i], giver);
        if (!is_reached[i])
            continue;
        search->via[i] = SLOT_NONE;
        search->queue[search->queued++] = (uint16_t)i;
    }
}

// The search of table_search, with partitions instead of slots: a member gives the primary of the
// partition `via` to the one reached.
static uint16_t search_primaries(struct table *table, struct rule rule)
{
    struct table_search *search = &table->search;
    bool is_reached[MEMBERS_MAX];
    search_from_givers(table, rule.giver, is_reached);
    for (uint32_t head = 0; head < search->queued; head++) {
        uint16_t giver = search->queue[head];
        int32_t slot = table->members[giver].first_slot;
        for (; slot != SLOT_NONE; slot = table->slots[slot].next) {
            uint32_t partition = table_partition(table, slot);
            for (uint32_t i = 0; table->primaries[partition] == giver && i < table->copies; i++) {
                uint16_t member = table_owner(table, partition, i);
                if (is_reached[member] || !may_lead(table, partition, member, rule.held_only))
                    continue;
                is_reached[member] = true;
                search->via[member] = (int32_t)partition;
                if (may_get(&table->members[member], rule.taker))
                    return member;
                search->queue[search->queued++] = member;
            }
        }
    }
    return RING_NO_MEMBER;
}

static void table_chain_primaries(struct table *table, struct rule rule)
{
    for (;;) {
        uint16_t reached = search_primaries(table, rule);
        if (reached == RING_NO_MEMBER)
            return;
        while (table->search.via[reached] != SLOT_NONE) {
            uint32_t partition = (uint32_t)table->search.via[reached];
            uint16_t giver = table->primaries[partition];
            primary_move(table, partition, reached);
            reached = giver;
        }
    }
}

void table_place_primaries(struct table *table)
{
    static const struct rule rules[] = {
        {ABOVE_WANT, NEEDY, true, false},      {ABOVE_WANT, NEEDY, false, false},
        {ABOVE_HIGH, BELOW_WANT, true, true},  {ABOVE_HIGH, BELOW_HIGH, true, true},
        {ABOVE_HIGH, BELOW_WANT, false, true}, {ABOVE_HIGH, BELOW_HIGH, false, true},
        {ABOVE_LOW, NEEDY, true, false},       {ABOVE_LOW, NEEDY, false, false},
        {ABOVE_WANT, BELOW_LOW, false, true},  {ABOVE_LOW, BELOW_LOW, false, true},
    };
    table_count_primaries(table);
    for (uint32_t p = 0; p < table->partition_count; p++) {
        if (table->primaries[p] == RING_NO_MEMBER)
            table_choose_primary(table, p);
    }
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].is_chain)
            table_chain_primaries(table, rules[i]);
        else
            table_shift_primaries(table, rules[i]);
    }
}
