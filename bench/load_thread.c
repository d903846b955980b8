// SPDX-License-Identifier: Apache-2.0
#include "bench/load_thread.h"

#include "bench/stopwatch.h"
#include "cluster/base/memory.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    SCRATCH_BYTES = 256 * 1024,
    EVENTS_MAX = 64,
    TURN_NS_MAX = 5 * 1000 * 1000, // longest sleep: signals are looked at between turns
};

// ---- Drawing operations ----

static uint32_t operation_group(const struct load_thread *thread, const struct operation *operation)
{
    const struct destinations *destinations = thread->destinations;
    return destinations->group_of_partition[operation->hash % destinations->partition_count];
}

static bool record_draw(struct load_thread *thread, struct operation *operation)
{
    if (thread->next_record >= thread->settings->record_count)
        return false;
    workload_load(thread->next_record, operation);
    thread->next_record += thread->settings->threads;
    return true;
}

// The next operation of the phase, if it is time for one.
static bool operation_draw(struct load_thread *thread, struct operation *operation)
{
    if (thread->loading)
        return record_draw(thread, operation);
    if (thread->quota == 0)
        return false;
    bool open_loop = thread->settings->rate > 0;
    uint64_t begin_ns = open_loop ? pacer_next_ns(&thread->pacer) : thread->now_ns;
    if (begin_ns > thread->now_ns || begin_ns >= thread->signal->end_ns)
        return false;
    workload_draw(&thread->workload, operation);
    if (open_loop) {
        operation->begin_ns = begin_ns;
        pacer_advance(&thread->pacer);
    }
    if (begin_ns >= thread->signal->measure_ns && thread->quota != UINT64_MAX)
        thread->quota--;
    return true;
}

// An operation of this group. Those of other groups that are drawn on the way wait in their
// backlogs, so that each record is used as often as its distribution says.
static bool operation_draw_for(struct load_thread *thread, uint32_t group,
                               struct operation *operation)
{
    if (backlog_pop(&thread->backlogs[group], operation))
        return true;
    while (true) {
        if (!thread->holds && !operation_draw(thread, operation))
            return false;
        if (thread->holds)
            *operation = thread->held;
        uint32_t drawn = operation_group(thread, operation);
        thread->holds = drawn != group && !backlog_push(&thread->backlogs[drawn], operation);
        thread->held = *operation;
        if (thread->holds)
            return false;
        if (drawn == group)
            return true;
    }
}

// Open loop: everything that is due by now goes into the backlogs, until one is full.
static void due_draw(struct load_thread *thread)
{
    struct operation *held = &thread->held;
    while (thread->holds || operation_draw(thread, held)) {
        thread->holds = !backlog_push(&thread->backlogs[operation_group(thread, held)], held);
        if (thread->holds)
            return;
    }
}

// ---- Filling lanes ----

static void lane_touch(struct load_thread *thread, struct lane *lane)
{
    if (lane->touched)
        return;
    lane->touched = true;
    thread->touched[thread->touched_count++] = lane;
}

static void operation_submit(struct load_thread *thread, struct lane *lane,
                             struct operation *operation, enum request_kind kind)
{
    struct request request;
    if (operation->begin_ns == 0)
        operation->begin_ns = thread->now_ns;
    workload_request(&thread->workload, operation, kind, &request);
    lane_submit(lane, operation, &request);
    thread->in_flight++;
    lane_touch(thread, lane);
}

static void first_request_submit(struct load_thread *thread, struct lane *lane,
                                 struct operation *operation)
{
    enum op_class class = (enum op_class)operation->class;
    operation_submit(thread, lane, operation, workload_first_kind(&thread->workload, class));
}

static void lane_fill(struct load_thread *thread, struct lane *lane)
{
    bool batch = thread->settings->refill == REFILL_BATCH && !thread->loading;
    if (batch && lane->in_flight > 0)
        return;
    while (lane_has_room(lane)) {
        struct operation operation;
        if (!operation_draw_for(thread, lane->group, &operation)) {
            thread->starved = true;
            return;
        }
        first_request_submit(thread, lane, &operation);
    }
}

