// SPDX-License-Identifier: Apache-2.0
// What a node is told to keep to, and what it lacks: connections, memory, value sizes, a port, a
// disk for its log, time to end in.
#include "cluster/wire/writer.h"
#include "tests/system/support/nodes.h"
#include "tests/system/support/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VALUE_BYTES = 100 * 1024 };

// ---- Operations with one answer ----

static void key_of(struct buffer *key, uint64_t number)
{
    buffer_clear(key);
    write_uint(key, number);
}

static bool ask(struct raw *raw, struct buffer *out)
{
    struct frame frame;
    return raw_send_buffer(raw, out) && raw_next(raw, &frame) && frame.header.kind == FRAME_REPLY;
}

// ---- A port in use ----

static bool output_contains(const char *command, const char *text, int *status)
{
    char line[1024];
    bool found = false;
    FILE *output = popen(command, "r");
    while (output && fgets(line, sizeof line, output))
        found = found || strstr(line, text);
    *status = output ? pclose(output) : -1;
    return found;
}

static const char *program(void)
{
    static char path[512];
    const char *build = getenv("BUILD");
    snprintf(path, sizeof path, "%s/grid-node", build ? build : "build");
    return path;
}

static void test_port_in_use(const struct nodes *nodes)
{
    char command[768], address[32];
    int status;
    snprintf(command, sizeof command, "%s --port=%u 2>&1", program(), nodes->ports[0]);
    snprintf(address, sizeof address, "127.0.0.1:%u", nodes->ports[0]);
    bool named = output_contains(command, address, &status);
    case_report(named && WIFEXITED(status) && WEXITSTATUS(status) != 0,
                "a port in use is named, and the node does not start");
}

// ---- max-connections ----

enum { CONNECTIONS_MAX = 4 };

static bool is_admitted(void *context)
{
    const struct nodes *nodes = context;
    struct raw raw;
    struct frame frame;
    raw_open(&raw, nodes->ports[0]);
    // Whoever is admitted is not spoken to first: a HELLO gets an answer, else there is an error.
    raw_frame(&raw.in, FRAME_HELLO, PARTITION_ANY, 0,
              bytes_of("\x99\1\1\1\xcd\xff\xff\xa0\xa0\0\xa0\0", 12));
    raw_send_buffer(&raw, &raw.in);
    bool admitted = raw_next(&raw, &frame) && frame.header.kind == FRAME_REPLY;
    raw_close(&raw);
    return admitted;
}

static void test_max_connections(struct nodes *nodes)
{
    struct raw raws[CONNECTIONS_MAX], extra;
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        raw_greet(&raws[i], nodes->ports[0], HELLO_ANY_WORKER);
    raw_open(&extra, nodes->ports[0]);
    case_report(raw_next_is_error(&extra, ERROR_OVERLOADED, "max-connections") &&
                    raw_is_closed(&extra) && raw_works(&raws[0]),
                "a connection too many is told so and closed");
    raw_close(&extra);
    raw_close(&raws[3]);
    case_report(wait_until(is_admitted, nodes), "where one leaves another may come");
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        raw_close(&raws[i]);
}

// ---- max-value-bytes ----

