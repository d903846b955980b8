// SPDX-License-Identifier: Apache-2.0
#include "bench/load.h"

#include "bench/stopwatch.h"
#include "cluster/base/memory.h"

#include <stdio.h>
#include <unistd.h>

enum { TICK_NS = 2 * 1000 * 1000 };

void load_result_init(struct load_result *result)
{
    *result = (struct load_result){0};
    histogram_init(&result->all);
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        histogram_init(&result->histograms[i]);
}

void load_result_deinit(struct load_result *result)
{
    histogram_deinit(&result->all);
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        histogram_deinit(&result->histograms[i]);
}

static bool groups_are_reached(const struct load *load, char *reason)
{
    uint64_t needed = load->destinations.group_count * load->settings->threads;
    if (load->settings->connections >= needed)
        return true;
    return reason_set(
        reason, "--connections: %u threads need %lu to reach each of the grid's %u workers",
        (unsigned)load->settings->threads, (unsigned long)needed, load->destinations.group_count);
}

bool load_init(struct load *load, const struct settings *settings, const struct market *market,
               char reason[static REASON_BYTES])
{
    *load = (struct load){.settings = settings};
    load->shows_progress = !settings->quiet && isatty(STDERR_FILENO);
    load->signal.realtime_offset_ns = stopwatch_read_ns(CLOCK_REALTIME) - stopwatch_now_ns();
    inserts_init(&load->inserts, settings->record_count);
    if (!destinations_init(&load->destinations, settings, reason) ||
        !groups_are_reached(load, reason))
        return false;
    load->threads = memory_new_array(settings->threads, sizeof *load->threads);
    while (load->thread_count < settings->threads) {
        struct load_thread *thread = &load->threads[load->thread_count];
        bool well = load_thread_init(thread, settings, market, &load->destinations, &load->signal,
                                     &load->inserts, load->thread_count);
        load->thread_count++;
        if (!well)
            return reason_set(reason, "%s", thread->reason);
    }
    return true;
}

static void threads_join(struct load *load)
{
    while (load->started_count > 0)
        load_thread_join(&load->threads[--load->started_count]);
}

void load_deinit(struct load *load)
{
    atomic_store(&load->signal.stop, true);
    threads_join(load);
    for (uint32_t i = 0; i < load->thread_count; i++)
        load_thread_deinit(&load->threads[i]);
    free(load->threads);
    destinations_deinit(&load->destinations);
    inserts_deinit(&load->inserts);
}

uint64_t load_matches(const struct load *load)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < load->thread_count; i++)
        sum += atomic_load(&load->threads[i].counters.matches);
    return sum;
}

static void sample_take(const struct load *load, struct load_sample *sample)
{
    *sample = (struct load_sample){.time_ns = stopwatch_now_ns(),
                                   .client_cpu_ns = stopwatch_read_ns(CLOCK_PROCESS_CPUTIME_ID)};
    for (uint32_t i = 0; i < load->thread_count; i++) {
        const struct load_counters *counters = &load->threads[i].counters;
        sample->operations += atomic_load(&counters->operations);
        sample->requests += atomic_load(&counters->requests);
        sample->misses += atomic_load(&counters->misses);
        sample->errors += atomic_load(&counters->errors);
    }
    for (uint32_t i = 0; i < load->settings->server_count; i++) {
        if (!server_usage_read(load->settings->servers[i], &sample->servers[i]))
            sample->servers[i] = (struct server_usage){0};
    }
}

// ---- Waiting, with a progress line once a second ----

struct progress {
    const char *phase;
    uint64_t shown_ns;
    uint64_t operations; // when it was last shown
};

static void progress_show(const struct load *load, struct progress *progress)
{
    uint64_t now_ns = stopwatch_now_ns();
    if (!load->shows_progress || now_ns - progress->shown_ns < NS_PER_S)
        return;
    struct load_sample sample;
    sample_take(load, &sample);
    double seconds = (double)(now_ns - progress->shown_ns) / NS_PER_S;
    double rate = (double)(sample.operations - progress->operations) / seconds;
    if (progress->operations > 0 || progress->shown_ns > 0)
        fprintf(stderr, "\r%-8s %12lu operations %10.0f/s %6lu errors\033[K", progress->phase,
                (unsigned long)sample.operations, rate, (unsigned long)sample.errors);
    progress->shown_ns = now_ns;
    progress->operations = sample.operations;
}

