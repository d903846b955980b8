// SPDX-License-Identifier: Apache-2.0
// A scan or one-time query: pages from one worker after the other.
#include "client/clock.h"
#include "client/operation.h"
#include "client/sync.h"
#include "cluster/base/memory.h"

// Partitions are ticked off one by one, so that a scan goes on when they move: a position in a
// partition means the same at every replica, the entries are walked in the order of their hashes.
struct grid_scan {
    struct grid *grid; // borrowed for life
    char *map;         // owned; NULL: a query
    char *query;       // owned; NULL: whole entries of a map
    bool is_over;
    enum grid_error error;    // once it has failed it stays so
    uint64_t rows_left;       // of the query's LIMIT, which the nodes tell; UINT64_MAX: no LIMIT
    uint64_t grid_id;         // of the view at the start; 0: not started
    uint64_t view_version;    // likewise
    uint32_t partition_count; // likewise
    uint32_t first_open;      // no partition below is open
    uint8_t *done;            // owned; a bit per partition
    struct scan_position position; // where to go on
    struct buffer page;            // rows of the last answer
    struct bytes rows;             // those not yet given out
};

// The node takes the map from the query; this only fills the field of the operation.
#define QUERY_MAP_NAME "*"

static struct grid_scan *scan_new(struct grid *grid, const char *map, const char *query)
{
    struct grid_scan *scan = memory_new(sizeof *scan);
    scan->grid = grid;
    scan->map = map ? memory_copy_text(map, strlen(map)) : NULL;
    scan->query = query ? memory_copy_text(query, strlen(query)) : NULL;
    scan->rows_left = UINT64_MAX;
    return scan;
}

struct grid_scan *grid_scan_new(struct grid *grid, const char *map)
{
    return scan_new(grid, map ? map : "", NULL);
}

struct grid_scan *grid_query_new(struct grid *grid, const char *query)
{
    return scan_new(grid, NULL, query ? query : "");
}

void grid_scan_free(struct grid_scan *scan)
{
    if (!scan)
        return;
    buffer_deinit(&scan->page);
    free(scan->done);
    free(scan->map);
    free(scan->query);
    free(scan);
}

// ---- Partitions ----

static bool is_done(const struct grid_scan *scan, uint32_t partition)
{
    return scan->done[partition / 8] >> (partition % 8) & 1;
}

// Ticks off what the worker has walked from where it was asked to: its partitions below `end`.
static void walked(struct grid_scan *scan, const struct client_link *link, uint32_t end)
{
    const struct client_topology *topology = &scan->grid->topology;
    for (uint32_t i = scan->position.partition; i < end; i++) {
        if (client_topology_route(topology, (uint16_t)i) == link)
            scan->done[i / 8] = (uint8_t)(scan->done[i / 8] | 1U << (i % 8));
    }
}

// After `walked`: stays inside of a partition that is not finished, else goes to the first open
// one.
static void position_move(struct grid_scan *scan, bool more, struct scan_position position)
{
    if (more && position.hash != 0 && position.partition < scan->partition_count &&
        !is_done(scan, position.partition)) {
        scan->position = position;
        return;
    }
    while (scan->first_open < scan->partition_count && is_done(scan, scan->first_open))
        scan->first_open++;
    scan->position = (struct scan_position){.partition = (uint16_t)scan->first_open};
}

// ---- Pages ----

struct page_wait {
    struct grid_scan *scan;
    uint64_t version; // of the view under which the worker has answered
    bool is_done;
    enum error error;
    bool more;
    struct scan_position position;
};

static void page_answered(void *context, const struct op_reply *reply, uint8_t view)
{
    struct page_wait *wait = context;
    struct grid_scan *scan = wait->scan;
    struct grid *grid = scan->grid;
    wait->is_done = true;
    wait->error = reply->error;
    if (reply->error != ERROR_NONE) {
        struct bytes text = client_keep_copy(&grid->keep, reply->text);
        client_sync_fail(grid, (enum grid_error)reply->error,
                         text.size > 0 ? (const char *)text.data : error_name(reply->error));
        return;
    }
    wait->version = client_sync_version(grid, view);
    wait->more = reply->more;
    wait->position = reply->position;
    buffer_append(&scan->page, reply->rows.data, reply->rows.size);
    if (reply->limit != 0 && scan->rows_left == UINT64_MAX)
        scan->rows_left = reply->limit;
}

// Leaves rows out of partitions that were walked elsewhere before they came to this worker.
static void rows_filter(struct grid_scan *scan)
{
    struct buffer kept = {0};
    struct bytes rows = buffer_bytes(&scan->page);
    struct scan_row row;
    if (scan->grid->topology.steady_since <= scan->view_version)
        return;
    for (struct bytes left = rows; scan_row_next(&left, &row); rows = left) {
        if (!is_done(scan, key_partition(key_hash(row.key), scan->partition_count)))
            buffer_append(&kept, rows.data, rows.size - left.size);
    }
    buffer_deinit(&scan->page);
    scan->page = kept;
}

