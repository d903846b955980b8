// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/frame.h"

#include "cluster/base/memory.h"

#include <criterion/criterion.h>

static void frame_write(struct buffer *out, const struct frame_header *header, const char *body)
{
    size_t mark = frame_begin(out, header);
    buffer_append(out, body, strlen(body));
    frame_end(out, mark);
}

static const struct frame_header hello = {
    .kind = FRAME_HELLO, .flags = 5, .partition = 0x1234, .request_id = 0xdeadbeef, .view = 0xfe};

// docs/protocol.md: other languages rely on it.
Test(frame, the_header_is_laid_out_as_documented)
{
    static const uint8_t expected[] = {2,    0,    0,    0,    0x01, 5, 0x34, 0x12, 0xef,
                                       0xbe, 0xad, 0xde, 0xfe, 0,    0, 0,    'h',  'i'};
    struct buffer out = {0};
    frame_write(&out, &hello, "hi");
    cr_assert(bytes_equal(buffer_bytes(&out), bytes_of(expected, sizeof expected)));
    buffer_deinit(&out);
}

Test(frame, frames_are_parsed_one_after_the_other)
{
    static const char *const bodies[] = {"", "a", "some longer body"};
    struct buffer out = {0};
    for (int i = 0; i < 3; i++)
        frame_write(&out, &hello, bodies[i]);
    for (int i = 0; i < 3; i++) {
        struct frame frame;
        enum error error;
        cr_assert_eq(frame_parse(buffer_bytes(&out), 100, &frame, &error), FRAME_COMPLETE);
        cr_assert_eq(frame.header.kind, hello.kind);
        cr_assert_eq(frame.header.flags, hello.flags);
        cr_assert_eq(frame.header.partition, hello.partition);
        cr_assert_eq(frame.header.request_id, hello.request_id);
        cr_assert_eq(frame.header.view, hello.view);
        cr_assert_eq(frame.header.body_bytes, strlen(bodies[i]));
        cr_assert(bytes_equal(frame.body, bytes_of_text(bodies[i])));
        buffer_consume(&out, FRAME_HEADER_BYTES + frame.body.size);
    }
    cr_assert_eq(buffer_size(&out), 0);
    buffer_deinit(&out);
}

Test(frame, a_frame_cut_short_is_incomplete)
{
    struct buffer out = {0};
    frame_write(&out, &hello, "some body");
    for (size_t size = 0; size < buffer_size(&out); size++) {
        uint8_t *copy = memory_new_array(size, 1);
        if (size)
            memcpy(copy, buffer_bytes(&out).data, size);
        struct frame frame;
        enum error error;
        cr_assert_eq(frame_parse(bytes_of(copy, size), 100, &frame, &error), FRAME_INCOMPLETE);
        free(copy);
    }
    buffer_deinit(&out);
}

// The body need not have arrived: nobody should have to buffer it first.
Test(frame, a_header_that_asks_too_much_or_is_not_ours_is_refused_at_once)
{
    static const struct {
        size_t at;
        uint8_t byte;
        enum error error;
    } rows[] = {{0, 101, ERROR_TOO_LARGE},        {3, 0x80, ERROR_TOO_LARGE},
                {13, 1, ERROR_MALFORMED_FRAME},   {13, 0x80, ERROR_MALFORMED_FRAME},
                {14, 255, ERROR_MALFORMED_FRAME}, {15, 1, ERROR_MALFORMED_FRAME}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t header[FRAME_HEADER_BYTES] = {100};
        struct frame frame;
        enum error error = ERROR_NONE;
        cr_assert_eq(frame_parse(bytes_of(header, sizeof header), 100, &frame, &error),
                     FRAME_INCOMPLETE);
        header[rows[i].at] = rows[i].byte;
        cr_assert_eq(frame_parse(bytes_of(header, sizeof header), 100, &frame, &error),
                     FRAME_INVALID, "row %zu", i);
        cr_assert_eq(error, rows[i].error, "row %zu", i);
    }
}

Test(frame, a_frame_is_begun_behind_others_and_what_was_consumed)
{
    struct buffer out = {0};
    char filler[300] = {0};
    buffer_append(&out, filler, sizeof filler);
    buffer_consume(&out, 290);
    frame_write(&out, &hello, "first");
    buffer_consume(&out, 10);
    frame_write(&out, &hello, "second");
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(&out), 100, &frame, &error), FRAME_COMPLETE);
    cr_assert(bytes_equal(frame.body, bytes_of_text("first")));
    buffer_consume(&out, FRAME_HEADER_BYTES + frame.body.size);
    cr_assert_eq(frame_parse(buffer_bytes(&out), 100, &frame, &error), FRAME_COMPLETE);
    cr_assert(bytes_equal(frame.body, bytes_of_text("second")));
    buffer_deinit(&out);
}

Test(frame, the_view_is_set_in_the_frame_that_starts_at_the_mark)
{
    struct buffer out = {0};
    frame_write(&out, &hello, "consumed");
    frame_write(&out, &hello, "first");
    buffer_consume(&out, FRAME_HEADER_BYTES + strlen("consumed"));
    size_t mark = buffer_size(&out);
    frame_write(&out, &hello, "second");
    frame_set_view(&out, mark, 7);
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(&out), 100, &frame, &error), FRAME_COMPLETE);
    cr_assert_eq(frame.header.view, hello.view);
    buffer_consume(&out, FRAME_HEADER_BYTES + frame.body.size);
    cr_assert_eq(frame_parse(buffer_bytes(&out), 100, &frame, &error), FRAME_COMPLETE);
    cr_assert_eq(frame.header.view, 7);
    cr_assert(bytes_equal(frame.body, bytes_of_text("second")));
    buffer_deinit(&out);
}
