// SPDX-License-Identifier: Apache-2.0
// Ctrl-C as an event that is asked for, not a handler: while begun, SIGINT and SIGWINCH are blocked
// and wait in a file descriptor.
#pragma once

#include <signal.h>
#include <stdbool.h>

struct shell_interrupt {
    int fd;         // readable when there is something to take; -1: not begun
    unsigned depth; // begins may nest; the outermost counts
    sigset_t previous;
};

static inline struct shell_interrupt shell_interrupt_none(void)
{
    return (struct shell_interrupt){.fd = -1};
}

void shell_interrupt_begin(struct shell_interrupt *interrupt);
void shell_interrupt_end(struct shell_interrupt *interrupt);

// Takes what has come. True when Ctrl-C is among it; `resized` (may be NULL) when the terminal has
// changed its size.
bool shell_interrupt_take(struct shell_interrupt *interrupt, bool *resized);
