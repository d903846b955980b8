// SPDX-License-Identifier: Apache-2.0
// NEXMark in process, on one core: events that were made beforehand are put into a shard of one
// worker, and what a standing query selects of them is delivered to an outlet that is emptied after
// each turn. What came is counted and compared with the generator's own evaluation. The first pass
// inserts every event, later ones put the same keys again.
#include "bench/nexmark.h"

#include "bench/keyset.h"
#include "cluster/base/memory.h"
#include "cluster/base/units.h"
#include "cluster/model/key.h"
#include "cluster/wire/event_codec.h"
#include "node/feed/watches.h"
#include "node/shard/execute.h"
#include "node/shard/subscriptions.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    EVENTS = 1000000,
    PARTITIONS = 1024,
    ROUNDS = 3,
    PASSES = 3,
    TURN_EVENTS = 256, // about what one read of a worker's socket holds
    MEMBER = 1,
    SEED = 1,
};

#define LOG_BYTES (64 * MIB)

// ---- Events, made beforehand ----

struct prepared {
    size_t offset; // of the value
    uint32_t value_bytes;
    uint8_t kind; // enum nexmark_kind
    uint8_t key[KEY_ENCODED_BYTES];
};

struct stream {
    struct prepared *events; // owned
    struct buffer values;
    struct bytes maps[NEXMARK_KIND_COUNT]; // their names
    uint64_t matches[NEXMARK_Q3 + 1];
};

static void stream_init(struct stream *stream)
{
    *stream = (struct stream){.events = memory_new_array(EVENTS, sizeof *stream->events)};
    for (unsigned kind = 0; kind < NEXMARK_KIND_COUNT; kind++)
        stream->maps[kind] = bytes_of_text(nexmark_map((enum nexmark_kind)kind));
    for (uint64_t number = 0; number < EVENTS; number++) {
        struct prepared *prepared = &stream->events[number];
        struct nexmark_event event;
        nexmark_draw(SEED, number, &event);
        for (enum nexmark_query query = NEXMARK_Q1; query <= NEXMARK_Q3; query++)
            stream->matches[query] += nexmark_matches(query, &event);
        prepared->kind = (uint8_t)event.kind;
        prepared->offset = buffer_size(&stream->values);
        key_of_index(event.id, prepared->key);
        nexmark_write(&event, &stream->values);
        prepared->value_bytes = (uint32_t)(buffer_size(&stream->values) - prepared->offset);
    }
}

static void stream_deinit(struct stream *stream)
{
    free(stream->events);
    buffer_deinit(&stream->values);
}

// ---- The shard, without sockets and threads ----

struct stage {
    struct shard *shard;
    struct view view;
    struct outlet answers; // of the puts
    struct outlet events;  // of the subscriber
    struct reader *reader;
    uint64_t delivered; // ENTER and UPDATE events
};

static void ignore_change(struct outlet *outlet)
{
    (void)outlet;
}

static void say(void *context, bool is_warning, const char *text)
{
    (void)context;
    (void)is_warning;
    fprintf(stderr, "%s\n", text);
}

static void no_hop(void *context, const struct request *request)
{
    (void)context;
    (void)request;
    CHECK(false);
}

static void no_stats(void *context, struct buffer *out)
{
    (void)context;
    (void)out;
}

static void time_set(struct stage *stage)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_us = (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / NS_PER_US;
    shard_set_time(stage->shard, (struct shard_time){.now_us = now_us, .unix_us = now_us});
}

// One member that leads everything, without backups.
static void view_init(struct view *view)
{
    *view = (struct view){.grid_id = 1,
                          .version = 1,
                          .partition_count = PARTITIONS,
                          .replica_count = 1,
                          .min_in_sync = 1,
                          .member_count = 1};
    view->members = memory_new_array(1, sizeof *view->members);
    view->members[0] = (struct view_member){.id = MEMBER, .weight = 1};
    view->partitions = memory_new_array(PARTITIONS, sizeof *view->partitions);
    for (uint32_t i = 0; i < PARTITIONS; i++)
        view->partitions[i] = (struct view_partition){.epoch = 1,
                                                      .version = 1,
                                                      .replica_count = 1,
                                                      .in_sync_count = 1,
                                                      .handover = VIEW_NO_MEMBER};
}

