// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/machine.h"

#include "cluster/base/units.h"
#include "cluster/wire/meeting_codec.h"
#include "cluster/wire/raft_codec.h"
#include "tests/sim/session.h"
#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    TICK_US = 20 * US_PER_MS,
    TICKS_PER_PROGRESS = MS_PER_S / 20,
    TICKS_PER_CHECK = 25,
    LETTER_US = 300, // a letter to a worker takes up to so long
    WORK_US = 200,   // until a worker goes on with a snapshot or a fill
    WISHES_MAX = 1024,
    FIRST_PORT = 7000,
    LOG_VALUE_BYTES_MAX = 1024 * 1024,
};

#define UNIX_START_US (INT64_C(1800000000) * US_PER_S)

// From the control thread to the workers.
struct letter {
    struct list link;
    struct view *view; // owned; NULL: a lease
    uint64_t lease_until_us;
};

static struct timeline *timeline_of(const struct machine *machine)
{
    return &machine->world->timeline;
}

// ---- Clocks ----

uint64_t machine_now_us(const struct machine *machine)
{
    int64_t virtual_us = (int64_t)timeline_of(machine)->now_us;
    return machine->clock_start_us +
           (uint64_t)(virtual_us + virtual_us * machine->rate_per_mille / 1000);
}

static uint64_t machine_now_ms(const struct machine *machine)
{
    return machine_now_us(machine) / US_PER_MS;
}

uint64_t machine_wall_us(const struct machine *machine)
{
    return (uint64_t)(UNIX_START_US + (int64_t)machine_now_us(machine) -
                      (int64_t)machine->clock_start_us + machine->wall_offset_us);
}

// When this machine's clock will show it.
static uint64_t virtual_of_local_us(const struct machine *machine, uint64_t local_us)
{
    if (local_us <= machine->clock_start_us)
        return 0;
    uint64_t passed_us = local_us - machine->clock_start_us;
    return passed_us * 1000 / (uint64_t)(1000 + machine->rate_per_mille) + 1;
}

static struct shard_time shard_time_of(const struct machine *machine)
{
    return (struct shard_time){.now_us = machine_now_us(machine),
                               .unix_us = machine_wall_us(machine)};
}

// Whether the event is for this life of the machine, and now.
static bool event_is_due(struct machine *machine, void (*run)(void *context, uint64_t argument),
                         void *context, uint64_t life)
{
    return machine->is_up && machine->life == life &&
           !network_postpone(&machine->world->network, machine->slot, run, context, life);
}

void machine_pause(struct machine *machine, uint64_t for_us)
{
    struct host *host = &machine->world->network.hosts[machine->slot];
    uint64_t until_us = world_now_us(machine->world) + for_us;
    if (until_us > host->paused_until_us)
        host->paused_until_us = until_us;
}

// ---- The workers ----

static void turn_run(void *context, uint64_t life)
{
    struct machine_shard *shard = context;
    if (!event_is_due(shard->machine, turn_run, context, life))
        return;
    shard->is_turn_planned = false;
    machine_turn(shard);
}

static void turn_plan(struct machine_shard *shard, uint64_t after_us)
{
    if (shard->is_turn_planned)
        return;
    shard->is_turn_planned = true;
    timeline_plan(timeline_of(shard->machine), timeline_of(shard->machine)->now_us + after_us,
                  turn_run, shard, shard->machine->life);
}

// A worker may be put to sleep at the worst moment: answers are made, and not yet written.
static bool machine_naps(struct machine *machine)
{
    uint64_t nap_us = faults_nap_us(&machine->world->faults, machine);
    if (nap_us == 0)
        return false;
    machine_pause(machine, nap_us);
    return true;
}

