// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/session.h"

#include "cluster/base/units.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/view_codec.h"
#include "node/shard/execute.h"
#include "node/shard/subscriptions.h"
#include "tests/sim/world.h"

enum {
    BACK_OFF_FIRST_US = 10 * US_PER_MS,
    BACK_OFF_MAX_US = 500 * US_PER_MS,
    SHOWN_BYTES = 40, // of a body, in a transcript
};

static struct session *session_of_outlet(struct outlet *outlet)
{
    return LIST_ENTRY(outlet, struct session, outlet);
}

static struct session *session_of_port(struct port *port)
{
    return LIST_ENTRY(port, struct session, port);
}

static void on_changed(struct outlet *outlet)
{
    struct session *session = session_of_outlet(outlet);
    list_remove(&session->dirty_link);
    list_append(&session->shard->dirty, &session->dirty_link);
}

static void session_free(struct session *session)
{
    list_remove(&session->all_link);
    list_remove(&session->dirty_link);
    buffer_deinit(&session->outlet.out);
    buffer_deinit(&session->in);
    free(session);
}

static void on_released(struct outlet *outlet)
{
    session_free(session_of_outlet(outlet));
}

static struct session *session_new(struct machine_shard *shard, enum session_kind kind)
{
    struct session *session = memory_new(sizeof *session);
    session->shard = shard;
    session->kind = kind;
    session->outlet.limit_bytes =
        kind == SESSION_CLIENT ? shard->machine->world->plan.outlet_bytes : SIZE_MAX;
    session->outlet.changed = on_changed;
    session->outlet.released = on_released;
    list_init(&session->dirty_link);
    list_append(&shard->sessions, &session->all_link);
    return session;
}

// ---- The end of a session ----

static void reader_drop(struct session *session)
{
    if (session->reader)
        reader_free(session->reader);
    session->reader = NULL;
}

// The one place where a session ends while its machine lives.
static void session_close(struct session *session)
{
    struct machine_shard *shard = session->shard;
    if (session->kind == SESSION_LINK && session->is_up)
        shard_link_down(shard->shard, &session->outlet);
    if (session->kind == SESSION_PRIMARY)
        shard_primary_gone(shard->shard, &session->outlet);
    reader_drop(session);
    stream_close(&session->port);
    session->outlet.is_closed = true;
    list_remove(&session->all_link);
    list_remove(&session->dirty_link);
    if (session->outlet.holders == 0)
        session_free(session);
    else
        list_append(&shard->closed, &session->all_link);
}

static void machine_shard_wake(struct machine_shard *shard)
{
    shard_set_time(shard->shard, (struct shard_time){.now_us = machine_now_us(shard->machine),
                                                     .unix_us = machine_wall_us(shard->machine)});
}

static void on_closed(struct port *port)
{
    struct session *session = session_of_port(port);
    struct machine_shard *shard = session->shard;
    machine_shard_wake(shard);
    session_close(session);
    machine_turn(shard);
}

void sessions_free(struct machine_shard *shard)
{
    struct list *lists[] = {&shard->sessions, &shard->closed};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        while (!list_is_empty(lists[i])) {
            struct session *session = LIST_ENTRY(lists[i]->next, struct session, all_link);
            reader_drop(session);
            session_free(session);
        }
    }
}

// ---- What comes in ----

static bool client_operation(struct session *session, const struct frame *frame)
{
    struct request request = {.id = frame->header.request_id, .outlet = &session->outlet};
    const char *what = "";
    enum error error = op_decode(frame, &request.op, &what);
    if (error != ERROR_NONE) {
        world_fail(session->shard->machine->world, "an operation cannot be decoded: %s", what);
        return false;
    }
    request.op.client = session->peer_id;
    execute_prepare(session->shard->shard, &request);
    execute_batch(session->shard->shard, &request, 1);
    return true;
}

// For who reads a transcript.
static void question_tell(const struct session *session, const struct frame *frame)
{
    const struct machine *machine = session->shard->machine;
    FILE *out = machine->world->trace.out;
    if (!out)
        return;
    fprintf(out, "            m%u.%u is asked: 0x%02x id %x:", machine->slot,
            session->shard->number, frame->header.kind, frame->header.request_id);
    for (size_t i = 0; i < frame->body.size && i < SHOWN_BYTES; i++)
        fprintf(out, " %02x", frame->body.data[i]);
    fprintf(out, "\n");
}