static void stage_init(struct stage *stage)
{
    struct shard_options options = {
        .worker_count = 1,
        .member_id = MEMBER,
        .log_bytes_max = LOG_BYTES,
        .value_bytes_max = VALUE_BYTES_MAX,
        .answer_timeout_ms = 1000,
        .drop_ms = 1000,
        .host = {.say = say, .hop = no_hop, .stats = no_stats},
    };
    *stage = (struct stage){.shard = shard_new(&options)};
    stage->answers = stage->events = (struct outlet){.limit_bytes = MIB, .changed = ignore_change};
    view_init(&stage->view);
    time_set(stage);
    shard_set_lease(stage->shard, UINT64_MAX);
    shard_apply_view(stage->shard, &stage->view);
}

static void stage_deinit(struct stage *stage)
{
    if (stage->reader)
        reader_free(stage->reader);
    shard_drop_pending(stage->shard);
    shard_free(stage->shard);
    view_deinit(&stage->view);
    buffer_deinit(&stage->answers.out);
    buffer_deinit(&stage->events.out);
}

// ---- What leaves ----

static uint32_t audience_count(const struct frame *frame)
{
    struct event event;
    if (!(frame->header.flags & EVENT_SHARED))
        return 1;
    CHECK(event_decode(frame, &event) == ERROR_NONE);
    return (uint32_t)(event.audience.ids.size / sizeof(uint32_t));
}

static void frame_take(struct stage *stage, const struct frame *frame);

static void frames_take(struct stage *stage, struct bytes frames)
{
    while (frames.size > 0) {
        struct frame frame;
        enum error error;
        CHECK(frame_parse(frames, UINT32_MAX, &frame, &error) == FRAME_COMPLETE);
        size_t size = FRAME_HEADER_BYTES + frame.body.size;
        frames = bytes_of(frames.data + size, frames.size - size);
        frame_take(stage, &frame);
    }
}

static void frame_take(struct stage *stage, const struct frame *frame)
{
    struct bytes frames;
    CHECK(frame->header.kind != FRAME_ERROR && frame->header.kind != FRAME_ENDED);
    if (frame->header.kind == FRAME_ENTER || frame->header.kind == FRAME_UPDATE)
        stage->delivered += audience_count(frame);
    else if (frame->header.kind == FRAME_BATCH) {
        CHECK(batch_decode(frame->body, &frames) == ERROR_NONE);
        frames_take(stage, frames);
    }
}

static void outlet_empty(struct stage *stage, struct outlet *outlet)
{
    frames_take(stage, buffer_bytes(&outlet->out));
    buffer_clear(&outlet->out);
    outlet->is_dirty = false;
}

// ---- Runs ----

static void turn_end(struct stage *stage)
{
    shard_advance(stage->shard);
    shard_work(stage->shard);
    outlet_empty(stage, &stage->answers);
    outlet_empty(stage, &stage->events);
}

static void query_subscribe(struct stage *stage, const char *text, uint32_t id)
{
    struct buffer out = {0};
    struct frame frame;
    enum error error;
    struct subscribe subscribe = {.query = bytes_of_text(text),
                                  .start = START_LATEST,
                                  .content = CONTENT_NEW,
                                  .kinds = KIND_ENTER | KIND_UPDATE,
                                  .causes = CAUSES_ALL};
    subscribe_encode(&out, id, &subscribe);
    CHECK(frame_parse(buffer_bytes(&out), UINT32_MAX, &frame, &error) == FRAME_COMPLETE);
    subscriptions_frame(stage->shard, &stage->events, &frame, "nexmark", &stage->reader);
    buffer_deinit(&out);
    turn_end(stage);
}

