// SPDX-License-Identifier: Apache-2.0
// Resume tokens that are no good are refused with a reason: cut off, damaged, of another query or
// grid. The client and its other subscriptions go on.
#include "client/grid.h"
#include "cluster/base/check.h"
#include "tests/system/support/nodes.h"

#include <stdio.h>
#include <string.h>

enum {
    ENTRIES = 100,
    TOKEN_BYTES_MAX = 64 * 1024,
};

#define QUERY "SELECT * FROM marks"

struct listener {
    uint32_t rows;
    uint32_t changes;
    uint32_t readies;
    uint32_t errors;
    enum grid_error error;
    char text[256];
    enum grid_subscription_state state;
};

struct token {
    uint8_t bytes[TOKEN_BYTES_MAX];
    size_t size;
};

// ---- A client ----

static void on_row(void *context, const struct grid_event *event)
{
    (void)event;
    ((struct listener *)context)->rows++;
}

static void on_change(void *context, const struct grid_event *event)
{
    (void)event;
    ((struct listener *)context)->changes++;
}

static void on_ready(void *context)
{
    ((struct listener *)context)->readies++;
}

static void on_state(void *context, enum grid_subscription_state state, uint64_t behind)
{
    (void)behind;
    ((struct listener *)context)->state = state;
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    struct listener *listener = context;
    listener->errors++;
    listener->error = error;
    snprintf(listener->text, sizeof listener->text, "%s", text);
}

static struct grid_subscription *subscribe(struct grid *grid, struct listener *listener,
                                           const char *query, const struct token *token)
{
    static const struct grid_listener calls = {.row = on_row,
                                               .ready = on_ready,
                                               .enter = on_change,
                                               .update = on_change,
                                               .leave = on_change,
                                               .state = on_state,
                                               .error = on_error};
    const struct grid_subscribe_options after = {
        .start = GRID_START_AFTER, .token = {token ? token->bytes : NULL, token ? token->size : 0}};
    *listener = (struct listener){0};
    struct grid_subscription *subscription =
        grid_subscribe(grid, query, token ? &after : NULL, &calls, listener);
    CHECK(subscription != NULL);
    return subscription;
}

static struct grid *client_new(const struct nodes *nodes)
{
    struct grid_options options = {.seeds = nodes->seeds};
    struct grid *grid = grid_new(&options, NULL);
    CHECK(grid != NULL && grid_connect(grid, WAIT_MS) == GRID_OK);
    return grid;
}

static bool write_all(struct grid *grid, int64_t number)
{
    struct grid_builder *key = grid_builder_new();
    struct grid_builder *value = grid_builder_new();
    bool well = true;
    for (int64_t i = 0; i < ENTRIES && well; i++) {
        grid_builder_clear(key);
        grid_builder_clear(value);
        grid_build_int(key, i);
        grid_build_int(value, number);
        well = grid_put(grid, "marks", grid_builder_bytes(key), grid_builder_bytes(value), 0) ==
               GRID_OK;
    }
    grid_builder_free(key);
    grid_builder_free(value);
    return well;
}

struct wait {
    struct grid *grid;
    const struct listener *listener;
    uint32_t changes;
};

static bool is_live(void *context)
{
    const struct wait *wait = context;
    grid_run(wait->grid, 0);
    return wait->listener->errors > 0 || (wait->listener->state == GRID_SUBSCRIPTION_LIVE &&
                                          wait->listener->changes >= wait->changes);
}

static bool has_ended(void *context)
{
    const struct wait *wait = context;
    grid_run(wait->grid, 0);
    return wait->listener->errors > 0;
}

// The token of a subscription that is live. Ends the test where that fails.
static struct token token_take(struct grid *grid, const char *query)
{
    struct listener listener;
    struct token token;
    struct grid_bytes bytes;
    struct grid_subscription *subscription = subscribe(grid, &listener, query, NULL);
    struct wait wait = {grid, &listener, 0};
    CHECK(wait_until(is_live, &wait) && listener.errors == 0);
    CHECK(grid_subscription_token(subscription, &bytes) == GRID_OK);
    CHECK(bytes.size <= TOKEN_BYTES_MAX);
    memcpy(token.bytes, bytes.data, bytes.size);
    token.size = bytes.size;
    grid_unsubscribe(subscription);
    return token;
}

// ---- Cases ----

