// SPDX-License-Identifier: Apache-2.0
// Input: a stream of frames as a connection reads it. A complete frame is written again in the same
// bytes; cut short it is incomplete.
#include "cluster/wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_BYTES_MAX = 4096 };

static void frame_check(struct bytes input, const struct frame *frame)
{
    size_t frame_bytes = FRAME_HEADER_BYTES + frame->body.size;
    struct buffer written = {0};
    size_t mark = frame_begin(&written, &frame->header);
    buffer_append(&written, frame->body.data, frame->body.size);
    frame_end(&written, mark);
    CHECK(bytes_equal(buffer_bytes(&written), bytes_of(input.data, frame_bytes)));
    buffer_deinit(&written);

    struct frame cut;
    enum error error;
    CHECK(frame_parse(bytes_of(input.data, frame_bytes - 1), BODY_BYTES_MAX, &cut, &error) ==
          FRAME_INCOMPLETE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    struct frame frame;
    enum error error = ERROR_NONE;
    enum frame_verdict verdict;
    while ((verdict = frame_parse(input, BODY_BYTES_MAX, &frame, &error)) == FRAME_COMPLETE) {
        CHECK(frame.body.size <= BODY_BYTES_MAX);
        frame_check(input, &frame);
        size_t frame_bytes = FRAME_HEADER_BYTES + frame.body.size;
        input = bytes_of(input.data + frame_bytes, input.size - frame_bytes);
    }
    CHECK((verdict == FRAME_INVALID) == (error != ERROR_NONE));
    return 0;
}
