// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/nodes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OPTIONS_MAX = 16, PAUSE_MS = 5 };

static int failed_cases;

uint64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

void case_report(bool passed, const char *name)
{
    printf("%s - %s\n", passed ? "ok" : "not ok", name);
    fflush(stdout);
    failed_cases += !passed;
}

int case_status(void)
{
    return failed_cases ? EXIT_FAILURE : EXIT_SUCCESS;
}

bool wait_until(bool (*is_met)(void *context), void *context)
{
    uint64_t deadline_ms = now_ms() + WAIT_MS;
    while (!is_met(context)) {
        if (now_ms() > deadline_ms)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    }
    return true;
}

static void give_up(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

// A port that nobody has now: another process might take it before the node does, then the test
// says so.
static uint16_t free_port(void)
{
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&address, size) != 0 ||
        getsockname(descriptor, (struct sockaddr *)&address, &size) != 0)
        give_up("free port");
    close(descriptor);
    return ntohs(address.sin_port);
}

static void log_path(const struct nodes *nodes, uint32_t number, char path[128])
{
    snprintf(path, 128, "%s/n%u.log", nodes->directory, number + 1);
}

static void node_spawn(struct nodes *nodes, uint32_t number)
{
    char name[32], seeds[280], expect[40], port[32], log[160], path[128], program[512];
    const char *build = getenv("BUILD");
    const char *arguments[OPTIONS_MAX + 8];
    int count = 0;
    log_path(nodes, number, path);
    snprintf(program, sizeof program, "%s/grid-node", build ? build : "build");
    snprintf(name, sizeof name, "--node-name=n%u", number + 1);
    snprintf(seeds, sizeof seeds, "--seeds=%s", nodes->seeds);
    snprintf(expect, sizeof expect, "--bootstrap-expect=%u", nodes->expect);
    snprintf(port, sizeof port, "--port=%u", nodes->ports[number]);
    snprintf(log, sizeof log, "--log-file=%s", path);
    arguments[count++] = program;
    arguments[count++] = name;
    arguments[count++] = seeds;
    arguments[count++] = expect;
    arguments[count++] = port;
    arguments[count++] = log;
    for (int i = 0; nodes->options && nodes->options[i] && i < OPTIONS_MAX; i++)
        arguments[count++] = nodes->options[i];
    arguments[count] = NULL;
    nodes->starts[number]++;
    nodes->processes[number] = fork();
    if (nodes->processes[number] < 0)
        give_up("fork");
    if (nodes->processes[number] == 0) {
        execv(program, (char *const *)(uintptr_t)arguments);
        give_up(program);
    }
}

uint32_t node_log_count(const struct nodes *nodes, uint32_t number, const char *text)
{
    char path[128], line[2048];
    uint32_t count = 0;
    log_path(nodes, number, path);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        count += strstr(line, text) != NULL;
    fclose(file);
    return count;
}

struct log_wait {
    const struct nodes *nodes;
    uint32_t number;
    const char *text;
};

static bool log_says(void *context)
{
    const struct log_wait *wait = context;
    return node_log_count(wait->nodes, wait->number, wait->text) >=
           wait->nodes->starts[wait->number];
}

// Once for each start.
static void node_await(struct nodes *nodes, uint32_t number, const char *text)
{
    struct log_wait wait = {.nodes = nodes, .number = number, .text = text};
    if (!wait_until(log_says, &wait)) {
        errno = ETIMEDOUT;
        give_up(text);
    }
}

void nodes_start(struct nodes *nodes, uint32_t count, const char *const *options)
{
    *nodes = (struct nodes){.count = count, .expect = count, .options = options};
    snprintf(nodes->directory, sizeof nodes->directory, "/tmp/nowgrid-test.XXXXXX");
    if (!mkdtemp(nodes->directory))
        give_up("mkdtemp");
    size_t seeds = 0;
    for (uint32_t i = 0; i < count; i++) {
        nodes->ports[i] = free_port();
        seeds += (size_t)snprintf(nodes->seeds + seeds, sizeof nodes->seeds - seeds,
                                  "%s127.0.0.1:%u", i ? "," : "", nodes->ports[i]);
    }
    for (uint32_t i = 0; i < count; i++)
        node_spawn(nodes, i);
    for (uint32_t i = 0; i < count; i++)
        node_await(nodes, i, " ready: ");
}

void node_kill(struct nodes *nodes, uint32_t number, int signal)
{
    kill(nodes->processes[number], signal);
    if (signal != SIGKILL)
        return;
    waitpid(nodes->processes[number], NULL, 0);
    nodes->processes[number] = 0;
}

void node_restart(struct nodes *nodes, uint32_t number)
{
    node_spawn(nodes, number);
    node_await(nodes, number, " listens on ");
}

bool nodes_stop(struct nodes *nodes)
{
    bool all_well = true;
    for (uint32_t i = 0; i < nodes->count; i++) {
        if (nodes->processes[i])
            kill(nodes->processes[i], SIGTERM);
    }
    for (uint32_t i = 0; i < nodes->count; i++) {
        int status = 0;
        if (nodes->processes[i] && (waitpid(nodes->processes[i], &status, 0) < 0 || status != 0)) {
            fprintf(stderr, "n%u ended with status 0x%x\n", i + 1, (unsigned)status);
            all_well = false;
        }
        char path[128];
        log_path(nodes, i, path);
        unlink(path);
    }
    rmdir(nodes->directory);
    return all_well;
}
