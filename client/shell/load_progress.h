// SPDX-License-Identifier: Apache-2.0
// The line that shows how far a load has come:
//   [#########-----------]  45 %   12,345 entries   98,765/s   1 s left
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct load_progress {
    FILE *file;           // borrowed; NULL: nothing is shown
    size_t width;         // columns of the terminal
    int64_t started_us;   // shell_clock_us
    int64_t shown_us;     // likewise
    uint64_t total_bytes; // 0: not known
};

// Writes the line for this state, without an end; at most `size` - 1 bytes. Returns its length.
size_t load_progress_write(char *text, size_t size, uint64_t done_bytes, uint64_t total_bytes,
                           uint64_t entry_count, int64_t elapsed_us);

// Shows it, if the last time was 100 ms ago.
void load_progress_show(struct load_progress *progress, uint64_t done_bytes, uint64_t entry_count,
                        int64_t now_us);

// Removes the line.
void load_progress_end(struct load_progress *progress);

// A count with commas: 1,234,567. `text` takes at least 32 bytes.
void load_count_write(char *text, uint64_t count);
