// SPDX-License-Identifier: Apache-2.0
// The cursor and the writer against msgpack-c, in both directions, on random objects; and the
// bodies that the codecs write.
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "cluster/model/limits.h"
#include "cluster/wire/cluster_codec.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/meeting_codec.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/raft_codec.h"
#include "cluster/wire/view_codec.h"
#include "tests/unit/wire/sample.h"

#include <criterion/criterion.h>
#include <msgpack.h>

enum { PAYLOAD_BYTES_MAX = 70000 };

struct pair {
    struct random random;
    struct buffer ours;
    msgpack_sbuffer theirs;
    msgpack_packer packer;
    uint8_t payload[PAYLOAD_BYTES_MAX];
};

static struct pair *pair_new(uint64_t seed)
{
    struct pair *pair = memory_new(sizeof *pair);
    pair->random.state = seed;
    msgpack_sbuffer_init(&pair->theirs);
    msgpack_packer_init(&pair->packer, &pair->theirs, msgpack_sbuffer_write);
    for (size_t i = 0; i < PAYLOAD_BYTES_MAX; i++)
        pair->payload[i] = (uint8_t)i;
    return pair;
}

static void pair_free(struct pair *pair)
{
    buffer_deinit(&pair->ours);
    msgpack_sbuffer_destroy(&pair->theirs);
    free(pair);
}

// Any width, and often just at the end of one.
static uint64_t number_draw(struct random *random)
{
    uint64_t number = random_next(random) >> random_below(random, 64);
    if (random_below(random, 2))
        return number;
    return (UINT64_C(1) << random_below(random, 64)) - 2 + random_below(random, 4);
}

static size_t size_draw(struct random *random)
{
    static const size_t edges[] = {0, 31, 32, 255, 256, 65535, 65536};
    if (random_below(random, 20) == 0)
        return edges[random_below(random, sizeof edges / sizeof edges[0])];
    return random_below(random, 40);
}

static void pair_write_scalar(struct pair *pair)
{
    uint64_t number = number_draw(&pair->random);
    double real = (double)number / 7;
    switch (random_below(&pair->random, 5)) {
    case 0:
        write_nil(&pair->ours);
        msgpack_pack_nil(&pair->packer);
        break;
    case 1:
        write_bool(&pair->ours, number & 1);
        number & 1 ? msgpack_pack_true(&pair->packer) : msgpack_pack_false(&pair->packer);
        break;
    case 2:
        write_uint(&pair->ours, number);
        msgpack_pack_uint64(&pair->packer, number);
        break;
    case 3:
        write_int(&pair->ours, (int64_t)(0 - number));
        msgpack_pack_int64(&pair->packer, (int64_t)(0 - number));
        break;
    default:
        write_float(&pair->ours, real);
        msgpack_pack_double(&pair->packer, real);
    }
}

static void pair_write_payload(struct pair *pair)
{
    size_t size = size_draw(&pair->random);
    if (random_below(&pair->random, 2)) {
        write_str(&pair->ours, bytes_of(pair->payload, size));
        msgpack_pack_str(&pair->packer, size);
        msgpack_pack_str_body(&pair->packer, pair->payload, size);
    } else {
        write_bin(&pair->ours, bytes_of(pair->payload, size));
        msgpack_pack_bin(&pair->packer, size);
        msgpack_pack_bin_body(&pair->packer, pair->payload, size);
    }
}

static void pair_write(struct pair *pair, uint32_t depth)
{
    uint64_t dice = random_below(&pair->random, depth ? 10 : 6);
    if (dice < 4) {
        pair_write_scalar(pair);
    } else if (dice < 6) {
        pair_write_payload(pair);
    } else {
        uint32_t count = (uint32_t)random_below(&pair->random, 20);
        bool is_map = dice < 8;
        if (is_map) {
            write_map(&pair->ours, count);
            msgpack_pack_map(&pair->packer, count);
        } else {
            write_array(&pair->ours, count);
            msgpack_pack_array(&pair->packer, count);
        }
        for (uint32_t i = 0; i < (is_map ? 2 * count : count); i++)
            pair_write(pair, depth - 1);
    }
}

// Reads the object that msgpack-c has read from the same bytes.
static void object_compare(struct cursor *cursor, const msgpack_object *object);

static void payload_compare(struct bytes ours, const char *data, uint32_t size)
{
    cr_assert(bytes_equal(ours, bytes_of(data, size)));
}

