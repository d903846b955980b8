// SPDX-License-Identifier: Apache-2.0
// grid-node: configuration, log, node, and the control thread's loop until a signal or the grid
// ends it.
#include "cluster/base/memory.h"
#include "node/config.h"
#include "node/log.h"
#include "node/node.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>

struct process {
    struct event_base *base;
    struct logger *log;
    struct node *node;
    enum node_end end;
    bool is_leaving; // a signal has asked for it: the next one means at once
    struct event *terminate;
    struct event *interrupt;
    struct event *hang_up;
};

static void on_stop_signal(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct process *process = context;
    log_write(process->log, LOG_INFO, "node", "stopping%s: %s",
              process->is_leaving ? " at once" : "", strsignal((int)number));
    if (process->is_leaving) {
        process->end = NODE_STOPPED;
        event_base_loopbreak(process->base);
        return;
    }
    process->is_leaving = true;
    node_leave(process->node);
}

static void on_hang_up(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    struct process *process = context;
    if (!log_reopen(process->log))
        log_write(process->log, LOG_ERROR, "node", "cannot reopen the log: %s", strerror(errno));
}

static void process_init(struct process *process, struct logger *log)
{
    // Whoever reads the log from a pipe may go away.
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    // What holds again once the events below are freed: a second signal must not spoil a clean end.
    CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR && signal(SIGINT, SIG_IGN) != SIG_ERR);
    process->base = event_base_new();
    CHECK(process->base != NULL);
    process->log = log;
    process->terminate = evsignal_new(process->base, SIGTERM, on_stop_signal, process);
    process->interrupt = evsignal_new(process->base, SIGINT, on_stop_signal, process);
    process->hang_up = evsignal_new(process->base, SIGHUP, on_hang_up, process);
    CHECK(event_add(process->terminate, NULL) == 0);
    CHECK(event_add(process->interrupt, NULL) == 0);
    CHECK(event_add(process->hang_up, NULL) == 0);
}

static void process_deinit(struct process *process)
{
    event_free(process->terminate);
    event_free(process->interrupt);
    event_free(process->hang_up);
    event_base_free(process->base);
}

static void on_end(void *context, enum node_end end)
{
    struct process *process = context;
    process->end = end;
    event_base_loopbreak(process->base);
}

static int run(const struct config *config)
{
    struct logger *log = log_new(config->log_file, config->log_level);
    if (!log) {
        fprintf(stderr, "grid-node: log-file %s: %s\n", config->log_file, strerror(errno));
        return EXIT_FAILURE;
    }
    struct process process = {0};
    bool is_right = false;
    process_init(&process, log);
    do {
        process.end = NODE_STOPPED;
        process.node = node_start(config, log, process.base, on_end, &process);
        if (!process.node)
            break;
        event_base_dispatch(process.base);
        node_stop(process.node);
        is_right = process.end != NODE_REFUSED;
        if (process.end == NODE_REMOVED && !process.is_leaving)
            log_write(log, LOG_WARN, "node", "removed from the grid: joining again, empty");
    } while (process.end == NODE_REMOVED && !process.is_leaving);
    log_write(log, LOG_INFO, "node", "stopped");
    process_deinit(&process);
    log_free(log);
    return is_right ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct config config;
    enum config_verdict verdict = config_load(argc, argv, &config, stdout, stderr);
    int status = verdict == CONFIG_RUN       ? run(&config)
                 : verdict == CONFIG_EXIT_OK ? EXIT_SUCCESS
                                             : EXIT_FAILURE;
    config_deinit(&config);
    return status;
}