static void check_good(struct grid *grid, const struct token *token)
{
    struct listener listener;
    struct wait wait = {grid, &listener, ENTRIES};
    struct grid_subscription *subscription = subscribe(grid, &listener, QUERY, token);
    bool live = wait_until(is_live, &wait);
    printf("# a token has %zu bytes\n", token->size);
    case_report(live && listener.errors == 0 && listener.changes == ENTRIES && listener.rows == 0,
                "what came after a good token is told once");
    grid_unsubscribe(subscription);
}

static bool is_refused(struct grid *grid, const char *query, const struct token *token,
                       enum grid_error error, const char *text)
{
    struct listener listener;
    struct wait wait = {grid, &listener, 0};
    struct grid_subscription *subscription = subscribe(grid, &listener, query, token);
    bool refused = wait_until(has_ended, &wait) && listener.error == error &&
                   strstr(listener.text, text) && listener.rows + listener.changes == 0;
    if (!refused)
        printf("# %s: %s, %u rows, %u changes\n", grid_error_name(listener.error), listener.text,
               listener.rows, listener.changes);
    grid_unsubscribe(subscription);
    return refused;
}

static void check_cut(struct grid *grid, const struct token *token)
{
    struct token cut = *token;
    bool all_refused = true;
    for (cut.size = 1; cut.size < token->size && all_refused; cut.size++)
        all_refused = is_refused(grid, QUERY, &cut, GRID_INVALID_ARGUMENT, "token");
    case_report(all_refused, "tokens that are cut off are refused");
    struct token longer = *token;
    longer.bytes[longer.size++] = 0;
    case_report(is_refused(grid, QUERY, &longer, GRID_INVALID_ARGUMENT, "token"),
                "and one that is too long");
}

static void check_damaged(struct grid *grid, const struct token *token)
{
    bool all_refused = true;
    for (size_t i = 0; i < token->size && all_refused; i++) {
        struct token damaged = *token;
        damaged.bytes[i] ^= (uint8_t)(1 << (i % 8));
        all_refused = is_refused(grid, QUERY, &damaged, GRID_INVALID_ARGUMENT, "token");
    }
    case_report(all_refused, "tokens of which one bit is another are refused");
    struct token noise = {.size = 100};
    memset(noise.bytes, 0x5a, noise.size);
    case_report(is_refused(grid, QUERY, &noise, GRID_INVALID_ARGUMENT, "token"),
                "what is no token is refused");
}

static void check_foreign(struct grid *grid, const struct token *token, const char *const *options)
{
    struct nodes nodes;
    nodes_start(&nodes, 1, options);
    struct grid *other = client_new(&nodes);
    case_report(write_all(other, 1), "another grid works");
    case_report(is_refused(other, QUERY, token, GRID_WRONG_GRID, "another grid"),
                "a token of another grid is refused");
    case_report(is_refused(grid, "SELECT * FROM marks WHERE a = 1", token, GRID_INVALID_ARGUMENT,
                           "another query"),
                "a token of another query is refused");
    grid_free(other);
    case_report(nodes_stop(&nodes), "the other grid ends cleanly");
}

int main(void)
{
    static const char *const options[] = {"--workers=2", "--partitions=64", NULL};
    struct nodes nodes;
    struct listener witness;
    nodes_start(&nodes, 2, options);
    struct grid *grid = client_new(&nodes);
    case_report(write_all(grid, 1), "entries are written");
    struct grid_subscription *subscription = subscribe(grid, &witness, QUERY, NULL);
    struct wait start = {grid, &witness, 0};
    case_report(wait_until(is_live, &start) && witness.errors == 0, "a subscription is live");
    struct token token = token_take(grid, QUERY);
    case_report(write_all(grid, 2), "and written again");
    check_good(grid, &token);
    check_cut(grid, &token);
    check_damaged(grid, &token);
    check_foreign(grid, &token, options);
    struct wait wait = {grid, &witness, 2 * ENTRIES};
    case_report(write_all(grid, 3) && wait_until(is_live, &wait) && witness.errors == 0 &&
                    witness.rows == ENTRIES && witness.changes == 2 * ENTRIES,
                "another subscription of the same client has missed nothing");
    grid_unsubscribe(subscription);
    grid_free(grid);
    case_report(nodes_stop(&nodes), "the nodes end cleanly");
    return case_status();
}
