// SPDX-License-Identifier: Apache-2.0
#include "bench/driver.h"

#include "cluster/model/key.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/writer.h"

#include <criterion/criterion.h>

enum { PARTITIONS = 1024 };

static struct request request_make(enum request_kind kind, struct bytes value)
{
    struct request request = {
        .kind = kind, .scan_rows = 10, .map = bytes_of_text("bench"), .value = value};
    key_of_index(1, request.key);
    request.hash = key_hash(bytes_of(request.key, KEY_ENCODED_BYTES));
    return request;
}

static struct op native_round_trip(enum request_kind kind, struct bytes value, struct buffer *out)
{
    struct request request = request_make(kind, value);
    struct frame frame;
    struct op op;
    enum error error;
    const char *what = "";
    driver_native.request_encode(out, 5, &request, PARTITIONS);
    cr_assert_eq(frame_parse(buffer_bytes(out), FRAME_BODY_BYTES_MAX, &frame, &error),
                 FRAME_COMPLETE);
    cr_assert_eq(frame.header.request_id, 5);
    cr_assert_eq(op_decode(&frame, &op, &what), ERROR_NONE, "%s", what);
    cr_assert(bytes_equal(op.map, bytes_of_text("bench")));
    return op;
}

Test(driver, native_requests_are_operations_on_the_keys_partition)
{
    static const struct {
        enum request_kind kind;
        enum op_kind op;
        const char *value;
    } rows[] = {{REQUEST_GET, OP_GET, ""},
                {REQUEST_PUT, OP_PUT, "\xa1x"},
                {REQUEST_MERGE, OP_MERGE, "\x80"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer out = {0};
        struct bytes value = bytes_of_text(rows[i].value);
        struct op op = native_round_trip(rows[i].kind, value, &out);
        cr_assert_eq(op.kind, rows[i].op);
        cr_assert_eq(op.partition, key_partition(op.hash, PARTITIONS));
        cr_assert(bytes_equal(op.value, value));
        buffer_deinit(&out);
    }
}

Test(driver, a_native_scan_begins_at_the_key)
{
    struct buffer out = {0};
    struct op op = native_round_trip(REQUEST_SCAN, (struct bytes){0}, &out);
    struct request request = request_make(REQUEST_SCAN, (struct bytes){0});
    cr_assert_eq(op.kind, OP_SCAN);
    cr_assert_eq(op.partition, PARTITION_ANY);
    cr_assert_eq(op.position.partition, key_partition(request.hash, PARTITIONS));
    cr_assert_eq(op.position.hash, request.hash);
    cr_assert_eq(op.limit, 10);
    buffer_deinit(&out);
}

static enum driver_verdict native_parse(const struct buffer *in, enum request_kind kind,
                                        struct driver_reply *reply)
{
    struct slot slots[4] = {0};
    slots[3].kind = kind;
    return driver_native.reply_parse(buffer_bytes(in), slots, 4, reply);
}

Test(driver, native_replies_are_told_apart)
{
    struct buffer in = {0};
    struct driver_reply reply;
    reply_encode_entry(&in, 3, 9, true, 1, bytes_of_text("\xa1x"));
    cr_assert_eq(native_parse(&in, REQUEST_GET, &reply), DRIVER_REPLY);
    cr_assert_eq(reply.status, REPLY_DONE);
    cr_assert_eq(reply.slot, 3);
    cr_assert_eq(reply.wire_bytes, buffer_size(&in));

    buffer_clear(&in);
    reply_encode_entry(&in, 3, 9, false, 0, (struct bytes){0});
    cr_assert_eq(native_parse(&in, REQUEST_GET, &reply), DRIVER_REPLY);
    cr_assert_eq(reply.status, REPLY_MISSING);
    // A put into an empty place found nothing there, and missed nothing.
    cr_assert_eq(native_parse(&in, REQUEST_PUT, &reply), DRIVER_REPLY);
    cr_assert_eq(reply.status, REPLY_DONE);

    buffer_clear(&in);
    error_encode(&in, FRAME_ERROR, 3, 9, ERROR_OUT_OF_MEMORY, "full", 0);
    cr_assert_eq(native_parse(&in, REQUEST_PUT, &reply), DRIVER_REPLY);
    cr_assert_eq(reply.status, REPLY_REFUSED);
    cr_assert(bytes_equal(reply.text, bytes_of_text("full")));
    buffer_deinit(&in);
}

Test(driver, a_native_reply_to_nothing_is_invalid_and_a_part_incomplete)
{
    struct buffer in = {0};
    struct driver_reply reply;
    reply_encode_entry(&in, 4, 9, true, 1, (struct bytes){0});
    cr_assert_eq(native_parse(&in, REQUEST_GET, &reply), DRIVER_INVALID);
    in.end--;
    cr_assert_eq(native_parse(&in, REQUEST_GET, &reply), DRIVER_INCOMPLETE);
    buffer_clear(&in);
    reply_encode_count(&in, 3, 9);
    cr_assert_eq(native_parse(&in, REQUEST_GET, &reply), DRIVER_INVALID);
    buffer_deinit(&in);
}

Test(driver, resp_requests_are_get_and_set)
{
    struct buffer out = {0};
    struct request request = request_make(REQUEST_GET, (struct bytes){0});
    driver_resp.request_encode(&out, 0, &request, 1);
    request = request_make(REQUEST_PUT, bytes_of_text("abc"));
    driver_resp.request_encode(&out, 1, &request, 1);
    cr_assert(bytes_equal(buffer_bytes(&out),
                          bytes_of_text("*2\r\n$3\r\nGET\r\n$16\r\nuser000000000001\r\n"
                                        "*3\r\n$3\r\nSET\r\n$16\r\nuser000000000001\r\n"
                                        "$3\r\nabc\r\n")));
    buffer_deinit(&out);
}

Test(driver, resp_replies_are_told_apart)
{
    static const struct {
        const char *wire;
        enum driver_verdict verdict;
        enum reply_status status;
    } rows[] = {
        {"+OK\r\n", DRIVER_REPLY, REPLY_DONE},    {"$1\r\nx\r\n", DRIVER_REPLY, REPLY_DONE},
        {"$-1\r\n", DRIVER_REPLY, REPLY_MISSING}, {"-OOM\r\n", DRIVER_REPLY, REPLY_REFUSED},
        {"*1\r\n", DRIVER_INVALID, REPLY_DONE},   {"what\r\n", DRIVER_INVALID, REPLY_DONE},
        {"+OK", DRIVER_INCOMPLETE, REPLY_DONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct driver_reply reply;
        struct bytes input = bytes_of_text(rows[i].wire);
        cr_assert_eq(driver_resp.reply_parse(input, NULL, 0, &reply), rows[i].verdict, "row %zu",
                     i);
        if (rows[i].verdict != DRIVER_REPLY)
            continue;
        cr_assert_eq(reply.status, rows[i].status, "row %zu", i);
        cr_assert_eq(reply.slot, SLOT_OLDEST);
        cr_assert_eq(reply.wire_bytes, input.size);
    }
}