static void request_make(const struct stream *stream, const struct prepared *prepared,
                         struct outlet *outlet, struct request *request)
{
    *request = (struct request){.outlet = outlet};
    struct op *op = &request->op;
    op->kind = OP_PUT;
    op->map = stream->maps[prepared->kind];
    op->key = bytes_of(prepared->key, sizeof prepared->key);
    op->value =
        bytes_of(buffer_bytes(&stream->values).data + prepared->offset, prepared->value_bytes);
    op->hash = key_hash(op->key);
    op->partition = key_partition(op->hash, PARTITIONS);
}

static void turn_run(struct stage *stage, const struct stream *stream, uint64_t begin, uint64_t end)
{
    time_set(stage);
    while (begin < end) {
        struct request requests[BATCH_OPERATIONS_MAX];
        uint32_t count = 0;
        for (; count < BATCH_OPERATIONS_MAX && begin + count < end; count++) {
            request_make(stream, &stream->events[begin + count], &stage->answers, &requests[count]);
            execute_prepare(stage->shard, &requests[count]);
        }
        begin += execute_batch(stage->shard, requests, count);
    }
    turn_end(stage);
}

// Processor time: other load on the machine shall not count.
static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / NS_PER_S;
}

// Puts every event once; M events/s.
static double pass_run(struct stage *stage, const struct stream *stream)
{
    double start = now_s();
    for (uint64_t begin = 0; begin < EVENTS; begin += TURN_EVENTS)
        turn_run(stage, stream, begin, begin + TURN_EVENTS < EVENTS ? begin + TURN_EVENTS : EVENTS);
    return EVENTS / (now_s() - start) / 1e6;
}

// `query` 0: none, what the puts alone cost. rates[p]: of pass p.
static void round_run(const struct stream *stream, unsigned query, double *rates)
{
    struct stage stage;
    stage_init(&stage);
    const char *const none = NULL;
    const char *const *texts = query ? nexmark_query_texts((enum nexmark_query)query) : &none;
    for (uint32_t id = 1; *texts; texts++, id++)
        query_subscribe(&stage, *texts, id);
    for (unsigned pass = 0; pass < PASSES; pass++)
        rates[pass] = pass_run(&stage, stream);
    turn_end(&stage);
    CHECK(stage.delivered == stream->matches[query] * PASSES);
    stage_deinit(&stage);
}

static int double_order(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

static void measure(const struct stream *stream, unsigned query)
{
    static const char *const names[] = {"no query", "Q1", "Q2", "Q3, its filters"};
    double first[ROUNDS], later[ROUNDS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        double rates[PASSES];
        round_run(stream, query, rates);
        first[round] = rates[0];
        later[round] = rates[PASSES - 1];
    }
    qsort(first, ROUNDS, sizeof *first, double_order);
    qsort(later, ROUNDS, sizeof *later, double_order);
    printf("%-16s %10.2f %10.2f %10lu\n", names[query], first[ROUNDS / 2], later[ROUNDS / 2],
           (unsigned long)stream->matches[query]);
}

int main(int argument_count, char **arguments)
{
    struct stream stream;
    stream_init(&stream);
    printf("%d events, %.0f bytes each; M events/s of one core\n", EVENTS,
           (double)buffer_size(&stream.values) / EVENTS);
    printf("%-16s %10s %10s %10s\n", "", "inserts", "updates", "matches");
    if (argument_count > 1)
        measure(&stream, (unsigned)strtoul(arguments[1], NULL, 10) % (NEXMARK_Q3 + 1));
    for (unsigned query = 0; query <= NEXMARK_Q3 && argument_count == 1; query++)
        measure(&stream, query);
    stream_deinit(&stream);
}
