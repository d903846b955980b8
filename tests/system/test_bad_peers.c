// SPDX-License-Identifier: Apache-2.0
// Nodes that are none, speak nonsense, or stop in the middle: the grid's nodes live on, and are in
// step again afterwards.
#include "cluster/model/key.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/writer.h"
#include "tests/system/support/nodes.h"
#include "tests/system/support/raw.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARTITIONS = 16, VALUE_BYTES = 256 * 1024 };

// ---- Entries whose primary is the first node ----

static bool is_answered(struct raw *raw, struct buffer *out)
{
    struct frame frame;
    return raw_send_buffer(raw, out) && raw_next(raw, &frame) && frame.header.kind == FRAME_REPLY;
}

// The first key from *number on that the node is primary of; *number moves behind it.
static void own_key(struct raw *raw, uint64_t *number, struct buffer *key)
{
    struct buffer out = {0};
    bool owned = false;
    while (!owned) {
        buffer_clear(key);
        write_uint(key, (*number)++);
        raw_op(raw, &out, OP_CONTAINS, 1, buffer_bytes(key), bytes_of(NULL, 0));
        owned = is_answered(raw, &out);
    }
    buffer_deinit(&out);
}

static bool can_do(uint16_t port, enum op_kind kind)
{
    struct raw raw;
    struct buffer out = {0}, key = {0};
    uint64_t number = 0;
    raw_greet(&raw, port, HELLO_ANY_WORKER);
    own_key(&raw, &number, &key);
    raw_op(&raw, &out, kind, 1, buffer_bytes(&key), bytes_of("\1", kind == OP_PUT));
    bool done = is_answered(&raw, &out);
    buffer_deinit(&out);
    buffer_deinit(&key);
    raw_close(&raw);
    return done;
}

static bool all_write(void *context)
{
    const struct nodes *nodes = context;
    return can_do(nodes->ports[0], OP_PUT) && can_do(nodes->ports[1], OP_PUT);
}

// ---- Strangers and nonsense ----

static void peer_hello(struct buffer *out, const char *name, const char *secret)
{
    struct hello hello = {.version_min = PROTOCOL_VERSION,
                          .version_max = PROTOCOL_VERSION,
                          .role = HELLO_PEER,
                          .worker = 0,
                          .name = bytes_of_text(name),
                          .grid = bytes_of_text("nowgrid"),
                          .secret = bytes_of_text(secret),
                          .id = 1};
    hello_encode(out, 0, &hello);
}

static void test_stranger(const struct nodes *nodes)
{
    struct raw raw;
    struct buffer out = {0};
    raw_open(&raw, nodes->ports[0]);
    peer_hello(&out, "stranger", "guessed");
    case_report(raw_send_buffer(&raw, &out) &&
                    raw_next_is_error(&raw, ERROR_WRONG_SECRET, "'stranger'") &&
                    raw_is_closed(&raw),
                "a node without the grid's secret is turned away by name");
    buffer_deinit(&out);
    raw_close(&raw);
}

struct nonsense {
    const char *body;
    size_t body_bytes;
};

// Bodies that are malformed, and well-formed ones that make no sense: positions of epochs and
// sequence numbers that there never were, effects without a key.
#define BODY(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct nonsense nonsense[] = {
    BODY(""),
    BODY("\x90"),
    BODY("\xc1\xc1\xc1"),
    BODY("\x93\1\1\x90"),
    BODY("\x93\1\1\x92\2\1"),
    BODY("\x93\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x90"),
    BODY("\x96\1\1\0\1\0\x90"),
    BODY("\x96\1\1\0\1\1\x98\1\1\1\1\1\1\1\1"),
    BODY("\x96\1\xcf\xff\xff\xff\xff\xff\xff\xff\xff\0\1\0\x90"),
    BODY("\x97\1\xa1m\1\1\1\0\0"),
};

// As the primary of a partition that the node is a backup of, or not.
static bool survives_nonsense(const struct nodes *nodes, uint8_t kind, uint16_t partition,
                              bool attaches)
{
    struct buffer out = {0};
    bool alive = true;
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense && alive; i++) {
        struct raw raw;
        raw_open(&raw, nodes->ports[0]);
        peer_hello(&out, "n2", "");
        if (attaches)
            raw_frame(&out, FRAME_ATTACH, partition, 0, bytes_of("\x93\1\0\x90", 4));
        raw_frame(&out, kind, partition, 0, bytes_of(nonsense[i].body, nonsense[i].body_bytes));
        struct frame frame;
        alive = raw_send_buffer(&raw, &out) && raw_next(&raw, &frame);
        raw_close(&raw);
    }
    buffer_deinit(&out);
    return alive;
}

static void test_nonsense(struct nodes *nodes)
{
    bool alive = true;
    for (uint8_t kind = FRAME_ATTACH - 1; kind <= FRAME_FILL_RESULT + 1; kind++) {
        for (uint16_t partition = 0; partition <= PARTITIONS; partition++)
            alive = alive && survives_nonsense(nodes, kind, partition, partition % 2 == 0);
    }
    case_report(alive && can_do(nodes->ports[0], OP_GET),
                "a member that sends nonsense harms nobody");
}

// ---- A backup that stops ----

static bool reads(void *context)
{
    const struct nodes *nodes = context;
    return can_do(nodes->ports[0], OP_GET);
}

static void test_stopped_backup(struct nodes *nodes)
{
    enum { PUTS = 400 };
    struct raw raw;
    struct buffer out = {0}, key = {0}, value = {0};
    uint8_t *zeros = calloc(1, VALUE_BYTES);
    uint64_t number = 0;
    write_bin(&value, bytes_of(zeros, VALUE_BYTES));
    raw_greet(&raw, nodes->ports[0], HELLO_ANY_WORKER);
    own_key(&raw, &number, &key);
    node_kill(nodes, 1, SIGSTOP);
    for (uint32_t i = 0; i < PUTS; i++)
        raw_op(&raw, &out, OP_PUT, i, buffer_bytes(&key), buffer_bytes(&value));
    raw_send_buffer(&raw, &out);
    struct frame frame;
    struct op_reply reply;
    uint32_t done = 0, unknown = 0, refused = 0;
    for (uint32_t i = 0; i < PUTS && raw_next(&raw, &frame); i++) {
        if (reply_decode(OP_PUT, &frame, &reply) != ERROR_NONE)
            break;
        done += reply.error == ERROR_NONE;
        unknown += reply.error == ERROR_INDETERMINATE;
        refused += reply.error == ERROR_OVERLOADED;
    }
    if (done + unknown + refused != PUTS)
        fprintf(stderr, "%u done, %u unknown, %u refused of %u\n", done, unknown, refused,
                (unsigned)PUTS);
    case_report(done + unknown + refused == PUTS,
                "writes to a backup that stops are done without it, of unknown fate, or refused");
    case_report(wait_until(reads, nodes), "a node whose backup stops answers what needs no backup");
    node_kill(nodes, 1, SIGCONT);
    case_report(wait_until(all_write, nodes), "a backup that goes on takes writes again");
    free(zeros);
    buffer_deinit(&out);
    buffer_deinit(&key);
    buffer_deinit(&value);
    raw_close(&raw);
}

int main(void)
{
    static const char *const options[] = {"--workers=1", "--partitions=16", "--backups=1",
                                          "--replication-timeout-ms=500", NULL};
    struct nodes nodes;
    nodes_start(&nodes, 3, options);
    test_stranger(&nodes);
    test_stopped_backup(&nodes);
    test_nonsense(&nodes);
    case_report(nodes_stop(&nodes), "the nodes stop with status 0");
    return case_status();
}
