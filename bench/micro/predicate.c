// SPDX-License-Identifier: Apache-2.0
// How long the WHERE clause of a query takes on a document of 10 fields and about 200 bytes, and
// how long a query takes to compile. With arguments it measures these predicates instead.
#include "cluster/base/units.h"
#include "cluster/wire/writer.h"
#include "node/query/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EVALUATIONS = 1000000, ROUNDS = 7, COMPILATIONS = 20000 };

static void document_write(struct buffer *out, double mag, const char *place)
{
    write_map(out, 10);
    write_text(out, "id");
    write_text(out, "us1000chhc");
    write_text(out, "time");
    write_uint(out, UINT64_C(1517363399650));
    write_text(out, "mag");
    write_float(out, mag);
    write_text(out, "magType");
    write_text(out, "mww");
    write_text(out, "place");
    write_text(out, place);
    write_text(out, "lat");
    write_float(out, 46.2035);
    write_text(out, "lon");
    write_float(out, -122.197);
    write_text(out, "depth_km");
    write_float(out, 3.28);
    write_text(out, "status");
    write_text(out, "reviewed, and looked at once more by a seismologist on duty");
    write_text(out, "detail");
    write_map(out, 2);
    write_text(out, "net");
    write_text(out, "us");
    write_text(out, "rms");
    write_float(out, 0.11);
}

// Processor time: other load on the machine shall not count.
static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * NS_PER_S + (double)now.tv_nsec;
}

static struct query *compile(const char *text)
{
    struct query_error error = {0};
    struct query *query = query_new(bytes_of_text(text), &error);
    if (query == NULL) {
        fprintf(stderr, "%s\n%u:%u: %s\n", text, error.line, error.column, error.text);
        exit(1);
    }
    return query;
}

static int double_order(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

// Median nanoseconds per evaluation.
static void measure(const char *predicate, struct bytes document)
{
    char text[512];
    snprintf(text, sizeof text, "SELECT * FROM quakes WHERE %s", predicate);
    struct query *query = compile(text);
    double rounds[ROUNDS];
    unsigned matched = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (unsigned at = 0; at < EVALUATIONS; at++)
            matched += query_matches(query, bytes_of("\x01", 1), document);
        rounds[round] = (now_ns() - start) / EVALUATIONS;
    }
    qsort(rounds, ROUNDS, sizeof *rounds, double_order);
    printf("%7.1f ns  %-5s  %s\n", rounds[ROUNDS / 2], matched > 0 ? "TRUE" : "-", predicate);
    query_free(query);
}

static void measure_compilation(const char *text)
{
    double start = now_ns();
    for (unsigned at = 0; at < COMPILATIONS; at++)
        query_free(compile(text));
    printf("%7.1f us  compile %s\n", (now_ns() - start) / COMPILATIONS / NS_PER_US, text);
}

int main(int argument_count, char **arguments)
{
    static const char *const predicates[] = {
        "mag >= 4.5 AND place LIKE '%Japan%'",
        "mag >= 4.5",
        "mag >= 9",
        "missing = 1",
        "detail.net = 'us' AND detail.rms < 1",
        "magType IN ('mb', 'ml', 'mw', 'mwr', 'mww', 'md', 'mh', 'mwb', 'mwc', 'mwp')",
        "lat BETWEEN 40 AND 50 AND lon BETWEEN -130 AND -120 AND depth_km < 10",
        "lower(place) LIKE '%japan%'",
        "abs(lat - 46) + abs(lon + 122) < 1",
    };
    struct buffer document = {0};
    document_write(&document, 4.9, "37km NNE of Shizunai-furukawacho, Japan");
    printf("document of %zu bytes\n", buffer_size(&document));
    for (int at = 1; at < argument_count; at++)
        measure(arguments[at], buffer_bytes(&document));
    if (argument_count == 1) {
        for (size_t at = 0; at < sizeof predicates / sizeof *predicates; at++)
            measure(predicates[at], buffer_bytes(&document));
        measure_compilation("SELECT id, mag FROM quakes WHERE mag >= 4.5 AND place LIKE '%Japan%'");
    }
    buffer_deinit(&document);
}
