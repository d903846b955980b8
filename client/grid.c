// SPDX-License-Identifier: Apache-2.0
// A client's life, its options, and the running of its own event base.
#include "client/grid.h"

#include "client/liveness.h"
#include "client/operation.h"
#include "client/session.h"
#include "client/subscribe.h"
#include "client/sync.h"
#include "cluster/base/memory.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/random.h>

// ---- Options ----

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value != 0 ? value : fallback;
}

static bool options_copy(struct client_options *copy, const struct grid_options *options)
{
    const char *seeds = options->seeds ? options->seeds : "127.0.0.1:7400";
    const char *name = options->client_name ? options->client_name : "libgrid";
    const char *grid_name = options->grid_name ? options->grid_name : "";
    if (strlen(grid_name) > NODE_NAME_BYTES_MAX || strlen(name) > NODE_NAME_BYTES_MAX)
        return false;
    copy->seeds = client_endpoints_new(seeds, &copy->seed_count);
    if (!copy->seeds)
        return false;
    copy->grid_name = memory_copy_text(grid_name, strlen(grid_name));
    copy->client_name = memory_copy_text(name, strlen(name));
    copy->timeout_ms = or_default(options->timeout_ms, CLIENT_TIMEOUT_MS);
    copy->pending_max = or_default(options->pending_max, CLIENT_PENDING_MAX);
    copy->no_quorum_ms = options->no_quorum_ms < 0
                             ? 0
                             : or_default((uint32_t)options->no_quorum_ms, CLIENT_NO_QUORUM_MS);
    if (copy->pending_max > CLIENT_PENDING_LIMIT)
        copy->pending_max = CLIENT_PENDING_LIMIT;
    return true;
}

static void options_deinit(struct client_options *options)
{
    free(options->seeds);
    free(options->grid_name);
    free(options->client_name);
}

// ---- Life ----

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    CHECK(config != NULL);
    // One thread: locks would only cost.
    CHECK(event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    CHECK(base != NULL);
    return base;
}

// No two clients may have the same id.
static uint64_t id_new(void)
{
    uint64_t id = 0;
    while (id == 0)
        CHECK(getrandom(&id, sizeof id, 0) == sizeof id);
    return id;
}

static void host_init(struct grid *grid, const struct grid_options *options)
{
    grid->random.state = id_new();
    grid->host = (struct client_link_host){
        .base = grid->base,
        .scratch = grid->scratch,
        .random = &grid->random,
        .name = grid->options.client_name,
        .id = id_new(),
        .grid = grid->options.grid_name,
        .timeout_ms = or_default(options->connect_timeout_ms, CLIENT_CONNECT_TIMEOUT_MS),
        .pause_max_ms = or_default(options->reconnect_max_ms, CLIENT_RECONNECT_MAX_MS),
    };
}

struct grid *grid_new(const struct grid_options *options, struct event_base *base)
{
    static const struct grid_options defaults = {0};
    if (!options)
        options = &defaults;
    struct grid *grid = memory_new(sizeof *grid);
    if (!options_copy(&grid->options, options)) {
        free(grid);
        errno = EINVAL;
        return NULL;
    }
    grid->owns_base = base == NULL;
    grid->base = base ? base : base_new();
    host_init(grid, options);
    client_operations_start(grid);
    client_subscribe_start(grid);
    client_session_start(grid);
    return grid;
}

void grid_free(struct grid *grid)
{
    if (!grid)
        return;
    CHECK(!grid->is_in_callback);
    grid->is_closing = true;
    client_operations_cancel(grid);
    client_subscribe_stop(grid);
    client_liveness_stop(grid);
    client_session_stop(grid);
    client_operations_stop(grid);
    client_keep_deinit(&grid->keep);
    if (grid->owns_base)
        event_base_free(grid->base);
    options_deinit(&grid->options);
    free(grid);
}

size_t grid_pending(const struct grid *grid)
{
    return grid->requests.timed_count;
}

// ---- Running ----

static void on_run_timeout(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    bool *is_over = context;
    *is_over = true;
}

int grid_run(struct grid *grid, int timeout_ms)
{
    if (!grid->owns_base || grid->is_in_callback)
        return 0;
    uint64_t before = grid->callback_count;
    if (timeout_ms == 0) {
        event_base_loop(grid->base, EVLOOP_NONBLOCK);
        return (int)(grid->callback_count - before);
    }
    bool is_over = false;
    struct event *timer = NULL;
    if (timeout_ms > 0) {
        struct timeval delay = {.tv_sec = timeout_ms / MS_PER_S,
                                .tv_usec = timeout_ms % MS_PER_S * US_PER_MS};
        timer = evtimer_new(grid->base, on_run_timeout, &is_over);
        CHECK(timer != NULL && evtimer_add(timer, &delay) == 0);
    }
    while (grid->callback_count == before && !is_over)
        event_base_loop(grid->base, EVLOOP_ONCE);
    if (timer)
        event_free(timer);
    return (int)(grid->callback_count - before);
}

// ---- Waiting for the grid ----

static bool all_have_settled(const struct grid *grid)
{
    for (uint32_t i = 0; i < grid->topology.view.member_count; i++) {
        const struct client_member *member = grid->topology.members[i];
        for (uint16_t worker = 0; member && worker < member->link_count; worker++) {
            if (!member->links[worker]->has_settled)
                return false;
        }
    }
    return !grid->is_adjust_due;
}

// A refusal that no other attempt will change.
static bool is_final(const struct client_link *link)
{
    return link && (link->failure_error == ERROR_WRONG_GRID ||
                    link->failure_error == ERROR_UNSUPPORTED_VERSION);
}

enum grid_error grid_connect(struct grid *grid, uint32_t timeout_ms)
{
    enum grid_error error = client_sync_begin(grid);
    if (error != GRID_OK)
        return error;
    bool is_over = false;
    struct timeval delay = {.tv_sec = (time_t)(timeout_ms / MS_PER_S),
                            .tv_usec = (suseconds_t)(timeout_ms % MS_PER_S) * US_PER_MS};
    struct event *timer = evtimer_new(grid->base, on_run_timeout, &is_over);
    CHECK(timer != NULL && evtimer_add(timer, &delay) == 0);
    while (!is_over && !(grid->topology.is_known && all_have_settled(grid)) &&
           !is_final(grid->view_fetch.scout))
        event_base_loop(grid->base, EVLOOP_ONCE);
    event_free(timer);
    if (client_topology_any(&grid->topology))
        return GRID_OK;
    const char *failure = client_session_failure(grid);
    error = is_final(grid->view_fetch.scout)
                ? (enum grid_error)grid->view_fetch.scout->failure_error
                : GRID_DISCONNECTED;
    return client_sync_fail(grid, error,
                            failure[0] != '\0' ? failure : "no answer from the seeds in time");
}
