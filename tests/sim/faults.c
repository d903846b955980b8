// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/faults.h"

#include "cluster/base/units.h"
#include "node/meta/state.h"
#include "tests/sim/world.h"

#include <inttypes.h>

enum fault_kind {
    FAULT_CRASH = 0,
    FAULT_PAUSE,
    FAULT_SPLIT, // some machines from the others
    FAULT_CUT,   // one path, one way or both
    FAULT_SLOW,
    FAULT_LOSSY,
    FAULT_CLIENT_CUT,
    FAULT_SUBSCRIBER_CUT,
    FAULT_SUBSCRIBER_SLOW,
    FAULT_SUBSCRIBER_PAUSE,
    FAULT_CLOCK_JUMP,
    FAULT_JOIN,
    FAULT_LEAVE,
    FAULT_COUNT
};

enum {
    RESTART_MIN_US = 100 * US_PER_MS,
    RESTART_SPREAD_US = 6 * US_PER_S,
    CUT_MIN_US = 100 * US_PER_MS,
    CUT_SPREAD_US = 5 * US_PER_S,
    SLOW_MAX_US = 300 * US_PER_MS,
    WALL_JUMP_MAX_US = 3 * US_PER_S,
    SUBSCRIBER_PAUSE_MAX_US = 8 * US_PER_S,
};

static uint64_t draw(struct faults *faults, uint64_t bound)
{
    return random_below(&faults->random, bound);
}

static uint32_t machine_count(const struct faults *faults)
{
    return faults->world->plan.machine_count;
}

static void plan_after(struct faults *faults, uint64_t after_us,
                       void (*run)(void *context, uint64_t argument), uint64_t argument)
{
    timeline_plan(&faults->world->timeline, world_now_us(faults->world) + after_us, run, faults,
                  argument);
}

// ---- Crashes ----

// Leaves, sleeps, or does not hear or reach somebody: a leader may take it out of the voters.
static bool is_absent(const struct faults *faults, const struct machine *machine)
{
    const struct network *network = &faults->world->network;
    bool is_cut = false;
    for (uint32_t i = 0; i < machine_count(faults); i++)
        is_cut = is_cut || network->paths[machine->slot][i].is_cut ||
                 network->paths[i][machine->slot].is_cut;
    return machine->is_leaving || is_cut ||
           network->hosts[machine->slot].paused_until_us > world_now_us(faults->world);
}

static bool majority_survives(const struct faults *faults,
                              const struct raft_configuration *configuration,
                              const struct machine *without, bool counts_absent,
                              bool counts_learners)
{
    uint32_t voters = 0;
    uint32_t alive = 0;
    for (uint32_t i = 0; i < configuration->count; i++) {
        const struct machine *voter =
            observer_machine(&faults->world->observer, configuration->servers[i].id);
        if ((!configuration->servers[i].is_voter && !counts_learners) ||
            (!counts_absent && voter && voter != without && is_absent(faults, voter)))
            continue;
        voters++;
        // Who leaves goes as it is when there is no majority to take its partitions.
        alive += voter != NULL && voter != without && !voter->is_leaving;
    }
    return voters == 0 || alive * 2 > voters;
}

// Now, and when the absent do not vote any more: a leader that does not know yet of a death takes
// them out of the voters, which needs a majority of those that remain; or makes a learner a voter
// that is dead.
static bool voters_survive(const struct faults *faults, const struct machine *without)
{
    const struct world *world = faults->world;
    for (uint32_t i = 0; i < machine_count(faults); i++) {
        const struct machine *machine = &world->machines[i];
        if (!machine->is_up)
            continue;
        const struct raft_configuration *configuration = raft_configuration(machine->member->raft);
        for (uint32_t j = 0; j < 4; j++) {
            if (!majority_survives(faults, configuration, without, j & 1, j & 2))
                return false;
        }
    }
    return true;
}

