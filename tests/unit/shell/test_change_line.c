// SPDX-License-Identifier: Apache-2.0
#include "client/shell/change_line.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct grid_bytes object(struct grid_builder *builder, const char *json)
{
    if (json == NULL)
        return (struct grid_bytes){0};
    cr_assert_eq(grid_build_json(builder, json, strlen(json), NULL, 0), GRID_OK);
    return grid_builder_bytes(builder);
}

static void check_line(enum change_kind kind, enum grid_cause cause, const char *old_json,
                       const char *new_json, const char *expected)
{
    struct grid_builder *builders[3] = {grid_builder_new(), grid_builder_new(), grid_builder_new()};
    const struct grid_event event = {
        .time_us = UINT64_C(86400) * 1000000 * 3 + UINT64_C(3723004005), // 01:02:03.004
        .cause = cause,
        .key = object(builders[0], "\"us1\""),
        .old_value = object(builders[1], old_json),
        .new_value = object(builders[2], new_json),
    };
    struct buffer out = {0};
    change_line_write(&out, kind, &event, 3600);
    cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_text(expected)), "%.*s",
              (int)buffer_size(&out), (const char *)out.data);
    buffer_deinit(&out);
    for (size_t i = 0; i < 3; i++)
        grid_builder_free(builders[i]);
}

Test(shell_change_line, enter_shows_the_new_document)
{
    check_line(CHANGE_ENTER, GRID_CAUSE_PUT, NULL, "{\"mag\":5,\"place\":\"Chile\"}",
               "02:02:03.004  ENTER   \"us1\"  mag=5  place=\"Chile\"");
}

Test(shell_change_line, update_shows_what_differs)
{
    check_line(CHANGE_UPDATE, GRID_CAUSE_PUT, "{\"mag\":5,\"place\":\"Chile\",\"x\":1}",
               "{\"mag\":5.5,\"place\":\"Chile\",\"y\":2}",
               "02:02:03.004  UPDATE  \"us1\"  mag 5 -> 5.5  y nothing -> 2  x 1 -> nothing");
    check_line(CHANGE_UPDATE, GRID_CAUSE_PUT, "1", "2", "02:02:03.004  UPDATE  \"us1\"  2");
    check_line(CHANGE_UPDATE, GRID_CAUSE_TOUCH, "{\"a\":1}", "{\"a\":1}",
               "02:02:03.004  UPDATE  \"us1\"  (touch)");
}

Test(shell_change_line, leave_shows_the_old_document_and_the_cause)
{
    check_line(CHANGE_LEAVE, GRID_CAUSE_EXPIRE, "{\"mag\":5}", NULL,
               "02:02:03.004  LEAVE   \"us1\"  mag=5  (expire)");
    check_line(CHANGE_LEAVE, GRID_CAUSE_REMOVE, NULL, NULL,
               "02:02:03.004  LEAVE   \"us1\"  (remove)");
}

// What a reset has brought to light has no time of its own.
Test(shell_change_line, rows_and_resets_have_no_time)
{
    struct grid_builder *builders[2] = {grid_builder_new(), grid_builder_new()};
    const struct grid_event event = {.key = object(builders[0], "7"),
                                     .new_value = object(builders[1], "{\"a\":1}")};
    struct buffer out = {0};
    change_line_write(&out, CHANGE_ROW, &event, 3600);
    cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_text("              ROW     7  a=1")));
    buffer_clear(&out);
    change_line_write(&out, CHANGE_ENTER, &event, 3600);
    cr_assert(
        bytes_equal(buffer_bytes(&out), bytes_of_text("              ENTER   7  a=1  (reset)")));
    buffer_deinit(&out);
    grid_builder_free(builders[0]);
    grid_builder_free(builders[1]);
}

Test(shell_change_line, kinds_and_causes_are_found_by_name)
{
    enum change_kind kind;
    enum grid_cause cause;
    cr_assert(change_kind_find(bytes_of_text("Update"), &kind));
    cr_assert_eq(kind, CHANGE_UPDATE);
    cr_assert(change_cause_find(bytes_of_text("TOUCH"), &cause));
    cr_assert_eq(cause, GRID_CAUSE_TOUCH);
    cr_assert_not(change_kind_find(bytes_of_text("row"), &kind));
    cr_assert_not(change_kind_find(bytes_of_text("enterx"), &kind));
    cr_assert_not(change_kind_find(bytes_of_text(""), &kind));
    cr_assert_not(change_cause_find(bytes_of_text("reset"), &cause));
}

Test(shell_change_line, unknown_causes_have_a_name_too)
{
    cr_assert_str_eq(change_cause_name((enum grid_cause)99), "unknown");
    cr_assert_str_eq(change_cause_name(GRID_CAUSE_CLEAR), "clear");
    cr_assert_str_eq(change_cause_name(GRID_CAUSE_NONE), "reset");
    cr_assert_str_eq(change_kind_name(CHANGE_LEAVE), "leave");
}
