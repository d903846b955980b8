// SPDX-License-Identifier: Apache-2.0
#include "node/node.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "node/net/listener.h"
#include "node/static_view.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>

enum {
    ERROR_TEXT_BYTES = 512,
    READINESS_MS = 10, // between two looks at whether all partitions are in sync
};

struct node {
    const struct config *config;
    struct logger *log;
    struct view view;
    struct router router;
    struct peer_address *addresses; // by member
    atomic_uint open_count;         // connections
    uint16_t worker_count;
    struct worker **workers;
    struct connections **connections; // by worker
    struct peers **peers;
    pthread_t *threads;
    uint16_t thread_count; // running
    struct listener *listener;
    struct event *readiness;
    bool is_ready; // as the log says
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

static bool start_view(struct node *node)
{
    enum error error = static_view_make(node->config, listener_port(node->listener), &node->view);
    if (error != ERROR_NONE) {
        log_write(node->log, LOG_ERROR, "node", "members: %s", error_name(error));
        return false;
    }
    node->router = (struct router){.view = &node->view,
                                   .self = (uint16_t)node->config->member_self,
                                   .worker_count = node->worker_count};
    return true;
}

static bool start_addresses(struct node *node)
{
    char text[ERROR_TEXT_BYTES];
    node->addresses = memory_new_array(node->view.member_count, sizeof *node->addresses);
    for (uint32_t i = 0; i < node->view.member_count; i++) {
        const struct view_member *member = &node->view.members[i];
        if (i == node->config->member_self)
            continue;
        if (!address_resolve(member->host, member->port, &node->addresses[i], text, sizeof text)) {
            log_write(node->log, LOG_ERROR, "net", "member %s: %s", member->name, text);
            return false;
        }
    }
    return true;
}

static void start_worker(struct node *node, uint16_t number, uint64_t incarnation)
{
    const struct config *config = node->config;
    struct worker_options options = {.number = number,
                                     .router = &node->router,
                                     .siblings = node->workers,
                                     .log = node->log,
                                     .log_bytes_max = config->log_max_bytes / node->worker_count,
                                     .memory_bytes_max = config->max_memory_bytes,
                                     .max_value_bytes = config->max_value_bytes,
                                     .replication_timeout_ms = config->replication_timeout_ms};
    struct worker *worker = worker_new(&options);
    struct connections_options connections = {.node_name = config->node_name,
                                              .grid_name = config->grid_name,
                                              .incarnation = incarnation,
                                              .output_bytes_max =
                                                  config->connection_output_max_bytes,
                                              .frame_body_bytes_max = FRAME_BODY_BYTES_MAX,
                                              .open_count = &node->open_count};
    struct peers_options peers = {.node_name = config->node_name,
                                  .grid_name = config->grid_name,
                                  .addresses = node->addresses,
                                  .frame_body_bytes_max = FRAME_BODY_BYTES_MAX};
    node->workers[number] = worker;
    worker->host = node;
    worker->flush = net_flush;
    worker->backlog = net_backlog;
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

// Ready: each primary of this node has all its backups. The log says when that begins and ends.
static void on_readiness(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct node *node = context;
    unsigned lacking = 0;
    for (uint16_t i = 0; i < node->worker_count; i++)
        lacking += atomic_load_explicit(&node->workers[i]->out_of_sync_count, memory_order_relaxed);
    if (node->is_ready == (lacking == 0))
        return;
    node->is_ready = lacking == 0;
    if (node->is_ready)
        log_write(node->log, LOG_INFO, "node", "ready: every partition here has its backups");
    else
        log_write(node->log, LOG_WARN, "node", "not ready: %u partitions lack a backup", lacking);
}

static void start_readiness(struct node *node, struct event_base *base)
{
    const struct timeval period = {.tv_usec = READINESS_MS * US_PER_MS};
    node->readiness = event_new(base, -1, EV_PERSIST, on_readiness, node);
    CHECK(node->readiness && event_add(node->readiness, &period) == 0);
    on_readiness(-1, 0, node);
}

struct node *node_start(const struct config *config, struct logger *log, struct event_base *base)
{
    struct node *node = memory_new(sizeof *node);
    node->config = config;
    node->log = log;
    node->worker_count = (uint16_t)config->workers;
    node->workers = memory_new_array(node->worker_count, sizeof *node->workers);
    node->connections = memory_new_array(node->worker_count, sizeof *node->connections);
    node->peers = memory_new_array(node->worker_count, sizeof *node->peers);
    node->threads = memory_new_array(node->worker_count, sizeof *node->threads);
    descriptors_raise(node);
    if (!start_listener(node, base) || !start_view(node) || !start_addresses(node)) {
        node_stop(node);
        return NULL;
    }
    struct random random = {.state = worker_now_us()};
    uint64_t incarnation = random_next(&random);
    for (uint16_t i = 0; i < node->worker_count; i++)
        start_worker(node, i, incarnation);
    start_threads(node);
    log_write(log, LOG_INFO, "node",
              "%s of grid %s listens on %s:%u, %u workers, %u members, %u partitions",
              config->node_name, config->grid_name, config->bind, listener_port(node->listener),
              node->worker_count, node->view.member_count, node->view.partition_count);
    start_readiness(node, base);
    return node;
}

// ---- Stop: the same list, backwards ----

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
    workers_settle(node);
    for (uint16_t i = 0; i < node->worker_count && node->workers[i]; i++) {
        peers_free(node->peers[i]);
        connections_free(node->connections[i]);
    }
    for (uint16_t i = 0; i < node->worker_count && node->workers[i]; i++)
        worker_free(node->workers[i]);
    if (node->listener)
        listener_free(node->listener);
    view_deinit(&node->view);
    free(node->addresses);
    free(node->workers);
    free(node->connections);
    free(node->peers);
    free(node->threads);
    free(node);
}
