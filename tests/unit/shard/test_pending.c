// SPDX-License-Identifier: Apache-2.0
#include "node/shard/pending.h"

#include "cluster/wire/op_codec.h"

#include <criterion/criterion.h>

// An outlet that counts what is called.
struct listener {
    struct outlet outlet;
    uint32_t released_count;
};

static void note_changed(struct outlet *outlet)
{
    (void)outlet; // is_dirty tells
}

static void note_released(struct outlet *outlet)
{
    ((struct listener *)outlet)->released_count++;
}

static struct listener listener_new(void)
{
    return (struct listener){.outlet = {.changed = note_changed, .released = note_released}};
}

// An answer of `count` that waits for `seq` until `deadline_us`.
static void wait_for(struct pending *pending, struct listener *listener, uint64_t seq,
                     uint64_t deadline_us, bool is_write)
{
    size_t mark = pending_begin(pending, &listener->outlet, seq, deadline_us, is_write);
    reply_encode_count(&pending->queue, (uint32_t)seq, seq);
    pending_end(pending, mark, 0);
}

// The request id and kind of the next frame in the outlet; kind 0: there is none.
static struct frame_header next_answer(struct listener *listener, struct op_reply *reply)
{
    struct frame frame = {0};
    enum error error;
    if (frame_parse(buffer_bytes(&listener->outlet.out), UINT32_MAX, &frame, &error) !=
        FRAME_COMPLETE)
        return (struct frame_header){0};
    cr_assert_eq(reply_decode(OP_SIZE, &frame, reply), ERROR_NONE);
    buffer_consume(&listener->outlet.out, FRAME_HEADER_BYTES + frame.body.size);
    return frame.header;
}

static void end(struct pending *pending, struct listener *listener)
{
    pending_deinit(pending);
    cr_assert_eq(listener->outlet.holders, 0);
    cr_assert_eq(listener->outlet.waiting_bytes, 0);
    buffer_deinit(&listener->outlet.out);
}

Test(pending, answers_leave_in_order_once_their_effect_is_committed)
{
    struct pending pending = {0};
    struct listener listener = listener_new();
    struct op_reply reply;
    for (uint64_t seq = 1; seq <= 3; seq++)
        wait_for(&pending, &listener, seq, 1000, true);
    cr_assert_eq(listener.outlet.holders, 3);
    pending_release(&pending, 0);
    cr_assert_not(listener.outlet.is_dirty);
    pending_release(&pending, 2);
    cr_assert(listener.outlet.is_dirty);
    cr_assert_eq(next_answer(&listener, &reply).request_id, 1);
    cr_assert_eq(next_answer(&listener, &reply).request_id, 2);
    cr_assert_eq(next_answer(&listener, &reply).kind, 0);
    cr_assert_eq(listener.outlet.holders, 1);
    cr_assert_not(pending_is_empty(&pending));
    pending_release(&pending, 3);
    cr_assert_eq(next_answer(&listener, &reply).request_id, 3);
    cr_assert(pending_is_empty(&pending));
    end(&pending, &listener);
}

Test(pending, answers_that_wait_count_as_output)
{
    struct pending pending = {0};
    struct listener listener = listener_new();
    while (!outlet_wants_pause(&listener.outlet))
        wait_for(&pending, &listener, 1, 1000, true);
    cr_assert_gt(listener.outlet.waiting_bytes, OUTLET_PAUSE_BYTES);
    pending_release(&pending, 1);
    cr_assert_eq(listener.outlet.waiting_bytes, 0);
    cr_assert_gt(buffer_size(&listener.outlet.out), OUTLET_PAUSE_BYTES);
    end(&pending, &listener);
}

Test(pending, a_write_past_its_deadline_is_of_unknown_fate_and_a_read_is_not)
{
    struct pending pending = {0};
    struct listener listener = listener_new();
    struct op_reply reply;
    wait_for(&pending, &listener, 1, 100, true);
    wait_for(&pending, &listener, 2, 100, false);
    wait_for(&pending, &listener, 3, 101, true);
    cr_assert_eq(pending_expire(&pending, 99, "why"), 0);
    cr_assert_eq(pending_expire(&pending, 100, "why"), 2);
    struct frame_header first = next_answer(&listener, &reply);
    cr_assert_eq(first.kind, FRAME_ERROR);
    cr_assert_eq(first.request_id, 1);
    cr_assert_eq(reply.error, ERROR_INDETERMINATE);
    cr_assert(bytes_equal(reply.text, bytes_of_text("why")));
    cr_assert_eq(next_answer(&listener, &reply).request_id, 2);
    cr_assert_eq(reply.error, ERROR_TIMEOUT);
    pending_release(&pending, 3);
    cr_assert_eq(next_answer(&listener, &reply).kind, FRAME_REPLY, "the third was in time");
    end(&pending, &listener);
}

Test(pending, the_last_answer_lets_a_closed_outlet_go)
{
    struct pending pending = {0};
    struct listener listener = listener_new();
    wait_for(&pending, &listener, 1, 100, true);
    wait_for(&pending, &listener, 2, 100, true);
    listener.outlet.is_closed = true;
    pending_release(&pending, 1);
    cr_assert_eq(listener.released_count, 0);
    pending_deinit(&pending);
    cr_assert_eq(listener.released_count, 1);
    end(&pending, &listener);
}

Test(pending, one_queue_serves_several_outlets)
{
    struct pending pending = {0};
    struct listener listeners[2] = {listener_new(), listener_new()};
    struct op_reply reply;
    for (uint64_t seq = 1; seq <= 1000; seq++)
        wait_for(&pending, &listeners[seq % 2], seq, 100, true);
    for (uint64_t seq = 1; seq <= 1000; seq++) {
        pending_release(&pending, seq);
        cr_assert_eq(next_answer(&listeners[seq % 2], &reply).request_id, seq);
    }
    end(&pending, &listeners[0]);
    end(&pending, &listeners[1]);
}
