// SPDX-License-Identifier: Apache-2.0
// watch: the rows that match, then every change, as it comes; and the resume token, with which a
// later watch goes on where this one ended.
#include "client/shell/clock.h"
#include "client/shell/shell.h"
#include "client/shell/token_file.h"
#include "client/shell/token_text.h"
#include "client/shell/watch_state.h"
#include "client/shell/watch_view.h"
#include "cluster/base/memory.h"

#include <errno.h>

enum {
    LOOK_MS = 100,             // between two looks for Ctrl-C
    TOKEN_EVERY_US = US_PER_S, // between two writes of the token's file
};

struct watch {
    struct shell *shell;                    // borrowed
    const struct shell_watch *wanted;       // borrowed
    struct bytes statement;                 // borrowed
    struct grid_subscription *subscription; // owned
    struct watch_view *view;                // owned
    struct watch_state state;
    uint64_t change_count;
    struct buffer token;  // owned: the newest; empty while there is none
    int64_t token_us;     // when it was last written to its file
    bool token_is_frozen; // it is that of the last change that was shown
    bool is_heard;        // the grid has accepted the query and the token
    bool is_ended;
    bool has_failed;
};

// ---- The resume token ----

static void token_take(struct watch *watch)
{
    struct grid_bytes token;
    if (watch->token_is_frozen || grid_subscription_token(watch->subscription, &token) != GRID_OK)
        return;
    buffer_clear(&watch->token);
    buffer_append(&watch->token, token.data, token.size);
}

static struct grid_bytes token_bytes(const struct watch *watch)
{
    struct bytes token = buffer_bytes(&watch->token);
    return (struct grid_bytes){token.data, token.size};
}

static bool goes_to_file(const struct watch *watch)
{
    return watch->wanted->token_path != NULL && strcmp(watch->wanted->token_path, "-") != 0;
}

// After the output has been written: what a token is behind was shown.
static void token_save(struct watch *watch)
{
    const char *path = watch->wanted->token_path;
    token_take(watch);
    watch->token_us = shell_clock_us();
    if (buffer_size(&watch->token) == 0 || ferror(watch->shell->output.file) != 0 ||
        token_file_write(path, token_bytes(watch)))
        return;
    watch->is_ended = true;
    watch->has_failed = true;
    shell_fail(watch->shell, "the resume token: %s: %s", path, strerror(errno));
}

static void token_show(struct watch *watch)
{
    struct buffer text = {0};
    token_take(watch);
    if (buffer_size(&watch->token) == 0) {
        watch_view_note(watch->view, bytes_of_text("there is no resume token yet"));
        return;
    }
    token_text_write(&text, token_bytes(watch));
    fflush(watch->shell->output.file);
    fprintf(watch->shell->errors, "%.*s\n", (int)buffer_size(&text), (const char *)text.data);
    buffer_deinit(&text);
}

// ---- What the grid tells ----

// Whether the watch still takes what comes. After its last change it does not, and its token is to
// be that of before what comes now.
static bool is_open(struct watch *watch)
{
    watch->is_heard = true;
    if (!watch->is_ended)
        return true;
    token_take(watch);
    watch->token_is_frozen = true;
    return false;
}

static void change_take(struct watch *watch, enum change_kind kind, const struct grid_event *event)
{
    if (!is_open(watch))
        return;
    watch_view_change(watch->view, kind, event);
    watch->change_count++;
    watch->is_ended = watch->wanted->limit != 0 && watch->change_count >= watch->wanted->limit;
}

static void row_take(void *context, const struct grid_event *event)
{
    struct watch *watch = context;
    if (is_open(watch))
        watch_view_row(watch->view, event);
}

