// SPDX-License-Identifier: Apache-2.0
// Replays a file of earthquakes into a grid while a continuous query watches the strong ones; then
// changes a few, and compares what the subscriber holds with a fresh query.
//   quakes SEEDS FILE [--rate N] [--quiet]
#include <grid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUERY "SELECT id, mag, place FROM quakes WHERE mag >= 4.5"

enum {
    PARTITIONS_MAX = 16384, // of any grid
    UNDER_WAY_MAX = 1000,
    TERMINAL_RATE = 600,    // quakes per second; without a terminal as fast as it goes
    TERMINAL_PAUSE_MS = 400 // after each change
};

static const double strong = 4.5;

struct quake {
    char *id;
    double mag;
};

// What the subscriber holds: id and row, as JSON.
struct row {
    char *key;
    char *value;
};

struct demo {
    struct grid *grid;
    bool is_terminal;
    bool is_quiet;
    bool is_ready;
    bool has_failed;
    int under_way;
    struct quake *quakes;
    size_t quake_count;
    struct row *rows;
    size_t row_count;
    size_t enters, updates, leaves;
    char *removed_key; // of the last LEAVE by a removal
    // Per partition: the last write that was answered, and up to where the subscriber knows all.
    uint64_t written[PARTITIONS_MAX];
    uint64_t delivered[PARTITIONS_MAX];
};

// ---- What the subscriber holds ----

static struct row *row_find(struct demo *demo, const char *key)
{
    for (size_t i = 0; i < demo->row_count; i++) {
        if (strcmp(demo->rows[i].key, key) == 0)
            return &demo->rows[i];
    }
    return NULL;
}

static void row_set(struct demo *demo, const struct grid_event *event)
{
    char *key = grid_value_to_json(event->key);
    char *value = grid_value_to_json(event->new_value);
    struct row *row = row_find(demo, key);
    if (row) {
        free(key);
        free(row->value);
        row->value = value;
        return;
    }
    demo->rows = realloc(demo->rows, (demo->row_count + 1) * sizeof *demo->rows);
    demo->rows[demo->row_count++] = (struct row){key, value};
}

static void row_drop(struct demo *demo, const struct grid_event *event)
{
    char *key = grid_value_to_json(event->key);
    struct row *row = row_find(demo, key);
    if (row) {
        free(row->key);
        free(row->value);
        *row = demo->rows[--demo->row_count];
    }
    if (event->cause == GRID_CAUSE_REMOVE) {
        free(demo->removed_key);
        demo->removed_key = key;
    } else {
        free(key);
    }
}

// ---- What the grid pushes ----

static double mag_of(struct grid_bytes value)
{
    double mag = 0;
    return grid_value_double(grid_value_field(value, "mag"), &mag) ? mag : 0;
}

static void text_print(struct grid_bytes value, const char *field, int width)
{
    struct grid_bytes text = {"", 0};
    grid_value_str(grid_value_field(value, field), &text);
    printf("%-*.*s", width, (int)text.size, (const char *)text.data);
}

static void event_print(struct demo *demo, const char *what, const char *colour,
                        const struct grid_event *event)
{
    if (demo->is_quiet)
        return;
    struct grid_bytes value = event->new_value.data ? event->new_value : event->old_value;
    printf("%s%-7s%s", demo->is_terminal ? colour : "", what, demo->is_terminal ? "\033[0m" : "");
    if (event->old_value.data && event->new_value.data)
        printf("%4.1f -> %4.1f", mag_of(event->old_value), mag_of(event->new_value));
    else if (event->old_value.data)
        printf("%4.1f -> gone", mag_of(event->old_value));
    else
        printf("        %4.1f", mag_of(value));
    printf("  ");
    text_print(value, "id", 12);
    text_print(value, "place", 0);
    printf("\n");
    fflush(stdout);
}

static void event_note(struct demo *demo, const struct grid_event *event)
{
    if (event->seq > demo->delivered[event->partition])
        demo->delivered[event->partition] = event->seq;
}

