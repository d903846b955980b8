// SPDX-License-Identifier: Apache-2.0
// What is not as docs/protocol.md says gets an error that names what is wrong. After each such act
// another connection must still work.
#include "cluster/wire/event_codec.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/writer.h"
#include "tests/system/support/nodes.h"
#include "tests/system/support/raw.h"

#include <stdio.h>
#include <stdlib.h>

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

// ---- Bodies: the connection goes on ----

#define BODY(text) text, sizeof(text) - 1
#define KIND(op)   (FRAME_OPERATION + (op))

struct body_row {
    const char *name;
    unsigned kind;
    const char *body;
    size_t body_bytes;
    enum error error;
    const char *text;
};

// In a body 0xa1 'm' is the map "m", 0x01 the key 1.
static const struct body_row body_rows[] = {
    {"no body", KIND(OP_GET), BODY(""), ERROR_MALFORMED_FRAME, "body"},
    {"no array", KIND(OP_GET), BODY("\xa1m"), ERROR_MALFORMED_FRAME, "body"},
    {"array of 8", KIND(OP_GET), BODY("\x98\xa1m\1\1\1\1\1\1\1"), ERROR_MALFORMED_FRAME, "body"},
    {"key missing", KIND(OP_GET), BODY("\x92\xa1m"), ERROR_MALFORMED_KEY, "key"},
    {"value missing", KIND(OP_PUT), BODY("\x92\xa1m\1"), ERROR_MALFORMED_FRAME, "value"},
    {"body longer than its array", KIND(OP_GET), BODY("\x92\xa1m\1\1"), ERROR_MALFORMED_FRAME,
     "body"},
    {"0xc1 as value", KIND(OP_PUT), BODY("\x93\xa1m\1\xc1"), ERROR_MALFORMED_VALUE, "value"},
    {"truncated str as value", KIND(OP_PUT), BODY("\x93\xa1m\1\xd9\x20xy"), ERROR_MALFORMED_VALUE,
     "value"},
    {"array of 4 G elements as value", KIND(OP_PUT), BODY("\x93\xa1m\1\xdd\xff\xff\xff\xff"),
     ERROR_MALFORMED_VALUE, "value"},
    {"key in a longer encoding than needed", KIND(OP_GET), BODY("\x92\xa1m\xcc\1"),
     ERROR_MALFORMED_KEY, "key"},
    {"float as key", KIND(OP_GET), BODY("\x92\xa1m\xca\0\0\0\0"), ERROR_MALFORMED_KEY, "key"},
    {"nil as key", KIND(OP_GET), BODY("\x92\xa1m\xc0"), ERROR_MALFORMED_KEY, "key"},
    {"array as key", KIND(OP_GET), BODY("\x92\xa1m\x91\1"), ERROR_MALFORMED_KEY, "key"},
    {"empty map name", KIND(OP_GET), BODY("\x92\xa0\1"), ERROR_INVALID_ARGUMENT, "map name"},
    {"number as map name", KIND(OP_GET), BODY("\x92\1\1"), ERROR_INVALID_ARGUMENT, "map name"},
    {"empty map name in SIZE", KIND(OP_SIZE), BODY("\x91\xa0"), ERROR_INVALID_ARGUMENT, "map name"},
    {"negative ttl", KIND(OP_PUT), BODY("\x94\xa1m\1\1\xff"), ERROR_INVALID_ARGUMENT, "ttl_ms"},
    {"unknown condition", KIND(OP_PUT), BODY("\x97\xa1m\1\1\0\0\x09\1"), ERROR_INVALID_ARGUMENT,
     "condition"},
    {"scan for no row", KIND(OP_SCAN), BODY("\x95\xa1m\0\0\0\xa0"), ERROR_INVALID_ARGUMENT,
     "limit"},
    {"scan from partition 20000", KIND(OP_SCAN), BODY("\x95\xa1m\xcd\x4e\x20\0\1\xa0"),
     ERROR_INVALID_ARGUMENT, "position"},
    {"unknown operation", 0x2f, BODY("\x90"), ERROR_UNKNOWN_OPERATION, "0x2f"},
    {"a second HELLO", FRAME_HELLO, BODY("\x90"), ERROR_UNKNOWN_OPERATION, "0x01"},
    {"a frame between nodes", FRAME_APPEND, BODY("\x90"), ERROR_UNKNOWN_OPERATION, "0x42"},
    {"an answer to a node", FRAME_REPLY, BODY("\x90"), ERROR_UNKNOWN_OPERATION, "0x80"},
    {"SUBSCRIBE without a body", FRAME_SUBSCRIBE, BODY(""), ERROR_MALFORMED_FRAME, "SUBSCRIBE"},
    {"SUBSCRIBE with a start that is none", FRAME_SUBSCRIBE, BODY("\x97\xa1q\4\0\0\7\x3f\xc2"),
     ERROR_MALFORMED_FRAME, "SUBSCRIBE"},
    {"SUBSCRIBE to no kind of change", FRAME_SUBSCRIBE, BODY("\x97\xa1q\2\0\0\0\x3f\xc2"),
     ERROR_MALFORMED_FRAME, "SUBSCRIBE"},
    {"FOLLOW without a body", FRAME_FOLLOW, BODY(""), ERROR_MALFORMED_FRAME, "FOLLOW"},
    {"FOLLOW of half a mark", FRAME_FOLLOW, BODY("\x93\0\1\1"), ERROR_MALFORMED_FRAME, "FOLLOW"},
    {"FOLLOW of nothing", FRAME_FOLLOW, BODY("\x94\5\1\1\1"), ERROR_UNKNOWN_SUBSCRIPTION, "FOLLOW"},
    {"EXPLAIN without a body", FRAME_EXPLAIN, BODY(""), ERROR_MALFORMED_FRAME, "EXPLAIN"},
    {"EXPLAIN of what is no query", FRAME_EXPLAIN, BODY("\x91\xa6SELEKT"), ERROR_QUERY, "line 1"},
    {"SUBSCRIPTIONS without a body", FRAME_SUBSCRIPTIONS, BODY(""), ERROR_MALFORMED_FRAME,
     "SUBSCRIPTIONS"},
    {"UNSUBSCRIBE of nothing", FRAME_UNSUBSCRIBE, BODY("\x91\x05"), ERROR_UNKNOWN_SUBSCRIPTION,
     "no such subscription"},
};

