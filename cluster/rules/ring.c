// SPDX-License-Identifier: Apache-2.0
// Each partition walks clockwise from its own position: the first member that is below its bound
// of primaries becomes the primary, the next distinct members below their bound of replicas the
// backups. Everything is integer arithmetic on XXH3 hashes, so all machines compute the same ring.
//
// Why a full assignment always exists. Bounds are at most partition_count each and sum up to at
// least partition_count * replica_count. Take the primaries as given, and any set S of members,
// with t members outside it. If t >= replica_count, those t can take all backups but for their
// bounds; else they can take t * partition_count - (their primaries), and the members of S
// bound(S) - (their primaries): together bound(S) + t * partition_count - partition_count >=
// partition_count * (replica_count - 1). So no cut of the flow from partitions to members is below
// the number of backups, and a walk that finds all members full or taken can be repaired by a chain
// of moves (an augmenting path: Ford, Fulkerson, "Maximal Flow through a Network", 1956).
#include "cluster/rules/ring.h"

#include "cluster/base/memory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

// The bound is 21 / 20 = 1.05 times the fair share.
enum { BOUND_NUMERATOR = 21, BOUND_DENOMINATOR = 20 };

struct ring_point {
    uint64_t position;
    uint32_t rank; // of its member
};

struct ring_name {
    const char *name; // borrowed from the caller's members
    uint32_t index;   // into the caller's members
};

// A member while the ring is built. Members are known by rank, their place in the order of names:
// so the order in which the caller gives them decides nothing.
struct ring_rank {
    uint32_t index; // into the caller's members
    uint32_t weight;
    uint32_t primary_bound;
    uint32_t replica_bound; // >= primary_bound
    uint32_t primary_count; // <= primary_bound
    uint32_t replica_count; // primaries and backups; <= replica_bound
    // The search of ring_repair: this member may take `via` from the member of rank `from`.
    uint16_t from;
    uint16_t via;
    bool is_reached;
};

struct ring {
    struct ring_rank *ranks; // owned
    uint32_t member_count;
    uint32_t partition_count;
    uint32_t replica_count;    // <= member_count
    uint32_t stride;           // replicas asked for: the distance of two partitions in `owners`
    struct ring_point *points; // owned; sorted
    size_t point_count;
    uint16_t *queue;  // owned; of ring_repair: member_count ranks
    uint16_t *owners; // the caller's; ranks until the very end
};

static int name_compare(const void *left, const void *right)
{
    const struct ring_name *a = left;
    const struct ring_name *b = right;
    return strcmp(a->name, b->name);
}

static enum error ring_rank_members(struct ring *ring, const struct ring_member *members)
{
    struct ring_name names[MEMBERS_MAX];
    for (uint32_t i = 0; i < ring->member_count; i++)
        names[i] = (struct ring_name){.name = members[i].name, .index = i};
    qsort(names, ring->member_count, sizeof names[0], name_compare);
    for (uint32_t rank = 0; rank < ring->member_count; rank++) {
        const struct ring_member *member = &members[names[rank].index];
        bool is_twice = rank > 0 && strcmp(names[rank - 1].name, member->name) == 0;
        if (is_twice || member->name[0] == '\0' || member->weight < 1 ||
            member->weight > RING_WEIGHT_MAX)
            return ERROR_INVALID_ARGUMENT;
        ring->ranks[rank].index = names[rank].index;
        ring->ranks[rank].weight = member->weight;
    }
    return ERROR_NONE;
}

// ceil(1.05 x total x weight / weight_sum), at most partition_count. No overflow: total is at most
// PARTITIONS_MAX * REPLICAS_MAX.
static uint32_t bound_of(const struct ring *ring, uint64_t total, uint64_t weight,
                         uint64_t weight_sum)
{
    uint64_t numerator = BOUND_NUMERATOR * total * weight;
    uint64_t denominator = BOUND_DENOMINATOR * weight_sum;
    uint64_t bound = (numerator + denominator - 1) / denominator;
    return bound < ring->partition_count ? (uint32_t)bound : ring->partition_count;
}

static void ring_bound_primaries(struct ring *ring)
{
    uint64_t weight_sum = 0;
    for (uint32_t i = 0; i < ring->member_count; i++)
        weight_sum += ring->ranks[i].weight;
    for (uint32_t i = 0; i < ring->member_count; i++)
        ring->ranks[i].primary_bound =
            bound_of(ring, ring->partition_count, ring->ranks[i].weight, weight_sum);
}