static void on_row(void *context, const struct grid_event *event)
{
    row_set(context, event);
}

static void on_ready(void *context)
{
    struct demo *demo = context;
    demo->is_ready = true;
}

static void on_enter(void *context, const struct grid_event *event)
{
    struct demo *demo = context;
    demo->enters++;
    event_note(demo, event);
    row_set(demo, event);
    event_print(demo, "ENTER", "\033[32m", event);
}

static void on_update(void *context, const struct grid_event *event)
{
    struct demo *demo = context;
    demo->updates++;
    event_note(demo, event);
    row_set(demo, event);
    event_print(demo, "UPDATE", "\033[33m", event);
}

static void on_leave(void *context, const struct grid_event *event)
{
    struct demo *demo = context;
    demo->leaves++;
    event_note(demo, event);
    row_drop(demo, event);
    event_print(demo, "LEAVE", "\033[31m", event);
}

static void on_progress(void *context, uint16_t partition, uint64_t seq)
{
    struct demo *demo = context;
    if (seq > demo->delivered[partition])
        demo->delivered[partition] = seq;
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    struct demo *demo = context;
    demo->has_failed = true;
    fprintf(stderr, "subscription: %s: %s\n", grid_error_name(error), text);
}

// ---- Writing ----

// What a write needs to be remembered until it is answered.
struct write {
    struct demo *demo;
    uint16_t partition;
};

static void write_note(struct demo *demo, uint16_t partition, const struct grid_reply *reply)
{
    if (reply->error != GRID_OK) {
        demo->has_failed = true;
        fprintf(stderr, "write: %s: %s\n", grid_error_name(reply->error), reply->text);
    } else if (reply->version > demo->written[partition]) {
        demo->written[partition] = reply->version;
    }
}

static void on_put(void *context, const struct grid_reply *reply)
{
    struct write *write = context;
    write->demo->under_way--;
    write_note(write->demo, write->partition, reply);
    free(write);
}

static uint16_t partition_of(const struct demo *demo, struct grid_bytes key)
{
    struct grid_location location;
    return grid_locate_key(demo->grid, key, &location) == GRID_OK ? location.partition : 0;
}

// Puts one line of the file under its id.
static bool line_put(struct demo *demo, const char *line, size_t size)
{
    char why[200];
    struct grid_builder *builder = grid_builder_new();
    if (grid_build_json(builder, line, size, why, sizeof why) != GRID_OK) {
        fprintf(stderr, "not JSON: %s\n", why);
        grid_builder_free(builder);
        return false;
    }
    struct grid_bytes value = grid_builder_bytes(builder);
    struct grid_bytes key = grid_value_field(value, "id");
    struct write *write = malloc(sizeof *write);
    *write = (struct write){demo, partition_of(demo, key)};
    demo->quakes = realloc(demo->quakes, (demo->quake_count + 1) * sizeof *demo->quakes);
    demo->quakes[demo->quake_count++] = (struct quake){grid_value_to_json(key), mag_of(value)};
    struct grid_request request = {.op = GRID_PUT, .map = "quakes", .key = key, .value = value};
    enum grid_error error = grid_submit(demo->grid, &request, on_put, write);
    grid_builder_free(builder);
    if (error != GRID_OK) {
        fprintf(stderr, "put: %s\n", grid_error_name(error));
        free(write);
        return false;
    }
    demo->under_way++;
    return true;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool replay(struct demo *demo, FILE *file, double rate)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    double start = seconds_now();
    bool done = true;
    while (done && !demo->has_failed && (size = getline(&line, &capacity, file)) > 0) {
        done = line_put(demo, line, (size_t)size);
        while (demo->under_way >= UNDER_WAY_MAX)
            grid_run(demo->grid, -1);
        double due = rate > 0 ? start + (double)demo->quake_count / rate : 0;
        for (double left; (left = due - seconds_now()) > 0;)
            grid_run(demo->grid, (int)(left * 1000) + 1);
    }
    while (demo->under_way > 0)
        grid_run(demo->grid, -1);
    free(line);
    return done && !demo->has_failed;
}

