// SPDX-License-Identifier: Apache-2.0
// A scan or one-time query: pages from one worker after the other.
#include "client/operation.h"
#include "client/sync.h"
#include "cluster/base/memory.h"

struct grid_scan {
    struct grid *grid; // borrowed for life
    char *map;         // owned; NULL: a query
    char *query;       // owned; NULL: whole entries of a map
    bool is_over;
    enum grid_error error; // once it has failed it stays so
    uint64_t rows_left;    // of the query's LIMIT, which the nodes tell; UINT64_MAX: no LIMIT
    uint32_t link_number;  // the worker that is being asked
    struct scan_position position;
    struct buffer page; // rows of the last answer
    struct bytes rows;  // those not yet given out
    bool more;          // the worker has more pages
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
    scan->more = true;
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
    free(scan->map);
    free(scan->query);
    free(scan);
}

// ---- Pages ----

struct page_wait {
    struct grid_scan *scan;
    bool is_done;
    enum grid_error error;
};

static void page_answered(void *context, const struct op_reply *reply)
{
    struct page_wait *wait = context;
    struct grid_scan *scan = wait->scan;
    wait->is_done = true;
    if (reply->error != ERROR_NONE) {
        struct bytes text = client_keep_copy(&scan->grid->keep, reply->text);
        wait->error =
            client_sync_fail(scan->grid, (enum grid_error)reply->error,
                             text.size > 0 ? (const char *)text.data : error_name(reply->error));
        return;
    }
    buffer_append(&scan->page, reply->rows.data, reply->rows.size);
    if (reply->limit != 0 && scan->rows_left == UINT64_MAX)
        scan->rows_left = reply->limit;
    scan->more = reply->more;
    scan->position = reply->position;
}

static enum grid_error page_fetch(struct grid_scan *scan)
{
    struct grid *grid = scan->grid;
    struct op op = {.kind = OP_SCAN,
                    .map = bytes_of_text(scan->map ? scan->map : QUERY_MAP_NAME),
                    .position = scan->position,
                    .limit = SCAN_PAGE_ROWS_MAX,
                    .query = bytes_of_text(scan->query ? scan->query : "")};
    if (scan->rows_left < op.limit)
        op.limit = (uint32_t)scan->rows_left;
    struct page_wait wait = {.scan = scan};
    buffer_clear(&scan->page);
    struct client_link *link = client_topology_link(&grid->topology, scan->link_number);
    if (client_operation_send(grid, link, &op, page_answered, &wait) != ERROR_NONE)
        return client_sync_fail(grid, GRID_OVERLOADED, "too many operations are under way");
    client_sync_wait(grid, &wait.is_done);
    scan->rows = buffer_bytes(&scan->page);
    return wait.error;
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

// The next page that has rows; without one, the scan is over.
static enum grid_error page_next(struct grid_scan *scan)
{
    while (scan->rows.size == 0) {
        if (!scan->more) {
            scan->link_number++;
            scan->position = (struct scan_position){0};
            scan->more = true;
        }
        if (scan->link_number >= scan->grid->topology.link_count || scan->rows_left == 0) {
            scan->is_over = true;
            return GRID_NOT_FOUND;
        }
        enum grid_error error = page_fetch(scan);
        if (error != GRID_OK)
            return error;
    }
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
