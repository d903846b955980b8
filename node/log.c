// SPDX-License-Identifier: Apache-2.0
#include "node/log.h"

#include "cluster/base/memory.h"
#include "cluster/base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    LOG_FILE_MODE = 0640, // messages may hold names of clients
};

struct logger {
    int file;       // the same number for the logger's life: log_reopen replaces what it names
    bool may_block; // a pipe, socket or terminal: ask before each write
    enum log_level level;      // lines below it are not written
    char *path;                // owned; NULL: standard error
    atomic_uint_fast64_t lost; // lines not written since the last report
    atomic_bool failing;       // the failure was noted on standard error
    atomic_bool torn;          // the last write stopped inside a line
};

const char *log_level_name(enum log_level level)
{
    static const char *const names[LOG_LEVEL_COUNT] = {"debug", "info", "warn", "error"};
    CHECK((unsigned)level < LOG_LEVEL_COUNT);
    return names[level];
}

static int log_file_open(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, LOG_FILE_MODE);
}

static bool file_may_block(int file)
{
    struct stat status;
    return fstat(file, &status) == 0 && !S_ISREG(status.st_mode);
}

struct logger *log_new(const char *path, enum log_level level)
{
    bool to_stderr = path[0] == '\0';
    int file = to_stderr ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0) : log_file_open(path);
    if (file < 0)
        return NULL;
    struct logger *logger = memory_new(sizeof(*logger));
    logger->file = file;
    logger->may_block = file_may_block(file);
    logger->level = level;
    logger->path = to_stderr ? NULL : memory_copy_text(path, strlen(path));
    return logger;
}

void log_free(struct logger *logger)
{
    if (logger == NULL)
        return;
    close(logger->file);
    free(logger->path);
    free(logger);
}

bool log_reopen(struct logger *logger)
{
    if (logger->path == NULL)
        return true;
    int file = log_file_open(logger->path);
    if (file < 0)
        return false;
    // Other threads may be writing: dup3 swaps the file under its number in one step.
    bool swapped = dup3(file, logger->file, O_CLOEXEC) >= 0;
    int reason = errno;
    close(file);
    errno = reason;
    return swapped;
}

// The line goes out whole or is counted as lost.
static bool line_put(struct logger *logger, const char *line, size_t size)
{
    if (logger->may_block) {
        struct pollfd ready = {.fd = logger->file, .events = POLLOUT};
        if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) {
            errno = EAGAIN;
            return false;
        }
    }
    ssize_t written;
    do
        written = write(logger->file, line, size);
    while (written < 0 && errno == EINTR);
    if (written == (ssize_t)size)
        return true;
    if (written >= 0) {
        atomic_store(&logger->torn, written > 0);
        errno = ENOSPC;
    }
    return false;
}

static size_t line_stamp(char *line, size_t capacity, enum log_level level, const char *component)
{
    static const char *const words[LOG_LEVEL_COUNT] = {"DEBUG", "INFO", "WARN", "ERROR"};
    struct timespec now;
    struct tm calendar;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &calendar);
    size_t size = strftime(line, capacity, "%Y-%m-%dT%H:%M:%S", &calendar);
    int more = snprintf(line + size, capacity - size, ".%03ldZ %-5s %-11.32s ",
                        now.tv_nsec / (NS_PER_S / MS_PER_S), words[level], component);
    CHECK(more > 0 && (size_t)more < capacity - size);
    return size + (size_t)more;
}

static size_t line_format(char *line, enum log_level level, const char *component,
                          const char *format, va_list arguments) PRINTF_LIKE(4, 0);

static size_t line_format(char *line, enum log_level level, const char *component,
                          const char *format, va_list arguments)
{
    size_t start = line_stamp(line, LOG_LINE_BYTES_MAX, level, component);
    size_t room = LOG_LINE_BYTES_MAX - start; // for text and newline
    int wanted = vsnprintf(line + start, room, format, arguments);
    size_t size = start;
    if (wanted >= 0 && (size_t)wanted < room) {
        size += (size_t)wanted;
    } else if (wanted >= 0) {
        size = LOG_LINE_BYTES_MAX - 1;
        memcpy(line + size - 3, "...", 3);
    }
    // A message may quote what a client sent: it must not be able to forge a second line.
    for (size_t i = start; i < size; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == '\x7f')
            line[i] = ' ';
    line[size] = '\n';
    return size + 1;
}

static size_t line_print(char *line, enum log_level level, const char *component,
                         const char *format, ...) PRINTF_LIKE(4, 5);

static size_t line_print(char *line, enum log_level level, const char *component,
                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t size = line_format(line, level, component, format, arguments);
    va_end(arguments);
    return size;
}

static void failure_note(struct logger *logger, int reason)
{
    atomic_fetch_add(&logger->lost, 1);
    if (atomic_exchange(&logger->failing, true) || logger->path == NULL)
        return;
    char note[LOG_LINE_BYTES_MAX];
    char text[128];
    size_t size = line_print(note, LOG_ERROR, "log", "cannot write to %s: %s; lines are lost",
                             logger->path, strerror_r(reason, text, sizeof(text)));
    // Nobody is left to tell when standard error fails too.
    ssize_t ignored = write(STDERR_FILENO, note, size);
    (void)ignored;
}

// Says how many lines were lost. False: the log still does not take lines.
static bool losses_report(struct logger *logger)
{
    uint64_t lost = atomic_exchange(&logger->lost, 0);
    if (lost == 0)
        return true;
    char line[LOG_LINE_BYTES_MAX + 1];
    // Ends the line that the last failure may have left unfinished.
    size_t lead = atomic_load(&logger->torn) ? 1 : 0;
    line[0] = '\n';
    size_t size = line_print(line + lead, LOG_WARN, "log", "%llu lines before this one were lost",
                             (unsigned long long)lost);
    if (!line_put(logger, line, lead + size)) {
        atomic_fetch_add(&logger->lost, lost);
        return false;
    }
    atomic_store(&logger->torn, false);
    atomic_store(&logger->failing, false);
    return true;
}

void log_write(struct logger *logger, enum log_level level, const char *component,
               const char *format, ...)
{
    if (level < logger->level)
        return;
    int reason_kept = errno; // callers log and then still look at errno
    char line[LOG_LINE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    size_t size = line_format(line, level, component, format, arguments);
    va_end(arguments);
    if (!losses_report(logger) || !line_put(logger, line, size))
        failure_note(logger, errno);
    errno = reason_kept;
}

uint64_t log_lost_count(const struct logger *logger)
{
    return atomic_load(&logger->lost);
}