// Closed loop: only lanes that got replies have room, unless some were left starved.
static void lanes_fill(struct load_thread *thread)
{
    bool all = thread->starved;
    uint32_t count = all ? thread->lane_count : thread->touched_count;
    thread->starved = false;
    for (uint32_t i = 0; i < count; i++)
        lane_fill(thread, all ? &thread->lanes[i] : thread->touched[i]);
}

// Open loop: what waits goes to the lanes in turn.
static void backlogs_send(struct load_thread *thread)
{
    uint32_t idle = 0;
    while (idle < thread->lane_count) {
        struct lane *lane = &thread->lanes[thread->next_lane];
        struct operation operation;
        thread->next_lane = (thread->next_lane + 1) % thread->lane_count;
        idle++;
        if (lane_has_room(lane) && backlog_pop(&thread->backlogs[lane->group], &operation)) {
            first_request_submit(thread, lane, &operation);
            idle = 0;
        }
    }
}

// ---- Ending operations ----

static void count_up(_Atomic uint64_t *counter, uint64_t count)
{
    // Only this thread writes it.
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + count,
                          memory_order_relaxed);
}

static void operation_end(struct load_thread *thread, const struct operation *operation)
{
    count_up(&thread->counters.operations, 1);
    if (operation->class == CLASS_INSERT && !thread->loading)
        inserts_end(thread->inserts, operation->index);
    if (!thread->loading && operation->begin_ns >= thread->signal->measure_ns)
        histogram_record(&thread->histograms[operation->class],
                         thread->now_ns - operation->begin_ns);
}

static void refusal_note(struct load_thread *thread, const struct driver_reply *reply)
{
    count_up(&thread->counters.errors, 1);
    if (thread->first_error[0] == '\0')
        reason_set(thread->first_error, "%.*s", (int)reply->text.size,
                   (const char *)reply->text.data);
}

static void reply_take(void *context, struct lane *lane, const struct slot *slot,
                       const struct driver_reply *reply)
{
    struct load_thread *thread = context;
    struct operation operation = slot->operation;
    thread->in_flight--;
    lane_touch(thread, lane);
    count_up(&thread->counters.requests, 1);
    if (reply->status == REPLY_REFUSED)
        refusal_note(thread, reply);
    else if (reply->status == REPLY_MISSING)
        count_up(&thread->counters.misses, 1);
    else
        count_up(&thread->counters.matches, workload_match_count(&thread->workload, &operation));
    bool half = operation.class == CLASS_MODIFY && slot->kind == REQUEST_GET;
    if (half && reply->status == REPLY_DONE)
        operation_submit(thread, lane, &operation, workload_update_kind(&thread->workload));
    else
        operation_end(thread, &operation);
}

// ---- One turn of the loop ----

static bool lane_watch(struct load_thread *thread, struct lane *lane, int action, bool writes)
{
    struct epoll_event event = {.events = EPOLLIN | (writes ? EPOLLOUT : 0), .data.ptr = lane};
    return epoll_ctl(thread->epoll_fd, action, lane->fd, &event) == 0 ||
           reason_set(thread->reason, "epoll: %s", strerror(errno));
}

static bool touched_flush(struct load_thread *thread)
{
    for (uint32_t i = 0; i < thread->touched_count; i++) {
        struct lane *lane = thread->touched[i];
        bool waited = lane->wants_write;
        lane->touched = false;
        if (!lane_flush(lane, thread->reason))
            return false;
        if (lane->wants_write != waited &&
            !lane_watch(thread, lane, EPOLL_CTL_MOD, lane->wants_write))
            return false;
    }
    thread->touched_count = 0;
    return true;
}

static struct timespec turn_timeout(const struct load_thread *thread)
{
    uint64_t sleep_ns = TURN_NS_MAX;
    if (!thread->loading && thread->settings->rate > 0 && !thread->holds) {
        uint64_t now_ns = stopwatch_now_ns();
        uint64_t next_ns = pacer_next_ns(&thread->pacer);
        uint64_t left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
        if (left_ns < sleep_ns && next_ns < thread->signal->end_ns)
            sleep_ns = left_ns;
    }
    return (struct timespec){.tv_nsec = (long)sleep_ns};
}

