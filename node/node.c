// SPDX-License-Identifier: Apache-2.0
#include "node/node.h"

#include "cluster/base/memory.h"
#include "node/control.h"
#include "node/net/listener.h"
#include "node/net/peer.h"

#include <event2/event.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>

enum {
    ERROR_TEXT_BYTES = 512,
    READINESS_MS = 10, // between two looks at whether all partitions are in sync
};

struct node {
    const struct config *config;
    struct logger *log;
    uint64_t member_id;     // another at each start
    atomic_uint open_count; // connections
    struct control *control;
    uint16_t worker_count;
    struct worker **workers;
    struct connections **connections; // by worker
    struct peers **peers;
    pthread_t *threads;
    uint16_t thread_count; // running
    struct listener *listener;
    struct event *readiness;
    bool is_ready; // as the log says
    void (*ended)(void *context, enum node_end end);
    void *context;
};

static bool net_flush(struct worker *worker)
{
    const struct node *node = worker->host;
    uint16_t number = worker->options.number;
    peers_flush(node->peers[number]); // first: what commits must wait for
    return connections_flush(node->connections[number]);
}

static size_t net_backlog(struct worker *worker)
{
    const struct node *node = worker->host;
    return peers_backlog(node->peers[worker->options.number]);
}

static void net_view_changed(struct worker *worker)
{
    const struct node *node = worker->host;
    peers_arrange(node->peers[worker->options.number]);
}

// ---- Start ----

// Descriptors for max-connections, as far as the system lets us.
static void descriptors_raise(const struct node *node)
{
    enum { OTHER_DESCRIPTORS = 256 };
    struct rlimit limit;
    rlim_t wanted = (rlim_t)node->config->max_connections + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        log_write(node->log, LOG_WARN, "node",
                  "the system allows %lu open files: fewer than max-connections = %u needs",
                  (unsigned long)limit.rlim_cur, node->config->max_connections);
}

static bool start_listener(struct node *node, struct event_base *base)
{
    char text[ERROR_TEXT_BYTES];
    struct listener_options options = {.bind = node->config->bind,
                                       .port = node->config->port,
                                       .connections_max = node->config->max_connections,
                                       .open_count = &node->open_count,
                                       .connections = node->connections,
                                       .worker_count = node->worker_count,
                                       .log = node->log};
    node->listener = listener_new(base, &options, text, sizeof text);
    if (!node->listener)
        log_write(node->log, LOG_ERROR, "net", "%s", text);
    return node->listener != NULL;
}

static void on_control_end(void *context, enum control_end end)
{
    struct node *node = context;
    static const enum node_end ends[] = {
        [CONTROL_LEFT] = NODE_STOPPED,
        [CONTROL_REMOVED] = NODE_REMOVED,
        [CONTROL_REFUSED] = NODE_REFUSED,
    };
    node->ended(node->context, ends[end]);
}

static void start_control(struct node *node, struct event_base *base)
{
    struct control_options options = {.config = node->config,
                                      .log = node->log,
                                      .base = base,
                                      .port = listener_port(node->listener),
                                      .member_id = node->member_id,
                                      .workers = node->workers,
                                      .worker_count = node->worker_count,
                                      .ended = on_control_end,
                                      .context = node};
    node->control = control_new(&options);
}

static struct worker_options worker_options_of(const struct node *node, uint16_t number)
{
    const struct config *config = node->config;
    return (struct worker_options){
        .number = number,
        .worker_count = node->worker_count,
        .siblings = node->workers,
        .log = node->log,
        .shard = {.number = number,
                  .worker_count = node->worker_count,
                  .member_id = node->member_id,
                  .log_bytes_max = config->log_max_bytes / node->worker_count,
                  .value_bytes_max = config->max_value_bytes,
                  .answer_timeout_ms = config->replication_timeout_ms,
                  .drop_ms = config->backup_timeout_ms,
                  .fill_bytes_per_s = config->migration_max_bytes_per_s / node->worker_count,
                  .subscribers_output_bytes_max =
                      config->subscribers_output_max_bytes / node->worker_count,
                  .always_evaluated_max = config->always_evaluated_max},
        .memory_bytes_max = config->max_memory_bytes,
        .wished = control_wished,
        .context = node->control,
    };
}

static void start_worker(struct node *node, uint16_t number)
{
    const struct config *config = node->config;
    struct worker_options options = worker_options_of(node, number);
    struct worker *worker = worker_new(&options);
    struct connections_options connections = {.node_name = config->node_name,
                                              .grid_name = config->grid_name,
                                              .secret = config->secret,
                                              .member_id = node->member_id,
                                              .control_arrived = control_arrived,
                                              .cluster_asked = control_asked,
                                              .context = node->control,
                                              .output_bytes_max =
                                                  config->connection_output_max_bytes,
                                              .frame_body_bytes_max = FRAME_BODY_BYTES_MAX,
                                              .open_count = &node->open_count};
    struct peers_options peers = {.node_name = config->node_name,
                                  .grid_name = config->grid_name,
                                  .secret = config->secret,
                                  .member_id = node->member_id,
                                  .frame_body_bytes_max = FRAME_BODY_BYTES_MAX,
                                  .stall_ms = config->replication_timeout_ms};
    node->workers[number] = worker;
    worker->host = node;
    worker->flush = net_flush;
    worker->backlog = net_backlog;
    worker->view_changed = net_view_changed;
    node->connections[number] = connections_new(worker, &connections);
    worker->connections = node->connections[number];
    node->peers[number] = peers_new(worker, &peers);
}

