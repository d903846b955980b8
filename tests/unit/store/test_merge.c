// SPDX-License-Identifier: Apache-2.0
#include "node/store/merge.h"

#include "cluster/base/memory.h"
#include "cluster/model/limits.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

#include <criterion/criterion.h>
#include <stdio.h>

// A subset of JSON, enough for the rows below: objects, arrays, "strings", ints and null; no
// escapes.
static const char *write_json(struct buffer *out, const char *text);

static const char *write_members(struct buffer *out, const char *text, char last, bool is_map)
{
    struct buffer inner = {0};
    uint32_t count = 0;
    while (*text != last) {
        text = write_json(&inner, text);
        if (is_map)
            text = write_json(&inner, text + 1);
        count++;
        text += *text == ',';
    }
    if (is_map)
        write_map(out, count);
    else
        write_array(out, count);
    write_object(out, buffer_bytes(&inner));
    buffer_deinit(&inner);
    return text + 1;
}

static const char *write_json(struct buffer *out, const char *text)
{
    if (*text == '{')
        return write_members(out, text + 1, '}', true);
    if (*text == '[')
        return write_members(out, text + 1, ']', false);
    if (*text == '"') {
        size_t size = strcspn(text + 1, "\"");
        write_str(out, bytes_of(text + 1, size));
        return text + size + 2;
    }
    if (*text == 'n') {
        write_nil(out);
        return text + 4;
    }
    char *end;
    write_int(out, strtol(text, &end, 10));
    return end;
}

struct row {
    const char *target;
    const char *patch;
    const char *result; // NULL: ERROR_WRONG_TYPE
};

static void check_row(const struct row *row)
{
    struct buffer target = {0}, patch = {0}, expected = {0}, out = {0};
    if (*row->target)
        write_json(&target, row->target);
    write_json(&patch, row->patch);
    enum error error = merge_apply(buffer_bytes(&target), buffer_bytes(&patch), &out);
    if (row->result == NULL) {
        cr_assert_eq(error, ERROR_WRONG_TYPE);
    } else {
        cr_assert_eq(error, ERROR_NONE);
        write_json(&expected, row->result);
        cr_assert(bytes_equal(buffer_bytes(&out), buffer_bytes(&expected)), "%s + %s", row->target,
                  row->patch);
        cr_assert_eq(value_check(buffer_bytes(&out)), ERROR_NONE);
    }
    buffer_deinit(&target);
    buffer_deinit(&patch);
    buffer_deinit(&expected);
    buffer_deinit(&out);
}