static bool lanes_read(struct load_thread *thread)
{
    struct epoll_event events[EVENTS_MAX];
    struct timespec timeout = turn_timeout(thread);
    int count = epoll_pwait2(thread->epoll_fd, events, EVENTS_MAX, &timeout, NULL);
    if (count < 0 && errno != EINTR)
        return reason_set(thread->reason, "epoll: %s", strerror(errno));
    thread->now_ns = stopwatch_now_ns();
    for (int i = 0; i < count; i++) {
        struct lane *lane = events[i].data.ptr;
        lane_touch(thread, lane);
        if (i > 0)
            thread->now_ns = stopwatch_now_ns();
        if ((events[i].events & ~(uint32_t)EPOLLOUT) &&
            !lane_read(lane, thread->scratch, SCRATCH_BYTES, reply_take, thread, thread->reason))
            return false;
    }
    return true;
}

static bool turn_run(struct load_thread *thread)
{
    thread->now_ns = stopwatch_now_ns();
    if (thread->settings->rate > 0 && !thread->loading) {
        due_draw(thread);
        backlogs_send(thread);
    } else {
        lanes_fill(thread);
    }
    return touched_flush(thread) && lanes_read(thread);
}

// ---- Phases ----

static bool backlogs_are_empty(const struct load_thread *thread)
{
    for (uint32_t i = 0; i < thread->destinations->group_count; i++) {
        if (thread->backlogs[i].count > 0)
            return false;
    }
    return !thread->holds;
}

static bool records_load(struct load_thread *thread)
{
    thread->loading = true;
    thread->starved = true;
    thread->next_record = thread->number;
    do {
        if (atomic_load(&thread->signal->stop))
            return true;
        if (!turn_run(thread))
            return false;
    } while (thread->in_flight > 0 || !backlogs_are_empty(thread) ||
             thread->next_record < thread->settings->record_count);
    thread->loading = false;
    return true;
}

static bool run_is_over(const struct load_thread *thread)
{
    const struct load_signal *signal = thread->signal;
    return thread->quota == 0 || thread->now_ns >= signal->end_ns || atomic_load(&signal->stop);
}

// An operation that has begun and not ended counts with the time it has waited: leaving it out
// would flatter a server that does not keep up.
static void unfinished_note(struct load_thread *thread, const struct operation *operation)
{
    if (operation->begin_ns < thread->signal->measure_ns)
        return;
    thread->unfinished++;
    histogram_record(&thread->histograms[operation->class], thread->now_ns - operation->begin_ns);
}

static void unfinished_collect(struct load_thread *thread)
{
    struct operation operation;
    for (uint32_t i = 0; i < thread->lane_count; i++) {
        struct lane *lane = &thread->lanes[i];
        for (uint32_t j = 0; j < lane->depth; j++) {
            if (lane->slots[j].under_way)
                unfinished_note(thread, &lane->slots[j].operation);
        }
    }
    for (uint32_t i = 0; i < thread->destinations->group_count; i++) {
        while (backlog_pop(&thread->backlogs[i], &operation))
            unfinished_note(thread, &operation);
    }
    if (thread->holds)
        unfinished_note(thread, &thread->held);
    while (operation_draw(thread, &operation))
        unfinished_note(thread, &operation);
}

static void backlogs_discard(struct load_thread *thread)
{
    struct operation operation;
    thread->holds = false;
    for (uint32_t i = 0; i < thread->destinations->group_count; i++) {
        while (backlog_pop(&thread->backlogs[i], &operation))
            continue;
    }
}

static bool run_drain(struct load_thread *thread)
{
    uint64_t limit_ns = thread->now_ns + (uint64_t)LOAD_GRACE_S * NS_PER_S;
    if (thread->settings->rate <= 0) {
        thread->quota = 0;
        // In a closed loop what was drawn for a busy group has not begun, and time is over.
        if (thread->settings->operation_count == 0)
            backlogs_discard(thread);
    }
    do {
        if (!turn_run(thread))
            return false;
    } while ((thread->in_flight > 0 || !backlogs_are_empty(thread)) && thread->now_ns < limit_ns &&
             !atomic_load(&thread->signal->stop));
    unfinished_collect(thread);
    return true;
}

