// SPDX-License-Identifier: Apache-2.0
// Input: a body. What one control thread says to another and is decoded keeps its limits, and
// survives being encoded and decoded again.
#include "cluster/wire/meeting_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wishes_check(const struct meeting *meeting)
{
    CHECK(meeting->wish_count <= MEETING_WISHES_MAX);
    CHECK((meeting->wish_count == 0) == (meeting->wishes == NULL));
    for (uint32_t i = 0; i < meeting->wish_count; i++) {
        const struct wish *wish = &meeting->wishes[i];
        CHECK(wish->kind >= WISH_ADD && wish->kind <= WISH_YIELD);
        CHECK(wish->partition < PARTITIONS_MAX && wish->member_id != 0);
    }
}

static void meeting_check(const struct meeting *meeting)
{
    CHECK(meeting->kind >= MEETING_SEEK && meeting->kind <= MEETING_LEAVE);
    CHECK(meeting->from != 0);
    CHECK(meeting->sender.id == 0 || meeting->sender.id == meeting->from);
    CHECK(meeting->seen_count <= MEETING_SEEN_MAX);
    for (uint32_t i = 0; i < meeting->seen_count; i++)
        CHECK(meeting->seen[i] != 0);
    CHECK(meeting->text.size <= MEETING_TEXT_BYTES_MAX);
    CHECK(meeting->settings.partition_count <= PARTITIONS_MAX);
    CHECK(meeting->settings.backups < REPLICAS_MAX);
    wishes_check(meeting);
}

// Decodes a body and, where that succeeds, encodes what was decoded.
static bool meeting_turn(struct bytes body, struct buffer *out)
{
    struct meeting meeting;
    if (meeting_decode(body, &meeting) != ERROR_NONE) {
        CHECK(meeting.wishes == NULL);
        return false;
    }
    meeting_check(&meeting);
    meeting_encode(out, &meeting);
    meeting_deinit(&meeting);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer first = {0};
    struct buffer second = {0};
    if (meeting_turn(bytes_of(data, size), &first)) {
        struct bytes frame = buffer_bytes(&first);
        CHECK(meeting_turn(
            bytes_of(frame.data + FRAME_HEADER_BYTES, frame.size - FRAME_HEADER_BYTES), &second));
        CHECK(bytes_equal(frame, buffer_bytes(&second)));
    }
    buffer_deinit(&first);
    buffer_deinit(&second);
    return 0;
}
