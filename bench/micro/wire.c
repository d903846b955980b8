// SPDX-License-Identifier: Apache-2.0
// Nanoseconds to write and to read what travels most: requests, answers and events with a 16-byte
// key and a 100-byte value. Pin it: taskset -c 1 build/micro/wire
#include "bench/stopwatch.h"
#include "cluster/model/key.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/writer.h"

#include <stdio.h>

enum {
    ROUNDS = 7,
    FRAMES = 1000, // written one behind the other, as in a pipeline, then read
    REPEATS = 1000,
    PARTITIONS = 1024,
    VALUE_BYTES = 100,
};

struct scene {
    struct buffer key;
    struct buffer value;
    struct buffer wire; // FRAMES frames
};

static void op_write(struct scene *scene, enum op_kind kind, uint32_t number)
{
    struct op op = {.kind = kind,
                    .map = bytes_of_text("bench"),
                    .key = buffer_bytes(&scene->key),
                    .value = buffer_bytes(&scene->value)};
    op.partition = key_partition(key_hash(op.key), PARTITIONS);
    op_encode(&scene->wire, number, &op);
}

static void get_write(struct scene *scene, uint32_t number)
{
    op_write(scene, OP_GET, number);
}

static void put_write(struct scene *scene, uint32_t number)
{
    op_write(scene, OP_PUT, number);
}

static void op_read(const struct frame *frame)
{
    struct op op;
    const char *what;
    CHECK(op_decode(frame, &op, &what) == ERROR_NONE);
}

static void answer_write(struct scene *scene, uint32_t number)
{
    reply_encode_entry(&scene->wire, number, 7, true, 123456, buffer_bytes(&scene->value));
}

static void answer_read(const struct frame *frame)
{
    struct op_reply reply;
    CHECK(reply_decode(OP_GET, frame, &reply) == ERROR_NONE && reply.found);
}

static void update_write(struct scene *scene, uint32_t number)
{
    struct event event = {.kind = FRAME_UPDATE,
                          .audience = {.subscription = number},
                          .epoch = 1,
                          .seq = 123456,
                          .time_us = UINT64_C(1763800000000000),
                          .cause = CAUSE_PUT,
                          .key = buffer_bytes(&scene->key),
                          .has_new = true,
                          .has_old = true,
                          .new_value = buffer_bytes(&scene->value),
                          .old_value = buffer_bytes(&scene->value)};
    event_encode(&scene->wire, &event);
}

static void update_read(const struct frame *frame)
{
    struct event event;
    CHECK(event_decode(frame, &event) == ERROR_NONE && event.has_new);
}

static void frames_read(const struct scene *scene, void (*read)(const struct frame *frame))
{
    struct bytes input = buffer_bytes(&scene->wire);
    while (input.size > 0) {
        struct frame frame;
        enum error error;
        CHECK(frame_parse(input, EVENT_BODY_BYTES_MAX, &frame, &error) == FRAME_COMPLETE);
        read(&frame);
        size_t frame_bytes = FRAME_HEADER_BYTES + frame.body.size;
        input = bytes_of(input.data + frame_bytes, input.size - frame_bytes);
    }
}

// The best of all rounds: what disturbs a round only ever adds.
static void measure(struct scene *scene, const char *name, void (*write)(struct scene *, uint32_t),
                    void (*read)(const struct frame *))
{
    double best_write_ns = 1e9, best_read_ns = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t write_ns = 0, read_ns = 0;
        for (int repeat = 0; repeat < REPEATS; repeat++) {
            buffer_clear(&scene->wire);
            uint64_t begin_ns = stopwatch_now_ns();
            for (uint32_t i = 0; i < FRAMES; i++)
                write(scene, i);
            uint64_t middle_ns = stopwatch_now_ns();
            frames_read(scene, read);
            read_ns += stopwatch_now_ns() - middle_ns;
            write_ns += middle_ns - begin_ns;
        }
        double count = (double)REPEATS * FRAMES;
        best_write_ns =
            (double)write_ns / count < best_write_ns ? (double)write_ns / count : best_write_ns;
        best_read_ns =
            (double)read_ns / count < best_read_ns ? (double)read_ns / count : best_read_ns;
    }
    printf("%-24s %6zu bytes  write %6.1f ns  read %6.1f ns\n", name,
           buffer_size(&scene->wire) / FRAMES, best_write_ns, best_read_ns);
}

int main(void)
{
    static const uint8_t text[VALUE_BYTES];
    struct scene scene = {0};
    write_text(&scene.key, "user000000000001");
    write_bin(&scene.value, bytes_of(text, sizeof text));
    measure(&scene, "get", get_write, op_read);
    measure(&scene, "put", put_write, op_read);
    measure(&scene, "answer to get", answer_write, answer_read);
    measure(&scene, "update event, new + old", update_write, update_read);
    buffer_deinit(&scene.key);
    buffer_deinit(&scene.value);
    buffer_deinit(&scene.wire);
    return 0;
}
