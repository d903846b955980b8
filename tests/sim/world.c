// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.h"

#include "cluster/base/units.h"

#include <stdarg.h>

enum {
    PHASE_STEP_US = 100 * US_PER_MS,
    HEAL_MAX_US = 30 * US_PER_S, // until the grid must be whole again
    WHOLE_US = 2 * US_PER_S,     // of operations that must succeed
    QUIET_US = 3 * US_PER_S,
    QUIET_MAX_US = 30 * US_PER_S,
    VIRTUAL_MAX_US = 300 * US_PER_S,
};

void world_fail(struct world *world, const char *format, ...)
{
    if (world->has_failed)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->failure, sizeof world->failure, format, arguments);
    va_end(arguments);
    world->has_failed = true;
    trace_write(&world->trace, world_now_us(world), "VIOLATION: %s", world->failure);
}

uint64_t world_new_id(struct world *world)
{
    uint64_t id = random_next(&world->random);
    return id ? id : 1;
}

// ---- What the seed chooses ----

static uint32_t between(struct world *world, uint32_t low, uint32_t high)
{
    return low + (uint32_t)random_below(&world->random, high - low + 1);
}

static void plan_choose(struct world *world)
{
    struct plan *plan = &world->plan;
    static const uint64_t log_bytes[] = {1024, 16 * 1024, 1024 * 1024};
    static const size_t outlet_bytes[] = {1024, 16 * 1024, 16 * 1024 * 1024};
    static const size_t window_bytes[] = {1024, 16 * 1024, 1024 * 1024};
    plan->founder_count = between(world, 3, 5);
    if (between(world, 0, 9) == 0)
        plan->founder_count = between(world, 1, 2);
    // All are seeds, and a grid is founded by most of the seeds.
    uint32_t spare_max = plan->founder_count > 2 ? 2 : plan->founder_count - 1;
    plan->machine_count = plan->founder_count + between(world, 0, spare_max);
    plan->shard_count = between(world, 0, 3) == 0 ? 2 : 1;
    plan->partition_count = (uint32_t)1 << between(world, 2, 4);
    plan->backups = between(world, 0, 3) == 0 ? 2 : 1;
    plan->min_in_sync = plan->founder_count > 2 && between(world, 0, 7) == 0 ? 2 : 1;
    plan->voters_max = between(world, 0, 1) == 0 ? 3 : 5;
    plan->client_count = between(world, 2, CLIENTS_MAX);
    plan->key_count = between(world, 3, KEYS_MAX);
    plan->heartbeat_ms = between(world, 50, 200);
    plan->suspect_ms = plan->heartbeat_ms * between(world, 5, 8);
    plan->lease_ms = plan->suspect_ms * 8 / 10;
    plan->remove_ms = plan->suspect_ms * between(world, 2, 4);
    plan->election_ms = plan->heartbeat_ms * between(world, 4, 6);
    plan->drift_per_mille = between(world, 0, 1) == 0 ? 10 : 50;
    plan->drop_ms = between(world, 100, 1000);
    plan->answer_timeout_ms = between(world, 500, 3000);
    plan->log_bytes = log_bytes[between(world, 0, 2)];
    plan->expiring_per_mille = between(world, 0, 1) == 0 ? 0 : between(world, 1, 300);
    plan->clears_per_mille = between(world, 0, 3) == 0 ? between(world, 1, 20) : 0;
    plan->subscriber_count = between(world, 1, SUBSCRIBERS_MAX);
    plan->outlet_bytes = outlet_bytes[between(world, 0, 2)];
    plan->outlets_bytes = between(world, 0, 3) == 0 ? 2 * plan->outlet_bytes : 0;
    plan->window_bytes = window_bytes[between(world, 0, 2)];
    plan->read_rest_us = between(world, 0, 2) == 0 ? between(world, 1, 200) * US_PER_MS : 0;
    plan->faults_end_us = (uint64_t)between(world, 8, 30) * US_PER_S;
}