static void *thread_body(void *argument)
{
    worker_run(argument);
    return NULL;
}

static void start_threads(struct node *node)
{
    for (uint16_t i = 0; i < node->worker_count; i++) {
        char name[16]; // what pthread_setname_np takes
        CHECK(pthread_create(&node->threads[i], NULL, thread_body, node->workers[i]) == 0);
        snprintf(name, sizeof name, "worker-%u", i);
        pthread_setname_np(node->threads[i], name);
        node->thread_count++;
    }
}

// Ready: a member with a lease, whose primaries have all their copies. The log says when that
// begins and ends.
static void on_readiness(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct node *node = context;
    unsigned lacking = 0;
    for (uint16_t i = 0; i < node->worker_count; i++)
        lacking += atomic_load_explicit(&node->workers[i]->lacking_count, memory_order_relaxed);
    bool serves = control_is_ready(node->control);
    bool is_ready = serves && lacking == 0;
    if (node->is_ready == is_ready)
        return;
    node->is_ready = is_ready;
    if (node->is_ready)
        log_write(node->log, LOG_INFO, "node", "ready: every partition here has its backups");
    else
        log_write(node->log, LOG_WARN, "node", "not ready: %s, %u partitions lack a copy",
                  serves ? "serving" : "no contact to a majority", lacking);
}

static void start_readiness(struct node *node, struct event_base *base)
{
    const struct timeval period = {.tv_usec = READINESS_MS * US_PER_MS};
    node->readiness = event_new(base, -1, EV_PERSIST, on_readiness, node);
    CHECK(node->readiness && event_add(node->readiness, &period) == 0);
}

// Never 0, and never the same twice: what a member is known by.
static uint64_t identity(void)
{
    uint64_t id = 0;
    while (id == 0)
        CHECK(getrandom(&id, sizeof id, 0) == sizeof id);
    return id;
}

struct node *node_start(const struct config *config, struct logger *log, struct event_base *base,
                        void (*ended)(void *context, enum node_end end), void *context)
{
    struct node *node = memory_new(sizeof *node);
    node->config = config;
    node->log = log;
    node->ended = ended;
    node->context = context;
    node->member_id = identity();
    node->worker_count = (uint16_t)config->workers;
    node->workers = memory_new_array(node->worker_count, sizeof *node->workers);
    node->connections = memory_new_array(node->worker_count, sizeof *node->connections);
    node->peers = memory_new_array(node->worker_count, sizeof *node->peers);
    node->threads = memory_new_array(node->worker_count, sizeof *node->threads);
    descriptors_raise(node);
    if (!start_listener(node, base)) {
        node_stop(node);
        return NULL;
    }
    start_control(node, base);
    for (uint16_t i = 0; i < node->worker_count; i++)
        start_worker(node, i);
    start_threads(node);
    log_write(log, LOG_INFO, "node", "%s of grid %s listens on %s:%u, %u workers, id %016" PRIx64,
              config->node_name, config->grid_name, config->bind, listener_port(node->listener),
              node->worker_count, node->member_id);
    control_start(node->control);
    start_readiness(node, base);
    return node;
}

// ---- Stop: the same list, backwards ----

void node_leave(struct node *node)
{
    control_leave(node->control);
}

// Letters under way come home, and answers that wait are forgotten: afterwards no worker refers to
// an outlet of another.
static void workers_settle(struct node *node)
{
    unsigned delivered;
    for (uint16_t i = 0; i < node->thread_count; i++)
        worker_drop_pending(node->workers[i]);
    do {
        delivered = 0;
        for (uint16_t i = 0; i < node->thread_count; i++)
            delivered += mailbox_drain(node->workers[i]->mailbox, node->workers[i]);
        delivered += control_drain(node->control);
    } while (delivered > 0);
}

void node_stop(struct node *node)
{
    if (node->readiness)
        event_free(node->readiness);
    for (uint16_t i = 0; i < node->thread_count; i++)
        worker_stop(node->workers[i]);
    for (uint16_t i = 0; i < node->thread_count; i++)
        CHECK(pthread_join(node->threads[i], NULL) == 0);
    if (node->control)
        workers_settle(node);
    for (uint16_t i = 0; i < node->worker_count && node->workers[i]; i++) {
        peers_free(node->peers[i]);
        connections_free(node->connections[i]);
    }
    for (uint16_t i = 0; i < node->worker_count && node->workers[i]; i++)
        worker_free(node->workers[i]);
    if (node->control)
        control_free(node->control);
    if (node->listener)
        listener_free(node->listener);
    free(node->workers);
    free(node->connections);
    free(node->peers);
    free(node->threads);
    free(node);
}
