// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/nodes.h"

#include "tests/system/support/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    OPTIONS_MAX = 16,
    ARGUMENTS_OWN = 8, // those that every node gets
    PAUSE_MS = 5,
};

static const char ready_text[] = " ready: ";

static int failed_cases;

uint64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

uint64_t now_ms(void)
{
    return now_us() / 1000;
}

uint32_t environment_number(const char *name, uint32_t otherwise)
{
    const char *text = getenv(name);
    return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
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

bool times_count(void)
{
    return environment_number("JUDGE", 0) != 0;
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

// What the node logs ("log"), or says beside that when it fails a check ("err").
static void node_path(const struct nodes *nodes, uint32_t number, const char *kind, char path[128])
{
    snprintf(path, 128, "%s/n%u.%s", nodes->directory, number + 1, kind);
}

// ---- Starting ----

struct arguments {
    uint32_t count;
    const char *list[OPTIONS_MAX + ARGUMENTS_OWN + 1];
    char texts[ARGUMENTS_OWN][512];
};

__attribute__((format(printf, 2, 3))) static void argument_add(struct arguments *arguments,
                                                               const char *format, ...)
{
    char *text = arguments->texts[arguments->count];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof arguments->texts[0], format, values);
    va_end(values);
    arguments->list[arguments->count++] = text;
}

static void arguments_make(const struct nodes *nodes, uint32_t number, struct arguments *arguments)
{
    const char *build = getenv("BUILD");
    char log[128];
    node_path(nodes, number, "log", log);
    argument_add(arguments, "%s/grid-node", build ? build : "build");
    argument_add(arguments, "--node-name=n%u", number + 1);
    argument_add(arguments, "--seeds=%s", nodes->seeds);
    argument_add(arguments, "--bootstrap-expect=%u", nodes->expect);
    argument_add(arguments, "--port=%u", nodes->ports[number]);
    argument_add(arguments, "--log-file=%s", log);
    if (nodes->network) {
        argument_add(arguments, "--bind=0.0.0.0");
        argument_add(arguments, "--advertise=%s", network_host(nodes->network, number));
    }
    for (int i = 0; nodes->options && nodes->options[i] && i < OPTIONS_MAX; i++)
        arguments->list[arguments->count++] = nodes->options[i];
}

// In the child. What a failed check says comes over standard error.
static void node_become(const struct nodes *nodes, uint32_t number,
                        const struct arguments *arguments)
{
    char path[128];
    node_path(nodes, number, "err", path);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor < 0 || dup2(descriptor, STDERR_FILENO) < 0)
        give_up(path);
    if (nodes->network)
        network_enter(nodes->network, number);
    execv(arguments->list[0], (char *const *)(uintptr_t)arguments->list);
    give_up(arguments->list[0]);
}

void node_begin(struct nodes *nodes, uint32_t number)
{
    struct arguments arguments = {0};
    arguments_make(nodes, number, &arguments);
    nodes->starts[number]++;
    nodes->processes[number] = fork();
    if (nodes->processes[number] < 0)
        give_up("fork");
    if (nodes->processes[number] == 0)
        node_become(nodes, number, &arguments);
}