static void container_compare(struct cursor *cursor, const msgpack_object *object)
{
    uint32_t count;
    if (object->type == MSGPACK_OBJECT_ARRAY) {
        cr_assert(cursor_read_array(cursor, &count));
        cr_assert_eq(count, object->via.array.size);
        for (uint32_t i = 0; i < count; i++)
            object_compare(cursor, &object->via.array.ptr[i]);
    } else {
        cr_assert(cursor_read_map(cursor, &count));
        cr_assert_eq(count, object->via.map.size);
        for (uint32_t i = 0; i < count; i++) {
            object_compare(cursor, &object->via.map.ptr[i].key);
            object_compare(cursor, &object->via.map.ptr[i].val);
        }
    }
}

static void number_compare(struct cursor *cursor, const msgpack_object *object)
{
    uint64_t number;
    int64_t integer;
    double real;
    if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
        cr_assert(cursor_read_uint(cursor, &number));
        cr_assert_eq(number, object->via.u64);
    } else if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        cr_assert(cursor_read_int(cursor, &integer));
        cr_assert_eq(integer, object->via.i64);
    } else {
        cr_assert(cursor_read_float(cursor, &real));
        cr_assert_eq(memcmp(&real, &object->via.f64, sizeof real), 0);
    }
}

static void object_compare(struct cursor *cursor, const msgpack_object *object)
{
    bool truth;
    struct bytes payload;
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        cr_assert(cursor_read_nil(cursor));
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        cr_assert(cursor_read_bool(cursor, &truth));
        cr_assert_eq(truth, object->via.boolean);
        break;
    case MSGPACK_OBJECT_STR:
        cr_assert(cursor_read_str(cursor, &payload));
        payload_compare(payload, object->via.str.ptr, object->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        cr_assert(cursor_read_bin(cursor, &payload));
        payload_compare(payload, object->via.bin.ptr, object->via.bin.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
    case MSGPACK_OBJECT_MAP:
        container_compare(cursor, object);
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        number_compare(cursor, object);
        break;
    case MSGPACK_OBJECT_EXT:
        cr_assert_eq(cursor_peek(cursor), WIRE_EXT);
        cr_assert(cursor_skip(cursor));
        break;
    }
}

Test(oracle, the_writer_writes_what_msgpack_c_writes)
{
    struct pair *pair = pair_new(3);
    for (int i = 0; i < 3000; i++) {
        buffer_clear(&pair->ours);
        msgpack_sbuffer_clear(&pair->theirs);
        pair_write(pair, 4);
        cr_assert(
            bytes_equal(buffer_bytes(&pair->ours), bytes_of(pair->theirs.data, pair->theirs.size)),
            "object %d", i);
    }
    pair_free(pair);
}

Test(oracle, the_cursor_reads_what_msgpack_c_writes)
{
    struct pair *pair = pair_new(4);
    for (int i = 0; i < 3000; i++) {
        buffer_clear(&pair->ours);
        msgpack_sbuffer_clear(&pair->theirs);
        pair_write(pair, 4);
        msgpack_pack_float(&pair->packer, (float)i / 3);
        msgpack_pack_ext(&pair->packer, (size_t)(i % 40), 5);
        msgpack_pack_ext_body(&pair->packer, pair->payload, (size_t)(i % 40));
        struct cursor cursor = cursor_of(bytes_of(pair->theirs.data, pair->theirs.size));
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        size_t offset = 0;
        for (int j = 0; j < 3; j++) {
            cr_assert_eq(
                msgpack_unpack_next(&unpacked, pair->theirs.data, pair->theirs.size, &offset),
                MSGPACK_UNPACK_SUCCESS);
            object_compare(&cursor, &unpacked.data);
        }
        cr_assert_eq(cursor_left(&cursor), 0);
        msgpack_unpacked_destroy(&unpacked);
    }
    pair_free(pair);
}

// First bytes of all formats are likely, long sizes are not, so that many of them make sense.
static size_t noise_draw(struct random *random, uint8_t *bytes, size_t capacity)
{
    size_t size = 1 + random_below(random, capacity);
    for (size_t i = 0; i < size; i++) {
        uint64_t dice = random_below(random, 10);
        if (dice < 3)
            bytes[i] = (uint8_t)(0xc0 + random_below(random, 0x20));
        else if (dice < 5)
            bytes[i] = (uint8_t)(0x80 + random_below(random, 4) + 0x10 * random_below(random, 3));
        else
            bytes[i] = (uint8_t)random_below(random, dice < 9 ? 4 : 256);
    }
    // msgpack-c allocates for what a container claims: no more than 255 objects.
    for (size_t i = 0; i + 3 < size; i++)
        if (bytes[i] == 0xdd || bytes[i] == 0xdf)
            memset(&bytes[i + 1], 0, 3);
    return size;
}

Test(oracle, both_take_and_refuse_the_same_bytes)
{
    struct random random = {.state = 5};
    uint32_t well_formed = 0;
    for (int i = 0; i < 100000; i++) {
        uint8_t bytes[48];
        size_t size = noise_draw(&random, bytes, sizeof bytes);
        struct cursor cursor = cursor_of(bytes_of(bytes, size));
        bool ours = cursor_skip(&cursor);
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        size_t offset = 0;
        msgpack_unpack_return theirs =
            msgpack_unpack_next(&unpacked, (const char *)bytes, size, &offset);
        cr_assert_eq(ours, theirs == MSGPACK_UNPACK_SUCCESS, "object %d", i);
        if (ours) {
            well_formed++;
            cr_assert_eq((size_t)(cursor.at - bytes), offset, "object %d", i);
            struct cursor again = cursor_of(bytes_of(bytes, size));
            object_compare(&again, &unpacked.data);
        }
        msgpack_unpacked_destroy(&unpacked);
    }
    cr_assert_gt(well_formed, 10000);
}

// ---- Bodies ----

// msgpack-c reads the body as one object, and writes it again as the same bytes.
static void body_compare(struct buffer *frame, const char *what)
{
    const char *body = (const char *)buffer_bytes(frame).data + FRAME_HEADER_BYTES;
    size_t size = buffer_size(frame) - FRAME_HEADER_BYTES;
    size_t offset = 0;
    msgpack_unpacked unpacked;
    msgpack_sbuffer again;
    msgpack_packer packer;
    msgpack_unpacked_init(&unpacked);
    msgpack_sbuffer_init(&again);
    msgpack_packer_init(&packer, &again, msgpack_sbuffer_write);
    cr_assert_eq(msgpack_unpack_next(&unpacked, body, size, &offset), MSGPACK_UNPACK_SUCCESS, "%s",
                 what);
    cr_assert_eq(offset, size, "%s", what);
    msgpack_pack_object(&packer, unpacked.data);
    cr_assert(bytes_equal(bytes_of(again.data, again.size), bytes_of(body, size)), "%s", what);
    msgpack_sbuffer_destroy(&again);
    msgpack_unpacked_destroy(&unpacked);
    buffer_clear(frame);
}

Test(oracle, bodies_of_sessions_and_replication_are_messagepack)
{
    static const uint8_t key[] = {0x01};
    struct bytes text = bytes_of_text("text");
    struct origin origin = {.client = UINT64_MAX, .number = 300, .floor = 4, .kind = OP_PUT};
    struct hello hello = {1, 1, HELLO_PEER, 7, text, text, UINT64_MAX, text, 99};
    struct hello_reply hello_reply = {1, text, text, UINT64_MAX, 0, 1, 1024, 70000};
    struct position position = {3, 4, {2, {{1, 1}, {2, 300}}}};
    struct effect effect = {.cause = CAUSE_PUT,
                            .map = text,
                            .key = bytes_of(key, sizeof key),
                            .value = bytes_of(key, sizeof key),
                            .origin = origin};
    struct fill_result result = {3, origin, 5, true, true, bytes_of(key, sizeof key)};
    struct op op = {.kind = OP_REMOVE, .map = text, .key = bytes_of(key, sizeof key), .number = 9};
    struct buffer out = {0};
    hello_encode(&out, 1, &hello);
    body_compare(&out, "HELLO");
    hello_reply_encode(&out, 1, &hello_reply);
    body_compare(&out, "answer to HELLO");
    position_encode(&out, FRAME_POSITION, 1, &position);
    body_compare(&out, "POSITION");
    size_t mark = append_begin(&out, 1, 3, 300, 299, 3, 2);
    effect_encode(&out, &effect);
    effect.origin.client = 0;
    effect_encode(&out, &effect);
    append_end(&out, mark);
    body_compare(&out, "APPEND");
    fill_result_encode(&out, 1, &result);
    body_compare(&out, "FILL_RESULT");
    op_encode(&out, 1, &op);
    body_compare(&out, "REMOVE with a number");
    buffer_deinit(&out);
}

Test(oracle, bodies_of_agreement_are_messagepack)
{
    struct buffer out = {0};
    struct view view = sample_view(9, 40, 3);
    view_encode(&out, 1, &view);
    body_compare(&out, "VIEW");
    view_deinit(&view);
    struct wish wish = {WISH_YIELD, 500, 70000, UINT64_MAX};
    struct meeting meeting = {.kind = MEETING_JOIN,
                              .from = 5,
                              .sender = sample_member(1),
                              .seen_count = 1,
                              .seen = {UINT64_MAX},
                              .wish_count = 1,
                              .wishes = &wish,
                              .snapshot = bytes_of_text("snapshot")};
    meeting_encode(&out, &meeting);
    body_compare(&out, "MEETING");
    struct raft_message *message = memory_new(sizeof *message);
    message->kind = RAFT_APPEND;
    message->entry_count = 2;
    message->entries[0] = (struct raft_entry){.index = 1, .kind = RAFT_NOOP};
    message->entries[1] = (struct raft_entry){
        .index = 2, .kind = RAFT_CONFIGURATION, .configuration = {1, {{5, true}}}};
    raft_message_encode(&out, message);
    body_compare(&out, "RAFT");
    free(message);
    struct cluster_request request = {CLUSTER_LEAVE, bytes_of_text("node-1")};
    cluster_request_encode(&out, 1, &request);
    body_compare(&out, "CLUSTER");
    buffer_deinit(&out);
}

Test(oracle, bodies_of_continuous_queries_are_messagepack)
{
    static const uint8_t ids[] = {1, 0, 0, 0, 2, 0, 0, 0};
    struct buffer out = {0};
    struct subscribe subscribe = {.query = bytes_of_text("SELECT"),
                                  .start = START_SNAPSHOT,
                                  .kinds = KINDS_ALL,
                                  .causes = CAUSES_ALL};
    struct mark marks[] = {{1, 2, 3}, {PARTITIONS_MAX - 1, UINT64_MAX, FOLLOW_LATEST_SEQ}};
    struct audience audience = {.ids = bytes_of(ids, sizeof ids)};
    struct event event = {.kind = FRAME_UPDATE,
                          .audience = audience,
                          .cause = CAUSE_PUT,
                          .time_us = UINT64_MAX,
                          .key = bytes_of("\x01", 1),
                          .has_new = true,
                          .new_value = bytes_of("\x02", 1)};
    subscribe_encode(&out, 1, &subscribe);
    body_compare(&out, "SUBSCRIBE");
    subscriptions_encode(&out, 1, 70000, 1000);
    body_compare(&out, "SUBSCRIPTIONS");
    explain_encode(&out, 1, bytes_of_text("SELECT"));
    body_compare(&out, "EXPLAIN");
    follow_encode(&out, 1, 70000, marks, 2);
    body_compare(&out, "FOLLOW");
    progress_encode(&out, 70000, marks, 2);
    body_compare(&out, "PROGRESS");
    milestone_encode(&out, FRAME_READY, &audience, marks, 2);
    body_compare(&out, "READY");
    event_encode(&out, &event);
    body_compare(&out, "UPDATE");
    buffer_deinit(&out);
}

// A batch's head is wider than it must be: only what it says is the same.
Test(oracle, a_batch_is_messagepack)
{
    struct buffer out = {0};
    size_t mark = batch_begin(&out);
    struct frame_header header = {.kind = FRAME_PROGRESS};
    frame_end(&out, frame_begin(&out, &header));
    batch_end(&out, mark);
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    struct bytes whole = buffer_bytes(&out);
    size_t offset = FRAME_HEADER_BYTES;
    cr_assert_eq(msgpack_unpack_next(&unpacked, (const char *)whole.data, whole.size, &offset),
                 MSGPACK_UNPACK_SUCCESS);
    cr_assert_eq(offset, whole.size);
    cr_assert_eq(unpacked.data.type, MSGPACK_OBJECT_ARRAY);
    cr_assert_eq(unpacked.data.via.array.size, 1);
    const msgpack_object *frames = unpacked.data.via.array.ptr;
    cr_assert_eq(frames->type, MSGPACK_OBJECT_BIN);
    cr_assert_eq(frames->via.bin.size, FRAME_HEADER_BYTES);
    cr_assert_eq(frames->via.bin.ptr[4], (char)FRAME_PROGRESS);
    msgpack_unpacked_destroy(&unpacked);
    buffer_deinit(&out);
}
