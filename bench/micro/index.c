// SPDX-License-Identifier: Apache-2.0
// What an update costs beside many standing queries
//     region = ? AND price > ? AND symbol IN (1 to 5 of N / 100)
// so that the matches per update stay the same while N grows; what one costs that matches none;
// what adding and removing costs, and memory. With an argument: only that N.
#include "node/query/index.h"
#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "cluster/base/units.h"
#include "cluster/wire/writer.h"

#include <stdio.h>
#include <time.h>

enum {
    BATCH = 1000,      // queries compiled before their adding is measured
    DOCUMENTS = 20000, // pairs of old and new, each with its own key
    ROUNDS = 5,
    REGIONS = 4,
    SYMBOLS_SHARE = 100, // queries per symbol, before IN
    SYMBOLS_MAX = 5,     // in one query
    PRICES = 100000,
    TEXT_BYTES = 256,
};

// Processor time: other load on the machine shall not count.
static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * NS_PER_S + (double)now.tv_nsec;
}

struct update {
    uint32_t old_start; // in the buffer of all documents
    uint32_t old_size;
    uint32_t new_start;
    uint32_t new_size;
};

struct bench {
    struct index *index;
    struct index_entry *entries;
    uint32_t count;
    uint32_t symbols;
    size_t text_bytes;
    double add_ns;
    double compile_ns;
    struct random random;
    struct buffer documents;
    struct update updates[DOCUMENTS];
    uint64_t matches;
};

// ---- Standing queries ----

static int where_write(struct bench *bench, char *text)
{
    int size = snprintf(text, TEXT_BYTES,
                        "SELECT * FROM quotes WHERE region = 'r%u' AND price > %u.%02u "
                        "AND symbol IN (",
                        (unsigned)random_below(&bench->random, REGIONS),
                        (unsigned)random_below(&bench->random, PRICES) / 100,
                        (unsigned)random_below(&bench->random, 100));
    uint64_t first = random_below(&bench->random, bench->symbols);
    uint64_t count = 1 + random_below(&bench->random, SYMBOLS_MAX);
    for (uint64_t at = 0; at < count; at++)
        size += snprintf(text + size, TEXT_BYTES - (size_t)size, "%s'S%05u'", at > 0 ? ", " : "",
                         (unsigned)((first + at * 17) % bench->symbols));
    return size + snprintf(text + size, TEXT_BYTES - (size_t)size, ")");
}

static struct query *compile(struct bench *bench)
{
    char text[TEXT_BYTES];
    struct query_error error;
    int size = where_write(bench, text);
    struct query *query = query_new(bytes_of(text, (size_t)size), &error);
    CHECK(query != NULL);
    bench->text_bytes += query_where(query).size;
    return query;
}

static void batch_add(struct bench *bench, uint32_t from, uint32_t count)
{
    struct query *queries[BATCH];
    char reason[TEXT_BYTES];
    double start = now_ns();
    for (uint32_t at = 0; at < count; at++)
        queries[at] = compile(bench);
    double compiled = now_ns();
    for (uint32_t at = 0; at < count; at++)
        CHECK(index_add(bench->index, queries[at], &bench->entries[from + at], reason,
                        sizeof reason) == ERROR_NONE);
    double added = now_ns();
    for (uint32_t at = 0; at < count; at++)
        query_free(queries[at]);
    bench->compile_ns += compiled - start;
    bench->add_ns += added - compiled;
}

// ---- Documents of 10 fields, about 200 bytes ----

static void document_write(const char *region, const char *symbol, double price, struct buffer *out)
{
    write_map(out, 10);
    write_text(out, "id");
    write_uint(out, UINT64_C(1517363399650));
    write_text(out, "time");
    write_uint(out, UINT64_C(1517363399651));
    write_text(out, "region");
    write_text(out, region);
    write_text(out, "venue");
    write_text(out, "XETRA and others");
    write_text(out, "symbol");
    write_text(out, symbol);
    write_text(out, "bid");
    write_float(out, price - 0.01);
    write_text(out, "ask");
    write_float(out, price + 0.01);
    write_text(out, "price");
    write_float(out, price);
    write_text(out, "volume");
    write_uint(out, 12345);
    write_text(out, "note");
    write_text(out, "as reported by the venue, and not checked by anybody");
}