static struct grid_builder *key_build(const struct quake *quake)
{
    struct grid_builder *key = grid_builder_new();
    if (grid_build_json(key, quake->id, strlen(quake->id), NULL, 0) != GRID_OK)
        abort(); // the library wrote it
    return key;
}

static void revise(struct demo *demo, struct quake *quake, double mag)
{
    struct grid_builder *key = key_build(quake);
    struct grid_builder *patch = grid_builder_new();
    grid_build_map(patch, 1);
    grid_build_str(patch, "mag");
    grid_build_double(patch, mag);
    struct grid_request request = {.op = GRID_MERGE,
                                   .map = "quakes",
                                   .key = grid_builder_bytes(key),
                                   .value = grid_builder_bytes(patch)};
    struct grid_reply reply;
    grid_execute(demo->grid, &request, &reply);
    write_note(demo, partition_of(demo, request.key), &reply);
    quake->mag = mag;
    grid_builder_free(key);
    grid_builder_free(patch);
}

// ---- Waiting ----

static bool all_is_delivered(const struct demo *demo)
{
    for (size_t i = 0; i < PARTITIONS_MAX; i++) {
        if (demo->delivered[i] < demo->written[i])
            return false;
    }
    return true;
}

// Until the subscriber has been told of every write that was answered: by the change itself, or,
// where it does not match, by the progress of its partition.
static void delivery_wait(struct demo *demo)
{
    while (!demo->has_failed && !all_is_delivered(demo))
        grid_run(demo->grid, -1);
}

static void pause_show(struct demo *demo)
{
    double end = seconds_now() + TERMINAL_PAUSE_MS / 1e3;
    for (double left; demo->is_terminal && (left = end - seconds_now()) > 0;)
        grid_run(demo->grid, (int)(left * 1000) + 1);
}

// ---- The story ----

static struct quake *quake_pick(struct demo *demo, size_t *from, double low, double high)
{
    for (; *from < demo->quake_count; ++*from) {
        struct quake *quake = &demo->quakes[*from];
        if (quake->mag >= low && quake->mag < high)
            return &demo->quakes[(*from)++];
    }
    fprintf(stderr, "the file has no quake of magnitude %.1f to %.1f left\n", low, high);
    demo->has_failed = true;
    return NULL;
}

static void revise_some(struct demo *demo, double low, double high, double change)
{
    size_t from = 0;
    for (int i = 0; i < 3 && !demo->has_failed; i++) {
        struct quake *quake = quake_pick(demo, &from, low, high);
        if (quake)
            revise(demo, quake, quake->mag + change);
        pause_show(demo);
    }
}

static void remove_one(struct demo *demo)
{
    size_t from = 0;
    struct quake *quake = quake_pick(demo, &from, 6.0, 10.0);
    if (!quake)
        return;
    struct grid_builder *key = key_build(quake);
    enum grid_error error = grid_remove(demo->grid, "quakes", grid_builder_bytes(key), NULL);
    grid_builder_free(key);
    if (error != GRID_OK) {
        fprintf(stderr, "remove: %s\n", grid_error_text(demo->grid));
        demo->has_failed = true;
    }
    while (!demo->has_failed && !(demo->removed_key && strcmp(demo->removed_key, quake->id) == 0))
        grid_run(demo->grid, -1);
}

// Compares what the subscriber holds with what a one-time query returns.
static bool compare(struct demo *demo)
{
    struct grid_scan *scan = grid_query_new(demo->grid, QUERY);
    struct grid_row row;
    enum grid_error error;
    size_t count = 0, equal = 0;
    while ((error = grid_scan_next(scan, &row)) == GRID_OK) {
        char *key = grid_value_to_json(row.key);
        char *value = grid_value_to_json(row.value);
        const struct row *held = row_find(demo, key);
        equal += held && strcmp(held->value, value) == 0;
        count++;
        free(key);
        free(value);
    }
    grid_scan_free(scan);
    if (error != GRID_NOT_FOUND) {
        fprintf(stderr, "query: %s: %s\n", grid_error_name(error), grid_error_text(demo->grid));
        return false;
    }
    bool are_equal = count == demo->row_count && equal == count;
    printf("subscriber holds %zu rows, a fresh query returns %zu rows: %s\n", demo->row_count,
           count, are_equal ? "equal" : "DIFFERENT");
    return are_equal;
}

