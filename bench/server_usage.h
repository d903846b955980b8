// SPDX-License-Identifier: Apache-2.0
// What a process has used of the machine, read from /proc.
#pragma once

#include "cluster/base/check.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct server_usage {
    uint64_t cpu_ns;         // of all its threads that still live
    uint64_t resident_bytes; // RSS
};

// False when there is no such process, or it may not be looked at.
MUST_USE bool server_usage_read(pid_t pid, struct server_usage *usage);
