// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/wire/sample.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct view_member sample_member(uint32_t number)
{
    struct view_member member = {.id = UINT64_MAX - number,
                                 .port = (uint16_t)(7400 + number),
                                 .weight = (uint16_t)(1 + number),
                                 .role = number % 2 ? MEMBER_WITNESS : MEMBER_DATA,
                                 .state = number % 3 ? MEMBER_LEAVING : MEMBER_ACTIVE,
                                 .is_voter = number % 5 == 0};
    snprintf(member.name, sizeof member.name, "node-%u", number);
    snprintf(member.host, sizeof member.host, "10.0.0.%u", number);
    if (number % 2)
        snprintf(member.zone, sizeof member.zone, "zone-%u", number);
    return member;
}

static bool place_is_empty(uint32_t place)
{
    return place % 4 == 3;
}

struct view sample_view(uint32_t place_count, uint32_t partition_count, uint32_t replica_count)
{
    struct view view = {.grid_id = 0x1122334455667788,
                        .version = UINT64_MAX,
                        .partition_count = partition_count,
                        .replica_count = replica_count,
                        .min_in_sync = replica_count,
                        .member_count = place_count};
    view.members = memory_new_array(place_count, sizeof *view.members);
    view.partitions = memory_new_array(partition_count, sizeof *view.partitions);
    for (uint32_t i = 0; i < place_count; i++) {
        if (!place_is_empty(i))
            view.members[i] = sample_member(i);
    }
    for (uint32_t i = 0; i < partition_count; i++) {
        struct view_partition *partition = &view.partitions[i];
        partition->epoch = 1 + i * UINT64_C(0x100000001);
        partition->version = UINT64_MAX - i;
        for (uint32_t j = 0; j < VIEW_REPLICAS_MAX && j < place_count; j++) {
            uint32_t place = (i + j) % place_count;
            if (partition->replica_count < i % (VIEW_REPLICAS_MAX + 1) && !place_is_empty(place))
                partition->replicas[partition->replica_count++] = (uint16_t)place;
        }
        partition->in_sync_count = (uint8_t)(partition->replica_count - i % 2 * (i % 3 == 0));
        if (partition->replica_count == 0)
            partition->in_sync_count = 0;
        partition->handover = i % 2 || partition->in_sync_count == 0
                                  ? VIEW_NO_MEMBER
                                  : partition->replicas[partition->in_sync_count - 1];
    }
    return view;
}

void sample_member_compare(const struct view_member *out, const struct view_member *in)
{
    cr_assert_eq(out->id, in->id);
    cr_assert_str_eq(out->name, in->name);
    cr_assert_str_eq(out->host, in->host);
    cr_assert_str_eq(out->zone, in->zone);
    cr_assert_eq(out->port, in->port);
    cr_assert_eq(out->weight, in->weight);
    cr_assert_eq(out->role, in->role);
    cr_assert_eq(out->state, in->state);
    cr_assert_eq(out->is_voter, in->is_voter);
}

static void partition_compare(const struct view_partition *out, const struct view_partition *in)
{
    cr_assert_eq(out->epoch, in->epoch);
    cr_assert_eq(out->version, in->version);
    cr_assert_eq(out->replica_count, in->replica_count);
    cr_assert_eq(out->in_sync_count, in->in_sync_count);
    cr_assert_eq(out->handover, in->handover);
    for (uint32_t i = 0; i < in->replica_count; i++)
        cr_assert_eq(out->replicas[i], in->replicas[i]);
}

void sample_view_compare(const struct view *out, const struct view *in)
{
    cr_assert_eq(out->grid_id, in->grid_id);
    cr_assert_eq(out->version, in->version);
    cr_assert_eq(out->partition_count, in->partition_count);
    cr_assert_eq(out->replica_count, in->replica_count);
    cr_assert_eq(out->min_in_sync, in->min_in_sync);
    cr_assert_eq(out->member_count, in->member_count);
    for (uint32_t i = 0; i < in->member_count; i++)
        sample_member_compare(&out->members[i], &in->members[i]);
    for (uint32_t i = 0; i < in->partition_count; i++)
        partition_compare(&out->partitions[i], &in->partitions[i]);
}
