// SPDX-License-Identifier: Apache-2.0
#include "node/shard/pending.h"

#include "cluster/wire/frame.h"
#include "cluster/wire/op_codec.h"

enum { PENDING_KEEP_BYTES = 4096 };

struct pending_answer {
    struct outlet *outlet; // held
    uint64_t seq;
    uint64_t deadline_us;
    uint32_t frame_bytes;
    bool is_write;
};

size_t pending_begin(struct pending *pending, struct outlet *outlet, uint64_t seq,
                     uint64_t deadline_us, bool is_write)
{
    size_t mark = buffer_size(&pending->queue);
    struct pending_answer answer = {
        .outlet = outlet, .seq = seq, .deadline_us = deadline_us, .is_write = is_write};
    outlet_hold(outlet);
    buffer_append(&pending->queue, &answer, sizeof answer);
    return mark;
}

void pending_end(struct pending *pending, size_t mark, uint8_t view)
{
    size_t frame_bytes = buffer_size(&pending->queue) - mark - sizeof(struct pending_answer);
    CHECK(frame_bytes >= FRAME_HEADER_BYTES && frame_bytes <= UINT32_MAX);
    uint8_t *at = pending->queue.data + pending->queue.start + mark;
    struct pending_answer answer;
    memcpy(&answer, at, sizeof answer);
    frame_set_view(&pending->queue, mark + sizeof answer, view);
    answer.frame_bytes = (uint32_t)frame_bytes;
    answer.outlet->waiting_bytes += frame_bytes;
    memcpy(at, &answer, sizeof answer);
}

static struct pending_answer pending_front(const struct pending *pending)
{
    struct pending_answer answer;
    memcpy(&answer, pending->queue.data + pending->queue.start, sizeof answer);
    return answer;
}

static void pending_pop(struct pending *pending, const struct pending_answer *answer)
{
    buffer_consume(&pending->queue, sizeof *answer + answer->frame_bytes);
    buffer_trim(&pending->queue, PENDING_KEEP_BYTES);
    answer->outlet->waiting_bytes -= answer->frame_bytes;
    outlet_changed(answer->outlet);
    outlet_let_go(answer->outlet);
}

void pending_release(struct pending *pending, uint64_t committed_seq)
{
    while (!pending_is_empty(pending)) {
        struct pending_answer answer = pending_front(pending);
        if (answer.seq > committed_seq)
            return;
        buffer_append(&answer.outlet->out,
                      pending->queue.data + pending->queue.start + sizeof answer,
                      answer.frame_bytes);
        pending_pop(pending, &answer);
    }
}

uint32_t pending_expire(struct pending *pending, uint64_t now_us, const char *text)
{
    uint32_t count = 0;
    while (!pending_is_empty(pending)) {
        struct pending_answer answer = pending_front(pending);
        if (answer.deadline_us > now_us)
            break;
        struct frame frame;
        enum error error;
        struct bytes input = {.data = pending->queue.data + pending->queue.start + sizeof answer,
                              .size = answer.frame_bytes};
        CHECK(frame_parse(input, UINT32_MAX, &frame, &error) == FRAME_COMPLETE);
        error_encode(&answer.outlet->out, FRAME_ERROR, frame.header.request_id,
                     frame.header.partition, answer.is_write ? ERROR_INDETERMINATE : ERROR_TIMEOUT,
                     text, 0);
        pending_pop(pending, &answer);
        count++;
    }
    return count;
}

void pending_deinit(struct pending *pending)
{
    while (!pending_is_empty(pending)) {
        struct pending_answer answer = pending_front(pending);
        pending_pop(pending, &answer);
    }
    buffer_deinit(&pending->queue);
}
