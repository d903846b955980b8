// SPDX-License-Identifier: Apache-2.0
// The simulator: sim --seeds=A-B, and
//   --jobs=N     so many seeds at a time
//   --trace      a transcript of each
//   --twice      each seed two times: their traces must be equal
//   --bug=NAME   with a planted bug, which must be caught (tests/sim/bugs.h)
//   --first      ends at the first seed that fails
//   --orphans    what clients have written outlives their connections (struct world_options)
// Each seed runs in a process of its own, so that one that aborts is one that failed.
#include "cluster/base/units.h"
#include "tests/sim/world.h"

#include <inttypes.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64 };

struct options {
    uint64_t first_seed;
    uint64_t last_seed;
    enum bug bug;
    uint32_t jobs;
    bool trace;
    bool twice;   // each seed two times: both traces must be equal
    bool orphans; // see struct world_options
    bool first;   // ends at the first seed that fails
};

// What a run tells its parent.
struct outcome {
    bool has_passed;
    uint64_t hash;
    struct tally tally;
    char failure[1024];
};

struct job {
    pid_t pid; // 0: none
    int pipe;
    uint64_t seed;
};

struct campaign {
    struct options options;
    struct job jobs[JOBS_MAX];
    struct tally total;
    uint64_t passed;
    uint64_t failed;
    uint64_t first_failed; // seed
};

// ---- One seed ----

static void seed_run(const struct options *options, uint64_t seed, struct outcome *outcome)
{
    struct world *world = memory_new(sizeof *world);
    struct world_options wanted = {.seed = seed,
                                   .bug = options->bug,
                                   .has_orphans = options->orphans,
                                   .trace = options->trace ? stdout : NULL};
    *outcome = (struct outcome){0};
    outcome->has_passed = world_run(world, &wanted);
    outcome->hash = world->trace.hash;
    outcome->tally = world->tally;
    snprintf(outcome->failure, sizeof outcome->failure, "%s", world->failure);
    world_deinit(world);
    free(world);
}

static void child_run(const struct options *options, uint64_t seed, int out)
{
    struct outcome outcome;
    seed_run(options, seed, &outcome);
    if (options->twice) {
        uint64_t hash = outcome.hash;
        seed_run(options, seed, &outcome);
        if (outcome.hash != hash) {
            outcome.has_passed = false;
            snprintf(outcome.failure, sizeof outcome.failure,
                     "two runs of the seed differ: %016" PRIx64 ", %016" PRIx64, hash,
                     outcome.hash);
        }
    }
    fflush(stdout);
    CHECK(write(out, &outcome, sizeof outcome) == (ssize_t)sizeof outcome);
    close(out);
}

static void job_start(struct campaign *campaign, struct job *job, uint64_t seed)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        child_run(&campaign->options, seed, ends[1]);
        exit(0); // not _exit: leaks are looked for
    }
    close(ends[1]);
    *job = (struct job){.pid = pid, .pipe = ends[0], .seed = seed};
}

// ---- All of them ----

static void tally_add(struct tally *total, const struct tally *tally)
{
    uint64_t heal_max_us =
        tally->heal_us > total->heal_max_us ? tally->heal_us : total->heal_max_us;
    total->virtual_us += tally->virtual_us;
    total->events += tally->events;
    total->operations += tally->operations;
    total->unknown += tally->unknown;
    total->refused += tally->refused;
    total->retries += tally->retries;
    total->crashes += tally->crashes;
    total->pauses += tally->pauses;
    total->naps += tally->naps;
    total->cuts += tally->cuts;
    total->slow_paths += tally->slow_paths;
    total->joins += tally->joins;
    total->leaves += tally->leaves;
    total->clock_jumps += tally->clock_jumps;
    total->views += tally->views;
    total->leaderships += tally->leaderships;
    total->failovers += tally->failovers;
    total->lost_partitions += tally->lost_partitions;
    total->subscribed_rows += tally->subscribed_rows;
    total->subscribed_events += tally->subscribed_events;
    total->resumes += tally->resumes;
    total->resets += tally->resets;
    total->catch_ups += tally->catch_ups;
    total->slow_ends += tally->slow_ends;
    total->heal_us += tally->heal_us;
    total->heal_max_us = heal_max_us;
}

static void job_end(struct campaign *campaign, struct job *job, int status)
{
    const struct options *options = &campaign->options;
    struct outcome outcome = {0};
    bool is_told = read(job->pipe, &outcome, sizeof outcome) == (ssize_t)sizeof outcome;
    close(job->pipe);
    job->pid = 0;
    bool has_passed =
        is_told && outcome.has_passed && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (is_told)
        tally_add(&campaign->total, &outcome.tally);
    if (has_passed) {
        campaign->passed++;
        return;
    }
    if (campaign->failed++ == 0 || job->seed < campaign->first_failed)
        campaign->first_failed = job->seed;
    printf("seed %" PRIu64 ": %s\n", job->seed,
           !is_told || outcome.has_passed ? "aborted, or leaked: see above" : outcome.failure);
    printf("  again: sim --seeds=%" PRIu64 "-%" PRIu64 "%s%s%s --trace\n", job->seed, job->seed,
           options->bug ? " --bug=" : "", options->bug ? bug_name(options->bug) : "",
           options->orphans ? " --orphans" : "");
    fflush(stdout);
}