static void test_bodies(struct world *world)
{
    struct raw raw;
    struct buffer out = {0};
    raw_greet(&raw, world->nodes.ports[0], HELLO_ANY_WORKER);
    for (size_t i = 0; i < sizeof body_rows / sizeof *body_rows; i++) {
        const struct body_row *row = &body_rows[i];
        raw_frame(&out, (uint8_t)row->kind, PARTITION_ANY, (uint32_t)i,
                  bytes_of(row->body, row->body_bytes));
        bool refused =
            raw_send_buffer(&raw, &out) && raw_next_is_error(&raw, row->error, row->text);
        check(world, refused && raw_works(&raw), row->name);
    }
    buffer_deinit(&out);
    raw_close(&raw);
}

// ---- Sizes ----

static void put_body(struct buffer *body, size_t map_bytes, struct bytes key, struct bytes value)
{
    char *map = malloc(map_bytes);
    memset(map, 'm', map_bytes);
    write_array(body, 3);
    write_str(body, bytes_of(map, map_bytes));
    write_object(body, key);
    write_object(body, value);
    free(map);
}

static bool put_is_refused(struct raw *raw, struct buffer *body, enum error error, const char *text)
{
    struct buffer out = {0};
    raw_frame(&out, KIND(OP_PUT), PARTITION_ANY, 7, buffer_bytes(body));
    bool refused = raw_send_buffer(raw, &out) && raw_next_is_error(raw, error, text);
    buffer_clear(body);
    buffer_deinit(&out);
    return refused && raw_works(raw);
}