static void weather_choose(struct world *world)
{
    world->network.weather = (struct weather){
        .delay_min_us = between(world, 20, 500),
        .delay_spread_us = between(world, 50, 2000),
        .late_per_mille = between(world, 0, 20),
        .late_us = between(world, 1, 200) * US_PER_MS,
        .loss_per_mille = between(world, 0, 1) == 0 ? 0 : between(world, 0, 50),
        .twice_per_mille = between(world, 0, 20),
    };
}

// The clocks of two machines differ by at most the drift that the design allows for.
static void clocks_choose(struct world *world, struct machine *machine)
{
    uint32_t half = world->plan.drift_per_mille / 2;
    machine->rate_per_mille = (int32_t)between(world, 0, 2 * half) - (int32_t)half;
    machine->clock_start_us = US_PER_S + random_below(&world->random, 1000 * (uint64_t)US_PER_S);
    machine->wall_offset_us = (int64_t)between(world, 0, 100 * US_PER_MS);
}

// ---- Phases ----

static void phase_enter(struct world *world, enum phase phase)
{
    static const char *const names[] = {"faults", "healed", "whole", "last", "quiet", "over"};
    trace_write(&world->trace, world_now_us(world), "---- %s", names[phase]);
    world->phase = phase;
    world->phase_since_us = world_now_us(world);
}

static bool clients_stop(struct world *world)
{
    bool are_stopped = true;
    for (uint32_t i = 0; i < world->plan.client_count; i++)
        are_stopped = client_stop(&world->clients[i]) && are_stopped;
    return are_stopped;
}

static void phase_heal(struct world *world, uint64_t since_us)
{
    const char *lack = observer_lack(&world->observer);
    if (!lack) {
        world->tally.heal_us = since_us;
        world->tally.heal_max_us = since_us;
        phase_enter(world, PHASE_WHOLE);
    } else if (since_us > HEAL_MAX_US) {
        observer_tell(&world->observer);
        world_fail(world, "%d s after all healed: %s", (int)(HEAL_MAX_US / US_PER_S), lack);
    }
}

// Each key is read once more, by one client after the other.
static void phase_last(struct world *world)
{
    if (!clients_stop(world))
        return;
    if (world->last_key == world->plan.key_count) {
        phase_enter(world, PHASE_QUIET);
        return;
    }
    for (uint32_t i = 0; i < world->plan.client_count && world->last_key < world->plan.key_count;
         i++) {
        uint32_t key = world->last_key++;
        if (!observer_key_is_lost(&world->observer, key))
            client_read_last(&world->clients[i], key);
    }
}

// What still expires does, copies are told the last commit points, subscribers miss the dead and
// hear everything.
static void phase_quiet(struct world *world, uint64_t since_us)
{
    const char *lack =
        observer_is_expiring(&world->observer) ? "an entry has still to expire" : NULL;
    for (uint32_t i = 0; i < world->plan.subscriber_count && !lack; i++)
        lack = subscriber_lack(&world->subscribers[i]);
    if (!lack && since_us >= QUIET_US)
        phase_enter(world, PHASE_OVER);
    else if (lack && since_us > QUIET_MAX_US)
        world_fail(world, "%d s after the last operation: %s", (int)(QUIET_MAX_US / US_PER_S),
                   lack);
}

static void phase_run(void *context, uint64_t argument)
{
    struct world *world = context;
    uint64_t since_us = world_now_us(world) - world->phase_since_us;
    timeline_plan(&world->timeline, world_now_us(world) + PHASE_STEP_US, phase_run, world,
                  argument);
    switch (world->phase) {
    case PHASE_FAULTS:
        if (world_now_us(world) >= world->plan.faults_end_us && faults_stop(&world->faults)) {
            faults_heal(&world->faults);
            phase_enter(world, PHASE_HEALED);
        }
        break;
    case PHASE_HEALED:
        phase_heal(world, since_us);
        break;
    case PHASE_WHOLE:
        if (since_us >= WHOLE_US)
            phase_enter(world, PHASE_LAST);
        break;
    case PHASE_LAST:
        phase_last(world);
        break;
    case PHASE_QUIET:
        phase_quiet(world, since_us);
        break;
    case PHASE_OVER:
        break;
    }
}

