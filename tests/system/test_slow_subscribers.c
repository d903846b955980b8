// SPDX-License-Identifier: Apache-2.0
// Subscribers that do not read cost nobody else anything. Once they read again they get what they
// have missed, or are told that it is gone, or have ended, as they have chosen.
#include "cluster/wire/cursor.h"
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
    WRITES = BATCH * BATCHES,
    SUBSCRIPTION = 7,
};

static bool subscribe(struct raw *raw, uint16_t port, enum start start, enum policy policy)
{
    struct subscribe subscribe = {.query = bytes_of_text("SELECT * FROM m"),
                                  .start = start,
                                  .content = CONTENT_OLD_AND_NEW,
                                  .policy = policy,
                                  .kinds = KINDS_ALL,
                                  .causes = CAUSES_ALL};
    struct buffer out = {0};
    struct frame frame;
    raw_greet(raw, port, 0);
    subscribe_encode(&out, SUBSCRIPTION, &subscribe);
    bool done = raw_send_buffer(raw, &out);
    do {
        done = done && raw_next(raw, &frame);
    } while (done && frame.header.kind == FRAME_PROGRESS);
    buffer_deinit(&out);
    return done && frame.header.kind == FRAME_REPLY;
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

// ---- What subscribers are told ----

struct told {
    uint32_t keys; // different ones that were told
    bool is_told[WRITES];
    uint32_t enters;
    uint32_t updates;
    uint32_t rows;
    uint32_t resets;  // partitions
    uint32_t pending; // of these, whose READY has not come
    enum error ended; // ERROR_NONE: it goes on
    bool is_well;     // all could be read
};

static uint32_t mark_count(struct bytes marks)
{
    struct mark mark;
    uint32_t count = 0;
    while (mark_next(&marks, &mark))
        count++;
    return count;
}

static void milestone_take(struct told *told, const struct frame *frame)
{
    struct milestone milestone;
    told->is_well = told->is_well && milestone_decode(frame, &milestone) == ERROR_NONE;
    uint32_t count = told->is_well ? mark_count(milestone.marks) : 0;
    if (frame->header.kind == FRAME_RESET) {
        told->resets += count;
        told->pending += count;
    } else {
        told->pending -= count < told->pending ? count : told->pending;
    }
}

static void entry_take(struct told *told, const struct frame *frame)
{
    struct event event;
    uint64_t key = WRITES;
    if (event_decode(frame, &event) == ERROR_NONE) {
        struct cursor cursor = cursor_of(event.key);
        told->is_well = told->is_well && cursor_read_uint(&cursor, &key);
    }
    told->rows += frame->header.kind == FRAME_ROW;
    told->enters += frame->header.kind == FRAME_ENTER;
    told->updates += frame->header.kind == FRAME_UPDATE;
    told->is_well = told->is_well && key < WRITES;
    if (told->is_well && !told->is_told[key]) {
        told->is_told[key] = true;
        told->keys++;
    }
}

static void frame_take(struct told *told, const struct frame *frame)
{
    struct op_reply reply;
    switch (frame->header.kind) {
    case FRAME_ROW:
    case FRAME_ENTER:
    case FRAME_UPDATE:
        entry_take(told, frame);
        break;
    case FRAME_RESET:
    case FRAME_READY:
        milestone_take(told, frame);
        break;
    case FRAME_ENDED:
        told->is_well = told->is_well && frame->header.request_id == SUBSCRIPTION &&
                        reply_decode(OP_GET, frame, &reply) == ERROR_NONE;
        told->ended = reply.error;
        break;
    case FRAME_PROGRESS:
        break;
    default:
        told->is_well = false;
    }
}

static void batch_take(struct told *told, const struct frame *batch)
{
    struct bytes frames;
    told->is_well = told->is_well && batch_decode(batch->body, &frames) == ERROR_NONE;
    while (told->is_well && frames.size > 0) {
        struct frame frame;
        enum error error;
        CHECK(frame_parse(frames, EVENT_BODY_BYTES_MAX, &frame, &error) == FRAME_COMPLETE);
        frame_take(told, &frame);
        size_t taken = FRAME_HEADER_BYTES + frame.body.size;
        frames = bytes_of(frames.data + taken, frames.size - taken);
    }
}

// Reads until so many entries have been told, and no reset is under way; or until the end. False:
// that did not come.
static bool read_entries(struct raw *raw, struct told *told, uint32_t count)
{
    struct frame frame;
    told->is_well = true;
    while (told->is_well && told->ended == ERROR_NONE &&
           (told->keys < count || told->pending > 0)) {
        if (!raw_next(raw, &frame))
            return false;
        if (frame.header.kind == FRAME_BATCH)
            batch_take(told, &frame);
        else
            frame_take(told, &frame);
    }
    return told->is_well;
}

static void report(const char *name, const struct told *told)
{
    printf("# %s: %u ENTER, %u UPDATE, %u ROW, %u partitions reset; ended: %s\n", name,
           told->enters, told->updates, told->rows, told->resets, error_name(told->ended));
}

// ---- Cases ----

struct world {
    struct nodes nodes;
    struct raw writer;
    struct raw prompt;
    struct raw patient;   // catches up
    struct raw merging;   // conflates
    struct raw impatient; // ends
    struct buffer value;
};

static bool write_all(struct world *world)
{
    struct told told = {0};
    bool well = true;
    uint64_t start_ms = now_ms();
    for (uint32_t batch = 0; batch < BATCHES && well; batch++)
        well = put_batch(&world->writer, batch, buffer_bytes(&world->value)) &&
               read_entries(&world->prompt, &told, (batch + 1) * BATCH);
    fprintf(stderr, "%u writes and events in %lu ms\n", (unsigned)WRITES,
            (unsigned long)(now_ms() - start_ms));
    report("who reads", &told);
    return well && told.enters == WRITES;
}

// Every key was written once: nothing could be merged, or come twice.
static void check_patience(struct raw *raw, const char *name, const char *claim)
{
    struct told told = {0};
    bool well = read_entries(raw, &told, WRITES);
    report(name, &told);
    case_report(well && told.ended == ERROR_NONE && told.resets == 0 && told.enters == WRITES,
                claim);
}

static void check_end(struct raw *raw)
{
    struct told told = {0};
    bool well = read_entries(raw, &told, UINT32_MAX);
    report("who ends", &told);
    case_report(well && told.ended == ERROR_SLOW_CONSUMER && told.enters > 0 &&
                    told.enters < WRITES,
                "who wants to end gets what was kept, then SLOW_CONSUMER");
    case_report(raw_works(raw), "its connection still works");
}

static void check_all(struct world *world)
{
    uint16_t port = world->nodes.ports[0];
    bool well = subscribe(&world->patient, port, START_LATEST, POLICY_CATCH_UP) &&
                subscribe(&world->merging, port, START_LATEST, POLICY_CONFLATE) &&
                subscribe(&world->impatient, port, START_LATEST, POLICY_DISCONNECT) &&
                subscribe(&world->prompt, port, START_LATEST, POLICY_CATCH_UP);
    case_report(well && write_all(world),
                "writers and other subscribers go on beside some that do not read");
    check_patience(&world->patient, "who catches up", "who wants everything gets it, later");
    check_patience(&world->merging, "who conflates", "who conflates gets every entry");
    check_end(&world->impatient);
    raw_close(&world->prompt);
    case_report(subscribe(&world->prompt, port, START_SNAPSHOT, POLICY_CATCH_UP) &&
                    raw_works(&world->writer),
                "a subscriber that dies in its snapshot harms nobody");
    raw_close(&world->prompt);
    case_report(raw_works(&world->writer), "not even afterwards");
    raw_close(&world->patient);
    raw_close(&world->merging);
    raw_close(&world->impatient);
}

static bool put_all(struct world *world)
{
    bool well = true;
    for (uint32_t batch = 0; batch < BATCHES && well; batch++)
        well = put_batch(&world->writer, batch, buffer_bytes(&world->value));
    return well;
}

// The log is too short for what was missed: old values fill it.
static void check_reset(struct world *world)
{
    struct told told = {0};
    struct raw *raw = &world->patient;
    bool well = put_all(world) &&
                subscribe(raw, world->nodes.ports[0], START_LATEST, POLICY_CATCH_UP) &&
                put_all(world) && read_entries(raw, &told, WRITES);
    report("who is reset", &told);
    case_report(well && told.ended == ERROR_NONE && told.resets > 0 && told.rows > 0,
                "where the log has dropped something the partition is told anew");
    raw_close(raw);
}

static void world_start(struct world *world, const char *const *options)
{
    uint8_t *zeros = calloc(1, VALUE_BYTES);
    write_bin(&world->value, bytes_of(zeros, VALUE_BYTES));
    free(zeros);
    nodes_start(&world->nodes, 1, options);
    raw_greet(&world->writer, world->nodes.ports[0], 0);
}

static void world_stop(struct world *world)
{
    raw_close(&world->writer);
    buffer_deinit(&world->value);
    case_report(nodes_stop(&world->nodes), "the node stops with status 0");
}

int main(void)
{
    static const char *const options[] = {"--workers=1", "--partitions=16",
                                          "--connection-output-max-bytes=1M",
                                          "--log-max-bytes=256M", NULL};
    static const char *const short_options[] = {"--workers=1", "--partitions=16",
                                                "--connection-output-max-bytes=1M",
                                                "--log-max-bytes=1M", NULL};
    struct world world = {0};
    world_start(&world, options);
    check_all(&world);
    world_stop(&world);
    world = (struct world){0};
    world_start(&world, short_options);
    check_reset(&world);
    world_stop(&world);
    return case_status();
}
