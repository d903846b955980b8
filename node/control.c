// SPDX-License-Identifier: Apache-2.0
#include "node/control.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "cluster/wire/cluster_codec.h"
#include "cluster/wire/meeting_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/raft_codec.h"
#include "node/cluster_answer.h"
#include "node/meta/member.h"
#include "node/net/control_net.h"

#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

enum {
    DRIFT_PER_MILLE = 50, // clocks may differ in speed by 5 %
};

struct control {
    struct control_options options;
    struct member *member;
    struct member_address *seeds;              // owned
    struct member_address refusals[SEEDS_MAX]; // who will not speak with us
    uint32_t refusal_count;
    struct resolver *resolver;
    struct control_net *net;
    struct mailbox *mailbox;
    struct event *letters;
    struct event *timer;
    struct published_view *published;  // held; NULL: none yet
    struct buffer scratch;             // a frame under construction
    struct raft_message *raft_message; // owned; of the frame being read
    struct wish **wishes;              // owned; by worker
    uint32_t *wish_counts;             // by worker
    enum member_phase last_phase;      // as seen in control_settle
    bool has_ended;
};

static uint64_t now_ms(void)
{
    return worker_clock_us() / US_PER_MS;
}

static void end(struct control *control, enum control_end end)
{
    if (control->has_ended)
        return;
    control->has_ended = true;
    control->options.ended(control->options.context, end);
}

// After everything that may have changed what is due.
static void control_settle(struct control *control)
{
    switch (member_phase(control->member)) {
    case MEMBER_SEEKING:
    case MEMBER_JOINED:
    case MEMBER_DEPARTING:
        break;
    case MEMBER_GONE:
        end(control, control->last_phase == MEMBER_DEPARTING ? CONTROL_LEFT : CONTROL_REMOVED);
        return;
    case MEMBER_REFUSED:
        end(control, CONTROL_REFUSED);
        return;
    }
    control->last_phase = member_phase(control->member);
    uint64_t now = now_ms();
    uint64_t deadline = member_deadline_ms(control->member);
    uint64_t delay_ms = deadline > now ? deadline - now : 0;
    const struct timeval delay = {.tv_sec = (time_t)(delay_ms / MS_PER_S),
                                  .tv_usec = (suseconds_t)(delay_ms % MS_PER_S) * US_PER_MS};
    CHECK(event_add(control->timer, &delay) == 0);
}

// ---- What the member says ----

static void frame_send(struct control *control, const struct member_address *to)
{
    control_net_send(control->net, to->host, to->port, member_view(control->member)->grid_id,
                     buffer_bytes(&control->scratch));
}

// A node that seeks asks at every address that a seed's name has.
static void frame_send_everywhere(struct control *control, const struct member_address *to)
{
    struct peer_address addresses[RESOLVER_ADDRESSES_MAX];
    uint32_t count =
        resolver_find(control->resolver, to->host, to->port, addresses, RESOLVER_ADDRESSES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct member_address one;
        address_describe(&addresses[i], one.host, sizeof one.host, &one.port);
        frame_send(control, &one);
    }
}

static void host_send_meeting(void *context, const struct member_address *to,
                              const struct meeting *message)
{
    struct control *control = context;
    buffer_clear(&control->scratch);
    meeting_encode(&control->scratch, message);
    if (message->kind == MEETING_SEEK || message->kind == MEETING_JOIN)
        frame_send_everywhere(control, to);
    else
        frame_send(control, to);
}

static void host_send_raft(void *context, const struct member_address *to,
                           const struct raft_message *message)
{
    struct control *control = context;
    buffer_clear(&control->scratch);
    raft_message_encode(&control->scratch, message);
    frame_send(control, to);
}

static void control_publish(struct control *control, const struct view *view)
{
    struct published_view *published = published_view_new(view);
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *member = &view->members[i];
        if (member->id != 0)
            resolver_find(control->resolver, member->host, member->port, &published->addresses[i],
                          1);
    }
    for (uint16_t i = 0; i < control->options.worker_count; i++)
        worker_post_view(control->options.workers[i], published);
    published_view_release(control->published);
    control->published = published;
}

static void host_view_changed(void *context, const struct view *view)
{
    control_publish(context, view);
}

static void on_resolved(void *context)
{
    struct control *control = context;
    if (control->published)
        control_publish(control, &control->published->view);
}