// Another copy in sync lives, is awake, and sees the machine, so that it is not about to be left
// out either.
static bool copies_survive(const struct faults *faults, const struct machine *without)
{
    const struct world *world = faults->world;
    const struct view *view = &world->observer.latest;
    for (uint32_t p = 0; p < view->partition_count; p++) {
        const struct view_partition *partition = &view->partitions[p];
        bool concerns = false;
        bool survives = false;
        for (uint32_t i = 0; i < partition->in_sync_count; i++) {
            const struct machine *machine =
                observer_machine(&world->observer, view->members[partition->replicas[i]].id);
            concerns = concerns || machine == without;
            if (!machine || machine == without)
                continue;
            const struct host *host = &world->network.hosts[machine->slot];
            survives = survives || (host->paused_until_us <= world_now_us(world) &&
                                    network_passes(&world->network, machine->slot, without->slot) &&
                                    network_passes(&world->network, without->slot, machine->slot));
        }
        if (concerns && !survives)
            return false;
    }
    return true;
}

static struct machine *pick(struct faults *faults, bool is_up)
{
    struct machine *machine = &faults->world->machines[draw(faults, machine_count(faults))];
    return machine->is_up == is_up ? machine : NULL;
}

// Where most of the seeds are not in the grid any more, nothing but their settings tells nodes that
// start anew that there is a grid.
static bool may_found(const struct faults *faults)
{
    const struct world *world = faults->world;
    uint32_t member_count = 0;
    for (uint32_t i = 0; i < machine_count(faults); i++) {
        const struct machine *machine = &world->machines[i];
        member_count += machine->is_up && !machine->is_leaving &&
                        view_find_member(&world->observer.latest, machine->id) != VIEW_NO_MEMBER;
    }
    return world->observer.latest.version == 0 || 2 * member_count > machine_count(faults);
}

static void restart_run(void *context, uint64_t slot)
{
    struct faults *faults = context;
    struct machine *machine = &faults->world->machines[slot];
    if (!machine->is_up)
        machine_start(machine, slot < faults->world->plan.founder_count && may_found(faults));
}

static void fault_crash(struct faults *faults)
{
    struct machine *machine = pick(faults, true);
    // A founder that dies before most of the others know of its grid takes the grid with it.
    if (!machine || faults->world->observer.term_count == 0 || !voters_survive(faults, machine) ||
        !copies_survive(faults, machine))
        return;
    bool was_leaving = machine->is_leaving;
    observer_tell(&faults->world->observer);
    machine_crash(machine, draw(faults, 2) == 0);
    memset(faults->world->observer.compared_seqs[machine->slot], 0,
           sizeof faults->world->observer.compared_seqs[machine->slot]);
    observer_see_crash(&faults->world->observer);
    faults->world->tally.crashes++;
    if (!was_leaving && draw(faults, 4) != 0)
        plan_after(faults, RESTART_MIN_US + draw(faults, RESTART_SPREAD_US), restart_run,
                   machine->slot);
}

// ---- Out of the grid ----

static void out_run(void *context, uint64_t argument)
{
    struct faults *faults = context;
    struct machine *machine = &faults->world->machines[argument % MACHINES_MAX];
    if (!machine->is_up || machine->life != argument / MACHINES_MAX)
        return;
    bool has_left = machine->is_leaving;
    machine_crash(machine, false);
    memset(faults->world->observer.compared_seqs[machine->slot], 0,
           sizeof faults->world->observer.compared_seqs[machine->slot]);
    observer_see_crash(&faults->world->observer);
    if (has_left)
        faults->world->tally.leaves++;
    else
        plan_after(faults, RESTART_MIN_US + draw(faults, US_PER_S), restart_run, machine->slot);
}

