// SPDX-License-Identifier: Apache-2.0
// Clients that do not read, do not finish, or say nothing: the node's memory stays bounded, other
// connections stay fast, and who reads after all gets everything.
#include "cluster/wire/cursor.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/writer.h"
#include "tests/system/support/nodes.h"
#include "tests/system/support/raw.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

enum {
    // The address sanitizer keeps what was freed for a while.
    GROWTH_KIB_MAX = (IS_SANITIZED ? 700 : 128) * 1024,
    LARGE_BYTES = 1024 * 1024,
    LARGE_GETS = 1500,
    TINY_REQUESTS = IS_SANITIZED ? 200 * 1000 : 1000 * 1000,
    VIEW_REQUESTS = 50 * 1000,
    STUCK_MS = 300, // a socket that takes nothing for so long is full
};

struct world {
    struct nodes nodes;
    struct raw witness;
};

static void check(struct world *world, bool passed, const char *name)
{
    bool works = raw_works(&world->witness);
    if (!works)
        fprintf(stderr, "the other connection does not work\n");
    case_report(passed && works, name);
}

static long resident_kib(const struct world *world)
{
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)world->nodes.processes[0]);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    }
    if (file)
        fclose(file);
    return kib;
}

// ---- Requests without reading ----

// Sends until all is sent or the socket has taken nothing for a while.
static void send_until_stuck(struct raw *raw, struct buffer *out)
{
    struct pollfd writable = {.fd = raw->descriptor, .events = POLLOUT};
    while (buffer_size(out) > 0 && poll(&writable, 1, STUCK_MS) == 1)
        buffer_consume(out, raw_send_some(raw, buffer_bytes(out)));
}

// Reads `count` answers, and sends the rest of `out` as it goes.
static uint32_t read_answers(struct raw *raw, struct buffer *out, uint32_t count)
{
    struct frame frame;
    uint32_t answered = 0;
    while (answered < count && raw_next(raw, &frame)) {
        answered += frame.header.kind == FRAME_REPLY;
        if (buffer_size(out) > 0)
            buffer_consume(out, raw_send_some(raw, buffer_bytes(out)));
    }
    return answered;
}

// All of `out`, `count` requests, unread; then everything is read.
static void flood(struct world *world, struct raw *raw, struct buffer *out, uint32_t count,
                  const char *name)
{
    char text[128];
    long before_kib = resident_kib(world);
    send_until_stuck(raw, out);
    bool is_unimpressed = raw_works(&world->witness);
    long growth_kib = resident_kib(world) - before_kib;
    if (growth_kib > GROWTH_KIB_MAX)
        fprintf(stderr, "%s: grown by %ld KiB\n", name, growth_kib);
    snprintf(text, sizeof text, "%s, unread: memory is bounded, others are served", name);
    check(world, is_unimpressed && growth_kib <= GROWTH_KIB_MAX, text);
    uint32_t answered = read_answers(raw, out, count);
    if (answered != count)
        fprintf(stderr, "%s: %u answers of %u\n", name, answered, count);
    snprintf(text, sizeof text, "%s, read in the end: all are answered", name);
    check(world, answered == count, text);
    buffer_clear(out);
}

static bool put_large(struct raw *raw, struct bytes key)
{
    struct buffer out = {0}, value = {0};
    struct frame frame;
    uint8_t *zeros = calloc(1, LARGE_BYTES);
    write_bin(&value, bytes_of(zeros, LARGE_BYTES));
    raw_op(raw, &out, OP_PUT, 1, key, buffer_bytes(&value));
    bool done =
        raw_send_buffer(raw, &out) && raw_next(raw, &frame) && frame.header.kind == FRAME_REPLY;
    free(zeros);
    buffer_deinit(&out);
    buffer_deinit(&value);
    return done;
}

// On each worker in turn: the key's owner is one of them, the other sends the requests on.
static void test_large_gets(struct world *world)
{
    const struct bytes key = bytes_of("\xa5large", 6);
    struct raw raw;
    struct buffer out = {0};
    for (uint16_t worker = 0; worker < 2; worker++) {
        raw_greet(&raw, world->nodes.ports[0], worker);
        put_large(&raw, key);
        for (uint32_t i = 0; i < LARGE_GETS; i++)
            raw_op(&raw, &out, OP_GET, i, key, bytes_of(NULL, 0));
        flood(world, &raw, &out, LARGE_GETS,
              worker ? "large values by worker 1" : "large values by worker 0");
        raw_close(&raw);
    }
    buffer_deinit(&out);
}

static void test_tiny_requests(struct world *world)
{
    const struct bytes key = bytes_of("\1", 1);
    struct raw raw;
    struct buffer out = {0};
    raw_greet(&raw, world->nodes.ports[0], HELLO_ANY_WORKER);
    for (uint32_t i = 0; i < TINY_REQUESTS; i++)
        raw_op(&raw, &out, OP_CONTAINS, i, key, bytes_of(NULL, 0));
    flood(world, &raw, &out, TINY_REQUESTS, "a million tiny requests");
    for (uint32_t i = 0; i < VIEW_REQUESTS; i++)
        request_encode_empty(&out, FRAME_VIEW, i);
    flood(world, &raw, &out, VIEW_REQUESTS, "requests for the view");
    raw_close(&raw);
    buffer_deinit(&out);
}

