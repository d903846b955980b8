// SPDX-License-Identifier: Apache-2.0
// A subscriber that does not read is told so in the end, and costs nobody else anything.
#include "cluster/wire/event_codec.h"
#include "cluster/wire/writer.h"
#include "tests/system/support/nodes.h"
#include "tests/system/support/raw.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    VALUE_BYTES = 8 * 1024,
    BATCH = 50,
    BATCHES = 100, // 40 MB: more than the socket buffers and the limit of the node's
    SUBSCRIPTION = 7,
};

static bool subscribe(struct raw *raw, uint16_t port, uint16_t worker)
{
    struct subscribe subscribe = {.query = bytes_of_text("SELECT * FROM m"), .snapshot = true};
    struct buffer out = {0};
    struct frame frame;
    raw_greet(raw, port, worker);
    subscribe_encode(&out, SUBSCRIPTION, &subscribe);
    bool done =
        raw_send_buffer(raw, &out) && raw_next(raw, &frame) && frame.header.kind == FRAME_REPLY;
    buffer_deinit(&out);
    return done;
}

static bool put_batch(struct raw *raw, uint32_t batch, struct bytes value)
{
    struct buffer out = {0}, key = {0};
    struct frame frame;
    for (uint32_t i = 0; i < BATCH; i++) {
        buffer_clear(&key);
        write_uint(&key, batch * BATCH + i);
        raw_op(raw, &out, OP_PUT, i, buffer_bytes(&key), value);
    }
    bool done = raw_send_buffer(raw, &out);
    for (uint32_t i = 0; i < BATCH && done; i++)
        done = raw_next(raw, &frame) && frame.header.kind == FRAME_REPLY;
    buffer_deinit(&out);
    buffer_deinit(&key);
    return done;
}

// Reads until as many ENTER have come.
static bool read_enters(struct raw *raw, uint32_t count)
{
    struct frame frame;
    uint32_t entered = 0;
    while (entered < count && raw_next(raw, &frame)) {
        if (frame.header.kind == FRAME_ENDED)
            return false;
        entered += frame.header.kind == FRAME_ENTER;
    }
    return entered == count;
}

// Everything that waits there: some events, then the end with its reason.
static bool ends_as_slow(struct raw *raw, uint32_t *entered)
{
    struct frame frame;
    struct op_reply reply;
    *entered = 0;
    while (raw_next(raw, &frame)) {
        *entered += frame.header.kind == FRAME_ENTER;
        if (frame.header.kind == FRAME_ENDED)
            return frame.header.request_id == SUBSCRIPTION &&
                   reply_decode(OP_GET, &frame, &reply) == ERROR_NONE &&
                   reply.error == ERROR_SLOW_CONSUMER;
    }
    return false;
}

int main(void)
{
    static const char *const options[] = {"--workers=1", "--partitions=16",
                                          "--connection-output-max-bytes=1M", NULL};
    struct nodes nodes;
    struct raw writer, slow, prompt;
    uint8_t *zeros = calloc(1, VALUE_BYTES);
    struct buffer value = {0};
    uint32_t entered = 0;
    write_bin(&value, bytes_of(zeros, VALUE_BYTES));
    nodes_start(&nodes, 1, options);
    raw_greet(&writer, nodes.ports[0], 0);
    bool well = subscribe(&slow, nodes.ports[0], 0) && subscribe(&prompt, nodes.ports[0], 0);
    uint64_t start_ms = now_ms();
    for (uint32_t batch = 0; batch < BATCHES && well; batch++)
        well = put_batch(&writer, batch, buffer_bytes(&value)) && read_enters(&prompt, BATCH);
    fprintf(stderr, "%u writes and events in %lu ms\n", (unsigned)(BATCH * BATCHES),
            (unsigned long)(now_ms() - start_ms));
    case_report(well, "writers and other subscribers go on beside one that does not read");
    case_report(ends_as_slow(&slow, &entered) && entered > 0 && entered < BATCH * BATCHES,
                "the slow one gets what was kept for it, then SLOW_CONSUMER");
    case_report(raw_works(&slow), "its connection still works");
    raw_close(&prompt);
    case_report(subscribe(&prompt, nodes.ports[0], 0) && raw_works(&writer),
                "a subscriber that dies in its snapshot harms nobody");
    raw_close(&prompt);
    case_report(raw_works(&writer), "not even afterwards");
    raw_close(&slow);
    raw_close(&writer);
    case_report(nodes_stop(&nodes), "the node stops with status 0");
    free(zeros);
    buffer_deinit(&value);
    return case_status();
}
