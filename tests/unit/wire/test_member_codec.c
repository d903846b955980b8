// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/member_codec.h"

#include "cluster/wire/writer.h"
#include "tests/unit/wire/sample.h"

#include <criterion/criterion.h>
#include <signal.h>

static bool member_turn(const struct view_member *in, struct view_member *out)
{
    struct buffer buffer = {0};
    member_write(&buffer, in);
    struct cursor cursor = cursor_of(buffer_bytes(&buffer));
    bool decoded = member_read(&cursor, out);
    cr_assert(!decoded || cursor_left(&cursor) == 0);
    buffer_deinit(&buffer);
    return decoded;
}

Test(member_codec, texts_may_be_as_long_as_there_is_room)
{
    struct view_member in = sample_member(1);
    struct view_member out;
    memset(in.name, 'n', sizeof in.name - 1);
    memset(in.host, 'h', sizeof in.host - 1);
    memset(in.zone, 'z', sizeof in.zone - 1);
    in.port = in.weight = UINT16_MAX;
    memset(&out, 0xff, sizeof out);
    cr_assert(member_turn(&in, &out));
    sample_member_compare(&out, &in);
}

// [1, <name>, <host>, 7400, <zone>, 1, 0, 0, false]
static bool texts_read(struct bytes name, struct bytes host, struct bytes zone)
{
    struct buffer buffer = {0};
    write_array(&buffer, 9);
    write_uint(&buffer, 1);
    write_str(&buffer, name);
    write_str(&buffer, host);
    write_uint(&buffer, 7400);
    write_str(&buffer, zone);
    write_uint(&buffer, 1);
    write_uint(&buffer, 0);
    write_uint(&buffer, 0);
    write_bool(&buffer, false);
    struct cursor cursor = cursor_of(buffer_bytes(&buffer));
    struct view_member member;
    bool decoded = member_read(&cursor, &member);
    buffer_deinit(&buffer);
    return decoded;
}

Test(member_codec, texts_fit_and_have_no_byte_0)
{
    static const uint8_t text[300] = {[0 ... 299] = 'a'};
    struct bytes good = bytes_of_text("a");
    struct bytes zero = bytes_of("a\0b", 3);
    cr_assert(texts_read(good, good, good));
    cr_assert(texts_read(good, good, bytes_of(NULL, 0)));
    cr_assert_not(texts_read(bytes_of(NULL, 0), good, good));
    cr_assert_not(texts_read(good, bytes_of(NULL, 0), good));
    cr_assert_not(texts_read(zero, good, good));
    cr_assert_not(texts_read(good, zero, good));
    cr_assert_not(texts_read(good, good, zero));
    cr_assert_not(texts_read(bytes_of(text, NODE_NAME_BYTES_MAX + 1), good, good));
    cr_assert_not(texts_read(good, bytes_of(text, 256), good));
    cr_assert_not(texts_read(good, good, bytes_of(text, NODE_NAME_BYTES_MAX + 1)));
}

Test(member_codec, somebody_has_an_id, .signal = SIGABRT)
{
    struct view_member nobody = {0};
    struct buffer buffer = {0};
    member_write(&buffer, &nobody);
}