// ---- Scans over large values ----

// One page; false: the answer is no page, or a huge one.
static bool scan_page(struct raw *raw, struct scan_position *position, uint64_t *rows, bool *more)
{
    struct op op = {.kind = OP_SCAN,
                    .partition = PARTITION_ANY,
                    .map = bytes_of_text("m"),
                    .position = *position,
                    .limit = 1000};
    struct buffer out = {0};
    struct frame frame;
    struct op_reply reply;
    op_encode(&out, 1, &op);
    bool got = raw_send_buffer(raw, &out) && raw_next(raw, &frame) &&
               frame.header.kind == FRAME_REPLY && frame.body.size < 3 * LARGE_BYTES &&
               reply_decode(OP_SCAN, &frame, &reply) == ERROR_NONE;
    buffer_deinit(&out);
    if (!got)
        return false;
    *rows += reply.count;
    *more = reply.more;
    *position = reply.position;
    return true;
}

static void test_large_scan(struct world *world)
{
    enum { LARGE_KEYS = 100 };
    struct raw raw;
    struct buffer key = {0};
    uint64_t rows = 0;
    bool well = true;
    for (uint32_t i = 0; i < LARGE_KEYS; i++) {
        raw_greet(&raw, world->nodes.ports[0], HELLO_ANY_WORKER);
        buffer_clear(&key);
        write_uint(&key, 1000 + i);
        well = well && put_large(&raw, buffer_bytes(&key));
        raw_close(&raw);
    }
    for (uint16_t worker = 0; worker < 2; worker++) {
        struct scan_position position = {0};
        bool more = true;
        raw_greet(&raw, world->nodes.ports[0], worker);
        while (well && more)
            well = scan_page(&raw, &position, &rows, &more);
        raw_close(&raw);
    }
    buffer_deinit(&key);
    check(world, well && rows >= LARGE_KEYS, "pages of a scan over large values are small");
}

// ---- Unfinished business ----

static uint64_t stats_connections(struct raw *raw)
{
    struct op op = {.kind = OP_STATS, .partition = PARTITION_ANY};
    struct buffer out = {0};
    struct frame frame;
    struct op_reply reply;
    uint32_t pairs = 0;
    uint64_t connections = UINT64_MAX;
    op_encode(&out, 1, &op);
    bool got = raw_send_buffer(raw, &out) && raw_next(raw, &frame) &&
               reply_decode(OP_STATS, &frame, &reply) == ERROR_NONE;
    buffer_deinit(&out);
    if (!got)
        return UINT64_MAX;
    struct cursor cursor = cursor_of(reply.value);
    if (!cursor_read_map(&cursor, &pairs))
        return UINT64_MAX;
    for (uint32_t i = 0; i < pairs; i++) {
        struct bytes name;
        uint64_t figure;
        if (cursor_read_str(&cursor, &name) && cursor_read_uint(&cursor, &figure) &&
            bytes_equal(name, bytes_of_text("connections")))
            connections = figure;
    }
    return connections;
}

// Context: the raws of two workers, no other connection being open but the witness.
static bool all_are_gone(void *context)
{
    struct raw *raws = context;
    return stats_connections(&raws[0]) + stats_connections(&raws[1]) == 3;
}

static void test_half_frames(struct world *world)
{
    enum { DEATHS = 100, HALF_BYTES = 10 * 1024 };
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    static const uint8_t half[HALF_BYTES];
    uint8_t header[FRAME_HEADER_BYTES];
    struct frame_header promise = {.body_bytes = LARGE_BYTES, .kind = FRAME_OPERATION + OP_PUT};
    struct raw raw, observers[2];
    frame_header_store(header, &promise);
    for (int i = 0; i < DEATHS; i++) {
        raw_greet(&raw, world->nodes.ports[0], (uint16_t)(i % 2));
        // All header, half a header; closed, reset.
        raw_send(&raw, bytes_of(header, i % 3 ? sizeof header : sizeof header / 2));
        raw_send(&raw, bytes_of(half, i % 3 ? HALF_BYTES : 0));
        if (i % 5 == 0)
            setsockopt(raw.descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        raw_close(&raw);
    }
    for (uint16_t worker = 0; worker < 2; worker++)
        raw_greet(&observers[worker], world->nodes.ports[0], worker);
    check(world, wait_until(all_are_gone, observers), "clients that die in a frame are forgotten");
    raw_close(&observers[0]);
    raw_close(&observers[1]);
}

static void test_silence(struct world *world)
{
    enum { SILENT = 50 };
    struct raw raws[SILENT];
    for (int i = 0; i < SILENT; i++)
        raw_open(&raws[i], world->nodes.ports[0]);
    check(world, true, "clients that say nothing harm nobody");
    for (int i = 0; i < SILENT; i++)
        raw_close(&raws[i]);
}

int main(void)
{
    static const char *const options[] = {"--workers=2", "--partitions=64", NULL};
    struct world world;
    nodes_start(&world.nodes, 1, options);
    raw_greet(&world.witness, world.nodes.ports[0], HELLO_ANY_WORKER);
    test_half_frames(&world);
    test_silence(&world);
    test_tiny_requests(&world);
    test_large_gets(&world);
    test_large_scan(&world);
    raw_close(&world.witness);
    case_report(nodes_stop(&world.nodes), "the node stops with status 0");
    return case_status();
}
