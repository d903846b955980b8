// SPDX-License-Identifier: Apache-2.0
#include "bench/server_usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { PATH_BYTES = 320 };

// Nanoseconds on the CPU of one thread; stat would count only ticks of 10 ms.
static uint64_t task_cpu_ns(pid_t pid, const char *task)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, task);
    FILE *file = fopen(path, "re");
    uint64_t cpu_ns = 0;
    if (!file) // it has just ended
        return 0;
    if (fscanf(file, "%" SCNu64, &cpu_ns) != 1)
        cpu_ns = 0;
    fclose(file);
    return cpu_ns;
}

static bool cpu_read(pid_t pid, uint64_t *cpu_ns)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return false;
    *cpu_ns = 0;
    struct dirent *task;
    while ((task = readdir(tasks)) != NULL) {
        if (task->d_name[0] != '.')
            *cpu_ns += task_cpu_ns(pid, task->d_name);
    }
    closedir(tasks);
    return true;
}

static bool resident_read(pid_t pid, uint64_t *resident_bytes)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    uint64_t pages;
    bool read = fscanf(file, "%*u %" SCNu64, &pages) == 1;
    fclose(file);
    if (read)
        *resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return read;
}

bool server_usage_read(pid_t pid, struct server_usage *usage)
{
    return resident_read(pid, &usage->resident_bytes) && cpu_read(pid, &usage->cpu_ns);
}