static void test_max_value_bytes(const struct nodes *nodes)
{
    enum { HALF_BYTES = 80 * 1024 };
    static const uint8_t zeros[2 * HALF_BYTES];
    const struct bytes key = bytes_of("\xa5value", 6);
    struct raw raw;
    struct buffer out = {0}, value = {0};
    raw_greet(&raw, nodes->ports[0], HELLO_ANY_WORKER);
    write_bin(&value, bytes_of(zeros, 2 * HALF_BYTES));
    raw_op(&raw, &out, OP_PUT, 1, key, buffer_bytes(&value));
    case_report(raw_send_buffer(&raw, &out) &&
                    raw_next_is_error(&raw, ERROR_TOO_LARGE, "max-value-bytes is 131072") &&
                    raw_works(&raw),
                "a value over max-value-bytes");
    bool put = false;
    for (int i = 0; i < 2; i++) {
        buffer_clear(&value);
        write_map(&value, 1);
        write_text(&value, i ? "a" : "b");
        write_bin(&value, bytes_of(zeros, HALF_BYTES));
        raw_op(&raw, &out, i ? OP_MERGE : OP_PUT, 2, key, buffer_bytes(&value));
        put = put || (i == 0 && ask(&raw, &out));
    }
    case_report(put && raw_send_buffer(&raw, &out) &&
                    raw_next_is_error(&raw, ERROR_TOO_LARGE, "") && raw_works(&raw),
                "a value that a merge would make larger than that");
    buffer_deinit(&out);
    buffer_deinit(&value);
    raw_close(&raw);
}

// ---- max-memory-bytes ----

// Puts until one is refused; returns how many were not. `refused`: with the right error.
static uint64_t fill_up(struct raw *raw, struct bytes value, bool *refused)
{
    enum { PUTS_MAX = 10000 };
    struct buffer out = {0}, key = {0};
    struct frame frame;
    struct op_reply reply;
    uint64_t count = 0;
    *refused = false;
    while (count < PUTS_MAX && !*refused) {
        key_of(&key, count);
        raw_op(raw, &out, OP_PUT, 1, buffer_bytes(&key), value);
        if (!raw_send_buffer(raw, &out) || !raw_next(raw, &frame))
            break;
        if (frame.header.kind == FRAME_REPLY)
            count++;
        else
            *refused = reply_decode(OP_PUT, &frame, &reply) == ERROR_NONE &&
                       reply.error == ERROR_OUT_OF_MEMORY &&
                       memmem(reply.text.data, reply.text.size, "max-memory-bytes", 16);
        if (!*refused && frame.header.kind != FRAME_REPLY)
            break;
    }
    buffer_deinit(&out);
    buffer_deinit(&key);
    return count;
}

static bool do_all(struct raw *raw, enum op_kind kind, uint64_t count)
{
    struct buffer out = {0}, key = {0};
    bool done = count > 0;
    for (uint64_t i = 0; i < count && done; i++) {
        key_of(&key, i);
        raw_op(raw, &out, kind, 1, buffer_bytes(&key), bytes_of(NULL, 0));
        done = ask(raw, &out);
    }
    buffer_deinit(&out);
    buffer_deinit(&key);
    return done;
}

static bool witness_works(void *context)
{
    return raw_works(context);
}

static void test_max_memory_bytes(const struct nodes *nodes)
{
    uint8_t *zeros = calloc(1, VALUE_BYTES);
    struct buffer value = {0};
    struct raw raw;
    bool refused, again;
    raw_greet(&raw, nodes->ports[0], HELLO_ANY_WORKER);
    write_bin(&value, bytes_of(zeros, VALUE_BYTES));
    uint64_t count = fill_up(&raw, buffer_bytes(&value), &refused);
    case_report(refused && count > 0, "writes over max-memory-bytes are refused by that name");
    case_report(do_all(&raw, OP_GET, count), "a full node reads");
    case_report(do_all(&raw, OP_REMOVE, count), "a full node removes");
    case_report(wait_until(witness_works, &raw), "a node with room again writes");
    uint64_t second_count = fill_up(&raw, buffer_bytes(&value), &again);
    if (second_count < count / 2)
        fprintf(stderr, "%lu entries, then %lu\n", (unsigned long)count,
                (unsigned long)second_count);
    case_report(again && second_count >= count / 2, "what was removed has left its room");
    free(zeros);
    buffer_deinit(&value);
    raw_close(&raw);
}

// ---- A log that cannot be written ----

static pid_t spawn(uint16_t port, const char *log_option, int error_descriptor)
{
    char option[32];
    snprintf(option, sizeof option, "--port=%u", port);
    pid_t process = fork();
    if (process == 0) {
        dup2(error_descriptor, STDERR_FILENO);
        execl(program(), program(), option, log_option, (char *)NULL);
        _exit(127);
    }
    return process;
}