static void updates_make(struct bench *bench, bool matches)
{
    buffer_clear(&bench->documents);
    for (unsigned at = 0; at < DOCUMENTS; at++) {
        char region[16];
        char symbol[16];
        snprintf(region, sizeof region, "%c%u", matches ? 'r' : 'q',
                 (unsigned)random_below(&bench->random, REGIONS));
        snprintf(symbol, sizeof symbol, "S%05u",
                 (unsigned)random_below(&bench->random, bench->symbols));
        struct update *update = &bench->updates[at];
        update->old_start = (uint32_t)buffer_size(&bench->documents);
        document_write(region, symbol, (double)random_below(&bench->random, PRICES) / 100,
                       &bench->documents);
        update->new_start = (uint32_t)buffer_size(&bench->documents);
        update->old_size = update->new_start - update->old_start;
        document_write(region, symbol, (double)random_below(&bench->random, PRICES) / 100,
                       &bench->documents);
        update->new_size = (uint32_t)buffer_size(&bench->documents) - update->new_start;
    }
}

static void count_match(void *context, struct index_entry *entry, enum transition transition)
{
    struct bench *bench = context;
    (void)entry;
    bench->matches += transition != TRANSITION_NONE;
}

static int double_order(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

// Median nanoseconds per update.
static double updates_measure(struct bench *bench, bool matches)
{
    double rounds[ROUNDS];
    updates_make(bench, matches);
    for (unsigned round = 0; round < ROUNDS; round++) {
        bench->matches = 0;
        double start = now_ns();
        for (unsigned at = 0; at < DOCUMENTS; at++) {
            const struct update *update = &bench->updates[at];
            const uint8_t *documents = bench->documents.data;
            index_match(bench->index, bytes_of_text("quotes"), bytes_of("\x01", 1),
                        bytes_of(documents + update->old_start, update->old_size),
                        bytes_of(documents + update->new_start, update->new_size), count_match,
                        bench);
        }
        rounds[round] = (now_ns() - start) / DOCUMENTS;
        while (index_tend(bench->index))
            ;
    }
    qsort(rounds, ROUNDS, sizeof *rounds, double_order);
    return rounds[ROUNDS / 2];
}

static double removal_measure(struct bench *bench)
{
    double start = now_ns();
    for (uint32_t at = 0; at < bench->count; at++)
        index_remove(bench->index, &bench->entries[at * UINT64_C(7919) % bench->count]);
    return (now_ns() - start) / bench->count;
}

static void measure(uint32_t count)
{
    struct bench *bench = memory_new(sizeof *bench);
    bench->random = (struct random){1};
    bench->count = count;
    bench->symbols = count / SYMBOLS_SHARE;
    bench->entries = memory_new_array(count, sizeof *bench->entries);
    bench->index = index_new(&(struct index_options){.always_max = 100});
    for (uint32_t at = 0; at < count; at += BATCH)
        batch_add(bench, at, BATCH);
    double match_ns = updates_measure(bench, true);
    double matches = (double)bench->matches / DOCUMENTS;
    double miss_ns = updates_measure(bench, false);
    struct index_figures figures;
    index_figures(bench->index, &figures);
    double removal_ns = removal_measure(bench);
    printf("%9u %9.1f %11.3f %11.3f %9.2f %9.2f %9.2f %11.1f\n", count, matches,
           match_ns / NS_PER_US, miss_ns / NS_PER_US, bench->compile_ns / count / NS_PER_US,
           bench->add_ns / count / NS_PER_US, removal_ns / NS_PER_US,
           ((double)figures.bytes - (double)bench->text_bytes) / (double)figures.predicate_count);
    index_free(bench->index);
    buffer_deinit(&bench->documents);
    free(bench->entries);
    free(bench);
}

int main(int argument_count, char **arguments)
{
    static const uint32_t counts[] = {10 * BATCH, 100 * BATCH, 1000 * BATCH};
    printf("%9s %9s %11s %11s %9s %9s %9s %11s\n", "queries", "matches", "update us", "no match us",
           "compile", "add us", "remove us", "bytes each");
    for (int at = 1; at < argument_count; at++)
        measure((uint32_t)strtoul(arguments[at], NULL, 10) / BATCH * BATCH);
    for (size_t at = 0; argument_count == 1 && at < sizeof counts / sizeof *counts; at++)
        measure(counts[at]);
}