void machine_turn(struct machine_shard *shard)
{
    struct machine *machine = shard->machine;
    shard_set_time(shard->shard, shard_time_of(machine));
    shard_advance(shard->shard);
    bool more = shard_work(shard->shard);
    observer_see_shard(&machine->world->observer, shard);
    if (!list_is_empty(&shard->dirty) && machine_naps(machine)) {
        turn_plan(shard, 0); // wakes up before it has written
        return;
    }
    sessions_flush(shard);
    if (more)
        turn_plan(shard, WORK_US);
}

void machine_turn_soon(struct machine_shard *shard)
{
    turn_plan(shard, WORK_US);
}

static void tick_wishes(struct machine *machine)
{
    static const uint32_t capacity = WISHES_MAX;
    struct wish *wishes = memory_new_array(capacity, sizeof *wishes);
    uint32_t count = 0;
    for (uint32_t i = 0; i < machine->world->plan.shard_count; i++) {
        struct machine_shard *shard = &machine->shards[i];
        uint32_t added = shard_wishes(shard->shard, wishes + count, capacity - count);
        count += bug_falsify_wishes(shard, wishes + count, added, capacity - count);
    }
    member_set_wishes(machine->member, wishes, count, 0, machine_now_ms(machine));
    free(wishes);
}

static void tick_shard(struct machine_shard *shard, uint64_t tick_count)
{
    shard_set_time(shard->shard, shard_time_of(shard->machine));
    shard_tick(shard->shard);
    if (tick_count % TICKS_PER_PROGRESS == 0)
        shard_tell_progress(shard->shard);
    if (tick_count % TICKS_PER_CHECK == 0)
        shard_check(shard->shard);
    if (shard->view)
        sessions_arrange(shard);
    machine_turn(shard);
}

static void control_plan(struct machine *machine);

static void tick_run(void *context, uint64_t life)
{
    struct machine *machine = context;
    if (!event_is_due(machine, tick_run, context, life))
        return;
    timeline_plan(timeline_of(machine), timeline_of(machine)->now_us + TICK_US, tick_run, machine,
                  life);
    machine->tick_count++;
    for (uint32_t i = 0; i < machine->world->plan.shard_count; i++)
        tick_shard(&machine->shards[i], machine->tick_count);
    tick_wishes(machine);
    control_plan(machine);
}

// ---- Letters ----

static void view_free(struct view *view)
{
    if (!view)
        return;
    view_deinit(view);
    free(view);
}

static struct view *view_new_copy(const struct view *view)
{
    struct view *copy = memory_new(sizeof *copy);
    view_copy(copy, view);
    return copy;
}

static void letter_read_view(struct machine_shard *shard, const struct view *view)
{
    struct view *old = shard->view;
    struct view *told = view_new_copy(view);
    bug_falsify_view(shard, told);
    shard->view = told;
    shard_set_time(shard->shard, shard_time_of(shard->machine));
    shard_apply_view(shard->shard, shard->view);
    view_free(old);
    sessions_arrange(shard);
    machine_turn(shard);
}

static void letter_free(struct letter *letter)
{
    view_free(letter->view);
    free(letter);
}

static void letter_run(void *context, uint64_t life)
{
    struct machine *machine = context;
    if (!event_is_due(machine, letter_run, context, life))
        return;
    struct list *link = list_pop(&machine->letters);
    CHECK(link != NULL);
    struct letter *letter = LIST_ENTRY(link, struct letter, link);
    if (!letter->view)
        machine->lease_until_us = bug_falsify_lease(machine, letter->lease_until_us);
    for (uint32_t i = 0; i < machine->world->plan.shard_count; i++) {
        struct machine_shard *shard = &machine->shards[i];
        if (letter->view)
            letter_read_view(shard, letter->view);
        else
            shard_set_lease(shard->shard, machine->lease_until_us);
    }
    observer_see_serving(&machine->world->observer, machine);
    letter_free(letter);
}