static void host_lease_changed(void *context, uint64_t until_ms)
{
    const struct control *control = context;
    uint64_t until_us = until_ms > UINT64_MAX / US_PER_MS ? UINT64_MAX : until_ms * US_PER_MS;
    for (uint16_t i = 0; i < control->options.worker_count; i++)
        worker_post_lease(control->options.workers[i], until_us);
}

static void host_say(void *context, bool is_warning, const char *text)
{
    const struct control *control = context;
    log_write(control->options.log, is_warning ? LOG_WARN : LOG_INFO, "grid", "%s", text);
}

// ---- What others say ----

static void received_meeting(struct control *control, struct bytes body)
{
    struct meeting meeting;
    if (meeting_decode(body, &meeting) != ERROR_NONE)
        return;
    member_receive_meeting(control->member, &meeting, now_ms());
    meeting_deinit(&meeting);
}

static void received(void *context, const struct frame *frame)
{
    struct control *control = context;
    if (frame->header.kind == FRAME_MEETING)
        received_meeting(control, frame->body);
    else if (frame->header.kind == FRAME_RAFT &&
             raft_message_decode(frame->body, control->raft_message) == ERROR_NONE)
        member_receive_raft(control->member, control->raft_message, now_ms());
    control_settle(control);
}

// Counts the seeds that will not speak with us: one of them may be wrong itself, most of them are
// not.
static bool most_seeds_refuse(struct control *control, const char *host, uint16_t port)
{
    uint32_t seed_count = control->options.config->seed_count;
    for (uint32_t i = 0; i < control->refusal_count; i++) {
        if (control->refusals[i].port == port && strcmp(control->refusals[i].host, host) == 0)
            return 2 * control->refusal_count > seed_count;
    }
    if (control->refusal_count < SEEDS_MAX) {
        struct member_address *refusal = &control->refusals[control->refusal_count++];
        snprintf(refusal->host, sizeof refusal->host, "%s", host);
        refusal->port = port;
    }
    return 2 * control->refusal_count > seed_count;
}

// Settings that keep a node out do not mend themselves.
static void refused(void *context, const char *host, uint16_t port, enum error error,
                    const char *text)
{
    struct control *control = context;
    bool is_final = member_phase(control->member) == MEMBER_SEEKING &&
                    (error == ERROR_WRONG_GRID || error == ERROR_WRONG_SECRET ||
                     error == ERROR_UNSUPPORTED_VERSION) &&
                    most_seeds_refuse(control, host, port);
    log_write(control->options.log, is_final ? LOG_ERROR : LOG_WARN, "grid",
              "%s:%u refuses us: %s: %s", host, port, error_name(error), text);
    if (is_final)
        end(control, CONTROL_REFUSED);
}

// ---- Letters of workers ----

struct wishes_letter {
    struct letter letter;
    uint16_t worker;
    uint32_t count;
    struct wish wishes[];
};

static uint32_t stalled_ms(const struct control *control)
{
    uint64_t now_us = worker_clock_us();
    uint64_t oldest_us = now_us;
    for (uint16_t i = 0; i < control->options.worker_count; i++) {
        uint64_t turned_us =
            atomic_load_explicit(&control->options.workers[i]->turned_us, memory_order_relaxed);
        if (turned_us < oldest_us)
            oldest_us = turned_us;
    }
    return (uint32_t)((now_us - oldest_us) / US_PER_MS);
}

static void workers_look_at(struct control *control)
{
    uint32_t count = 0;
    struct wish *all = memory_new_array(MEETING_WISHES_MAX, sizeof *all);
    for (uint16_t i = 0; i < control->options.worker_count; i++) {
        uint32_t room = MEETING_WISHES_MAX - count;
        uint32_t taken = control->wish_counts[i] < room ? control->wish_counts[i] : room;
        if (taken > 0)
            memcpy(all + count, control->wishes[i], taken * sizeof *all);
        count += taken;
    }
    member_set_wishes(control->member, all, count, stalled_ms(control), now_ms());
    free(all);
}

static void wishes_arrive(void *receiver, struct letter *letter)
{
    struct control *control = receiver;
    struct wishes_letter *told = (struct wishes_letter *)letter;
    free(control->wishes[told->worker]);
    size_t bytes = told->count * sizeof *told->wishes;
    control->wishes[told->worker] = memory_new(bytes);
    if (bytes > 0)
        memcpy(control->wishes[told->worker], told->wishes, bytes);
    control->wish_counts[told->worker] = told->count;
    free(told);
    if (control->has_ended)
        return;
    workers_look_at(control);
    control_settle(control);
}