// Members whose share reaches all partitions hold one replica of each; what they leave is shared
// out among the others, which may bring more of them there. A bound of 0 means not yet known.
static void ring_bound_replicas(struct ring *ring)
{
    uint64_t weight_sum = 0;
    uint64_t total = (uint64_t)ring->partition_count * ring->replica_count;
    for (uint32_t i = 0; i < ring->member_count; i++)
        weight_sum += ring->ranks[i].weight;
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < ring->member_count; i++) {
            struct ring_rank *member = &ring->ranks[i];
            if (member->replica_bound ||
                total * member->weight < weight_sum * ring->partition_count)
                continue;
            member->replica_bound = ring->partition_count;
            total -= ring->partition_count;
            weight_sum -= member->weight;
            changed = true;
        }
    }
    for (uint32_t i = 0; i < ring->member_count; i++) {
        if (!ring->ranks[i].replica_bound)
            ring->ranks[i].replica_bound = bound_of(ring, total, ring->ranks[i].weight, weight_sum);
        CHECK(ring->ranks[i].replica_bound >= ring->ranks[i].primary_bound);
    }
}

// By position; equal ones by the name of the member.
static int point_compare(const void *left, const void *right)
{
    const struct ring_point *a = left;
    const struct ring_point *b = right;
    if (a->position != b->position)
        return a->position < b->position ? -1 : 1;
    return (a->rank > b->rank) - (a->rank < b->rank);
}

// The i-th point of a member is the hash of its name with seed i: more weight only adds points.
static void ring_place_points(struct ring *ring, const struct ring_member *members)
{
    for (uint32_t i = 0; i < ring->member_count; i++)
        ring->point_count += (size_t)ring->ranks[i].weight * RING_POINTS_PER_WEIGHT;
    ring->points = memory_new_array(ring->point_count, sizeof ring->points[0]);
    struct ring_point *point = ring->points;
    for (uint32_t rank = 0; rank < ring->member_count; rank++) {
        const char *name = members[ring->ranks[rank].index].name;
        size_t name_bytes = strlen(name);
        uint32_t count = ring->ranks[rank].weight * RING_POINTS_PER_WEIGHT;
        for (uint32_t i = 0; i < count; i++, point++) {
            point->position = XXH3_64bits_withSeed(name, name_bytes, i);
            point->rank = rank;
        }
    }
    qsort(ring->points, ring->point_count, sizeof ring->points[0], point_compare);
}