static void ready_take(void *context)
{
    struct watch *watch = context;
    if (is_open(watch))
        watch_view_ready(watch->view, watch->shell->interactive ? ", Ctrl-C ends" : "");
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

static void reset_take(void *context, uint16_t partition)
{
    struct watch *watch = context;
    if (is_open(watch))
        watch_view_reset(watch->view, partition);
}

static void state_show(struct watch *watch)
{
    struct buffer line = {0};
    if (!watch->is_ended && watch_state_line(&watch->state, shell_clock_us(), &line))
        watch_view_note(watch->view, buffer_bytes(&line));
    buffer_deinit(&line);
}

static void state_take(void *context, enum grid_subscription_state state, uint64_t behind)
{
    struct watch *watch = context;
    watch_state_note(&watch->state, state, behind, shell_clock_us());
    state_show(watch);
}

static void error_take(void *context, enum grid_error error, const char *text)
{
    struct watch *watch = context;
    if (watch->is_ended)
        return;
    watch->is_ended = true;
    watch->has_failed = true;
    shell_fail_query(watch->shell, watch->statement, error, text);
}

// ---- The course of a watch ----

// False: it has been said why.
static bool watch_start(struct watch *watch)
{
    static const struct grid_listener listener = {
        .row = row_take,
        .ready = ready_take,
        .enter = enter_take,
        .update = update_take,
        .leave = leave_take,
        .reset = reset_take,
        .state = state_take,
        .error = error_take,
    };
    const struct shell_watch *wanted = watch->wanted;
    char fault[512];
    if (wanted->after != NULL &&
        !token_file_read(&watch->token, wanted->after, fault, sizeof fault))
        return shell_fail(watch->shell, "%s", fault);
    const struct grid_subscribe_options options = {
        .start = wanted->start,
        .token = token_bytes(watch),
        .content = wanted->content,
        .policy = wanted->policy,
        .only_changed = wanted->only_changed,
        .kinds = wanted->kinds,
        .causes = wanted->causes,
    };
    char *query = memory_copy_text((const char *)watch->statement.data, watch->statement.size);
    watch->subscription = grid_subscribe(watch->shell->grid, query, &options, &listener, watch);
    free(query);
    buffer_clear(&watch->token);
    return watch->subscription != NULL ||
           shell_fail(watch->shell, "the statement is longer than 64 KiB");
}

static void watch_run(struct watch *watch)
{
    struct shell *shell = watch->shell;
    int64_t deadline_us = watch->wanted->time_ms != 0
                              ? shell_clock_us() + watch->wanted->time_ms * US_PER_MS
                              : INT64_MAX;
    shell_interrupt_begin(&shell->interrupt);
    while (!watch->is_ended) {
        int64_t left_us = deadline_us - shell_clock_us();
        if (left_us <= 0)
            break;
        grid_run(shell->grid, left_us < LOOK_MS * US_PER_MS ? (int)(left_us / US_PER_MS) : LOOK_MS);
        state_show(watch);
        fflush(shell->output.file);
        if (goes_to_file(watch) && watch->is_heard &&
            shell_clock_us() - watch->token_us >= TOKEN_EVERY_US)
            token_save(watch);
        if (shell_interrupt_take(&shell->interrupt, NULL)) {
            shell->interrupted = true;
            break;
        }
    }
    shell_interrupt_end(&shell->interrupt);
}

static void watch_end(struct watch *watch)
{
    struct shell *shell = watch->shell;
    if (shell->interactive && shell->interrupted)
        fputs("\n", shell->output.file);
    watch_view_end(watch->view, watch->change_count);
    fflush(shell->output.file);
    // What was refused from the start stands nowhere.
    bool has_token = watch->is_heard || !watch->has_failed;
    if (has_token && goes_to_file(watch))
        token_save(watch);
    else if (has_token && watch->wanted->token_path != NULL)
        token_show(watch);
    grid_unsubscribe(watch->subscription);
}

bool shell_run_watch(struct shell *shell, const struct shell_command *command)
{
    const struct shell_watch *wanted = &command->watch;
    struct watch watch = {.shell = shell, .wanted = wanted, .statement = command->statement};
    watch.view = watch_view_new(&shell->output, shell->errors, wanted->start);
    watch_state_init(&watch.state, shell_clock_us());
    bool is_started = watch_start(&watch);
    if (is_started) {
        watch_run(&watch);
        watch_end(&watch);
    }
    watch_view_free(watch.view);
    buffer_deinit(&watch.token);
    return is_started && !watch.has_failed;
}
