// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/network.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMAND_BYTES = 256, WORDS_MAX = 16 };

static void give_up(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

// ---- ip ----

static void ip_become(char *command)
{
    char *words[WORDS_MAX + 1] = {0};
    char *rest = NULL;
    uint32_t count = 0;
    for (char *word = strtok_r(command, " ", &rest); word && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    execvp(words[0], words);
    _exit(127);
}

// Runs `ip` with these words, in the namespace (-1: the test's). False when it failed.
__attribute__((format(printf, 2, 3))) static bool ip_try(int namespace, const char *format, ...)
{
    char command[COMMAND_BYTES] = "ip ";
    va_list values;
    va_start(values, format);
    vsnprintf(command + 3, sizeof command - 3, format, values);
    va_end(values);
    pid_t child = fork();
    if (child == 0) {
        if (namespace >= 0 && setns(namespace, CLONE_NEWNET) != 0)
            _exit(126);
        ip_become(command);
    }
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

// ---- Namespaces ----

// A descriptor of a new namespace, which lives as long as that or a process in it; -1: not
// permitted.
static int namespace_new(void)
{
    int ready[2];
    char path[64], byte;
    if (pipe2(ready, O_CLOEXEC) != 0)
        give_up("pipe");
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "", 1) == 1)
            pause();
        _exit(EXIT_FAILURE);
    }
    close(ready[1]);
    int descriptor = -1;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)child);
    if (child > 0 && read(ready[0], &byte, 1) == 1)
        descriptor = open(path, O_RDONLY | O_CLOEXEC);
    close(ready[0]);
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return descriptor;
}

static bool file_write(const char *path, const char *text)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    bool written = descriptor >= 0 && write(descriptor, text, strlen(text)) > 0;
    if (descriptor >= 0)
        close(descriptor);
    return written;
}

// Root may have a network namespace; everybody else becomes root of a user namespace first.
static bool namespace_take(void)
{
    char map[64];
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    snprintf(map, sizeof map, "0 %u 1", (unsigned)getuid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
           file_write("/proc/self/setgroups", "deny") && file_write("/proc/self/uid_map", map);
}

// ---- Cables ----

// A cable from the test's namespace, where its end is called `name` and a number, to the node's.
static bool cable_lay(const struct network *network, uint32_t number, const char *name,
                      const char *name_there, const char *host)
{
    int there = network->namespaces[number];
    return ip_try(-1, "link add %s%u type veth peer name %s netns /proc/%d/fd/%d", name, number,
                  name_there, (int)getpid(), there) &&
           ip_try(-1, "link set %s%u up", name, number) &&
           ip_try(there, "addr add %s/24 dev %s", host, name_there) &&
           ip_try(there, "link set %s up", name_there);
}

static bool node_connect(struct network *network, uint32_t number)
{
    snprintf(network->hosts[number], NETWORK_HOST_BYTES, "10.77.0.%u", (uint8_t)(number + 1));
    snprintf(network->sides[number], NETWORK_HOST_BYTES, "10.78.%u.1", (uint8_t)number);
    network->namespaces[number] = namespace_new();
    return network->namespaces[number] >= 0 &&
           ip_try(network->namespaces[number], "link set lo up") &&
           cable_lay(network, number, "main", "main", network->hosts[number]) &&
           ip_try(-1, "link set main%u master bridge", number) &&
           cable_lay(network, number, "side", "side", network->sides[number]) &&
           ip_try(-1, "addr add 10.78.%u.254/24 dev side%u", number, number);
}

bool network_make(struct network *network, uint32_t count)
{
    *network = (struct network){.count = count};
    bool is_made = namespace_take() && ip_try(-1, "link set lo up") &&
                   ip_try(-1, "link add bridge type bridge") &&
                   ip_try(-1, "addr add 10.77.0.254/24 dev bridge") &&
                   ip_try(-1, "link set bridge up");
    for (uint32_t i = 0; is_made && i < count; i++)
        is_made = node_connect(network, i);
    if (!is_made)
        fprintf(stderr, "network namespaces are not permitted here\n");
    return is_made;
}

const char *network_host(const struct network *network, uint32_t number)
{
    return network->hosts[number];
}

const char *network_side(const struct network *network, uint32_t number)
{
    return network->sides[number];
}

void network_enter(const struct network *network, uint32_t number)
{
    if (setns(network->namespaces[number], CLONE_NEWNET) != 0)
        give_up("setns");
}

void network_pull(const struct network *network, uint32_t number)
{
    (void)network;
    if (!ip_try(-1, "link set main%u nomaster", number))
        give_up("network_pull");
}

void network_plug(const struct network *network, uint32_t number)
{
    (void)network;
    if (!ip_try(-1, "link set main%u master bridge", number))
        give_up("network_plug");
}
