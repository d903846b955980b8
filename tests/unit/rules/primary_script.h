// SPDX-License-Identifier: Apache-2.0
// A primary and the events of its life, in few words.
#pragma once

#include "cluster/rules/primary.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { EPOCH = 7, WINDOW = PRIMARY_WINDOW_EFFECTS, DROP_MS = 100 };

static const struct epochs none;
// Of a backup that took everything from this primary, or has nothing.
static const struct epochs own = {.count = 1, .runs = {{EPOCH, 1}}};

// ---- Events, and what the primary makes of each, as text ----

static inline struct primary_event appended(uint64_t first_seq, uint64_t last_seq)
{
    return (struct primary_event){
        .kind = PRIMARY_APPENDED, .first_seq = first_seq, .last_seq = last_seq};
}

static inline struct primary_event up(uint32_t backup, uint64_t seq, uint64_t first_seq)
{
    return (struct primary_event){.kind = PRIMARY_LINK_UP,
                                  .backup = backup,
                                  .epoch = EPOCH,
                                  .seq = seq,
                                  .epochs = &own,
                                  .first_seq = first_seq};
}

static inline struct primary_event down(uint32_t backup)
{
    return (struct primary_event){.kind = PRIMARY_LINK_DOWN, .backup = backup};
}

static inline struct primary_event says(enum primary_event_kind kind, uint32_t backup, uint64_t seq)
{
    return (struct primary_event){.kind = kind, .backup = backup, .epoch = EPOCH, .seq = seq};
}

static inline struct primary_event of_epoch(uint64_t epoch, struct primary_event event)
{
    event.epoch = epoch;
    return event;
}

static inline struct primary_event with(const struct epochs *epochs, struct primary_event event)
{
    event.epochs = epochs;
    return event;
}

static inline struct primary_event at(uint64_t now_ms, struct primary_event event)
{
    event.now_ms = now_ms;
    return event;
}

static const char *const state_names[BACKUP_STATE_COUNT] = {
    [BACKUP_DOWN] = "down",       [BACKUP_FILLING] = "filling", [BACKUP_FILLED] = "filled",
    [BACKUP_TAILING] = "tailing", [BACKUP_LOST] = "lost",
};

// "<state> <matched>/<sent> ...; cut <backup>; send <backup>:<from>-<to> e<made_epoch>; more; fill
// <backup>; commit <seq>; need <seq>": what there is of it. No epoch where it is the primary's.
static inline void outcome_print(const struct primary *primary, const struct primary_output *output,
                                 char *text, size_t capacity)
{
    FILE *file = fmemopen(text, capacity, "w");
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        const struct primary_backup *backup = &primary->backups[i];
        fprintf(file, "%s%s", i ? ", " : "", state_names[backup->state]);
        if (backup->state != BACKUP_DOWN && backup->state != BACKUP_LOST)
            fprintf(file, " %lu/%lu", backup->matched_seq, backup->sent_seq);
    }
    for (uint32_t i = 0; i < PRIMARY_BACKUPS_MAX; i++) {
        const struct primary_send *send = &output->send[i];
        if (output->cut[i])
            fprintf(file, "; cut %u", i);
        if (send->from_seq)
            fprintf(file, "; send %u:%lu-%lu", i, send->from_seq, send->to_seq);
        if (send->from_seq && send->made_epoch != EPOCH)
            fprintf(file, " e%lu", send->made_epoch);
        if (output->fill[i])
            fprintf(file, "; fill %u", i);
    }
    if (output->more)
        fprintf(file, "; more");
    if (output->committed)
        fprintf(file, "; commit %lu", primary->committed_seq);
    fprintf(file, "; need %lu", output->needed_seq);
    fclose(file);
}

// A view with backups 100, 101 ..., one per letter: 'i' in sync, 'o' out.
static inline void configure(struct primary *primary, uint64_t version, const char *standings,
                             uint64_t now_ms, const char *expected)
{
    uint64_t ids[PRIMARY_BACKUPS_MAX];
    bool in_sync[PRIMARY_BACKUPS_MAX];
    uint32_t count = 0;
    for (; standings[count]; count++) {
        ids[count] = 100 + count;
        in_sync[count] = standings[count] == 'i';
    }
    struct primary_output output;
    primary_configure(primary, version, ids, in_sync, count, now_ms, &output);
    char text[256];
    outcome_print(primary, &output, text, sizeof text);
    if (expected)
        cr_assert_str_eq(text, expected, "%s, expected %s", text, expected);
}

static inline struct primary primary_with(uint64_t first_seq, uint64_t last_seq,
                                          uint64_t committed_seq, const char *standings)
{
    struct primary primary;
    const struct epochs before = {.count = last_seq > 0, .runs = {{1, 1}}};
    primary_init(&primary, EPOCH, first_seq, last_seq, committed_seq, &before, DROP_MS);
    configure(&primary, 1, standings, 1, NULL);
    return primary;
}

static inline struct primary primary_of(const char *standings)
{
    return primary_with(1, 0, 0, standings);
}

static inline void step_once(struct primary *primary, struct primary_event event)
{
    struct primary_output output;
    primary_step(primary, &event, &output);
}

// Epochs 1 from 1, 4 from 41, 5 from 51; 60 effects.
static inline struct primary successor(uint64_t first_seq, uint64_t committed_seq,
                                       const char *standings)
{
    const struct epochs before = {.count = 3, .runs = {{1, 1}, {4, 41}, {5, 51}}};
    struct primary primary;
    primary_init(&primary, EPOCH, first_seq, 60, committed_seq, &before, DROP_MS);
    configure(&primary, 1, standings, 1, NULL);
    return primary;
}