// ---- The run ----

static void world_init(struct world *world, const struct world_options *options)
{
    *world = (struct world){.seed = options->seed, .bug = options->bug};
    world->has_orphans = options->has_orphans;
    world->random.state = options->seed;
    world->trace.out = options->trace;
    plan_choose(world);
    const struct plan *plan = &world->plan;
    network_init(&world->network, &world->timeline, &world->trace, random_next(&world->random));
    weather_choose(world);
    observer_init(&world->observer, world);
    trace_write(&world->trace, 0,
                "%u founders of %u machines, %u partitions, %u backups, min-in-sync %u, "
                "%u workers, heartbeat %u ms, lease %u ms, suspect %u ms, drift %u",
                plan->founder_count, plan->machine_count, plan->partition_count, plan->backups,
                plan->min_in_sync, plan->shard_count, plan->heartbeat_ms, plan->lease_ms,
                plan->suspect_ms, plan->drift_per_mille);
    for (uint32_t i = 0; i < plan->machine_count; i++) {
        machine_init(&world->machines[i], world, i);
        clocks_choose(world, &world->machines[i]);
        if (i < plan->founder_count)
            machine_start(&world->machines[i], true);
    }
    for (uint32_t i = 0; i < plan->client_count; i++)
        client_start(&world->clients[i], world, i);
    for (uint32_t i = 0; i < plan->subscriber_count; i++)
        subscriber_start(&world->subscribers[i], world, i);
    faults_start(&world->faults, world);
    timeline_plan(&world->timeline, PHASE_STEP_US, phase_run, world, 0);
}

static void history_check(struct world *world)
{
    for (uint32_t key = 0; key < world->plan.key_count && !world->has_failed; key++) {
        if (observer_key_is_lost(&world->observer, key))
            continue;
        enum linear_verdict verdict = linear_check(&world->history, key);
        if (verdict == LINEAR_YES)
            continue;
        for (uint32_t i = 0; i < world->history.count && world->trace.out; i++) {
            char text[256];
            deed_print(&world->history.deeds[i], text, sizeof text);
            if (world->history.deeds[i].key == key)
                fprintf(world->trace.out, "  %s\n", text);
        }
        world_fail(world,
                   verdict == LINEAR_NO ? "the history of key %u is not linearizable"
                                        : "the history of key %u has too many orders",
                   key);
    }
}

bool world_run(struct world *world, const struct world_options *options)
{
    world_init(world, options);
    struct occasion next;
    while (!world->has_failed && world->phase != PHASE_OVER &&
           timeline_next(&world->timeline, &next)) {
        world->tally.events++;
        next.run(next.context, next.argument);
        if (world_now_us(world) > VIRTUAL_MAX_US)
            world_fail(world, "no end");
    }
    world->tally.virtual_us = world_now_us(world);
    if (!world->has_failed) {
        observer_compare_copies(&world->observer);
        for (uint32_t i = 0; i < world->plan.subscriber_count; i++)
            subscriber_check_quiet(&world->subscribers[i]);
    }
    history_check(world);
    return !world->has_failed;
}

void world_deinit(struct world *world)
{
    for (uint32_t i = 0; i < world->plan.machine_count; i++)
        machine_deinit(&world->machines[i]);
    for (uint32_t i = 0; i < world->plan.client_count; i++)
        client_deinit(&world->clients[i]);
    for (uint32_t i = 0; i < world->plan.subscriber_count; i++)
        subscriber_deinit(&world->subscribers[i]);
    tokens_deinit(world->tokens);
    network_deinit(&world->network);
    timeline_deinit(&world->timeline);
    observer_deinit(&world->observer);
    history_deinit(&world->history);
}