static bool client_frame(struct session *session, const struct frame *frame)
{
    struct shard *shard = session->shard->shard;
    struct outlet *outlet = &session->outlet;
    uint32_t request_id = frame->header.request_id;
    if (frame_is_operation(frame->header.kind))
        return client_operation(session, frame);
    if (subscriptions_take(frame->header.kind) && shard_view(shard)) {
        struct buffer forged = {0};
        struct frame told = bug_falsify_question(session, frame, &forged);
        question_tell(session, &told);
        subscriptions_frame(shard, outlet, &told, "simulated", &session->reader);
        buffer_deinit(&forged);
        return true;
    }
    if (frame->header.kind == FRAME_VIEW && shard_view(shard))
        view_encode(&outlet->out, request_id, shard_view(shard));
    else
        error_encode(&outlet->out, FRAME_ERROR, request_id, PARTITION_ANY, ERROR_NO_QUORUM,
                     "in no grid yet", 0);
    outlet_changed(outlet);
    return true;
}

// False: the session is to be given up.
static bool session_frame(struct session *session, const struct frame *frame)
{
    struct shard *shard = session->shard->shard;
    switch (session->kind) {
    case SESSION_LINK:
        return shard_report(shard, &session->outlet, frame) == ERROR_NONE;
    case SESSION_PRIMARY:
        return shard_receive(shard, &session->outlet, frame) == ERROR_NONE;
    case SESSION_CLIENT:
        return client_frame(session, frame);
    }
    return false;
}

static bool session_must_wait(const struct session *session)
{
    return session->kind == SESSION_CLIENT && outlet_wants_pause(&session->outlet);
}

// Executes what has come. The session may be closed afterwards.
static void session_read(struct session *session)
{
    struct frame frame;
    enum error error;
    enum frame_verdict verdict = FRAME_INCOMPLETE;
    session->is_paused = false;
    while (!(session->is_paused = session_must_wait(session)) &&
           (verdict = frame_parse(buffer_bytes(&session->in), FRAME_BODY_BYTES_MAX, &frame,
                                  &error)) == FRAME_COMPLETE) {
        if (!session_frame(session, &frame))
            break;
        buffer_consume(&session->in, FRAME_HEADER_BYTES + frame.body.size);
    }
    if (session->is_paused || verdict == FRAME_INCOMPLETE)
        return;
    const struct machine *machine = session->shard->machine; // nothing is malformed on its way
    world_fail(machine->world, "m%u refuses a frame of kind 0x%02x of partition %u", machine->slot,
               frame.header.kind, frame.header.partition);
    session_close(session);
}

static void on_received(struct port *port, struct bytes data)
{
    struct session *session = session_of_port(port);
    struct machine_shard *shard = session->shard;
    machine_shard_wake(shard);
    buffer_append(&session->in, data.data, data.size);
    session_read(session);
    machine_turn(shard);
}

// ---- What goes out ----

// A client takes what its window has room for; the rest waits in the outlet.
static void session_flush_client(struct session *session)
{
    struct buffer *out = &session->outlet.out;
    bug_falsify_events(session);
    buffer_consume(out, stream_write(&session->port, buffer_bytes(out)));
    session->falsified_bytes = buffer_size(out);
}

static void on_drained(struct port *port)
{
    struct session *session = session_of_port(port);
    struct machine_shard *shard = session->shard;
    machine_shard_wake(shard);
    outlet_changed(&session->outlet);
    machine_turn(shard);
    machine_turn_soon(shard); // there is room for more
}

// Goes on with what has waited for room.
static void paused_resume(struct machine_shard *shard)
{
    struct list *next;
    for (struct list *link = shard->sessions.next; link != &shard->sessions; link = next) {
        next = link->next;
        struct session *session = LIST_ENTRY(link, struct session, all_link);
        if (!session->is_paused || session_must_wait(session))
            continue;
        machine_turn_soon(shard);
        session_read(session);
    }
}

static void session_flush(struct session *session)
{
    struct buffer *out = &session->outlet.out;
    session->outlet.is_dirty = false;
    if (!session->port.stream || buffer_size(out) == 0)
        return;
    if (session->kind == SESSION_CLIENT) {
        session_flush_client(session);
        return;
    }
    if (session->kind == SESSION_PRIMARY) {
        stream_write(&session->port, buffer_bytes(out));
        buffer_clear(out);
        return;
    }
    // What is reported meanwhile may write here again.
    struct buffer taken = *out;
    struct buffer falsified = {0};
    *out = (struct buffer){0};
    bug_falsify_link(session, buffer_bytes(&taken), &falsified);
    stream_write(&session->port, buffer_bytes(&falsified));
    bug_after_link(session, buffer_bytes(&taken));
    buffer_deinit(&falsified);
    buffer_deinit(&taken);
}

static void clients_drop(struct machine_shard *shard)
{
    struct list *next;
    for (struct list *link = shard->sessions.next; link != &shard->sessions; link = next) {
        next = link->next;
        struct session *session = LIST_ENTRY(link, struct session, all_link);
        if (session->kind == SESSION_CLIENT && buffer_size(&session->outlet.out) > 0)
            session_close(session);
    }
}

