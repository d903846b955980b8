// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/trace.h"

#include "cluster/base/units.h"

#include <inttypes.h>
#include <stdarg.h>
#include <xxhash.h>

void trace_mix(struct trace *trace, const void *data, size_t size)
{
    trace->hash = XXH3_64bits_withSeed(data, size, trace->hash);
}

void trace_write(struct trace *trace, uint64_t now_us, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    CHECK(size >= 0);
    trace_mix(trace, &now_us, sizeof now_us);
    trace_mix(trace, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
    trace->line_count++;
    if (trace->out)
        fprintf(trace->out, "%10.6f  %s\n", (double)now_us / US_PER_S, line);
}

void trace_note(struct trace *trace, uint64_t now_us, const char *what, uint64_t from, uint64_t to,
                uint64_t detail)
{
    uint64_t numbers[] = {now_us, from, to, detail};
    trace_mix(trace, numbers, sizeof numbers);
    trace->line_count++;
    if (trace->out)
        fprintf(trace->out, "%10.6f  %s %" PRIu64 " -> %" PRIu64 " %" PRIu64 "\n",
                (double)now_us / US_PER_S, what, from, to, detail);
}