// The test cases of RFC 7396, appendix A, as far as target and patch are objects; then our own.
Test(merge, follows_rfc_7396)
{
    static const struct row rows[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", NULL},
        {"{\"a\":\"b\"}", "[\"c\"]", NULL},
        {"{\"a\":\"foo\"}", "null", NULL},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", NULL},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        {"", "{\"a\":1,\"b\":null,\"c\":{\"d\":null,\"e\":2}}", "{\"a\":1,\"c\":{\"e\":2}}"},
        {"{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":4,\"d\":{\"x\":1},\"a\":{\"y\":2}}",
         "{\"a\":{\"y\":2},\"b\":2,\"c\":4,\"d\":{\"x\":1}}"},
        {"{\"a\":1}", "{\"b\":2,\"b\":3}", "{\"a\":1,\"b\":3}"},
        {"{\"a\":1,\"a\":2}", "{\"a\":3}", "{\"a\":3}"},
        {"{\"a\":1,\"a\":2}", "{\"a\":null}", "{}"},
        {"{\"a\":1}", "{}", "{\"a\":1}"},
        {"{1:2}", "{1:null,3:4}", "{3:4}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i]);
}

Test(merge, a_key_is_its_text_whatever_the_length_of_its_head)
{
    static const uint8_t target[] = {0x81, 0xd9, 1, 'a', 1};
    static const uint8_t patch[] = {0x81, 0xa1, 'a', 2};
    static const uint8_t expected[] = {0x81, 0xd9, 1, 'a', 2};
    struct buffer out = {0};
    cr_assert_eq(merge_apply(bytes_of(target, sizeof target), bytes_of(patch, sizeof patch), &out),
                 ERROR_NONE);
    cr_assert(bytes_equal(buffer_bytes(&out), bytes_of(expected, sizeof expected)));
    buffer_deinit(&out);
}

// Maps large enough to be searched by hash: even keys stay, every third is replaced or removed.
Test(merge, large_maps_merge_like_small_ones)
{
    enum { FIELDS = 5000 };
    struct buffer target = {0}, patch = {0}, out = {0};
    write_map(&target, FIELDS);
    write_map(&patch, FIELDS / 2 + 1);
    for (int64_t i = 0; i < FIELDS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "field %d", (int)i);
        write_text(&target, name);
        write_int(&target, i);
        if (i % 2)
            continue;
        write_text(&patch, name);
        if (i % 6 == 0)
            write_nil(&patch);
        else
            write_int(&patch, -i);
    }
    write_text(&patch, "new");
    write_int(&patch, 1);
    cr_assert_eq(merge_apply(buffer_bytes(&target), buffer_bytes(&patch), &out), ERROR_NONE);
    struct cursor cursor = cursor_of(buffer_bytes(&out));
    uint32_t count;
    cr_assert(cursor_read_map(&cursor, &count));
    cr_assert_eq(count, FIELDS - (FIELDS + 5) / 6 + 1);
    for (uint32_t i = 0; i + 1 < count; i++) {
        struct bytes name;
        int64_t value;
        cr_assert(cursor_read_str(&cursor, &name) && cursor_read_int(&cursor, &value));
        char text[16] = "";
        memcpy(text, name.data, name.size);
        int64_t number = strtol(text + sizeof "field", NULL, 10);
        cr_assert_eq(value, number % 2 ? number : -number);
    }
    buffer_deinit(&target);
    buffer_deinit(&patch);
    buffer_deinit(&out);
}

Test(merge, the_deepest_values_merge)
{
    struct buffer target = {0}, patch = {0}, out = {0};
    for (int depth = 0; depth < VALUE_DEPTH_MAX; depth++) {
        write_map(&target, 1);
        write_text(&target, "a");
        write_map(&patch, 1);
        write_text(&patch, "a");
    }
    write_int(&target, 1);
    write_int(&patch, 2);
    cr_assert_eq(merge_apply(buffer_bytes(&target), buffer_bytes(&patch), &out), ERROR_NONE);
    cr_assert(bytes_equal(buffer_bytes(&out), buffer_bytes(&patch)));
    buffer_clear(&out);
    cr_assert_eq(merge_apply(bytes_of(NULL, 0), buffer_bytes(&patch), &out), ERROR_NONE);
    cr_assert(bytes_equal(buffer_bytes(&out), buffer_bytes(&patch)));
    buffer_deinit(&target);
    buffer_deinit(&patch);
    buffer_deinit(&out);
}

Test(merge, too_large_a_result_is_refused)
{
    struct buffer target = {0}, patch = {0}, out = {0};
    size_t size = VALUE_BYTES_MAX / 2;
    uint8_t *text = memory_new(size);
    write_map(&target, 1);
    write_text(&target, "a");
    write_bin(&target, bytes_of(text, size));
    write_map(&patch, 1);
    write_text(&patch, "b");
    write_bin(&patch, bytes_of(text, size));
    cr_assert_eq(merge_apply(buffer_bytes(&target), buffer_bytes(&patch), &out), ERROR_TOO_LARGE);
    free(text);
    buffer_deinit(&target);
    buffer_deinit(&patch);
    buffer_deinit(&out);
}

Test(merge, too_many_fields_in_a_patch_are_refused)
{
    struct buffer inner = {0}, target = {0}, out = {0};
    write_map(&inner, 1);
    write_text(&inner, "a");
    write_map(&inner, MERGE_FIELDS_MAX + 1);
    for (uint32_t i = 0; i <= MERGE_FIELDS_MAX; i++) {
        write_uint(&inner, i);
        write_nil(&inner);
    }
    write_map(&target, 1);
    write_text(&target, "a");
    write_map(&target, 0);
    cr_assert_eq(merge_apply(buffer_bytes(&target), buffer_bytes(&inner), &out), ERROR_TOO_LARGE);
    cr_assert_eq(merge_apply(bytes_of(NULL, 0), buffer_bytes(&inner), &out), ERROR_TOO_LARGE);
    buffer_deinit(&inner);
    buffer_deinit(&target);
    buffer_deinit(&out);
}