void faults_see_out(struct faults *faults, struct machine *machine, bool is_refused)
{
    trace_note(&faults->world->trace, world_now_us(faults->world),
               is_refused ? "refused" : "out of the grid", machine->slot, machine->slot,
               machine->life);
    plan_after(faults, is_refused ? US_PER_S : US_PER_MS, out_run,
               machine->life * MACHINES_MAX + machine->slot);
}

// ---- Sleep ----

static void fault_pause(struct faults *faults)
{
    struct machine *machine = pick(faults, true);
    if (!machine)
        return;
    const struct plan *plan = &faults->world->plan;
    static const uint32_t parts = 4; // short ones, around the lease, and until it is thought dead
    uint64_t most_us =
        (uint64_t)(draw(faults, parts) == 0 ? plan->remove_ms * 2 : plan->lease_ms) * 2 * US_PER_MS;
    uint64_t for_us = 10 * US_PER_MS + draw(faults, most_us);
    trace_write(&faults->world->trace, world_now_us(faults->world), "m%u sleeps for %.3f s",
                machine->slot, (double)for_us / US_PER_S);
    machine_pause(machine, for_us);
    faults->world->tally.pauses++;
}

// Its process is stopped: nothing is read, whatever is sent.
static void fault_subscriber_pause(struct faults *faults)
{
    struct world *world = faults->world;
    uint32_t number = (uint32_t)draw(faults, world->plan.subscriber_count);
    uint64_t until_us = world_now_us(world) + draw(faults, SUBSCRIBER_PAUSE_MAX_US);
    uint64_t *paused_until_us = &world->network.hosts[SUBSCRIBER_HOST + number].paused_until_us;
    trace_write(&world->trace, world_now_us(world), "subscriber %u sleeps until %.3f s", number,
                (double)until_us / US_PER_S);
    if (until_us > *paused_until_us)
        *paused_until_us = until_us;
    world->tally.pauses++;
}

uint64_t faults_nap_us(struct faults *faults, const struct machine *machine)
{
    if (faults->is_over || draw(faults, 10000) >= faults->nap_per_10k)
        return 0;
    uint64_t nap_us = (uint64_t)faults->world->plan.suspect_ms * US_PER_MS / 2;
    nap_us += draw(faults, 3 * nap_us);
    trace_write(&faults->world->trace, world_now_us(faults->world),
                "m%u sleeps in the middle of a turn for %.3f s", machine->slot,
                (double)nap_us / US_PER_S);
    faults->world->tally.naps++;
    return nap_us;
}

// ---- Paths ----

static void path_heal_run(void *context, uint64_t argument)
{
    struct faults *faults = context;
    uint32_t from = (uint32_t)(argument / HOSTS_MAX);
    uint32_t to = (uint32_t)(argument % HOSTS_MAX);
    faults->world->network.paths[from][to] = (struct path){0};
}

static void path_set(struct faults *faults, uint32_t from, uint32_t to, const struct path *path,
                     uint64_t for_us)
{
    faults->world->network.paths[from][to] = *path;
    plan_after(faults, for_us, path_heal_run, (uint64_t)from * HOSTS_MAX + to);
}

static uint64_t cut_us(struct faults *faults)
{
    return CUT_MIN_US + draw(faults, draw(faults, 3) == 0 ? 2 * CUT_SPREAD_US : CUT_SPREAD_US);
}

static void fault_split(struct faults *faults)
{
    uint32_t side = (uint32_t)draw(faults, (uint64_t)1 << machine_count(faults));
    bool is_one_way = draw(faults, 3) == 0;
    uint64_t for_us = cut_us(faults);
    const struct path path = {.is_cut = true};
    trace_write(&faults->world->trace, world_now_us(faults->world),
                "split 0x%x from the others%s for %.3f s", side, is_one_way ? ", one way" : "",
                (double)for_us / US_PER_S);
    for (uint32_t a = 0; a < machine_count(faults); a++) {
        for (uint32_t b = 0; b < machine_count(faults); b++) {
            if (!(side >> a & 1) || side >> b & 1)
                continue;
            path_set(faults, a, b, &path, for_us);
            if (!is_one_way)
                path_set(faults, b, a, &path, for_us);
        }
    }
    faults->world->tally.cuts++;
}