void sessions_flush(struct machine_shard *shard)
{
    if (!shard_lease_holds(shard->shard, machine_now_us(shard->machine)))
        clients_drop(shard);
    struct list *link;
    while ((link = list_pop(&shard->dirty)) != NULL)
        session_flush(LIST_ENTRY(link, struct session, dirty_link));
    paused_resume(shard);
}

// ---- Connections that others open ----

struct port *session_accept(struct machine_shard *shard, const struct greeting *greeting)
{
    bool is_peer = greeting->role == STREAM_PEER;
    if (is_peer && !shard->view)
        return NULL;
    struct session *session = session_new(shard, is_peer ? SESSION_PRIMARY : SESSION_CLIENT);
    session->peer_id = greeting->id;
    session->is_up = true;
    session->port.received = on_received;
    session->port.closed = on_closed;
    session->port.drained = on_drained;
    return &session->port;
}

// ---- Links to backups ----

static void on_link_opened(struct port *port)
{
    struct session *session = session_of_port(port);
    struct machine_shard *shard = session->shard;
    machine_shard_wake(shard);
    session->is_up = true;
    shard->attempts[session->slot][session->worker].back_off_us = BACK_OFF_FIRST_US;
    shard_link_up(shard->shard, session->peer_id, session->worker,
                  (uint16_t)shard->machine->world->plan.shard_count, &session->outlet);
    machine_turn(shard);
}

static void on_link_closed(struct port *port)
{
    const struct session *session = session_of_port(port);
    struct machine_shard *shard = session->shard;
    struct world *world = shard->machine->world;
    uint32_t *back_off_us = &shard->attempts[session->slot][session->worker].back_off_us;
    if (*back_off_us < BACK_OFF_FIRST_US)
        *back_off_us = BACK_OFF_FIRST_US;
    shard->attempts[session->slot][session->worker].not_before_us =
        world_now_us(world) + *back_off_us + random_below(&world->random, *back_off_us);
    *back_off_us = *back_off_us * 2 > BACK_OFF_MAX_US ? BACK_OFF_MAX_US : *back_off_us * 2;
    on_closed(port);
}

static struct session *link_find(const struct machine_shard *shard, uint64_t member_id,
                                 uint16_t worker)
{
    for (struct list *link = shard->sessions.next; link != &shard->sessions; link = link->next) {
        struct session *session = LIST_ENTRY(link, struct session, all_link);
        if (session->kind == SESSION_LINK && session->peer_id == member_id &&
            session->worker == worker)
            return session;
    }
    return NULL;
}

static void link_open(struct machine_shard *shard, const struct view_member *member, uint32_t slot,
                      uint16_t worker)
{
    struct session *session = session_new(shard, SESSION_LINK);
    session->peer_id = member->id;
    session->slot = slot;
    session->worker = worker;
    session->port.opened = on_link_opened;
    session->port.received = on_received;
    session->port.closed = on_link_closed;
    struct greeting greeting = {.role = STREAM_PEER,
                                .host = shard->machine->slot,
                                .worker = worker,
                                .id = shard->machine->id,
                                .wanted_id = member->id};
    stream_open(&shard->machine->world->network, slot, &session->port, &greeting);
}

static void links_arrange_to(struct machine_shard *shard, const struct view_member *member)
{
    const struct world *world = shard->machine->world;
    uint32_t slot = (uint32_t)(member->name[1] - '0');
    for (uint16_t worker = 0; worker < world->plan.shard_count; worker++) {
        bool is_wanted =
            shard_wants_link(shard->shard, member->id, worker, (uint16_t)world->plan.shard_count);
        if (is_wanted && !link_find(shard, member->id, worker) &&
            shard->attempts[slot][worker].not_before_us <= world_now_us(world))
            link_open(shard, member, slot, worker);
    }
}

static bool link_is_unwanted(const struct session *session)
{
    const struct machine_shard *shard = session->shard;
    return session->kind == SESSION_LINK &&
           !shard_wants_link(shard->shard, session->peer_id, session->worker,
                             (uint16_t)shard->machine->world->plan.shard_count);
}

void sessions_arrange(struct machine_shard *shard)
{
    struct list *next;
    for (struct list *link = shard->sessions.next; link != &shard->sessions; link = next) {
        next = link->next;
        struct session *session = LIST_ENTRY(link, struct session, all_link);
        if (link_is_unwanted(session))
            session_close(session);
    }
    const struct view *view = shard->view;
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (view->members[i].id != 0 && view->members[i].id != shard->machine->id)
            links_arrange_to(shard, &view->members[i]);
    }
}