static bool load_run(struct load_thread *thread)
{
    const struct settings *settings = thread->settings;
    thread->starved = true;
    thread->quota = UINT64_MAX;
    for (uint32_t i = 0; i < thread->lane_count; i++)
        thread->lanes[i].limit = (uint32_t)settings->depth;
    if (settings->operation_count > 0)
        thread->quota = settings->operation_count / settings->threads +
                        (thread->number < settings->operation_count % settings->threads);
    if (settings->rate > 0)
        pacer_init(&thread->pacer, settings->schedule, settings->rate / (double)settings->threads,
                   thread->signal->begin_ns, settings->seed + thread->number);
    do {
        if (!turn_run(thread))
            return false;
    } while (!run_is_over(thread));
    return run_drain(thread);
}

static void *load_thread_main(void *context)
{
    struct load_thread *thread = context;
    // Sleeps end up to 50 us late by default, which an open loop would measure.
    prctl(PR_SET_TIMERSLACK, 1UL);
    bool well = !thread->settings->load || records_load(thread);
    atomic_store(&thread->counters.loaded, true);
    struct timespec pause = {.tv_nsec = 1000 * 1000};
    while (well && !atomic_load(&thread->signal->go) && !atomic_load(&thread->signal->stop))
        nanosleep(&pause, NULL);
    if (well && atomic_load(&thread->signal->go))
        well = load_run(thread);
    atomic_store(&thread->counters.failed, !well);
    atomic_store(&thread->counters.finished, true);
    return NULL;
}

// ---- Life ----

bool load_thread_init(struct load_thread *thread, const struct settings *settings,
                      const struct market *market, const struct destinations *destinations,
                      const struct load_signal *signal, struct inserts *inserts, uint32_t number)
{
    *thread = (struct load_thread){.settings = settings,
                                   .destinations = destinations,
                                   .signal = signal,
                                   .inserts = inserts,
                                   .number = number};
    uint32_t threads = (uint32_t)settings->threads;
    uint32_t connections = (uint32_t)settings->connections;
    uint32_t wanted = connections / threads + (number < connections % threads);
    thread->lanes = memory_new_array(wanted, sizeof *thread->lanes);
    thread->touched = memory_new_array(wanted, sizeof(struct lane *));
    thread->backlogs = memory_new_array(destinations->group_count, sizeof *thread->backlogs);
    for (uint32_t i = 0; i < destinations->group_count; i++)
        backlog_init(&thread->backlogs[i]);
    thread->scratch = memory_new(SCRATCH_BYTES);
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        histogram_init(&thread->histograms[i]);
    workload_init(&thread->workload, settings, market, inserts, number, signal->realtime_offset_ns);
    thread->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (thread->epoll_fd < 0)
        return reason_set(thread->reason, "epoll: %s", strerror(errno));
    for (uint32_t i = 0; i < wanted; i++) {
        struct lane *lane = &thread->lanes[thread->lane_count++];
        uint16_t group = (uint16_t)(i % destinations->group_count);
        if (!lane_open(lane, settings, destinations, group, thread->reason) ||
            !lane_watch(thread, lane, EPOLL_CTL_ADD, false))
            return false;
    }
    return true;
}

void load_thread_deinit(struct load_thread *thread)
{
    for (uint32_t i = 0; i < thread->lane_count; i++)
        lane_close(&thread->lanes[i]);
    for (uint32_t i = 0; i < thread->destinations->group_count; i++)
        backlog_deinit(&thread->backlogs[i]);
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        histogram_deinit(&thread->histograms[i]);
    workload_deinit(&thread->workload);
    if (thread->epoll_fd >= 0)
        close(thread->epoll_fd);
    free(thread->scratch);
    free(thread->backlogs);
    free(thread->touched);
    free(thread->lanes);
}

void load_thread_start(struct load_thread *thread)
{
    CHECK(pthread_create(&thread->handle, NULL, load_thread_main, thread) == 0);
}

void load_thread_join(struct load_thread *thread)
{
    CHECK(pthread_join(thread->handle, NULL) == 0);
}