void control_wished(void *context, uint16_t worker, const struct wish *wishes, uint32_t count)
{
    struct control *control = context;
    struct wishes_letter *letter = memory_new(sizeof *letter + count * sizeof *wishes);
    letter->letter.deliver = wishes_arrive;
    letter->worker = worker;
    letter->count = count;
    memcpy(letter->wishes, wishes, count * sizeof *wishes);
    mailbox_post(control->mailbox, &letter->letter);
}

static void on_timer(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct control *control = context;
    workers_look_at(control);
    member_tick(control->member, now_ms(), worker_unix_us() / US_PER_MS);
    control_settle(control);
}

struct arrival_letter {
    struct letter letter;
    int descriptor;
    struct buffer in;
};

static void arrival_arrive(void *receiver, struct letter *letter)
{
    struct control *control = receiver;
    struct arrival_letter *arrival = (struct arrival_letter *)letter;
    if (control->has_ended) {
        close(arrival->descriptor);
        buffer_deinit(&arrival->in);
    } else {
        control_net_visit(control->net, arrival->descriptor, arrival->in);
    }
    free(arrival);
}

void control_arrived(void *context, int descriptor, struct buffer in)
{
    struct control *control = context;
    struct arrival_letter *letter = memory_new(sizeof *letter);
    letter->letter.deliver = arrival_arrive;
    letter->descriptor = descriptor;
    letter->in = in;
    mailbox_post(control->mailbox, &letter->letter);
}

// ---- Operators ----

// Goes to the control thread with the question and comes home with the answer.
struct question_letter {
    struct letter letter;
    struct control *control;
    struct worker *worker;
    struct outlet *outlet; // of the worker; held
    uint32_t request_id;
    struct buffer body;
    struct buffer answer;
};

static void answer_arrive(void *receiver, struct letter *letter)
{
    (void)receiver;
    struct question_letter *question = (struct question_letter *)letter;
    struct bytes answer = buffer_bytes(&question->answer);
    buffer_append(&question->outlet->out, answer.data, answer.size);
    outlet_changed(question->outlet);
    outlet_let_go(question->outlet);
    buffer_deinit(&question->body);
    buffer_deinit(&question->answer);
    free(question);
}

static void question_arrive(void *receiver, struct letter *letter)
{
    struct control *control = receiver;
    struct question_letter *question = (struct question_letter *)letter;
    if (!control->has_ended) {
        struct cluster_asked asked = {.member = control->member,
                                      .grid_name = control->options.config->grid_name,
                                      .node_name = control->options.config->node_name,
                                      .now_ms = now_ms(),
                                      .request_id = question->request_id};
        cluster_answer(&asked, buffer_bytes(&question->body), &question->answer);
        control_settle(control);
    }
    question->letter.deliver = answer_arrive;
    worker_post(question->worker, &question->letter);
}

void control_asked(void *context, struct worker *worker, struct outlet *outlet,
                   const struct frame *frame)
{
    struct control *control = context;
    struct question_letter *question = memory_new(sizeof *question);
    question->letter.deliver = question_arrive;
    question->control = control;
    question->worker = worker;
    question->outlet = outlet;
    question->request_id = frame->header.request_id;
    outlet_hold(outlet);
    buffer_append(&question->body, frame->body.data, frame->body.size);
    mailbox_post(control->mailbox, &question->letter);
}

// ---- Life ----

static void on_letters(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct control *control = context;
    mailbox_quiet(control->mailbox);
    do {
        mailbox_wake(control->mailbox);
        mailbox_drain(control->mailbox, control);
    } while (!mailbox_sleep(control->mailbox));
}