static bool story(struct demo *demo, FILE *file, double rate)
{
    printf("Subscribed: %s\n\nReplaying the file:\n", QUERY);
    double start = seconds_now();
    if (!replay(demo, file, rate))
        return false;
    delivery_wait(demo);
    size_t in_file = 0;
    for (size_t i = 0; i < demo->quake_count; i++)
        in_file += demo->quakes[i].mag >= strong;
    printf("\n%zu quakes put in %.1f s; %zu of them have mag >= 4.5, the subscriber holds %zu\n",
           demo->quake_count, seconds_now() - start, in_file, demo->row_count);
    printf("\nRevising some magnitudes, removing one:\n");
    revise_some(demo, 5.0, 5.9, 0.1);     // UPDATE
    revise_some(demo, strong, 4.7, -0.5); // LEAVE
    revise_some(demo, 2.0, 2.5, 3.0);     // ENTER
    if (!demo->has_failed)
        remove_one(demo);
    delivery_wait(demo);
    printf("\nPushed: %zu ENTER, %zu UPDATE, %zu LEAVE\n", demo->enters, demo->updates,
           demo->leaves);
    return !demo->has_failed && demo->enters > 0 && demo->updates > 0 && demo->leaves > 0 &&
           compare(demo);
}

static void demo_deinit(struct demo *demo)
{
    grid_free(demo->grid);
    for (size_t i = 0; i < demo->row_count; i++) {
        free(demo->rows[i].key);
        free(demo->rows[i].value);
    }
    for (size_t i = 0; i < demo->quake_count; i++)
        free(demo->quakes[i].id);
    free(demo->rows);
    free(demo->quakes);
    free(demo->removed_key);
}

static bool run(struct demo *demo, FILE *file, double rate)
{
    static const struct grid_listener listener = {
        .row = on_row,
        .ready = on_ready,
        .enter = on_enter,
        .update = on_update,
        .leave = on_leave,
        .progress = on_progress,
        .error = on_error,
    };
    enum grid_error error = grid_connect(demo->grid, 5000);
    if (error != GRID_OK) {
        fprintf(stderr, "connect: %s: %s\n", grid_error_name(error), grid_error_text(demo->grid));
        return false;
    }
    struct grid_subscription *subscription =
        grid_subscribe(demo->grid, QUERY, NULL, &listener, demo);
    while (!demo->is_ready && !demo->has_failed)
        grid_run(demo->grid, -1);
    bool done = !demo->has_failed && story(demo, file, rate);
    grid_unsubscribe(subscription);
    return done;
}

int main(int argc, char **argv)
{
    static struct demo demo;
    double rate = isatty(STDOUT_FILENO) ? TERMINAL_RATE : 0;
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--quiet") == 0)
            demo.is_quiet = true;
        else if (strcmp(argv[i], "--rate") == 0 && i + 1 < argc)
            rate = strtod(argv[++i], NULL);
        else
            argc = 0;
    }
    if (argc < 3) {
        fprintf(stderr, "usage: quakes SEEDS FILE [--rate N] [--quiet]\n");
        return 2;
    }
    struct grid_options options = {.seeds = argv[1], .client_name = "quakes"};
    FILE *file = fopen(argv[2], "r");
    demo.is_terminal = isatty(STDOUT_FILENO);
    demo.grid = grid_new(&options, NULL);
    bool done = false;
    if (!file)
        perror(argv[2]);
    else if (!demo.grid)
        fprintf(stderr, "cannot read the seeds: %s\n", argv[1]);
    else
        done = run(&demo, file, rate);
    if (file)
        fclose(file);
    demo_deinit(&demo);
    return done ? 0 : 1;
}
