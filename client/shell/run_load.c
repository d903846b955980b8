// SPDX-License-Identifier: Apache-2.0
// load: the documents of a file as entries, a window of them on their way at once.
#include "client/shell/clock.h"
#include "client/shell/load_progress.h"
#include "client/shell/load_source.h"
#include "client/shell/shell.h"
#include "cluster/base/memory.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,        // between two looks for Ctrl-C while waiting
    FAULTS_SHOWN_MAX = 20 // further ones are counted only
};

struct load_slot {
    struct load *load;
    uint64_t line;
    struct load_slot *next; // among the free ones
};

struct load {
    struct shell *shell;                 // borrowed
    const struct shell_command *command; // borrowed
    FILE *file;                          // owned
    struct load_source *source;          // owned
    struct grid_builder *document;       // owned
    struct load_slot *slots;             // owned, command->window of them
    struct load_slot *free;
    size_t in_flight;
    uint64_t done_count;
    uint64_t fault_count;
    bool stopped;
    struct load_progress progress;
};

static void fault_note(struct load *load, uint64_t line, const char *what, const char *more)
{
    load->fault_count++;
    load->stopped |= load->command->stop_on_error;
    if (load->fault_count > FAULTS_SHOWN_MAX)
        return;
    load_progress_end(&load->progress);
    shell_fail(load->shell, "%s:%llu: %s%s%s", load->command->word, (unsigned long long)line, what,
               more[0] != '\0' ? ": " : "", more);
    if (load->fault_count == FAULTS_SHOWN_MAX)
        fputs("further bad lines are counted only\n", load->shell->errors);
}

static void reply_take(void *context, const struct grid_reply *reply)
{
    struct load_slot *slot = context;
    struct load *load = slot->load;
    slot->next = load->free;
    load->free = slot;
    load->in_flight--;
    if (reply->error == GRID_OK)
        load->done_count++;
    else
        fault_note(load, slot->line, grid_error_name(reply->error), reply->text);
}

// Lets replies come in, and looks for Ctrl-C.
static void replies_run(struct load *load, int wait_ms)
{
    struct shell *shell = load->shell;
    grid_run(shell->grid, wait_ms);
    if (shell_interrupt_take(&shell->interrupt, NULL)) {
        shell->interrupted = true;
        load->stopped = true;
    }
    off_t place = ftello(load->file);
    load_progress_show(&load->progress, place > 0 ? (uint64_t)place : 0, load->done_count,
                       shell_clock_us());
}

static void document_send(struct load *load)
{
    struct grid_request request = {
        .op = GRID_PUT,
        .map = load->command->map,
        .value = grid_builder_bytes(load->document),
    };
    uint64_t line = load_source_line(load->source);
    const char *fault = load_key_find(request.value, load->command->field, &request.key);
    if (fault != NULL) {
        fault_note(load, line, fault, "");
        return;
    }
    while (load->free == NULL && !load->stopped)
        replies_run(load, LOOK_MS);
    if (load->stopped)
        return;
    struct load_slot *slot = load->free;
    enum grid_error error = grid_submit(load->shell->grid, &request, reply_take, slot);
    while (error == GRID_OVERLOADED && load->in_flight > 0) {
        replies_run(load, LOOK_MS);
        slot = load->free;
        error = grid_submit(load->shell->grid, &request, reply_take, slot);
    }
    if (error != GRID_OK) {
        fault_note(load, line, grid_error_name(error), "");
        return;
    }
    load->free = slot->next;
    slot->line = line;
    load->in_flight++;
}

static void file_send(struct load *load)
{
    while (!load->stopped) {
        grid_builder_clear(load->document);
        switch (load_source_next(load->source, load->document)) {
        case LOAD_DOCUMENT:
            document_send(load);
            break;
        case LOAD_BAD_LINE:
            fault_note(load, load_source_line(load->source), load_source_fault(load->source), "");
            break;
        case LOAD_BAD_FILE:
            fault_note(load, load_source_line(load->source), load_source_fault(load->source), "");
            return;
        case LOAD_END:
            if (ferror(load->file))
                fault_note(load, load_source_line(load->source), "cannot be read", strerror(errno));
            return;
        }
    }
}

static bool load_report(struct load *load)
{
    struct shell *shell = load->shell;
    double seconds = (double)(shell_clock_us() - load->progress.started_us) / US_PER_S;
    if (shell->output.format == SHELL_FORMAT_TABLE) {
        char done[32];
        char rate[32];
        load_count_write(done, load->done_count);
        load_count_write(rate, (uint64_t)((double)load->done_count / (seconds > 0 ? seconds : 1)));
        fprintf(shell->output.file, "%s entries loaded in %.2f s (%s/s), %llu failed\n", done,
                seconds, rate, (unsigned long long)load->fault_count);
    } else {
        struct shell_result *result = shell_result_new(&shell->output);
        shell_result_row(result);
        shell_result_uint(result, "loaded", load->done_count);
        shell_result_uint(result, "failed", load->fault_count);
        shell_result_decimal(result, "seconds", seconds, 3);
        shell_result_row_end(result);
        shell_result_end(result);
        shell_result_free(result);
    }
    if (shell->interrupted)
        return shell_fail(shell, "interrupted");
    return load->fault_count == 0;
}

static bool load_open(struct load *load)
{
    const char *path = load->command->word;
    enum load_format format;
    struct stat status;
    if (!load_format_of(path, &format))
        return shell_fail(load->shell, "%s: the name must end in .jsonl, .ndjson, .json or .csv",
                          path);
    load->file = fopen(path, "re");
    if (load->file == NULL)
        return shell_fail(load->shell, "%s: %s", path, strerror(errno));
    if (fstat(fileno(load->file), &status) == 0 && S_ISREG(status.st_mode))
        load->progress.total_bytes = (uint64_t)status.st_size;
    if (isatty(fileno(load->shell->errors))) {
        load->progress.file = load->shell->errors;
        load->progress.width = load->shell->output.width;
    }
    load->source = load_source_new(load->file, format);
    return true;
}

static void slots_link(struct load *load)
{
    size_t count = (size_t)load->command->window;
    load->slots = memory_new_array(count, sizeof *load->slots);
    for (size_t i = 0; i < count; i++) {
        load->slots[i] = (struct load_slot){.load = load, .next = load->free};
        load->free = &load->slots[i];
    }
}

bool shell_run_load(struct shell *shell, const struct shell_command *command)
{
    struct load load = {.shell = shell, .command = command};
    if (!load_open(&load))
        return false;
    load.document = grid_builder_new();
    load.progress.started_us = load.progress.shown_us = shell_clock_us();
    slots_link(&load);
    shell_interrupt_begin(&shell->interrupt);
    file_send(&load);
    // The slots are the replies' contexts: all must have come, if only as time-outs.
    while (load.in_flight > 0)
        replies_run(&load, LOOK_MS);
    shell_interrupt_end(&shell->interrupt);
    load_progress_end(&load.progress);
    bool ok = load_report(&load);
    grid_builder_free(load.document);
    load_source_free(load.source);
    fclose(load.file);
    free(load.slots);
    return ok;
}