uint32_t node_log_count(const struct nodes *nodes, uint32_t number, const char *text)
{
    char path[128], line[2048];
    uint32_t count = 0;
    node_path(nodes, number, "log", path);
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

static void seeds_make(struct nodes *nodes)
{
    size_t used = 0;
    for (uint32_t i = 0; i < nodes->count; i++) {
        const char *host = nodes->network ? network_host(nodes->network, i) : "127.0.0.1";
        used += (size_t)snprintf(nodes->seeds + used, sizeof nodes->seeds - used, "%s%s:%u",
                                 i ? "," : "", host, nodes->ports[i]);
    }
}

void nodes_start_in(struct nodes *nodes, uint32_t count, const char *const *options,
                    const struct network *network)
{
    *nodes =
        (struct nodes){.count = count, .expect = count, .options = options, .network = network};
    snprintf(nodes->directory, sizeof nodes->directory, "/tmp/nowgrid-test.XXXXXX");
    if (!mkdtemp(nodes->directory))
        give_up("mkdtemp");
    for (uint32_t i = 0; i < count; i++)
        nodes->ports[i] = free_port();
    seeds_make(nodes);
    for (uint32_t i = 0; i < count; i++)
        node_begin(nodes, i);
    for (uint32_t i = 0; i < count; i++)
        node_await(nodes, i, ready_text);
}

void nodes_start(struct nodes *nodes, uint32_t count, const char *const *options)
{
    nodes_start_in(nodes, count, options, NULL);
}

uint32_t node_add(struct nodes *nodes)
{
    uint32_t number = nodes->count++;
    if (number >= NODES_MAX) {
        errno = E2BIG;
        give_up("node_add");
    }
    nodes->ports[number] = free_port();
    node_begin(nodes, number);
    return number;
}

void node_restart(struct nodes *nodes, uint32_t number)
{
    node_begin(nodes, number);
    node_await(nodes, number, " listens on ");
}

bool node_is_ready(const struct nodes *nodes, uint32_t number)
{
    return node_log_count(nodes, number, ready_text) >= nodes->starts[number];
}

// ---- Ending ----

static void err_print(const struct nodes *nodes, uint32_t number)
{
    char path[128], line[512];
    node_path(nodes, number, "err", path);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        fprintf(stderr, "n%u says: %s", number + 1, line);
    if (file)
        fclose(file);
}

// After its end. False, and a word, when that was a failure.
static bool end_is_well(struct nodes *nodes, uint32_t number, int status)
{
    nodes->processes[number] = 0;
    if (status == 0)
        return true;
    nodes->crashes++;
    fprintf(stderr, "n%u ended with status 0x%x\n", number + 1, (unsigned)status);
    err_print(nodes, number);
    return false;
}

void node_kill(struct nodes *nodes, uint32_t number, int signal)
{
    kill(nodes->processes[number], signal);
    if (signal != SIGKILL)
        return;
    waitpid(nodes->processes[number], NULL, 0);
    nodes->processes[number] = 0;
}

bool node_has_left(struct nodes *nodes, uint32_t number)
{
    int status;
    if (nodes->processes[number] && waitpid(nodes->processes[number], &status, WNOHANG) != 0)
        end_is_well(nodes, number, status);
    return nodes->processes[number] == 0;
}

bool nodes_are_well(struct nodes *nodes)
{
    for (uint32_t i = 0; i < nodes->count; i++) {
        int status;
        if (!nodes->processes[i] || waitpid(nodes->processes[i], &status, WNOHANG) == 0)
            continue;
        if (end_is_well(nodes, i, status))
            nodes->crashes++; // nobody had asked it to end
    }
    return nodes->crashes == 0;
}

static void logs_remove(const struct nodes *nodes)
{
    char path[128];
    for (uint32_t i = 0; i < nodes->count; i++) {
        node_path(nodes, i, "log", path);
        unlink(path);
        node_path(nodes, i, "err", path);
        unlink(path);
    }
    rmdir(nodes->directory);
}

static void terminate_all(const struct nodes *nodes)
{
    for (uint32_t i = 0; i < nodes->count; i++) {
        if (nodes->processes[i])
            kill(nodes->processes[i], SIGTERM);
    }
}

// The first SIGTERM asks to leave, for which there must be others; the second one to stop at once.
bool nodes_stop(struct nodes *nodes)
{
    bool all_well = nodes->crashes == 0;
    terminate_all(nodes);
    terminate_all(nodes);
    for (uint32_t i = 0; i < nodes->count; i++) {
        int status = 0;
        if (nodes->processes[i] && waitpid(nodes->processes[i], &status, 0) < 0)
            give_up("waitpid");
        all_well = end_is_well(nodes, i, status) && all_well;
    }
    if (all_well && failed_cases == 0)
        logs_remove(nodes);
    else
        fprintf(stderr, "what the nodes said is in %s\n", nodes->directory);
    return all_well;
}