static void test_sizes(struct world *world)
{
    struct raw raw;
    struct buffer body = {0}, object = {0};
    const struct bytes one = bytes_of("\1", 1);
    uint8_t *large = calloc(1, VALUE_BYTES_MAX + 1);
    raw_greet(&raw, world->nodes.ports[0], HELLO_ANY_WORKER);

    put_body(&body, MAP_NAME_BYTES_MAX + 1, one, one);
    check(world, put_is_refused(&raw, &body, ERROR_INVALID_ARGUMENT, "map name"),
          "a map name of 256 bytes");
    write_bin(&object, bytes_of(large, KEY_BYTES_MAX));
    put_body(&body, 1, buffer_bytes(&object), one);
    check(world, put_is_refused(&raw, &body, ERROR_TOO_LARGE, "key"), "a key over 64 KiB");
    buffer_clear(&object);
    write_bin(&object, bytes_of(large, VALUE_BYTES_MAX - 4));
    put_body(&body, 1, one, buffer_bytes(&object));
    check(world, put_is_refused(&raw, &body, ERROR_TOO_LARGE, "value"), "a value over 16 MiB");
    buffer_clear(&object);
    for (int depth = 0; depth < VALUE_DEPTH_MAX + 1; depth++)
        write_array(&object, 1);
    write_nil(&object);
    put_body(&body, 1, one, buffer_bytes(&object));
    check(world, put_is_refused(&raw, &body, ERROR_MALFORMED_VALUE, "value"),
          "a value 33 levels deep");
    free(large);
    buffer_deinit(&body);
    buffer_deinit(&object);
    raw_close(&raw);
}

static void test_wrong_partition(struct world *world)
{
    struct raw raw;
    struct buffer out = {0};
    raw_greet(&raw, world->nodes.ports[0], HELLO_ANY_WORKER);
    raw_op(&raw, &out, OP_GET, 1, bytes_of("\1", 1), bytes_of(NULL, 0));
    out.data[out.start + 6] ^= 1;
    check(world,
          raw_send_buffer(&raw, &out) &&
              raw_next_is_error(&raw, ERROR_INVALID_ARGUMENT, "partition") && raw_works(&raw),
          "a partition that is not the key's");
    buffer_deinit(&out);
    raw_close(&raw);
}

// ---- Queries ----

struct query_row {
    const char *name;
    const char *query;
    bool subscribes;
    const char *text;
};

static const struct query_row query_rows[] = {
    {"a query that ends early", "SELECT * FROM m WHERE", false, "line 1, column 22"},
    {"an unknown function", "SELECT *\nFROM m WHERE frob(a) = 1", false, "line 2, column 14"},
    {"a subscription to what is no query", "SELEKT", true, "line 1, column 1"},
    {"LIMIT in a continuous query", "SELECT * FROM m LIMIT 5", true, "LIMIT"},
};

static void test_queries(struct world *world)
{
    struct raw raw;
    struct buffer out = {0};
    raw_greet(&raw, world->nodes.ports[0], HELLO_ANY_WORKER);
    for (size_t i = 0; i < sizeof query_rows / sizeof *query_rows; i++) {
        const struct query_row *row = &query_rows[i];
        struct subscribe subscribe = {.query = bytes_of_text(row->query),
                                      .start = START_SNAPSHOT,
                                      .kinds = KINDS_ALL,
                                      .causes = CAUSES_ALL};
        struct op scan = {.kind = OP_SCAN,
                          .partition = PARTITION_ANY,
                          .map = bytes_of_text("m"),
                          .limit = 10,
                          .query = bytes_of_text(row->query)};
        if (row->subscribes)
            subscribe_encode(&out, 9, &subscribe);
        else
            op_encode(&out, 9, &scan);
        bool refused =
            raw_send_buffer(&raw, &out) && raw_next_is_error(&raw, ERROR_QUERY, row->text);
        check(world, refused && raw_works(&raw), row->name);
    }
    buffer_deinit(&out);
    raw_close(&raw);
}

// ---- HELLO and headers: the connection is closed ----

struct hello_row {
    const char *name;
    struct hello hello;
    const char *grid;
    enum error error;
    const char *text;
};

static const struct hello_row hello_rows[] = {
    {"HELLO of version 2 to 3",
     {.version_min = 2, .version_max = 3, .role = HELLO_CLIENT, .worker = HELLO_ANY_WORKER},
     "",
     ERROR_UNSUPPORTED_VERSION,
     "asked for 2 to 3"},
    {"HELLO to another grid",
     {.version_min = 1, .version_max = 1, .role = HELLO_CLIENT, .worker = HELLO_ANY_WORKER},
     "elsewhere",
     ERROR_WRONG_GRID,
     "'elsewhere'"},
    {"HELLO to worker 40",
     {.version_min = 1, .version_max = 1, .role = HELLO_CLIENT, .worker = 40},
     "",
     ERROR_INVALID_ARGUMENT,
     "worker 40"},
};

