// SPDX-License-Identifier: Apache-2.0
// grid-node: configuration, log, node, and the control thread's loop until a signal ends it.
#include "cluster/base/memory.h"
#include "node/config.h"
#include "node/log.h"
#include "node/node.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>

struct control {
    struct event_base *base;
    struct logger *log;
    struct event *terminate;
    struct event *interrupt;
    struct event *hang_up;
};

static void on_stop_signal(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct control *control = context;
    log_write(control->log, LOG_INFO, "node", "stopping: %s", strsignal((int)number));
    event_base_loopbreak(control->base);
}

static void on_hang_up(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    struct control *control = context;
    if (!log_reopen(control->log))
        log_write(control->log, LOG_ERROR, "node", "cannot reopen the log: %s", strerror(errno));
}

static void control_init(struct control *control, struct logger *log)
{
    // Whoever reads the log from a pipe may go away.
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    control->base = event_base_new();
    CHECK(control->base != NULL);
    control->log = log;
    control->terminate = evsignal_new(control->base, SIGTERM, on_stop_signal, control);
    control->interrupt = evsignal_new(control->base, SIGINT, on_stop_signal, control);
    control->hang_up = evsignal_new(control->base, SIGHUP, on_hang_up, control);
    CHECK(event_add(control->terminate, NULL) == 0);
    CHECK(event_add(control->interrupt, NULL) == 0);
    CHECK(event_add(control->hang_up, NULL) == 0);
}

static void control_deinit(struct control *control)
{
    event_free(control->terminate);
    event_free(control->interrupt);
    event_free(control->hang_up);
    event_base_free(control->base);
}

static int run(const struct config *config)
{
    struct logger *log = log_new(config->log_file, config->log_level);
    if (!log) {
        fprintf(stderr, "grid-node: log-file %s: %s\n", config->log_file, strerror(errno));
        return EXIT_FAILURE;
    }
    struct control control;
    control_init(&control, log);
    struct node *node = node_start(config, log, control.base);
    if (node) {
        event_base_dispatch(control.base);
        node_stop(node);
        log_write(log, LOG_INFO, "node", "stopped");
    }
    control_deinit(&control);
    log_free(log);
    return node ? EXIT_SUCCESS : EXIT_FAILURE;
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