static void letter_post(struct machine *machine, struct view *view, uint64_t lease_until_us)
{
    struct letter *letter = memory_new(sizeof *letter);
    letter->view = view;
    letter->lease_until_us = lease_until_us;
    list_append(&machine->letters, &letter->link);
    uint64_t at_us =
        timeline_of(machine)->now_us + random_below(&machine->world->random, LETTER_US);
    if (at_us > machine->letter_at_us)
        machine->letter_at_us = at_us;
    timeline_plan(timeline_of(machine), machine->letter_at_us, letter_run, machine, machine->life);
}

// ---- The host of the member ----

// "m3" at port 7003.
static bool slot_of_address(const struct machine *machine, const struct member_address *address,
                            uint32_t *slot)
{
    *slot = (uint32_t)(address->port - FIRST_PORT);
    return address->port >= FIRST_PORT && *slot < machine->world->plan.machine_count;
}

static void control_send(struct machine *machine, const struct member_address *to,
                         struct buffer *out)
{
    uint32_t slot;
    if (slot_of_address(machine, to, &slot))
        network_send(&machine->world->network, machine->slot, slot, buffer_bytes(out));
    else
        world_fail(machine->world, "m%u sends to %s:%u", machine->slot, to->host, to->port);
    buffer_deinit(out);
}

static void host_send_meeting(void *context, const struct member_address *to,
                              const struct meeting *message)
{
    struct buffer out = {0};
    meeting_encode(&out, message);
    control_send(context, to, &out);
}

static void host_send_raft(void *context, const struct member_address *to,
                           const struct raft_message *message)
{
    struct buffer out = {0};
    raft_message_encode(&out, message);
    control_send(context, to, &out);
}

static void host_view_changed(void *context, const struct view *view)
{
    struct machine *machine = context;
    observer_see_view(&machine->world->observer, machine, view);
    machine->view_version = view->version;
    letter_post(machine, view_new_copy(view), 0);
}

static void host_lease_changed(void *context, uint64_t until_ms)
{
    uint64_t until_us = until_ms >= UINT64_MAX / US_PER_MS ? UINT64_MAX : until_ms * US_PER_MS;
    letter_post(context, NULL, until_us);
}

static void host_say(void *context, bool is_warning, const char *text)
{
    struct machine *machine = context;
    trace_write(&machine->world->trace, world_now_us(machine->world), "m%u %s: %s", machine->slot,
                is_warning ? "warns" : "says", text);
}

static void host_hop(void *context, const struct request *request)
{
    (void)request;
    struct machine *machine = context;
    world_fail(machine->world, "m%u: an operation hops, though clients route by worker",
               machine->slot);
}

static void host_stats(void *context, struct buffer *out)
{
    (void)context;
    buffer_append(out, "\x80", 1); // an empty map
}

// ---- The control thread ----

// After whatever the member was told.
static void control_done(struct machine *machine)
{
    struct world *world = machine->world;
    member_check(machine->member);
    observer_see_member(&world->observer, machine);
    enum member_phase phase = member_phase(machine->member);
    if (phase == MEMBER_GONE || phase == MEMBER_REFUSED)
        faults_see_out(&world->faults, machine, phase == MEMBER_REFUSED);
    else
        control_plan(machine);
}

static void control_run(void *context, uint64_t life)
{
    struct machine *machine = context;
    if (!event_is_due(machine, control_run, context, life))
        return;
    machine->control_at_us = UINT64_MAX;
    member_tick(machine->member, machine_now_ms(machine), machine_wall_us(machine) / US_PER_MS);
    control_done(machine);
}

static void control_plan(struct machine *machine)
{
    uint64_t deadline_ms = member_deadline_ms(machine->member);
    if (deadline_ms >= UINT64_MAX / US_PER_MS)
        return;
    uint64_t at_us = virtual_of_local_us(machine, deadline_ms * US_PER_MS);
    uint64_t now_us = timeline_of(machine)->now_us;
    if (at_us <= now_us)
        at_us = now_us + US_PER_MS / 10; // a loop turn
    if (machine->control_at_us <= at_us)
        return;
    machine->control_at_us = at_us;
    timeline_plan(timeline_of(machine), at_us, control_run, machine, machine->life);
}