static bool is_refused(struct world *world, struct buffer *out, enum error error, const char *text)
{
    struct raw raw;
    raw_open(&raw, world->nodes.ports[0]);
    bool refused =
        raw_send_buffer(&raw, out) && raw_next_is_error(&raw, error, text) && raw_is_closed(&raw);
    raw_close(&raw);
    return refused;
}

static void test_hello(struct world *world)
{
    struct buffer out = {0};
    for (size_t i = 0; i < sizeof hello_rows / sizeof *hello_rows; i++) {
        const struct hello_row *row = &hello_rows[i];
        struct hello hello = row->hello;
        hello.name = bytes_of_text("raw");
        hello.grid = bytes_of_text(row->grid);
        hello_encode(&out, 3, &hello);
        check(world, is_refused(world, &out, row->error, row->text), row->name);
    }
    raw_frame(&out, FRAME_HELLO, PARTITION_ANY, 0, bytes_of("\x96\1\1", 3));
    check(world, is_refused(world, &out, ERROR_MALFORMED_FRAME, "HELLO"),
          "HELLO with a body that ends early");
    request_encode_empty(&out, FRAME_PING, 1);
    check(world, is_refused(world, &out, ERROR_MALFORMED_FRAME, "must be a HELLO"),
          "no HELLO at all");
    buffer_append(&out, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 35);
    check(world, is_refused(world, &out, ERROR_MALFORMED_FRAME, "header"), "HTTP");
    buffer_deinit(&out);
}

static void test_headers(struct world *world)
{
    struct raw raw;
    uint8_t header[FRAME_HEADER_BYTES];
    struct frame_header large = {.body_bytes = FRAME_BODY_BYTES_MAX + 1, .kind = KIND(OP_PUT)};
    struct frame_header plain = {.kind = FRAME_PING, .partition = PARTITION_ANY};
    struct buffer out = {0};
    raw_greet(&raw, world->nodes.ports[0], HELLO_ANY_WORKER);
    frame_header_store(header, &large);
    check(world,
          raw_send(&raw, bytes_of(header, sizeof header)) &&
              raw_next_is_error(&raw, ERROR_TOO_LARGE, "over the limit") && raw_is_closed(&raw),
          "a header that announces too much");
    raw_close(&raw);

    raw_greet(&raw, world->nodes.ports[0], HELLO_ANY_WORKER);
    raw_op(&raw, &out, OP_CONTAINS, 5, bytes_of("\1", 1), bytes_of(NULL, 0));
    frame_header_store(header, &plain);
    header[FRAME_HEADER_BYTES - 1] = 1;
    buffer_append(&out, header, sizeof header);
    // Another worker answers the first, perhaps after this one has refused the second.
    struct frame answer;
    uint8_t kinds[2] = {0};
    raw_send_buffer(&raw, &out);
    for (int i = 0; i < 2 && raw_next(&raw, &answer); i++)
        kinds[i] = answer.header.kind;
    check(world,
          (kinds[0] ^ kinds[1]) == (FRAME_REPLY ^ FRAME_ERROR) && kinds[0] >= FRAME_REPLY &&
              raw_is_closed(&raw),
          "reserved bytes behind a good request, which is answered");
    raw_close(&raw);
    buffer_deinit(&out);
}

int main(void)
{
    static const char *const options[] = {"--workers=2", "--partitions=64", NULL};
    struct world world;
    nodes_start(&world.nodes, 1, options);
    raw_greet(&world.witness, world.nodes.ports[0], HELLO_ANY_WORKER);
    test_bodies(&world);
    test_sizes(&world);
    test_wrong_partition(&world);
    test_queries(&world);
    test_hello(&world);
    test_headers(&world);
    raw_close(&world.witness);
    case_report(nodes_stop(&world.nodes), "the node stops with status 0");
    return case_status();
}
