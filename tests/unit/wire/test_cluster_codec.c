// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/cluster_codec.h"

#include "cluster/wire/writer.h"
#include "tests/support/mangle.h"

#include <criterion/criterion.h>

static enum error request_mangle(const void *context, struct bytes body)
{
    (void)context;
    struct cluster_request request;
    return cluster_request_decode(body, &request);
}

static enum error request_turn(const struct cluster_request *in, struct cluster_request *out)
{
    struct buffer buffer = {0};
    cluster_request_encode(&buffer, 31, in);
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(&buffer), FRAME_BODY_BYTES_MAX, &frame, &error),
                 FRAME_COMPLETE);
    cr_assert_eq(frame.header.kind, FRAME_CLUSTER);
    cr_assert_eq(frame.header.request_id, 31);
    error = cluster_request_decode(frame.body, out);
    if (error == ERROR_NONE) {
        cr_assert_eq(out->kind, in->kind);
        cr_assert(bytes_equal(out->argument, in->argument));
        mangle_lengths(request_mangle, NULL, frame.body);
        mangle_bytes(request_mangle, NULL, frame.body);
        mangle_types(request_mangle, NULL, frame.body);
    }
    buffer_deinit(&buffer);
    return error;
}

Test(cluster_codec, requests_come_out_as_they_went_in)
{
    struct cluster_request rows[] = {{.kind = CLUSTER_STATUS},
                                     {CLUSTER_LEAVE, bytes_of_text("node-1")},
                                     {CLUSTER_RECOVER, bytes_of_text("quakes")}};
    struct cluster_request out;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(request_turn(&rows[i], &out), ERROR_NONE, "row %zu", i);
}

Test(cluster_codec, a_name_is_a_name)
{
    static const uint8_t name[NODE_NAME_BYTES_MAX + 1] = {'n'};
    struct cluster_request in = {CLUSTER_LEAVE, bytes_of(name, NODE_NAME_BYTES_MAX)};
    struct cluster_request out;
    cr_assert_eq(request_turn(&in, &out), ERROR_NONE);
    in.argument.size++;
    cr_assert_eq(request_turn(&in, &out), ERROR_MALFORMED_FRAME);
    in.argument.size = 0;
    cr_assert_eq(request_turn(&in, &out), ERROR_MALFORMED_FRAME);
}

static enum error words_verdict(const char *const *words, uint32_t count)
{
    struct buffer body = {0};
    write_array(&body, count);
    for (uint32_t i = 0; i < count; i++)
        write_text(&body, words[i]);
    enum error error = request_mangle(NULL, buffer_bytes(&body));
    buffer_deinit(&body);
    return error;
}

Test(cluster_codec, requests_are_known_and_have_their_arguments)
{
    static const struct {
        const char *words[3];
        uint32_t count;
        enum error error;
    } rows[] = {
        {{"status"}, 1, ERROR_NONE},
        {{"leave", "n"}, 2, ERROR_NONE},
        {{"status", "n"}, 2, ERROR_MALFORMED_FRAME},
        {{"leave"}, 1, ERROR_MALFORMED_FRAME},
        {{"recover"}, 1, ERROR_MALFORMED_FRAME},
        {{"recover", "g", "g"}, 3, ERROR_MALFORMED_FRAME},
        {{NULL}, 0, ERROR_MALFORMED_FRAME},
        {{"reboot"}, 1, ERROR_UNKNOWN_OPERATION},
        {{""}, 1, ERROR_UNKNOWN_OPERATION},
        {{"Status"}, 1, ERROR_UNKNOWN_OPERATION},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(words_verdict(rows[i].words, rows[i].count), rows[i].error, "row %zu", i);
}
