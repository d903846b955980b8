// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/op_codec.h"

#include "cluster/wire/writer.h"
#include "tests/support/mangle.h"

#include <criterion/criterion.h>

static const uint8_t key_data[] = {0xa3, 'k', 'e', 'y'};
static const uint8_t value_data[] = {0x92, 0xc3, 0xc0};

#define KEY   bytes_of(key_data, sizeof key_data)
#define VALUE bytes_of(value_data, sizeof value_data)

static struct frame frame_of(const struct buffer *buffer)
{
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(buffer), FRAME_BODY_BYTES_MAX, &frame, &error),
                 FRAME_COMPLETE);
    return frame;
}

struct reply_context {
    struct frame_header header;
    enum op_kind kind;
};

static enum error reply_mangle(const void *context, struct bytes body)
{
    const struct reply_context *reply_context = context;
    struct frame frame = {.header = reply_context->header, .body = body};
    struct op_reply reply;
    enum error error = reply_decode(reply_context->kind, &frame, &reply);
    if (error == ERROR_NONE && reply_context->kind == OP_SCAN) {
        struct scan_row row;
        uint64_t row_count = 0;
        while (scan_row_next(&reply.rows, &row))
            row_count++;
        cr_assert_eq(row_count, reply.count);
    }
    return error;
}

// Decodes what is in the buffer, damages it, and empties the buffer. Bytes of the reply stay valid
// until it is written to again.
static struct op_reply reply_take(struct buffer *buffer, enum op_kind kind)
{
    struct frame frame = frame_of(buffer);
    struct reply_context context = {.header = frame.header, .kind = kind};
    mangle_lengths(reply_mangle, &context, frame.body);
    mangle_bytes(reply_mangle, &context, frame.body);
    struct op_reply reply;
    cr_assert_eq(reply_decode(kind, &frame, &reply), ERROR_NONE);
    buffer_clear(buffer);
    return reply;
}

Test(reply_codec, entries_come_out_as_they_went_in)
{
    struct buffer buffer = {0};
    reply_encode_entry(&buffer, 7, 9, true, 1234567, VALUE);
    cr_assert_eq(frame_of(&buffer).header.request_id, 7);
    cr_assert_eq(frame_of(&buffer).header.partition, 9);
    struct op_reply reply = reply_take(&buffer, OP_GET);
    cr_assert_eq(reply.error, ERROR_NONE);
    cr_assert(reply.found);
    cr_assert_eq(reply.version, 1234567);
    cr_assert(bytes_equal(reply.value, VALUE));

    reply_encode_entry(&buffer, 7, 9, false, 0, bytes_of(NULL, 0));
    reply = reply_take(&buffer, OP_PUT);
    cr_assert_not(reply.found);
    cr_assert_eq(reply.version, 0);
    cr_assert_null(reply.value.data);
    buffer_deinit(&buffer);
}

Test(reply_codec, counts_come_out_as_they_went_in)
{
    struct buffer buffer = {0};
    reply_encode_count(&buffer, 1, UINT64_MAX);
    cr_assert_eq(reply_take(&buffer, OP_SIZE).count, UINT64_MAX);

    struct scan_position position = {.partition = PARTITIONS_MAX - 1, .hash = UINT64_MAX};
    reply_encode_clear(&buffer, 1, 300, true, position);
    struct op_reply reply = reply_take(&buffer, OP_CLEAR);
    cr_assert_eq(reply.count, 300);
    cr_assert(reply.more);
    cr_assert_eq(reply.position.partition, PARTITIONS_MAX - 1);
    cr_assert_eq(reply.position.hash, UINT64_MAX);

    reply_encode_clear(&buffer, 1, 300, true, (struct scan_position){.partition = PARTITIONS_MAX});
    struct frame frame = frame_of(&buffer);
    cr_assert_eq(reply_decode(OP_CLEAR, &frame, &reply), ERROR_MALFORMED_FRAME);
    buffer_deinit(&buffer);
}