static void control_receive(struct machine *machine, const struct frame *frame)
{
    uint64_t now_ms = machine_now_ms(machine);
    if (frame->header.kind == FRAME_RAFT) {
        struct raft_message *message = memory_new(sizeof *message);
        if (raft_message_decode(frame->body, message) != ERROR_NONE) {
            world_fail(machine->world, "a message of the consensus cannot be decoded");
        } else {
            member_receive_raft(machine->member, message, now_ms);
            bug_after_raft(machine, message);
        }
        free(message);
        return;
    }
    struct meeting meeting;
    if (frame->header.kind != FRAME_MEETING ||
        meeting_decode(frame->body, &meeting) != ERROR_NONE) {
        world_fail(machine->world, "a message of the control thread cannot be decoded");
        return;
    }
    member_receive_meeting(machine->member, &meeting, now_ms);
    meeting_deinit(&meeting);
}

static void machine_datagram(void *context, struct bytes data)
{
    struct machine *machine = context;
    struct frame frame;
    enum error error;
    if (frame_parse(data, FRAME_BODY_BYTES_MAX, &frame, &error) != FRAME_COMPLETE) {
        world_fail(machine->world, "a datagram holds no frame");
        return;
    }
    control_receive(machine, &frame);
    control_done(machine);
}

static struct port *machine_accept(void *context, const struct greeting *greeting)
{
    struct machine *machine = context;
    if (greeting->worker >= machine->world->plan.shard_count ||
        (greeting->wanted_id != 0 && greeting->wanted_id != machine->id))
        return NULL;
    return session_accept(&machine->shards[greeting->worker], greeting);
}

// ---- Life ----

void machine_init(struct machine *machine, struct world *world, uint32_t slot)
{
    *machine = (struct machine){.world = world, .slot = slot};
    list_init(&machine->letters);
    struct host *host = &world->network.hosts[slot];
    host->context = machine;
    host->datagram = machine_datagram;
    host->accept = machine_accept;
    for (uint32_t i = 0; i < SHARDS_MAX; i++) {
        struct machine_shard *shard = &machine->shards[i];
        shard->machine = machine;
        shard->number = (uint16_t)i;
        list_init(&shard->sessions);
        list_init(&shard->closed);
        list_init(&shard->dirty);
    }
}

static void shard_begin(struct machine *machine, uint32_t number)
{
    const struct plan *plan = &machine->world->plan;
    struct shard_options options = {
        .number = (uint16_t)number,
        .worker_count = (uint16_t)plan->shard_count,
        .member_id = machine->id,
        .log_bytes_max = plan->log_bytes,
        .value_bytes_max = LOG_VALUE_BYTES_MAX,
        .answer_timeout_ms = plan->answer_timeout_ms,
        .drop_ms = plan->drop_ms,
        .subscribers_output_bytes_max = plan->outlets_bytes,
        .host = {.context = machine, .say = host_say, .hop = host_hop, .stats = host_stats},
    };
    struct machine_shard *shard = &machine->shards[number];
    shard->shard = shard_new(&options);
    shard->is_turn_planned = false;
    memset(shard->attempts, 0, sizeof shard->attempts);
    shard_set_time(shard->shard, shard_time_of(machine));
}

