// SPDX-License-Identifier: Apache-2.0
//          no progress for suspect_ms, leases over        no progress for remove_ms
//   ALIVE -----------------------------------------> SUSPECT --------------------> DEAD
//     ^------------------ forgive ----------------------' ^---------- speaks -------'
//
// Progress is the last moment at which all workers of a member are known to have moved: a member
// whose worker stands still makes none, however lively its control thread is. A heartbeat that is
// late is taken as long as no verdict was drawn: nothing has been given away yet.
#include "cluster/rules/suspicion.h"

#include "cluster/base/memory.h"

struct subject {
    uint64_t id;
    uint64_t progress_ms; // on our clock, as of the heartbeat's arrival
    uint64_t granted_ms;  // when it may have been granted its last lease
    uint64_t back_ms;     // SUSPECT: when it last spoke since; 0: it did not
    enum suspicion_verdict verdict;
};

struct suspicion {
    struct suspicion_options options;
    uint64_t lease_here_ms; // what a lease may last on our clock
    uint64_t now_ms;        // the latest that was handed in: time does not go back
    uint32_t count;
    struct subject subjects[MEMBERS_MAX]; // by id
};

struct suspicion *suspicion_new(const struct suspicion_options *options, uint64_t now_ms)
{
    CHECK(options->drift_per_mille < 1000);
    CHECK(options->remove_ms >= options->suspect_ms);
    struct suspicion *suspicion = memory_new(sizeof *suspicion);
    suspicion->options = *options;
    suspicion->now_ms = now_ms;
    uint64_t pace = 1000 - options->drift_per_mille; // of the slowest clock, while ours makes 1000
    suspicion->lease_here_ms = ((uint64_t)options->lease_ms * 1000 + pace - 1) / pace;
    CHECK(options->suspect_ms > suspicion->lease_here_ms);
    return suspicion;
}

void suspicion_free(struct suspicion *suspicion)
{
    free(suspicion);
}

// Place of the first subject whose id is not below.
static uint32_t subject_place(const struct suspicion *suspicion, uint64_t member_id)
{
    uint32_t low = 0;
    uint32_t high = suspicion->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (suspicion->subjects[middle].id < member_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool subject_is_at(const struct suspicion *suspicion, uint32_t place, uint64_t member_id)
{
    return place < suspicion->count && suspicion->subjects[place].id == member_id;
}

// The subject; one that is met for the first time counts as heard now.
static struct subject *subject_meet(struct suspicion *suspicion, uint64_t member_id,
                                    uint64_t now_ms)
{
    CHECK(now_ms >= suspicion->now_ms);
    suspicion->now_ms = now_ms;
    uint32_t place = subject_place(suspicion, member_id);
    struct subject *subject = &suspicion->subjects[place];
    if (subject_is_at(suspicion, place, member_id))
        return subject;
    CHECK(suspicion->count < MEMBERS_MAX);
    memmove(subject + 1, subject, (suspicion->count - place) * sizeof *subject);
    suspicion->count++;
    *subject = (struct subject){.id = member_id, .progress_ms = now_ms, .granted_ms = now_ms};
    return subject;
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t subject_suspect_ms(const struct suspicion *suspicion, const struct subject *subject)
{
    return max_of(subject->progress_ms + suspicion->options.suspect_ms,
                  subject->granted_ms + suspicion->lease_here_ms);
}

static uint64_t subject_dead_ms(const struct suspicion *suspicion, const struct subject *subject)
{
    return max_of(subject->progress_ms + suspicion->options.remove_ms,
                  subject_suspect_ms(suspicion, subject));
}

bool suspicion_heard(struct suspicion *suspicion, uint64_t member_id, uint32_t stalled_ms,
                     uint64_t now_ms)
{
    struct subject *subject = subject_meet(suspicion, member_id, now_ms);
    uint64_t progress_ms = now_ms > stalled_ms ? now_ms - stalled_ms : 0;
    subject->progress_ms = max_of(subject->progress_ms, progress_ms);
    if (stalled_ms >= suspicion->options.suspect_ms)
        return false;
    if (subject->verdict == SUSPICION_ALIVE)
        subject->granted_ms = now_ms;
    else
        subject->back_ms = now_ms;
    return subject->verdict == SUSPICION_ALIVE;
}

void suspicion_forgive(struct suspicion *suspicion, uint64_t member_id, uint64_t now_ms)
{
    struct subject *subject = subject_meet(suspicion, member_id, now_ms);
    subject->verdict = SUSPICION_ALIVE;
    subject->progress_ms = now_ms;
    subject->back_ms = 0;
}

enum suspicion_verdict suspicion_verdict(struct suspicion *suspicion, uint64_t member_id,
                                         uint64_t now_ms)
{
    struct subject *subject = subject_meet(suspicion, member_id, now_ms);
    if (now_ms >= subject_dead_ms(suspicion, subject))
        subject->verdict = SUSPICION_DEAD;
    else if (subject->verdict != SUSPICION_ALIVE ||
             now_ms >= subject_suspect_ms(suspicion, subject))
        subject->verdict = SUSPICION_SUSPECT;
    return subject->verdict;
}

bool suspicion_is_back(const struct suspicion *suspicion, uint64_t member_id, uint64_t now_ms)
{
    uint32_t place = subject_place(suspicion, member_id);
    if (!subject_is_at(suspicion, place, member_id))
        return false;
    const struct subject *subject = &suspicion->subjects[place];
    return subject->back_ms > 0 && now_ms < subject->back_ms + suspicion->options.suspect_ms;
}

void suspicion_forget(struct suspicion *suspicion, uint64_t member_id)
{
    uint32_t place = subject_place(suspicion, member_id);
    if (!subject_is_at(suspicion, place, member_id))
        return;
    struct subject *subject = &suspicion->subjects[place];
    suspicion->count--;
    memmove(subject, subject + 1, (suspicion->count - place) * sizeof *subject);
}

uint64_t suspicion_deadline_ms(const struct suspicion *suspicion)
{
    uint64_t deadline_ms = UINT64_MAX;
    for (uint32_t i = 0; i < suspicion->count; i++) {
        const struct subject *subject = &suspicion->subjects[i];
        uint64_t next_ms = UINT64_MAX;
        if (subject->verdict == SUSPICION_ALIVE)
            next_ms = subject_suspect_ms(suspicion, subject);
        else if (subject->verdict == SUSPICION_SUSPECT)
            next_ms = subject_dead_ms(suspicion, subject);
        if (next_ms < deadline_ms)
            deadline_ms = next_ms;
    }
    return deadline_ms;
}