static void member_make(struct control *control)
{
    const struct config *config = control->options.config;
    struct random random = {.state = control->options.member_id};
    struct member_options options = {
        .self = {.id = control->options.member_id,
                 .port = control->options.port,
                 .weight = (uint16_t)config->weight,
                 .role = config->role},
        .grid_name = config->grid_name,
        .settings = {.protocol_version = PROTOCOL_VERSION,
                     .partition_count = config->partitions,
                     .backups = config->backups,
                     .min_in_sync = config->min_in_sync,
                     .bootstrap_expect = config->bootstrap_expect},
        .seeds = control->seeds,
        .seed_count = config->seed_count,
        .voters_max = config->voters,
        .heartbeat_ms = config->heartbeat_ms,
        .lease_ms = config->lease_ms,
        .suspect_ms = config->suspect_ms,
        .remove_ms = config->remove_ms,
        .election_ms = config->election_ms,
        .drift_per_mille = DRIFT_PER_MILLE,
        .clock_skew_max_ms = config->clock_skew_max_ms,
        .leave_ms = config->leave_timeout_ms,
        .migration_parallel = config->migration_parallel,
        .seed = random_next(&random),
        .host = {.context = control,
                 .send_meeting = host_send_meeting,
                 .send_raft = host_send_raft,
                 .view_changed = host_view_changed,
                 .lease_changed = host_lease_changed,
                 .say = host_say},
    };
    const char *host = config->advertise[0] != '\0' ? config->advertise : config->bind;
    snprintf(options.self.name, sizeof options.self.name, "%s", config->node_name);
    snprintf(options.self.host, sizeof options.self.host, "%s", host);
    snprintf(options.self.zone, sizeof options.self.zone, "%s", config->zone);
    control->member = member_new(&options, now_ms());
}

static void seeds_copy(struct control *control)
{
    const struct config *config = control->options.config;
    control->seeds = memory_new_array(config->seed_count, sizeof *control->seeds);
    for (uint32_t i = 0; i < config->seed_count; i++) {
        static_assert(sizeof control->seeds->host == sizeof config->seeds->host, "hosts fit");
        memcpy(control->seeds[i].host, config->seeds[i].host, sizeof control->seeds->host);
        control->seeds[i].port = config->seeds[i].port;
    }
}

struct control *control_new(const struct control_options *options)
{
    const struct config *config = options->config;
    struct control *control = memory_new(sizeof *control);
    control->options = *options;
    control->mailbox = mailbox_new();
    control->raft_message = memory_new(sizeof *control->raft_message);
    control->wishes = memory_new_array(options->worker_count, sizeof(struct wish *));
    control->wish_counts = memory_new_array(options->worker_count, sizeof(uint32_t));
    control->resolver = resolver_new(options->base, on_resolved, control);
    struct control_net_options net = {.node_name = config->node_name,
                                      .grid_name = config->grid_name,
                                      .secret = config->secret,
                                      .member_id = options->member_id,
                                      .resolver = control->resolver,
                                      .log = options->log,
                                      .received = received,
                                      .refused = refused,
                                      .context = control};
    control->net = control_net_new(options->base, &net);
    seeds_copy(control);
    return control;
}

void control_start(struct control *control)
{
    struct event_base *base = control->options.base;
    control->letters = event_new(base, mailbox_descriptor(control->mailbox), EV_READ | EV_PERSIST,
                                 on_letters, control);
    control->timer = evtimer_new(base, on_timer, control);
    CHECK(control->letters && control->timer && event_add(control->letters, NULL) == 0);
    member_make(control);
    on_letters(-1, 0, control);
    on_timer(-1, 0, control);
}

void control_free(struct control *control)
{
    if (control->letters)
        event_free(control->letters);
    if (control->timer)
        event_free(control->timer);
    if (control->member)
        member_free(control->member);
    control_net_free(control->net);
    resolver_free(control->resolver);
    published_view_release(control->published);
    for (uint16_t i = 0; i < control->options.worker_count; i++)
        free(control->wishes[i]);
    mailbox_free(control->mailbox);
    buffer_deinit(&control->scratch);
    free(control->wishes);
    free(control->wish_counts);
    free(control->raft_message);
    free(control->seeds);
    free(control);
}

void control_leave(struct control *control)
{
    char text[MEETING_TEXT_BYTES_MAX] = "";
    if (control->options.config->leave_timeout_ms > 0 &&
        member_leave(control->member, text, now_ms())) {
        control_settle(control);
        return;
    }
    if (text[0] != '\0')
        log_write(control->options.log, LOG_WARN, "grid", "not leaving, stopping: %s", text);
    end(control, CONTROL_LEFT);
}

unsigned control_drain(struct control *control)
{
    control->has_ended = true;
    return mailbox_drain(control->mailbox, control);
}

bool control_is_ready(const struct control *control)
{
    return control->published && member_lease_until_ms(control->member) > now_ms();
}