static bool is_listening(void *context)
{
    const struct nodes *nodes = context;
    struct raw raw;
    if (!raw_try_open(&raw, nodes->ports[0]))
        return false;
    raw_close(&raw);
    return true;
}

static bool ends_well(pid_t process)
{
    int status = -1;
    kill(process, SIGTERM);
    return waitpid(process, &status, 0) == process && status == 0;
}

// The node writes to the log for each refused connection.
static bool works_with_log(const struct nodes *nodes, const char *log_option, int error_descriptor)
{
    pid_t process = spawn(nodes->ports[0], log_option, error_descriptor);
    bool works = wait_until(is_listening, (void *)(uintptr_t)nodes);
    struct raw raw;
    for (int i = 0; works && i < 3; i++) {
        raw_open(&raw, nodes->ports[0]);
        works = raw_send(&raw, bytes_of("this is no frame at all", 23)) && raw_is_closed(&raw);
        raw_close(&raw);
    }
    if (works) {
        raw_greet(&raw, nodes->ports[0], HELLO_ANY_WORKER);
        works = raw_works(&raw);
        raw_close(&raw);
    }
    return ends_well(process) && works;
}

// To be called when no node of `nodes` runs: the port is free.
static void test_logs(const struct nodes *nodes)
{
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int ends[2];
    case_report(works_with_log(nodes, "--log-file=/dev/full", nothing),
                "a full disk for the log does not stop a node");
    close(nothing);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    close(ends[0]);
    case_report(works_with_log(nodes, "--log-level=info", ends[1]),
                "a log into a pipe that nobody reads does not stop a node");
    close(ends[1]);
}

// ---- SIGTERM ----

static void test_stop_under_load(struct nodes *nodes)
{
    enum { PUTS = 100 * 1000, END_MS = 5000 };
    static uint8_t answers[PUTS];
    struct raw raw;
    struct buffer out = {0}, key = {0};
    struct frame frame;
    raw_greet(&raw, nodes->ports[0], HELLO_ANY_WORKER);
    for (uint32_t i = 0; i < PUTS; i++) {
        key_of(&key, i % 1000);
        raw_op(&raw, &out, OP_PUT, i, buffer_bytes(&key), bytes_of("\1", 1));
    }
    uint32_t answered = 0;
    bool once = true;
    while (buffer_size(&out) > 0 && answered < PUTS / 4) {
        buffer_consume(&out, raw_send_some(&raw, buffer_bytes(&out)));
        if (!raw_next(&raw, &frame))
            break;
        once = once && frame.header.request_id < PUTS && !answers[frame.header.request_id]++;
        answered++;
    }
    uint64_t start_ms = now_ms();
    bool stopped = nodes_stop(nodes);
    uint64_t stop_ms = now_ms() - start_ms;
    while (raw_next(&raw, &frame))
        once = once && frame.header.request_id < PUTS && !answers[frame.header.request_id]++;
    case_report(stopped && stop_ms < END_MS, "SIGTERM under load ends a node soon, with status 0");
    case_report(once && answered > 0, "no request is answered twice");
    buffer_deinit(&out);
    buffer_deinit(&key);
    raw_close(&raw);
}

int main(void)
{
    static const char *const options[] = {"--workers=2",
                                          "--partitions=64",
                                          "--max-connections=4",
                                          "--max-value-bytes=128K",
                                          "--max-memory-bytes=32M",
                                          "--log-max-bytes=1M",
                                          NULL};
    struct nodes nodes;
    nodes_start(&nodes, 1, options);
    test_port_in_use(&nodes);
    test_max_connections(&nodes);
    test_max_value_bytes(&nodes);
    test_max_memory_bytes(&nodes);
    test_stop_under_load(&nodes);
    test_logs(&nodes);
    return case_status();
}
