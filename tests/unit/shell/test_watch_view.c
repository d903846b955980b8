// SPDX-License-Identifier: Apache-2.0
#include "client/shell/watch_view.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct stage {
    char *shown;
    size_t shown_size;
    char *told; // on the other stream
    size_t told_size;
    struct shell_output output;
    FILE *errors;
    struct watch_view *view;
    struct grid_builder *key;
    struct grid_builder *value;
    struct grid_event event;
};

static void stage_begin(struct stage *stage, enum shell_format format, size_t width,
                        enum grid_start start)
{
    static const char json[] = "{\"mag\":5}";
    *stage = (struct stage){.key = grid_builder_new(), .value = grid_builder_new()};
    stage->output = (struct shell_output){
        .file = open_memstream(&stage->shown, &stage->shown_size),
        .format = format,
        .width = width,
    };
    stage->errors = open_memstream(&stage->told, &stage->told_size);
    stage->view = watch_view_new(&stage->output, stage->errors, start);
    grid_build_str(stage->key, "us1");
    cr_assert_eq(grid_build_json(stage->value, json, strlen(json), NULL, 0), GRID_OK);
    stage->event = (struct grid_event){.partition = 3,
                                       .epoch = 2,
                                       .seq = 9,
                                       .key = grid_builder_bytes(stage->key),
                                       .new_value = grid_builder_bytes(stage->value)};
}

static void stage_end(struct stage *stage, const char *shown, const char *told)
{
    fclose(stage->output.file);
    fclose(stage->errors);
    cr_assert_str_eq(stage->shown, shown);
    cr_assert_str_eq(stage->told, told);
    watch_view_free(stage->view);
    grid_builder_free(stage->key);
    grid_builder_free(stage->value);
    free(stage->shown);
    free(stage->told);
}

Test(shell_watch_view, a_terminal_sees_a_table_and_then_lines)
{
    struct stage stage;
    stage_begin(&stage, SHELL_FORMAT_TABLE, 80, GRID_START_SNAPSHOT);
    watch_view_row(stage.view, &stage.event);
    watch_view_ready(stage.view, ", Ctrl-C ends");
    watch_view_change(stage.view, CHANGE_ENTER, &stage.event);
    watch_view_note(stage.view, bytes_of_text("catching up"));
    watch_view_reset(stage.view, 3);
    watch_view_row(stage.view, &stage.event);
    watch_view_end(stage.view, 1);
    stage_end(&stage,
              "mag\n---\n  5\n"
              "(1 row match now; changes follow, Ctrl-C ends)\n"
              "              ENTER   \"us1\"  mag=5  (reset)\n"
              "-- catching up\n"
              "RESET   rows of partition 3 above are void\n"
              "              ROW     \"us1\"  mag=5\n"
              "(1 change)\n",
              "");
}

// A change of a key may come while rows of other partitions are still to come.
Test(shell_watch_view, a_change_comes_after_the_rows_before_it)
{
    struct stage stage;
    stage_begin(&stage, SHELL_FORMAT_TABLE, 80, GRID_START_SNAPSHOT);
    watch_view_row(stage.view, &stage.event);
    watch_view_change(stage.view, CHANGE_LEAVE, &stage.event);
    watch_view_row(stage.view, &stage.event);
    watch_view_ready(stage.view, "");
    stage_end(&stage,
              "mag\n---\n  5\n"
              "              LEAVE   \"us1\"  (reset)\n"
              "              ROW     \"us1\"  mag=5\n"
              "(2 rows match now; changes follow)\n",
              "");
}

Test(shell_watch_view, a_table_in_a_pipe_has_no_lines_about_the_watch)
{
    struct stage stage;
    stage_begin(&stage, SHELL_FORMAT_TABLE, 0, GRID_START_LATEST);
    watch_view_ready(stage.view, "");
    watch_view_note(stage.view, bytes_of_text("catching up"));
    watch_view_end(stage.view, 0);
    stage_end(&stage, "(changes from now on)\n(0 changes)\n", "watch: catching up\n");
}

Test(shell_watch_view, records_have_one_shape)
{
    struct stage stage;
    stage_begin(&stage, SHELL_FORMAT_CSV, 0, GRID_START_SNAPSHOT);
    watch_view_row(stage.view, &stage.event);
    watch_view_ready(stage.view, "");
    watch_view_change(stage.view, CHANGE_UPDATE, &stage.event);
    stage.event.cause = GRID_CAUSE_PUT;
    stage.event.time_us = 7;
    watch_view_change(stage.view, CHANGE_UPDATE, &stage.event);
    watch_view_reset(stage.view, 3);
    watch_view_note(stage.view, bytes_of_text("live"));
    watch_view_end(stage.view, 1);
    stage_end(&stage,
              "event,partition,epoch,seq,time_us,cause,key,new,old\n"
              "row,3,2,9,0,row,us1,\"{\"\"mag\"\":5}\",\n"
              "ready,0,0,0,0,ready,,,\n"
              "update,3,2,9,0,reset,us1,\"{\"\"mag\"\":5}\",\n"
              "update,3,2,9,7,put,us1,\"{\"\"mag\"\":5}\",\n"
              "reset,3,0,0,0,reset,,,\n",
              "watch: live\n");
}
