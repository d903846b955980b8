// SPDX-License-Identifier: Apache-2.0
#include "client/shell/watch_view.h"

#include "client/shell/cell_text.h"
#include "cluster/base/memory.h"

#include <time.h>

struct watch_view {
    const struct shell_output *output; // borrowed
    FILE *errors;                      // borrowed
    enum grid_start start;
    struct shell_result *records; // owned; a table: the snapshot
    bool in_table;                // rows are rows of the table still
    uint64_t row_count;
    int64_t utc_offset_s;
    struct buffer line;    // owned: a line, while it is written
    struct buffer scratch; // owned: likewise
};

static bool is_table(const struct watch_view *view)
{
    return view->output->format == SHELL_FORMAT_TABLE;
}

static int64_t utc_offset_s(void)
{
    struct tm local;
    time_t now = time(NULL);
    return localtime_r(&now, &local) != NULL ? local.tm_gmtoff : 0;
}

struct watch_view *watch_view_new(const struct shell_output *output, FILE *errors,
                                  enum grid_start start)
{
    struct watch_view *view = memory_new(sizeof *view);
    view->output = output;
    view->errors = errors;
    view->start = start;
    view->records = shell_result_new(output);
    view->in_table = is_table(view) && start == GRID_START_SNAPSHOT;
    view->utc_offset_s = utc_offset_s();
    return view;
}

void watch_view_free(struct watch_view *view)
{
    if (view == NULL)
        return;
    shell_result_free(view->records);
    buffer_deinit(&view->line);
    buffer_deinit(&view->scratch);
    free(view);
}

// ---- Records ----

static void record_show(struct watch_view *view, const char *name, const char *cause,
                        const struct grid_event *event)
{
    struct shell_result *records = view->records;
    shell_result_row(records);
    shell_result_text(records, "event", name);
    shell_result_uint(records, "partition", event->partition);
    shell_result_uint(records, "epoch", event->epoch);
    shell_result_uint(records, "seq", event->seq);
    shell_result_uint(records, "time_us", event->time_us);
    shell_result_text(records, "cause", cause);
    shell_result_key(records, "key", event->key);
    shell_result_object(records, "new", event->new_value);
    shell_result_object(records, "old", event->old_value);
    shell_result_row_end(records);
    shell_result_flush(records);
}

// A record without a change, of the same shape.
static void mark_show(struct watch_view *view, const char *name, uint16_t partition)
{
    record_show(view, name, name, &(struct grid_event){.partition = partition});
}

// ---- A table, and lines below it ----

// Rows that were held back come before what follows.
static void table_end(struct watch_view *view)
{
    if (view->in_table)
        shell_result_end(view->records);
    view->in_table = false;
}

static void table_row(struct watch_view *view, const struct grid_event *event)
{
    shell_result_row(view->records);
    if (!shell_result_document(view->records, event->new_value)) {
        shell_result_key(view->records, "__key", event->key);
        shell_result_object(view->records, "value", event->new_value);
    }
    shell_result_row_end(view->records);
}

// Data cannot steer the terminal, and what is too long for it is cut.
static void line_show(struct watch_view *view, const char *colour, struct bytes text)
{
    const struct shell_output *output = view->output;
    buffer_clear(&view->line);
    cell_text_clean(&view->line, text);
    buffer_clear(&view->scratch);
    cell_text_cut(&view->scratch, buffer_bytes(&view->line),
                  output->width != 0 ? output->width : SIZE_MAX);
    fprintf(output->file, "%s%.*s%s\n", output->colour ? colour : "",
            (int)buffer_size(&view->scratch), (const char *)view->scratch.data,
            output->colour ? "\033[0m" : "");
}

static void change_show(struct watch_view *view, enum change_kind kind,
                        const struct grid_event *event)
{
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m", ""};
    struct buffer text = {0};
    table_end(view);
    change_line_write(&text, kind, event, view->utc_offset_s);
    line_show(view, colours[kind], buffer_bytes(&text));
    buffer_deinit(&text);
}

// ---- What happens ----

void watch_view_row(struct watch_view *view, const struct grid_event *event)
{
    view->row_count++;
    if (view->in_table)
        table_row(view, event);
    else if (is_table(view))
        change_show(view, CHANGE_ROW, event);
    else
        record_show(view, change_kind_name(CHANGE_ROW), change_kind_name(CHANGE_ROW), event);
}

void watch_view_change(struct watch_view *view, enum change_kind kind,
                       const struct grid_event *event)
{
    if (is_table(view))
        change_show(view, kind, event);
    else
        record_show(view, change_kind_name(kind), change_cause_name(event->cause), event);
}

void watch_view_reset(struct watch_view *view, uint16_t partition)
{
    char text[96];
    if (!is_table(view)) {
        mark_show(view, "reset", partition);
        return;
    }
    table_end(view);
    int size =
        snprintf(text, sizeof text, "RESET   rows of partition %u above are void", partition);
    line_show(view, "\033[31m", bytes_of(text, (size_t)size));
}

void watch_view_ready(struct watch_view *view, const char *how_to_end)
{
    FILE *file = view->output->file;
    if (!is_table(view)) {
        mark_show(view, "ready", 0);
        return;
    }
    table_end(view);
    if (view->start == GRID_START_SNAPSHOT)
        fprintf(file, "(%llu row%s match now; changes follow%s)\n",
                (unsigned long long)view->row_count, view->row_count == 1 ? "" : "s", how_to_end);
    else
        fprintf(file, "(changes from now on%s)\n", how_to_end);
}

void watch_view_note(struct watch_view *view, struct bytes text)
{
    if (is_table(view) && view->output->width != 0) {
        char line[256];
        int size = snprintf(line, sizeof line, "-- %.*s", (int)text.size, (const char *)text.data);
        line_show(view, "\033[36m", bytes_of(line, (size_t)size));
        return;
    }
    fflush(view->output->file);
    fprintf(view->errors, "watch: %.*s\n", (int)text.size, (const char *)text.data);
}

void watch_view_end(struct watch_view *view, uint64_t change_count)
{
    if (!is_table(view))
        return;
    table_end(view);
    fprintf(view->output->file, "(%llu change%s)\n", (unsigned long long)change_count,
            change_count == 1 ? "" : "s");
}
