// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/raft_log.h"

#include "cluster/base/memory.h"

enum { LOG_FIRST_CAPACITY = 64 };

static struct bytes data_copy(struct bytes data)
{
    uint8_t *copy = memory_new(data.size ? data.size : 1);
    if (data.size > 0)
        memcpy(copy, data.data, data.size);
    return bytes_of(copy, data.size);
}

// `struct bytes` is read only by nature; what stands here was made by data_copy.
static void data_free(struct bytes data)
{
    union {
        const uint8_t *read_only;
        void *owned;
    } pointer = {.read_only = data.data};
    free(pointer.owned);
}

static void log_drop_all(struct raft_log *log)
{
    for (uint32_t i = 0; i < log->count; i++)
        data_free(log->entries[i].data);
    log->count = 0;
}

void raft_log_deinit(struct raft_log *log)
{
    log_drop_all(log);
    free(log->entries);
    data_free(log->snapshot.data);
    *log = (struct raft_log){0};
}

const struct raft_entry *raft_log_at(const struct raft_log *log, uint64_t index)
{
    CHECK(index > log->prefix_index);
    CHECK(index <= raft_log_last_index(log));
    return &log->entries[index - log->prefix_index - 1];
}

uint64_t raft_log_term_at(const struct raft_log *log, uint64_t index)
{
    return index == log->prefix_index ? log->prefix_term : raft_log_at(log, index)->term;
}

uint64_t raft_log_term_start(const struct raft_log *log, uint64_t index)
{
    uint64_t term = raft_log_at(log, index)->term;
    while (index - 1 > log->prefix_index && raft_log_at(log, index - 1)->term == term)
        index--;
    return index;
}

const struct raft_configuration *raft_log_configuration_at(const struct raft_log *log,
                                                           uint64_t index, uint64_t *set_at)
{
    CHECK(index >= log->snapshot.index);
    for (; index > log->snapshot.index; index--) {
        const struct raft_entry *entry = raft_log_at(log, index);
        if (entry->kind == RAFT_CONFIGURATION) {
            *set_at = index;
            return &entry->configuration;
        }
    }
    *set_at = log->snapshot.configuration_index;
    return &log->snapshot.configuration;
}

void raft_log_append(struct raft_log *log, const struct raft_entry *entry)
{
    CHECK(entry->index == raft_log_last_index(log) + 1);
    CHECK(entry->term >= raft_log_last_term(log));
    if (log->count == log->capacity) {
        log->capacity = log->capacity ? 2 * log->capacity : LOG_FIRST_CAPACITY;
        log->entries = memory_resize_array(log->entries, log->capacity, sizeof *log->entries);
    }
    struct raft_entry *kept = &log->entries[log->count++];
    *kept = *entry;
    kept->data = data_copy(entry->data);
    // Section 4.1: a server uses the latest configuration in its log, committed or not.
    if (entry->kind == RAFT_CONFIGURATION) {
        log->configuration = entry->configuration;
        log->configuration_index = entry->index;
    }
}

static void log_find_configuration(struct raft_log *log)
{
    log->configuration =
        *raft_log_configuration_at(log, raft_log_last_index(log), &log->configuration_index);
}

void raft_log_truncate(struct raft_log *log, uint64_t from_index)
{
    CHECK(from_index > log->snapshot.index);
    while (raft_log_last_index(log) >= from_index)
        data_free(log->entries[--log->count].data);
    log_find_configuration(log);
}

static void log_take_snapshot(struct raft_log *log, const struct raft_snapshot *snapshot)
{
    struct bytes old = log->snapshot.data;
    log->snapshot = *snapshot;
    log->snapshot.data = data_copy(snapshot->data);
    data_free(old);
}

void raft_log_reset(struct raft_log *log, const struct raft_snapshot *snapshot)
{
    log_drop_all(log);
    log_take_snapshot(log, snapshot);
    log->prefix_index = snapshot->index;
    log->prefix_term = snapshot->term;
    log_find_configuration(log);
}

void raft_log_compact(struct raft_log *log, const struct raft_snapshot *snapshot,
                      uint64_t drop_index)
{
    CHECK(drop_index >= log->prefix_index);
    CHECK(drop_index <= snapshot->index);
    CHECK(snapshot->index >= log->snapshot.index);
    log_take_snapshot(log, snapshot);
    uint32_t drop_count = (uint32_t)(drop_index - log->prefix_index);
    log->prefix_term = raft_log_term_at(log, drop_index);
    log->prefix_index = drop_index;
    for (uint32_t i = 0; i < drop_count; i++)
        data_free(log->entries[i].data);
    log->count -= drop_count;
    if (log->count > 0)
        memmove(log->entries, log->entries + drop_count, log->count * sizeof *log->entries);
}
