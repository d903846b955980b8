// SPDX-License-Identifier: Apache-2.0
#include "client/shell/load_progress.h"

#include "cluster/base/units.h"

#include <string.h>

enum {
    BAR_WIDTH = 24,
    SHOW_EVERY_US = 100 * US_PER_MS,
    COUNT_TEXT_BYTES = 32,
    LINE_TEXT_BYTES = 160,
};

void load_count_write(char *text, uint64_t count)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            *text++ = ',';
        *text++ = digits[i];
    }
    *text = '\0';
}

size_t load_progress_write(char *text, size_t size, uint64_t done_bytes, uint64_t total_bytes,
                           uint64_t entry_count, int64_t elapsed_us)
{
    char count[COUNT_TEXT_BYTES];
    char rate[COUNT_TEXT_BYTES];
    double seconds = (double)elapsed_us / US_PER_S;
    load_count_write(count, entry_count);
    load_count_write(rate, seconds > 0 ? (uint64_t)((double)entry_count / seconds) : 0);
    if (total_bytes == 0)
        return (size_t)snprintf(text, size, "%s entries  %s/s", count, rate);
    double share = (double)done_bytes / (double)total_bytes;
    share = share > 1 ? 1 : share;
    char bar[BAR_WIDTH + 1];
    memset(bar, '-', BAR_WIDTH);
    memset(bar, '#', (size_t)(share * BAR_WIDTH));
    bar[BAR_WIDTH] = '\0';
    double left_s = share > 0 ? seconds * (1 - share) / share : 0;
    int written = snprintf(text, size, "[%s] %3d %%  %s entries  %s/s  %.0f s left", bar,
                           (int)(share * 100), count, rate, left_s);
    return (size_t)written;
}

void load_progress_show(struct load_progress *progress, uint64_t done_bytes, uint64_t entry_count,
                        int64_t now_us)
{
    if (progress->file == NULL || now_us - progress->shown_us < SHOW_EVERY_US)
        return;
    char text[LINE_TEXT_BYTES];
    size_t size = load_progress_write(text, sizeof text, done_bytes, progress->total_bytes,
                                      entry_count, now_us - progress->started_us);
    progress->shown_us = now_us;
    // The last column stays free: a full line would scroll.
    if (progress->width > 1 && size > progress->width - 1)
        size = progress->width - 1;
    fprintf(progress->file, "\r\033[K%.*s", (int)size, text);
    fflush(progress->file);
}

void load_progress_end(struct load_progress *progress)
{
    if (progress->file != NULL && progress->shown_us != progress->started_us)
        fputs("\r\033[K", progress->file);
}
