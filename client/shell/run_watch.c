// SPDX-License-Identifier: Apache-2.0
// watch: the rows that match, then every change, as it comes. On a terminal the rows are a table
// and the changes are lines; elsewhere rows and changes are records of one shape.
#include "client/shell/cell_text.h"
#include "client/shell/change_line.h"
#include "client/shell/clock.h"
#include "client/shell/shell.h"
#include "cluster/base/memory.h"

enum { LOOK_MS = 100 }; // between two looks for Ctrl-C

struct watch {
    struct shell *shell;                 // borrowed
    const struct shell_command *command; // borrowed
    struct shell_result *records;        // owned; a table: the snapshot
    struct buffer line;                  // owned: a change, while it is written
    struct buffer scratch;               // owned: likewise
    uint64_t row_count;
    uint64_t change_count;
    int64_t utc_offset_s;
    bool ended;
    bool failed;
};

static bool is_table(const struct watch *watch)
{
    return watch->shell->output.format == SHELL_FORMAT_TABLE;
}

// `event` NULL: a record without a change, of the same shape.
static void record_show(struct watch *watch, const char *name, const struct grid_event *event)
{
    static const struct grid_event none = {0};
    struct shell_result *records = watch->records;
    const struct grid_event *shown = event != NULL ? event : &none;
    shell_result_row(records);
    shell_result_text(records, "event", name);
    shell_result_uint(records, "partition", shown->partition);
    shell_result_uint(records, "seq", shown->seq);
    shell_result_uint(records, "time_us", shown->time_us);
    shell_result_text(records, "cause", event != NULL ? change_cause_name(event->cause) : name);
    shell_result_key(records, "key", shown->key);
    shell_result_object(records, "new", shown->new_value);
    shell_result_object(records, "old", shown->old_value);
    shell_result_row_end(records);
    shell_result_flush(records);
}

static void line_show(struct watch *watch, enum change_kind kind, const struct grid_event *event)
{
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
    const struct shell_output *output = &watch->shell->output;
    buffer_clear(&watch->line);
    buffer_clear(&watch->scratch);
    change_line_write(&watch->scratch, kind, event, watch->utc_offset_s);
    cell_text_clean(&watch->line, buffer_bytes(&watch->scratch));
    buffer_clear(&watch->scratch);
    cell_text_cut(&watch->scratch, buffer_bytes(&watch->line),
                  output->width != 0 ? output->width : SIZE_MAX);
    fprintf(output->file, "%s%.*s%s\n", output->colour ? colours[kind] : "",
            (int)buffer_size(&watch->scratch), (const char *)watch->scratch.data,
            output->colour ? "\033[0m" : "");
}

static void change_take(struct watch *watch, enum change_kind kind, const struct grid_event *event)
{
    if (watch->ended)
        return;
    if (is_table(watch))
        line_show(watch, kind, event);
    else
        record_show(watch, change_kind_name(kind), event);
    watch->change_count++;
    watch->ended = watch->command->limit != 0 && watch->change_count >= watch->command->limit;
}

static void row_take(void *context, const struct grid_event *event)
{
    struct watch *watch = context;
    watch->row_count++;
    if (!is_table(watch)) {
        record_show(watch, "row", event);
        return;
    }
    shell_result_row(watch->records);
    if (!shell_result_document(watch->records, event->new_value)) {
        shell_result_key(watch->records, "__key", event->key);
        shell_result_object(watch->records, "value", event->new_value);
    }
    shell_result_row_end(watch->records);
}

static void ready_take(void *context)
{
    struct watch *watch = context;
    if (!is_table(watch)) {
        record_show(watch, "ready", NULL);
        return;
    }
    shell_result_end(watch->records);
    if (!watch->command->without_snapshot)
        fprintf(watch->shell->output.file, "(%llu row%s match now; changes follow%s)\n",
                (unsigned long long)watch->row_count, watch->row_count == 1 ? "" : "s",
                watch->shell->interactive ? ", Ctrl-C ends" : "");
}

static void enter_take(void *context, const struct grid_event *event)
{
    change_take(context, CHANGE_ENTER, event);
}

static void update_take(void *context, const struct grid_event *event)
{
    change_take(context, CHANGE_UPDATE, event);
}

static void leave_take(void *context, const struct grid_event *event)
{
    change_take(context, CHANGE_LEAVE, event);
}

static void error_take(void *context, enum grid_error error, const char *text)
{
    struct watch *watch = context;
    watch->ended = true;
    watch->failed = true;
    shell_fail_query(watch->shell, watch->command->statement, error, text);
}

static int64_t utc_offset_s(void)
{
    struct tm local;
    time_t now = time(NULL);
    return localtime_r(&now, &local) != NULL ? local.tm_gmtoff : 0;
}

static struct grid_subscription *watch_start(struct watch *watch)
{
    const struct grid_listener listener = {
        .row = row_take,
        .ready = ready_take,
        .enter = enter_take,
        .update = update_take,
        .leave = leave_take,
        .error = error_take,
    };
    const struct grid_subscribe_options options = {
        .without_snapshot = watch->command->without_snapshot,
    };
    struct bytes statement = watch->command->statement;
    char *query = memory_copy_text((const char *)statement.data, statement.size);
    struct grid_subscription *subscription =
        grid_subscribe(watch->shell->grid, query, &options, &listener, watch);
    free(query);
    return subscription;
}

static void watch_run(struct watch *watch)
{
    struct shell *shell = watch->shell;
    int64_t deadline_us = watch->command->watch_ms != 0
                              ? shell_clock_us() + watch->command->watch_ms * US_PER_MS
                              : INT64_MAX;
    shell_interrupt_begin(&shell->interrupt);
    while (!watch->ended) {
        int64_t left_us = deadline_us - shell_clock_us();
        if (left_us <= 0)
            break;
        grid_run(shell->grid, left_us < LOOK_MS * US_PER_MS ? (int)(left_us / US_PER_MS) : LOOK_MS);
        fflush(shell->output.file);
        if (shell_interrupt_take(&shell->interrupt, NULL)) {
            shell->interrupted = true;
            break;
        }
    }
    shell_interrupt_end(&shell->interrupt);
}

bool shell_run_watch(struct shell *shell, const struct shell_command *command)
{
    struct watch watch = {.shell = shell, .command = command, .utc_offset_s = utc_offset_s()};
    struct grid_subscription *subscription = watch_start(&watch);
    if (subscription == NULL)
        return shell_fail(shell, "the statement is longer than 64 KiB");
    watch.records = shell_result_new(&shell->output);
    watch_run(&watch);
    grid_unsubscribe(subscription);
    if (is_table(&watch)) {
        if (shell->interactive && shell->interrupted)
            fputs("\n", shell->output.file);
        fprintf(shell->output.file, "(%llu change%s)\n", (unsigned long long)watch.change_count,
                watch.change_count == 1 ? "" : "s");
    }
    shell_result_free(watch.records);
    buffer_deinit(&watch.line);
    buffer_deinit(&watch.scratch);
    return !watch.failed;
}