static enum error page_ask(struct grid_scan *scan, int64_t start_ms)
{
    struct grid *grid = scan->grid;
    const struct client_topology *topology = &grid->topology;
    struct op op = {.kind = OP_SCAN,
                    .map = bytes_of_text(scan->map ? scan->map : QUERY_MAP_NAME),
                    .position = scan->position,
                    .limit = SCAN_PAGE_ROWS_MAX,
                    .query = bytes_of_text(scan->query ? scan->query : "")};
    if (scan->rows_left < op.limit)
        op.limit = (uint32_t)scan->rows_left;
    struct page_wait wait = {.scan = scan};
    struct client_link *link = client_topology_route(topology, scan->position.partition);
    uint64_t asked_version = topology->view.version;
    uint32_t generation = topology->generation;
    if (!link) {
        client_sync_fail(grid, GRID_NOT_OWNER, "a partition has no primary");
        return ERROR_NOT_OWNER;
    }
    buffer_clear(&scan->page);
    if (client_operation_send(grid, link, &op, page_answered, &wait) != ERROR_NONE) {
        client_sync_fail(grid, GRID_OVERLOADED, "too many operations are under way");
        return ERROR_OVERLOADED;
    }
    client_sync_wait(grid, &wait.is_done);
    if (wait.error != ERROR_NONE)
        return wait.error;
    uint64_t first = wait.version < asked_version ? wait.version : asked_version;
    // Otherwise the worker may have walked other partitions than we think.
    if (!client_sync_is_steady(grid, first, wait.version, start_ms) ||
        topology->generation != generation) {
        buffer_clear(&scan->page);
        client_sync_fail(grid, GRID_MOVED, "partitions were moving all the time");
        return ERROR_MOVED;
    }
    rows_filter(scan);
    walked(scan, link, wait.more ? wait.position.partition : scan->partition_count);
    position_move(scan, wait.more, wait.position);
    return ERROR_NONE;
}

static enum grid_error page_fetch(struct grid_scan *scan)
{
    struct grid *grid = scan->grid;
    int64_t start_ms = client_clock_ms();
    buffer_clear(&scan->page);
    for (;;) {
        enum grid_error error = client_sync_wait_members(grid);
        if (error != GRID_OK)
            return error;
        if (grid->topology.view.grid_id != scan->grid_id)
            return client_sync_fail(grid, GRID_MOVED, "this is another grid now");
        enum error asked = page_ask(scan, start_ms);
        scan->rows = buffer_bytes(&scan->page);
        if (asked == ERROR_NONE || !client_sync_may_retry(grid, asked, start_ms))
            return (enum grid_error)asked;
        client_sync_pause(grid);
    }
}

static enum grid_error texts_check(struct grid_scan *scan)
{
    if (scan->map && (scan->map[0] == '\0' || strlen(scan->map) > MAP_NAME_BYTES_MAX))
        return client_sync_fail(scan->grid, GRID_INVALID_ARGUMENT, "map name");
    if (scan->query && scan->query[0] == '\0')
        return client_sync_fail(scan->grid, GRID_QUERY, "the query is empty");
    if (scan->query && strlen(scan->query) > QUERY_TEXT_BYTES_MAX)
        return client_sync_fail(scan->grid, GRID_TOO_LARGE, "query");
    return GRID_OK;
}

static void scan_start(struct grid_scan *scan)
{
    const struct view *view = &scan->grid->topology.view;
    if (scan->grid_id != 0)
        return;
    scan->grid_id = view->grid_id;
    scan->view_version = view->version;
    scan->partition_count = view->partition_count;
    scan->done = memory_new_array((view->partition_count + 7) / 8, 1);
}

// The next page that has rows; without one, the scan is over.
static enum grid_error page_next(struct grid_scan *scan)
{
    scan_start(scan);
    while (scan->rows.size == 0) {
        if (scan->position.partition >= scan->partition_count || scan->rows_left == 0) {
            scan->is_over = true;
            return GRID_NOT_FOUND;
        }
        enum grid_error error = page_fetch(scan);
        if (error != GRID_OK)
            return error;
    }
    scan->grid->error_text[0] = '\0';
    return GRID_OK;
}

enum grid_error grid_scan_next(struct grid_scan *scan, struct grid_row *row)
{
    struct grid *grid = scan->grid;
    if (scan->error != GRID_OK)
        return scan->error;
    if (scan->is_over)
        return GRID_NOT_FOUND;
    if (scan->rows.size == 0) {
        enum grid_error error = client_sync_begin(grid);
        if (error != GRID_OK)
            return error;
        error = texts_check(scan);
        if (error == GRID_OK)
            error = client_sync_wait_members(grid);
        if (error == GRID_OK)
            error = page_next(scan);
        if (error != GRID_OK) {
            scan->error = scan->is_over ? GRID_OK : error;
            return error;
        }
    }
    struct scan_row next;
    CHECK(scan_row_next(&scan->rows, &next)); // reply_decode has walked them
    if (scan->rows_left != UINT64_MAX)
        scan->rows_left--;
    if (scan->rows_left == 0)
        scan->is_over = true;
    *row = (struct grid_row){.key = {next.key.data, next.key.size},
                             .value = {next.value.data, next.value.size},
                             .version = next.version};
    return GRID_OK;
}