static void progress_end(const struct load *load)
{
    if (load->shows_progress)
        fputs("\r\033[K", stderr);
}

static void tick_until(uint64_t limit_ns)
{
    uint64_t now_ns = stopwatch_now_ns();
    uint64_t sleep_ns = limit_ns > now_ns ? limit_ns - now_ns : 0;
    if (sleep_ns > TICK_NS)
        sleep_ns = TICK_NS;
    struct timespec pause = {.tv_nsec = (long)sleep_ns};
    nanosleep(&pause, NULL);
}

static bool all_finished(const struct load *load)
{
    for (uint32_t i = 0; i < load->thread_count; i++) {
        if (!atomic_load(&load->threads[i].counters.finished))
            return false;
    }
    return true;
}

static bool all_loaded(const struct load *load)
{
    for (uint32_t i = 0; i < load->thread_count; i++) {
        if (!atomic_load(&load->threads[i].counters.loaded))
            return false;
    }
    return true;
}

static bool none_failed(const struct load *load, char *reason)
{
    for (uint32_t i = 0; i < load->thread_count; i++) {
        if (atomic_load(&load->threads[i].counters.failed))
            return reason_set(reason, "%s", load->threads[i].reason);
    }
    return true;
}

// Until the time has come, or all threads have finished, or one has failed.
static bool time_await(const struct load *load, struct progress *progress, uint64_t limit_ns,
                       char *reason)
{
    while (stopwatch_now_ns() < limit_ns && !all_finished(load)) {
        if (!none_failed(load, reason))
            return false;
        progress_show(load, progress);
        tick_until(limit_ns);
    }
    return none_failed(load, reason);
}

// What a server said when it refused first; "" where none did.
static const char *first_error(const struct load *load)
{
    for (uint32_t i = 0; i < load->thread_count; i++) {
        if (load->threads[i].first_error[0] != '\0')
            return load->threads[i].first_error;
    }
    return "";
}

// ---- Phases ----

bool load_records(struct load *load, struct load_result *result, char reason[static REASON_BYTES])
{
    struct progress progress = {.phase = "load"};
    sample_take(load, &result->before);
    while (load->started_count < load->thread_count)
        load_thread_start(&load->threads[load->started_count++]);
    while (!all_loaded(load)) {
        if (!none_failed(load, reason))
            return false;
        progress_show(load, &progress);
        tick_until(UINT64_MAX);
    }
    progress_end(load);
    sample_take(load, &result->loaded);
    if (result->loaded.errors > 0)
        return reason_set(reason, "load: %lu of %lu records were refused: %s",
                          (unsigned long)result->loaded.errors,
                          (unsigned long)load->settings->record_count, first_error(load));
    return none_failed(load, reason);
}

static void signal_go(struct load *load)
{
    const struct settings *settings = load->settings;
    struct load_signal *signal = &load->signal;
    signal->begin_ns = stopwatch_now_ns();
    signal->measure_ns = signal->begin_ns + (uint64_t)(settings->warm_up_s * NS_PER_S);
    signal->end_ns = settings->operation_count > 0
                         ? UINT64_MAX
                         : signal->measure_ns + (uint64_t)(settings->seconds * NS_PER_S);
    atomic_store(&signal->go, true);
}

static void results_collect(const struct load *load, struct load_result *result)
{
    reason_set(result->first_error, "%s", first_error(load));
    for (uint32_t i = 0; i < load->thread_count; i++) {
        const struct load_thread *thread = &load->threads[i];
        result->unfinished += thread->unfinished;
        for (unsigned class = 0; class < CLASS_COUNT; class ++) {
            histogram_merge(&result->histograms[class], &thread->histograms[class]);
            histogram_merge(&result->all, &thread->histograms[class]);
        }
    }
}

bool load_measure(struct load *load, struct load_result *result, char reason[static REASON_BYTES])
{
    struct progress progress = {.phase = "warm-up"};
    signal_go(load);
    bool well = time_await(load, &progress, load->signal.measure_ns, reason);
    sample_take(load, &result->begin);
    progress.phase = "run";
    well = well && time_await(load, &progress, load->signal.end_ns, reason);
    sample_take(load, &result->end);
    progress_end(load);
    if (!well)
        return false;
    threads_join(load);
    results_collect(load, result);
    return none_failed(load, reason);
}