static uint32_t jobs_wait(struct campaign *campaign)
{
    int status;
    pid_t pid = wait(&status);
    CHECK(pid > 0);
    for (uint32_t i = 0; i < campaign->options.jobs; i++) {
        if (campaign->jobs[i].pid == pid) {
            job_end(campaign, &campaign->jobs[i], status);
            return 1;
        }
    }
    return 0;
}

static void campaign_run(struct campaign *campaign)
{
    const struct options *options = &campaign->options;
    uint64_t seed = options->first_seed;
    uint32_t running = 0;
    for (;;) {
        bool is_enough = seed > options->last_seed || (options->first && campaign->failed > 0);
        if (is_enough && running == 0)
            return;
        if (is_enough || running == options->jobs) {
            running -= jobs_wait(campaign);
            continue;
        }
        uint32_t place = 0;
        while (campaign->jobs[place].pid != 0)
            place++;
        job_start(campaign, &campaign->jobs[place], seed++);
        running++;
    }
}

static void campaign_report(const struct campaign *campaign)
{
    const struct tally *total = &campaign->total;
    uint64_t runs = campaign->passed + campaign->failed;
    printf("%.1f simulated hours, %" PRIu64 " events: %" PRIu64 " crashes, %" PRIu64
           " pauses, %" PRIu64 " naps, %" PRIu64 " cuts, %" PRIu64 " slow paths, %" PRIu64
           " clock jumps, %" PRIu64 " joins, %" PRIu64 " leaves\n",
           (double)total->virtual_us / US_PER_S / 3600, total->events, total->crashes,
           total->pauses, total->naps, total->cuts, total->slow_paths, total->clock_jumps,
           total->joins, total->leaves);
    printf("%" PRIu64 " leaderships, %" PRIu64 " views, %" PRIu64 " moves of primaries, %" PRIu64
           " partitions lost with all their copies; whole %.1f s after healing on average, %.1f s "
           "at most\n",
           total->leaderships, total->views, total->failovers, total->lost_partitions,
           runs ? (double)total->heal_us / US_PER_S / (double)runs : 0.0,
           (double)total->heal_max_us / US_PER_S);
    printf("%" PRIu64 " operations answered after %" PRIu64 " retries, %" PRIu64
           " of unknown fate, %" PRIu64 " given up\n",
           total->operations, total->retries, total->unknown, total->refused);
    printf("%" PRIu64 " rows and %" PRIu64 " changes to subscriptions, which went on by %" PRIu64
           " tokens, were reset %" PRIu64 " times, fell behind %" PRIu64
           " times, and ended %" PRIu64 " times for being slow\n",
           total->subscribed_rows, total->subscribed_events, total->resumes, total->resets,
           total->catch_ups, total->slow_ends);
    if (campaign->failed > 0)
        printf("first failure: seed %" PRIu64 "\n", campaign->first_failed);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", campaign->passed, campaign->failed);
}

static int usage(void)
{
    fprintf(stderr,
            "sim --seeds=A-B [--bug=NAME] [--jobs=N] [--trace] [--twice] [--first] [--orphans]\n"
            "bugs:");
    for (enum bug bug = BUG_NONE + 1; bug < BUG_COUNT; bug++)
        fprintf(stderr, " %s", bug_name(bug));
    fprintf(stderr, "\n");
    return 2;
}

static bool option_read(struct options *options, const char *argument)
{
    char end;
    if (sscanf(argument, "--seeds=%" SCNu64 "-%" SCNu64 "%c", &options->first_seed,
               &options->last_seed, &end) == 2)
        return options->first_seed <= options->last_seed;
    if (sscanf(argument, "--jobs=%" SCNu32 "%c", &options->jobs, &end) == 1)
        return options->jobs >= 1 && options->jobs <= JOBS_MAX;
    if (strncmp(argument, "--bug=", strlen("--bug=")) == 0) {
        options->bug = bug_by_name(argument + strlen("--bug="));
        return options->bug < BUG_COUNT;
    }
    if (strcmp(argument, "--trace") == 0)
        return options->trace = true;
    if (strcmp(argument, "--twice") == 0)
        return options->twice = true;
    if (strcmp(argument, "--orphans") == 0)
        return options->orphans = true;
    if (strcmp(argument, "--first") == 0)
        return options->first = true;
    return false;
}

int main(int count, char **arguments)
{
    struct campaign *campaign = memory_new(sizeof *campaign);
    campaign->options = (struct options){.first_seed = 1, .last_seed = 20, .jobs = 1};
    for (int i = 1; i < count; i++) {
        if (!option_read(&campaign->options, arguments[i])) {
            free(campaign);
            return usage();
        }
    }
    campaign_run(campaign);
    campaign_report(campaign);
    bool has_passed = campaign->failed == 0;
    free(campaign);
    return has_passed ? 0 : 1;
}
