// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/ring.h"

#include "cluster/base/memory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static_assert((int)MEMBERS_MAX <= (int)RING_NO_MEMBER, "no index of a member means nobody");

// By position; equal ones by the member, so that the order is one.
static int point_compare(const void *left, const void *right)
{
    const struct ring_point *a = left;
    const struct ring_point *b = right;
    if (a->position != b->position)
        return a->position < b->position ? -1 : 1;
    return (a->member > b->member) - (a->member < b->member);
}

static uint32_t point_count(uint32_t weight, uint64_t weight_sum)
{
    uint64_t count = (uint64_t)weight * RING_POINTS_PER_WEIGHT;
    if (weight_sum * RING_POINTS_PER_WEIGHT > RING_POINTS_MAX)
        count = (uint64_t)weight * RING_POINTS_MAX / weight_sum;
    return weight > 0 && count == 0 ? 1 : (uint32_t)count;
}

// The i-th point of a member is the hash of its name with seed i: more points only add points.
void ring_init(struct ring *ring, const struct ring_member *members, uint32_t member_count)
{
    uint64_t weight_sum = 0;
    for (uint32_t i = 0; i < member_count; i++)
        weight_sum += members[i].weight;
    *ring = (struct ring){0};
    for (uint32_t i = 0; i < member_count; i++)
        ring->count += point_count(members[i].weight, weight_sum);
    ring->points = memory_new_array(ring->count, sizeof *ring->points);
    struct ring_point *point = ring->points;
    for (uint32_t i = 0; i < member_count; i++) {
        uint32_t count = point_count(members[i].weight, weight_sum);
        size_t name_bytes = count > 0 ? strlen(members[i].name) : 0;
        for (uint32_t seed = 0; seed < count; seed++, point++) {
            point->position = XXH3_64bits_withSeed(members[i].name, name_bytes, seed);
            point->member = i;
        }
    }
    if (ring->count > 0)
        qsort(ring->points, ring->count, sizeof *ring->points, point_compare);
}

void ring_deinit(struct ring *ring)
{
    free(ring->points);
    *ring = (struct ring){0};
}

uint64_t ring_position(uint32_t partition)
{
    static const char domain[] = "partition";
    return XXH3_64bits_withSeed(domain, sizeof domain - 1, partition);
}

size_t ring_start(const struct ring *ring, uint64_t position)
{
    CHECK(ring->count > 0);
    size_t low = 0;
    size_t high = ring->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ring->points[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low == ring->count ? 0 : low;
}
