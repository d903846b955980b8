// SPDX-License-Identifier: Apache-2.0
#include "client/shell/interrupt.h"

#include "cluster/base/check.h"

#include <sys/signalfd.h>
#include <unistd.h>

void shell_interrupt_begin(struct shell_interrupt *interrupt)
{
    if (interrupt->depth++ > 0)
        return;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGWINCH);
    CHECK(sigprocmask(SIG_BLOCK, &signals, &interrupt->previous) == 0);
    // Without a descriptor left, Ctrl-C is lost until the end; that is no reason to fail.
    interrupt->fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

void shell_interrupt_end(struct shell_interrupt *interrupt)
{
    CHECK(interrupt->depth > 0);
    if (--interrupt->depth > 0)
        return;
    if (interrupt->fd >= 0)
        close(interrupt->fd);
    interrupt->fd = -1;
    CHECK(sigprocmask(SIG_SETMASK, &interrupt->previous, NULL) == 0);
}

bool shell_interrupt_take(struct shell_interrupt *interrupt, bool *resized)
{
    struct signalfd_siginfo taken;
    bool interrupted = false;
    while (interrupt->fd >= 0 && read(interrupt->fd, &taken, sizeof taken) == sizeof taken) {
        if (taken.ssi_signo == SIGINT)
            interrupted = true;
        else if (resized != NULL)
            *resized = true;
    }
    return interrupted;
}
