// SPDX-License-Identifier: Apache-2.0
// Input: a body. A view that is decoded names places it has only, and survives being encoded and
// decoded again.
#include "cluster/wire/view_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void partition_check(const struct view *view, const struct view_partition *partition)
{
    CHECK(partition->epoch >= 1);
    CHECK(partition->replica_count <= VIEW_REPLICAS_MAX);
    CHECK(partition->in_sync_count <= partition->replica_count);
    CHECK(partition->handover < view->member_count || partition->handover == VIEW_NO_MEMBER);
    for (uint32_t i = 0; i < partition->replica_count; i++)
        CHECK(partition->replicas[i] < view->member_count);
}

static void member_check(const struct view_member *member)
{
    CHECK(strnlen(member->name, sizeof member->name) < sizeof member->name);
    CHECK(strnlen(member->host, sizeof member->host) < sizeof member->host);
    CHECK(strnlen(member->zone, sizeof member->zone) < sizeof member->zone);
    CHECK(member->id == 0 ||
          (member->name[0] && member->host[0] && member->port && member->weight));
}

static void view_promises(const struct view *view)
{
    CHECK(view->grid_id != 0);
    CHECK(view->partition_count >= 1 && view->partition_count <= PARTITIONS_MAX);
    CHECK(view->replica_count >= 1 && view->replica_count <= REPLICAS_MAX);
    CHECK(view->min_in_sync >= 1 && view->min_in_sync <= view->replica_count);
    CHECK(view->member_count <= MEMBERS_MAX);
    for (uint32_t i = 0; i < view->member_count; i++)
        member_check(&view->members[i]);
    for (uint32_t i = 0; i < view->partition_count; i++)
        partition_check(view, &view->partitions[i]);
}

// Decodes a body and, where that succeeds, encodes what was decoded.
static bool view_turn(struct bytes body, struct buffer *out)
{
    struct view view;
    if (view_decode(body, &view) != ERROR_NONE) {
        CHECK(view.members == NULL && view.partitions == NULL);
        return false;
    }
    view_promises(&view);
    view_encode(out, 1, &view);
    view_deinit(&view);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer first = {0};
    struct buffer second = {0};
    if (view_turn(bytes_of(data, size), &first)) {
        struct bytes frame = buffer_bytes(&first);
        CHECK(view_turn(bytes_of(frame.data + FRAME_HEADER_BYTES, frame.size - FRAME_HEADER_BYTES),
                        &second));
        CHECK(bytes_equal(frame, buffer_bytes(&second)));
    }
    buffer_deinit(&first);
    buffer_deinit(&second);
    return 0;
}