static void fault_path(struct faults *faults, const struct path *path, uint32_t to_first,
                       uint32_t to_count, const char *what)
{
    uint32_t from = (uint32_t)draw(faults, machine_count(faults));
    uint32_t to = to_first + (uint32_t)draw(faults, to_count);
    uint64_t for_us = cut_us(faults);
    if (from == to)
        return;
    bool is_one_way = draw(faults, 2) == 0;
    bool is_back = draw(faults, 2) == 0;
    trace_write(&faults->world->trace, world_now_us(faults->world), "%s %u %s %u for %.3f s", what,
                from, is_one_way ? is_back ? "<-" : "->" : "<->", to, (double)for_us / US_PER_S);
    if (!is_one_way || !is_back)
        path_set(faults, from, to, path, for_us);
    if (!is_one_way || is_back)
        path_set(faults, to, from, path, for_us);
    if (path->is_cut)
        faults->world->tally.cuts++;
    else
        faults->world->tally.slow_paths++;
}

// ---- Clocks, members ----

static void fault_clock_jump(struct faults *faults)
{
    struct machine *machine = pick(faults, true);
    if (!machine)
        return;
    machine->wall_offset_us =
        (int64_t)draw(faults, 2 * (uint64_t)WALL_JUMP_MAX_US) - WALL_JUMP_MAX_US;
    trace_write(&faults->world->trace, world_now_us(faults->world),
                "the wall clock of m%u jumps to %+" PRId64 " us", machine->slot,
                machine->wall_offset_us);
    faults->world->tally.clock_jumps++;
}

static void fault_join(struct faults *faults)
{
    struct machine *machine = pick(faults, false);
    if (!machine || machine->slot < faults->world->plan.founder_count)
        return;
    machine_start(machine, false);
    faults->world->tally.joins++;
}

static void fault_leave(struct faults *faults)
{
    struct machine *machine = pick(faults, true);
    char text[MEETING_TEXT_BYTES_MAX];
    uint32_t up_count = 0;
    for (uint32_t i = 0; i < machine_count(faults); i++)
        up_count += faults->world->machines[i].is_up && !faults->world->machines[i].is_leaving;
    if (!machine || machine->is_leaving || up_count <= 2 ||
        member_phase(machine->member) != MEMBER_JOINED || !voters_survive(faults, machine))
        return;
    machine->is_leaving = member_leave(machine->member, text, machine_now_us(machine) / US_PER_MS);
    trace_write(&faults->world->trace, world_now_us(faults->world), "m%u is asked to leave%s",
                machine->slot, machine->is_leaving ? "" : ", and refuses");
}

// ---- The schedule ----

static void fault_do(struct faults *faults, enum fault_kind kind)
{
    const struct path cut = {.is_cut = true};
    const struct path slow = {.slow_us = (uint32_t)(US_PER_MS + draw(faults, SLOW_MAX_US))};
    const struct path lossy = {.loss_per_mille = (uint32_t)(100 + draw(faults, 800))};
    switch (kind) {
    case FAULT_CRASH:
        fault_crash(faults);
        break;
    case FAULT_PAUSE:
        fault_pause(faults);
        break;
    case FAULT_SPLIT:
        fault_split(faults);
        break;
    case FAULT_CUT:
        fault_path(faults, &cut, 0, machine_count(faults), "cut");
        break;
    case FAULT_SLOW:
        fault_path(faults, &slow, 0, machine_count(faults), "slow");
        break;
    case FAULT_LOSSY:
        fault_path(faults, &lossy, 0, machine_count(faults), "lossy");
        break;
    case FAULT_CLIENT_CUT:
        fault_path(faults, &cut, MACHINES_MAX, faults->world->plan.client_count, "cut");
        break;
    case FAULT_SUBSCRIBER_CUT:
        fault_path(faults, &cut, SUBSCRIBER_HOST, faults->world->plan.subscriber_count, "cut");
        break;
    case FAULT_SUBSCRIBER_SLOW:
        fault_path(faults, &slow, SUBSCRIBER_HOST, faults->world->plan.subscriber_count, "slow");
        break;
    case FAULT_SUBSCRIBER_PAUSE:
        fault_subscriber_pause(faults);
        break;
    case FAULT_CLOCK_JUMP:
        fault_clock_jump(faults);
        break;
    case FAULT_JOIN:
        fault_join(faults);
        break;
    case FAULT_LEAVE:
        fault_leave(faults);
        break;
    case FAULT_COUNT:
        break;
    }
}