static void member_begin(struct machine *machine)
{
    const struct plan *plan = &machine->world->plan;
    struct member_address *seeds = machine->seeds;
    for (uint32_t i = 0; i < plan->machine_count; i++) {
        snprintf(seeds[i].host, sizeof seeds->host, "m%u", i);
        seeds[i].port = (uint16_t)(FIRST_PORT + i);
    }
    struct member_options options = {
        .self = {.id = machine->id, .port = (uint16_t)(FIRST_PORT + machine->slot), .weight = 1},
        .grid_name = "sim",
        .settings = {.protocol_version = PROTOCOL_VERSION,
                     .partition_count = plan->partition_count,
                     .backups = plan->backups,
                     .min_in_sync = plan->min_in_sync,
                     .bootstrap_expect = machine->is_founder ? plan->founder_count : 0},
        .seeds = seeds,
        .seed_count = plan->machine_count,
        .voters_max = plan->voters_max,
        .heartbeat_ms = plan->heartbeat_ms,
        .lease_ms = plan->lease_ms,
        .suspect_ms = plan->suspect_ms,
        .remove_ms = plan->remove_ms,
        .election_ms = plan->election_ms,
        .drift_per_mille = plan->drift_per_mille,
        .clock_skew_max_ms = 10 * MS_PER_S,
        .leave_ms = 60 * MS_PER_S,
        .migration_parallel = 4,
        .seed = random_next(&machine->world->random),
        .host = {.context = machine,
                 .send_meeting = host_send_meeting,
                 .send_raft = host_send_raft,
                 .view_changed = host_view_changed,
                 .lease_changed = host_lease_changed,
                 .say = host_say},
    };
    snprintf(options.self.name, sizeof options.self.name, "m%u", machine->slot);
    snprintf(options.self.host, sizeof options.self.host, "m%u", machine->slot);
    machine->member = member_new(&options, machine_now_ms(machine));
    member_tick(machine->member, machine_now_ms(machine), machine_wall_us(machine) / US_PER_MS);
}

void machine_start(struct machine *machine, bool is_founder)
{
    struct world *world = machine->world;
    CHECK(!machine->is_up);
    machine->is_up = true;
    machine->is_leaving = false;
    machine->is_founder = is_founder;
    machine->life++;
    machine->id = world_new_id(world);
    machine->lease_until_us = 0;
    machine->view_version = 0;
    machine->control_at_us = UINT64_MAX;
    machine->letter_at_us = 0;
    struct host *host = &world->network.hosts[machine->slot];
    host->is_up = true;
    host->paused_until_us = 0;
    trace_write(&world->trace, world_now_us(world), "m%u starts as %016" PRIx64, machine->slot,
                machine->id);
    for (uint32_t i = 0; i < world->plan.shard_count; i++)
        shard_begin(machine, i);
    member_begin(machine);
    uint64_t first_us = world_now_us(world) + random_below(&world->random, TICK_US);
    timeline_plan(timeline_of(machine), first_us, tick_run, machine, machine->life);
    control_done(machine);
}

void machine_crash(struct machine *machine, bool is_silent)
{
    if (!machine->is_up)
        return;
    struct world *world = machine->world;
    trace_write(&world->trace, world_now_us(world), "m%u %016" PRIx64 " ends%s", machine->slot,
                machine->id, is_silent ? " silently" : "");
    machine->is_up = false;
    machine->life++;
    world->network.hosts[machine->slot].is_up = false;
    streams_crash(&world->network, machine->slot, is_silent);
    struct list *link;
    while ((link = list_pop(&machine->letters)) != NULL)
        letter_free(LIST_ENTRY(link, struct letter, link));
    for (uint32_t i = 0; i < world->plan.shard_count; i++) {
        struct machine_shard *shard = &machine->shards[i];
        shard_drop_pending(shard->shard);
        sessions_free(shard);
        shard_free(shard->shard);
        view_free(shard->view);
        shard->shard = NULL;
        shard->view = NULL;
    }
    member_free(machine->member);
    machine->member = NULL;
}

void machine_deinit(struct machine *machine)
{
    machine_crash(machine, true);
}

bool machine_serves(const struct machine *machine, uint16_t partition)
{
    if (!machine->is_up || machine_now_us(machine) >= machine->lease_until_us)
        return false;
    const struct machine_shard *shard =
        &machine->shards[partition % machine->world->plan.shard_count];
    const struct replica *replica = shard_replica(shard->shard, partition);
    return replica && replica->role == REPLICA_PRIMARY && replica->is_serving;
}