// The first point at or after the partition's position; the points are a circle.
static size_t ring_start(const struct ring *ring, uint32_t partition)
{
    static const char domain[] = "partition";
    uint64_t position = XXH3_64bits_withSeed(domain, sizeof domain - 1, partition);
    size_t low = 0;
    size_t high = ring->point_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ring->points[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low == ring->point_count ? 0 : low;
}

static uint16_t *ring_owners(const struct ring *ring, uint32_t partition)
{
    return ring->owners + (size_t)partition * ring->stride;
}

static bool ring_owns(const struct ring *ring, uint32_t partition, uint32_t rank)
{
    const uint16_t *owners = ring_owners(ring, partition);
    for (uint32_t i = 0; i < ring->replica_count; i++)
        if (owners[i] == rank)
            return true;
    return false;
}

static size_t ring_next(const struct ring *ring, size_t at)
{
    return at + 1 == ring->point_count ? 0 : at + 1;
}

static void ring_choose_primary(struct ring *ring, uint32_t partition)
{
    size_t at = ring_start(ring, partition);
    // The bounds of primaries sum up to all partitions, so that one member has room.
    size_t step_count = 0;
    struct ring_rank *member = &ring->ranks[ring->points[at].rank];
    while (member->primary_count == member->primary_bound) {
        at = ring_next(ring, at);
        member = &ring->ranks[ring->points[at].rank];
        CHECK(++step_count < ring->point_count);
    }
    member->primary_count++;
    member->replica_count++;
    ring_owners(ring, partition)[0] = (uint16_t)ring->points[at].rank;
}

// Gives every member of the chain that ends at `rank` the partition that it was reached by, and
// `partition` to the chain's first member, which thereby holds as many as before.
static void ring_shift(struct ring *ring, uint32_t partition, uint32_t replica, uint32_t rank)
{
    ring->ranks[rank].replica_count++;
    while (ring->ranks[rank].from != RING_NO_MEMBER) {
        uint16_t *owners = ring_owners(ring, ring->ranks[rank].via);
        uint32_t i = 1;
        while (owners[i] != ring->ranks[rank].from)
            i++;
        owners[i] = (uint16_t)rank;
        rank = ring->ranks[rank].from;
    }
    ring_owners(ring, partition)[replica] = (uint16_t)rank;
}

// Adds the members that may take `via` from `from` to the search. Returns one that has room, or
// RING_NO_MEMBER.
static uint32_t ring_reach(struct ring *ring, uint32_t *tail, uint32_t from, uint32_t via)
{
    for (uint32_t rank = 0; rank < ring->member_count; rank++) {
        struct ring_rank *member = &ring->ranks[rank];
        if (member->is_reached || ring_owns(ring, via, rank))
            continue;
        member->is_reached = true;
        member->from = (uint16_t)from;
        member->via = (uint16_t)via;
        if (member->replica_count < member->replica_bound)
            return rank;
        ring->queue[(*tail)++] = (uint16_t)rank;
    }
    return RING_NO_MEMBER;
}

// All members with room own `partition` already: searches breadth first for the shortest chain of
// backups to move so that a member without room gets some. Primaries stay.
static void ring_repair(struct ring *ring, uint32_t partition, uint32_t replica)
{
    for (uint32_t rank = 0; rank < ring->member_count; rank++)
        ring->ranks[rank].is_reached = false;
    uint32_t tail = 0;
    uint32_t found = ring_reach(ring, &tail, RING_NO_MEMBER, partition);
    for (uint32_t head = 0; found == RING_NO_MEMBER; head++) {
        CHECK(head < tail); // a full assignment exists, hence a chain
        uint32_t from = ring->queue[head];
        for (uint32_t via = 0; via < partition && found == RING_NO_MEMBER; via++)
            if (ring_owners(ring, via)[0] != from && ring_owns(ring, via, from))
                found = ring_reach(ring, &tail, from, via);
    }
    ring_shift(ring, partition, replica, found);
}

static void ring_choose_backups(struct ring *ring, uint32_t partition)
{
    uint32_t replica = 1;
    size_t at = ring_start(ring, partition);
    for (size_t i = 0; i < ring->point_count && replica < ring->replica_count; i++) {
        uint32_t rank = ring->points[at].rank;
        struct ring_rank *member = &ring->ranks[rank];
        if (member->replica_count < member->replica_bound && !ring_owns(ring, partition, rank)) {
            member->replica_count++;
            ring_owners(ring, partition)[replica++] = (uint16_t)rank;
        }
        at = ring_next(ring, at);
    }
    for (; replica < ring->replica_count; replica++)
        ring_repair(ring, partition, replica);
}

static void ring_assign(struct ring *ring)
{
    size_t owner_count = (size_t)ring->partition_count * ring->stride;
    for (size_t i = 0; i < owner_count; i++)
        ring->owners[i] = RING_NO_MEMBER;
    for (uint32_t partition = 0; partition < ring->partition_count; partition++)
        ring_choose_primary(ring, partition);
    for (uint32_t partition = 0; partition < ring->partition_count; partition++)
        ring_choose_backups(ring, partition);
    for (size_t i = 0; i < owner_count; i++)
        if (ring->owners[i] != RING_NO_MEMBER)
            ring->owners[i] = (uint16_t)ring->ranks[ring->owners[i]].index;
}

enum error ring_build(const struct ring_member *members, uint32_t member_count,
                      uint32_t partition_count, uint32_t replica_count, uint16_t *owners)
{
    if (member_count < 1 || member_count > MEMBERS_MAX || partition_count < 1 ||
        partition_count > PARTITIONS_MAX || replica_count < 1 || replica_count > REPLICAS_MAX)
        return ERROR_INVALID_ARGUMENT;
    struct ring ring = {
        .ranks = memory_new_array(member_count, sizeof(struct ring_rank)),
        .member_count = member_count,
        .partition_count = partition_count,
        .replica_count = replica_count < member_count ? replica_count : member_count,
        .stride = replica_count,
        .queue = memory_new_array(member_count, sizeof(uint16_t)),
        .owners = owners,
    };
    enum error error = ring_rank_members(&ring, members);
    if (error == ERROR_NONE) {
        ring_bound_primaries(&ring);
        ring_bound_replicas(&ring);
        ring_place_points(&ring, members);
        ring_assign(&ring);
    }
    free(ring.ranks);
    free(ring.points);
    free(ring.queue);
    return error;
}