static enum fault_kind fault_choose(struct faults *faults)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < FAULT_COUNT; i++)
        total += faults->weights[i];
    uint64_t left = draw(faults, total);
    uint32_t kind = 0;
    while (left >= faults->weights[kind])
        left -= faults->weights[kind++];
    return (enum fault_kind)kind;
}

static void fault_run(void *context, uint64_t argument)
{
    struct faults *faults = context;
    if (faults->is_over)
        return;
    fault_do(faults, fault_choose(faults));
    plan_after(faults, 1 + draw(faults, 2 * (uint64_t)faults->gap_us), fault_run, argument);
}

void faults_start(struct faults *faults, struct world *world)
{
    // Each run has its own taste: some kinds often, some never.
    static const uint32_t usual[FAULT_COUNT] = {
        [FAULT_CRASH] = 8,
        [FAULT_PAUSE] = 6,
        [FAULT_SPLIT] = 4,
        [FAULT_CUT] = 6,
        [FAULT_SLOW] = 4,
        [FAULT_LOSSY] = 3,
        [FAULT_CLIENT_CUT] = 3,
        [FAULT_CLOCK_JUMP] = 2,
        [FAULT_JOIN] = 3,
        [FAULT_LEAVE] = 2,
        [FAULT_SUBSCRIBER_CUT] = 3,
        [FAULT_SUBSCRIBER_SLOW] = 2,
        [FAULT_SUBSCRIBER_PAUSE] = 3,
    };
    *faults = (struct faults){.world = world, .random = {.state = random_next(&world->random)}};
    for (uint32_t i = 0; i < FAULT_COUNT; i++)
        faults->weights[i] = usual[i] * (uint32_t)draw(faults, 4);
    faults->weights[FAULT_CRASH] += 1;
    faults->gap_us = (uint32_t)(200 * US_PER_MS + draw(faults, 2 * US_PER_S));
    faults->nap_per_10k = draw(faults, 2) == 0 ? (uint32_t)draw(faults, 10) : 0;
    plan_after(faults, draw(faults, 3 * US_PER_S), fault_run, 0);
}

bool faults_stop(struct faults *faults)
{
    bool are_awake = true;
    faults->is_over = true;
    for (uint32_t i = 0; i < machine_count(faults); i++) {
        uint64_t until_us = faults->world->network.hosts[i].paused_until_us;
        are_awake = are_awake && until_us <= world_now_us(faults->world);
    }
    for (uint32_t i = 0; i < faults->world->plan.subscriber_count; i++) {
        uint64_t until_us = faults->world->network.hosts[SUBSCRIBER_HOST + i].paused_until_us;
        are_awake = are_awake && until_us <= world_now_us(faults->world);
    }
    return are_awake;
}

void faults_heal(struct faults *faults)
{
    struct world *world = faults->world;
    network_heal(&world->network);
    for (uint32_t i = 0; i < machine_count(faults); i++) {
        if (!world->machines[i].is_up && i < world->plan.founder_count)
            plan_after(faults, draw(faults, US_PER_S), restart_run, i);
    }
}
