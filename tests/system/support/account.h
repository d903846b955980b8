// SPDX-License-Identifier: Apache-2.0
// What a key may hold, as its one writer knows it: whoever reads it is judged by that.
//
// Each write of a key raises its number by one, and is submitted when the one before was answered.
// So what is read is never below what was acknowledged before the read began, and never above what
// was submitted before it ended.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct account {
    int64_t acknowledged; // the number of the last write that was acknowledged
    int64_t submitted;    // the number of the last write that was submitted
    uint32_t unknown;     // writes whose fate is unknown
    bool is_counter;      // increments: those whose fate is unknown raise no number by themselves
    bool is_writing;
    bool is_reading;
    int64_t read_floor; // acknowledged when the read began, or read before
    uint64_t write_us;  // when the write, or the read, that is under way was to begin
    uint64_t read_us;
    uint16_t partition;
};

// The number to write next.
int64_t account_write(struct account *account, uint64_t now_us);
void account_written(struct account *account);
void account_doubt(struct account *account);  // may have been applied
void account_refuse(struct account *account); // was not applied

// An increment was answered with this. False: another one than this was applied, or one twice.
bool account_counts(struct account *account, int64_t number);

void account_read(struct account *account, uint64_t now_us);
bool account_allows(struct account *account, int64_t number); // ends the read

// After the last write: exactly what was acknowledged, but for what is unknown.
bool account_ends_with(const struct account *account, int64_t number);