Test(reply_codec, scans_come_out_row_by_row)
{
    struct buffer rows = {0};
    for (uint64_t i = 0; i < 20; i++) {
        write_object(&rows, KEY);
        write_uint(&rows, i);
        write_object(&rows, VALUE);
    }
    struct buffer buffer = {0};
    reply_encode_scan(&buffer, 1, false, (struct scan_position){.partition = 3, .hash = 4}, 20,
                      buffer_bytes(&rows), 1000);
    struct op_reply reply = reply_take(&buffer, OP_SCAN);
    cr_assert_eq(reply.limit, 1000);
    cr_assert_eq(reply.count, 20);
    cr_assert_not(reply.more);
    cr_assert_eq(reply.position.partition, 3);
    cr_assert_eq(reply.position.hash, 4);
    struct scan_row row;
    for (uint64_t i = 0; i < 20; i++) {
        cr_assert(scan_row_next(&reply.rows, &row));
        cr_assert(bytes_equal(row.key, KEY));
        cr_assert_eq(row.version, i);
        cr_assert(bytes_equal(row.value, VALUE));
    }
    cr_assert_not(scan_row_next(&reply.rows, &row));

    reply_encode_scan(&buffer, 1, true, (struct scan_position){0}, 0, bytes_of(NULL, 0), 0);
    reply = reply_take(&buffer, OP_SCAN);
    cr_assert_eq(reply.count, 0);
    cr_assert(reply.more);
    buffer_deinit(&rows);
    buffer_deinit(&buffer);
}

Test(reply_codec, an_object_is_handed_over_whole)
{
    struct buffer buffer = {0};
    reply_encode_object(&buffer, 1, VALUE);
    cr_assert(bytes_equal(reply_take(&buffer, OP_MAPS).value, VALUE));
    reply_encode_object(&buffer, 1, VALUE);
    cr_assert(bytes_equal(reply_take(&buffer, OP_STATS).value, VALUE));
    buffer_deinit(&buffer);
}

Test(reply_codec, errors_come_out_as_they_went_in)
{
    static const uint8_t kinds[] = {FRAME_ERROR, FRAME_ENDED};
    struct buffer buffer = {0};
    for (size_t i = 0; i < 2; i++) {
        error_encode(&buffer, kinds[i], 5, PARTITION_ANY, ERROR_VERSION_MISMATCH, "is 12", 12);
        cr_assert_eq(frame_of(&buffer).header.kind, kinds[i]);
        struct op_reply reply = reply_take(&buffer, OP_PUT);
        cr_assert_eq(reply.error, ERROR_VERSION_MISMATCH);
        cr_assert(bytes_equal(reply.text, bytes_of_text("is 12")));
        cr_assert_eq(reply.version, 12);
    }
    buffer_deinit(&buffer);
}

Test(reply_codec, a_long_error_text_is_cut)
{
    char text[2 * ERROR_TEXT_BYTES_MAX];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    struct buffer buffer = {0};
    error_encode(&buffer, FRAME_ERROR, 5, 1, ERROR_QUERY, text, 0);
    struct frame frame = frame_of(&buffer);
    struct op_reply reply;
    cr_assert_eq(reply_decode(OP_SCAN, &frame, &reply), ERROR_NONE);
    cr_assert_eq(reply.text.size, ERROR_TEXT_BYTES_MAX);
    buffer_deinit(&buffer);
}

Test(reply_codec, an_error_that_is_none_or_another_kind_is_malformed)
{
    struct buffer buffer = {0};
    error_encode(&buffer, FRAME_ERROR, 5, 1, ERROR_NONE, "", 0);
    struct frame frame = frame_of(&buffer);
    struct op_reply reply;
    cr_assert_eq(reply_decode(OP_GET, &frame, &reply), ERROR_MALFORMED_FRAME);
    frame.header.kind = FRAME_ROW;
    cr_assert_eq(reply_decode(OP_GET, &frame, &reply), ERROR_MALFORMED_FRAME);
    buffer_deinit(&buffer);
}
