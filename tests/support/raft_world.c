// SPDX-License-Identifier: Apache-2.0
#include "tests/support/raft_world.h"

#include "cluster/base/memory.h"
#include "cluster/rules/raft_internal.h"

#include <stdarg.h>
#include <stdio.h>

enum { DELAY_US_MAX = 10000 };

void world_fail(struct world *world, const char *format, ...)
{
    if (world->failure[0])
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->failure, sizeof world->failure, format, arguments);
    va_end(arguments);
}

uint64_t world_clock_ms(const struct world_server *server)
{
    return server->clock_offset_ms + server->world->now_us * server->clock_per_mille / 1000000;
}

struct world_server *world_find(struct world *world, uint64_t id)
{
    return id > 0 && id <= world->server_count ? &world->servers[id - 1] : NULL;
}

static void server_print(const struct world *world, const struct world_server *server)
{
    const struct raft *raft = server->raft;
    fprintf(stderr, "%lu: role %d term %lu leader %lu commit %lu last %lu of", server->id,
            (int)raft->role, raft->term, raft->leader, raft->commit_index, raft_last_index(raft));
    for (uint32_t i = 0; i < raft->log.configuration.count; i++) {
        const struct raft_server *other = &raft->log.configuration.servers[i];
        fprintf(stderr, " %lu%s%s", other->id, other->is_voter ? "" : " learns",
                world->servers[other->id - 1].raft ? "" : " dead");
    }
    fprintf(stderr, "\n");
}

void world_print(const struct world *world)
{
    for (uint32_t i = 0; i < world->server_count; i++)
        if (world->servers[i].raft)
            server_print(world, &world->servers[i]);
}

// ---- Letters ----

static struct bytes letter_data(struct bytes data)
{
    uint8_t *copy = memory_new(data.size + 1);
    if (data.size > 0)
        memcpy(copy, data.data, data.size);
    return bytes_of(copy, data.size);
}

static void data_free(struct bytes data)
{
    union {
        const uint8_t *read_only;
        void *owned;
    } pointer = {.read_only = data.data};
    free(pointer.owned);
}

static void letter_free(struct world_letter *letter)
{
    for (uint32_t i = 0; i < letter->message->entry_count; i++)
        data_free(letter->message->entries[i].data);
    data_free(letter->snapshot.data);
    free(letter->message);
}

static size_t message_size(const struct raft_message *message)
{
    return offsetof(struct raft_message, entries) +
           message->entry_count * sizeof message->entries[0];
}

static void letter_post(struct world *world, const struct raft_message *message)
{
    if (world->letter_count == WORLD_LETTERS_MAX) {
        world_fail(world, "too many letters under way");
        return;
    }
    bool is_late = random_below(&world->random, 1000) < world->late_per_mille;
    uint64_t delay_us = is_late ? (uint64_t)world->late_ms * 1000 : DELAY_US_MAX;
    struct world_letter *letter = &world->letters[world->letter_count++];
    size_t size = message_size(message);
    *letter = (struct world_letter){.message = memory_new(size), .snapshot = message->snapshot};
    letter->due_us = world->now_us + 100 + random_below(&world->random, delay_us);
    letter->number = world->letter_number++;
    memcpy(letter->message, message, size);
    for (uint32_t i = 0; i < message->entry_count; i++)
        letter->message->entries[i].data = letter_data(message->entries[i].data);
    letter->snapshot.data = letter_data(message->snapshot.data);
}

static void server_send(void *context, const struct raft_message *message)
{
    struct world_server *from = context;
    struct world *world = from->world;
    if (world->is_blocked[message->from - 1][message->to - 1] ||
        random_below(&world->random, 1000) < world->loss_per_mille)
        return;
    letter_post(world, message);
    if (random_below(&world->random, 1000) < world->repeat_per_mille)
        letter_post(world, message);
}

static void letter_deliver(struct world *world, uint32_t place)
{
    struct world_letter letter = world->letters[place];
    world->letters[place] = world->letters[--world->letter_count];
    struct world_server *to = world_find(world, letter.message->to);
    if (to->raft) {
        memcpy(&world->scratch, letter.message, message_size(letter.message));
        world->scratch.snapshot = letter.snapshot;
        raft_receive(to->raft, &world->scratch, world_clock_ms(to));
        raft_world_check(world, to);
    }
    letter_free(&letter);
}

// ---- The state machine: a hash of the history ----

static uint64_t state_after(uint64_t state, const struct raft_entry *entry)
{
    uint64_t number = 0;
    if (entry->kind == RAFT_COMMAND && entry->data.size == sizeof number)
        memcpy(&number, entry->data.data, sizeof number);
    struct random mix = {.state = state ^ (entry->index << 40) ^ (entry->term << 8) ^ number ^
                                  ((uint64_t)entry->kind << 60)};
    return random_next(&mix);
}

static void server_apply(void *context, const struct raft_entry *entry)
{
    struct world_server *server = context;
    struct world *world = server->world;
    if (entry->index != server->applied_index + 1 || entry->index >= WORLD_ENTRIES_MAX) {
        world_fail(world, "server %lu applies %lu after %lu", server->id, entry->index,
                   server->applied_index);
        return;
    }
    server->applied_index = entry->index;
    server->state = state_after(server->state, entry);
    struct world_entry *agreed = &world->entries[entry->index];
    if (entry->index > world->committed_index) {
        world->committed_index = entry->index;
        *agreed = (struct world_entry){.term = entry->term,
                                       .committed_term = server->raft->term,
                                       .kind = entry->kind,
                                       .state = server->state};
        if (entry->kind == RAFT_CONFIGURATION) {
            world->configured_index = entry->index;
            world->configuration = entry->configuration;
            world->change_count++;
        }
    }
    if (agreed->term != entry->term || agreed->kind != entry->kind ||
        agreed->state != server->state)
        world_fail(world, "server %lu applies another entry %lu", server->id, entry->index);
}

static void server_restore(void *context, const struct raft_snapshot *snapshot)
{
    struct world_server *server = context;
    struct world *world = server->world;
    uint64_t state = 0;
    if (snapshot->data.size == sizeof state)
        memcpy(&state, snapshot->data.data, sizeof state);
    if (snapshot->index <= server->applied_index || snapshot->index > world->committed_index ||
        state != world->entries[snapshot->index].state ||
        snapshot->term != world->entries[snapshot->index].term)
        world_fail(world, "server %lu restores a wrong state %lu", server->id, snapshot->index);
    server->applied_index = snapshot->index;
    server->state = state;
    world->restore_count++;
}

static void server_save(void *context, struct buffer *out)
{
    struct world_server *server = context;
    buffer_append(out, &server->state, sizeof server->state);
}

// ---- What must always hold ----

// Section 3.2: one leader in a term, and it has whatever was committed in terms before. A candidate
// of an earlier term may win late, and lack what has been committed since; nobody obeys it.
static void check_leader(struct world *world, const struct world_server *server)
{
    const struct raft *raft = server->raft;
    if (raft->role != RAFT_LEADER)
        return;
    if (raft->term >= WORLD_TERMS_MAX) {
        world_fail(world, "too many terms");
        return;
    }
    uint64_t *leader = &world->leaders[raft->term];
    if (*leader == server->id)
        return;
    if (*leader != 0)
        world_fail(world, "servers %lu and %lu lead term %lu", *leader, server->id, raft->term);
    *leader = server->id;
    world->leader_count++;
    uint64_t index = world->committed_index;
    while (index > 0 && world->entries[index].committed_term >= raft->term)
        index--;
    if (raft_last_index(raft) < index ||
        (index >= raft->log.prefix_index &&
         raft_log_term_at(&raft->log, index) != world->entries[index].term))
        world_fail(world, "leader %lu of term %lu lacks the committed %lu", server->id, raft->term,
                   index);
}

// While a lease runs there is no leader of a later term, let alone one with a lease.
static void check_leases(struct world *world)
{
    for (uint32_t i = 0; i < world->server_count; i++) {
        const struct world_server *holder = &world->servers[i];
        if (!holder->raft || raft_lease_until_ms(holder->raft) <= world_clock_ms(holder))
            continue;
        for (uint32_t j = 0; j < world->server_count; j++) {
            const struct world_server *other = &world->servers[j];
            if (other->raft && raft_role(other->raft) == RAFT_LEADER &&
                raft_term(other->raft) > raft_term(holder->raft))
                world_fail(world, "server %lu leads term %lu during the lease of %lu in %lu",
                           other->id, raft_term(other->raft), holder->id, raft_term(holder->raft));
        }
    }
}

void raft_world_check(struct world *world, struct world_server *server)
{
    if (server->raft == NULL)
        return;
    if (raft_applied_index(server->raft) != server->applied_index)
        world_fail(world, "server %lu applied %lu, says %lu", server->id, server->applied_index,
                   raft_applied_index(server->raft));
    check_leader(world, server);
    check_leases(world);
}

// ---- Servers ----

struct world_server *world_add(struct world *world)
{
    CHECK(world->server_count < WORLD_SERVERS_MAX);
    struct world_server *server = &world->servers[world->server_count++];
    *server = (struct world_server){.world = world, .id = world->server_count};
    server->clock_offset_ms = random_below(&world->random, 1000000);
    server->clock_per_mille = 1000 + random_below(&world->random, WORLD_DRIFT_PER_MILLE + 1);
    struct raft_options options = {
        .id = server->id,
        .heartbeat_ms = WORLD_HEARTBEAT_MS,
        .election_ms = WORLD_ELECTION_MS,
        .drift_per_mille = WORLD_DRIFT_PER_MILLE,
        .log_entries_max = world->log_entries_max,
        .seed = random_next(&world->random),
        .host = {.context = server,
                 .send = server_send,
                 .apply = server_apply,
                 .restore = server_restore,
                 .save = server_save},
    };
    server->raft = raft_new(&options, world_clock_ms(server));
    return server;
}

struct world *world_new(uint64_t seed, uint32_t count, uint32_t log_entries_max)
{
    struct world *world = memory_new(sizeof *world);
    world->random.state = seed;
    world->log_entries_max = log_entries_max;
    uint64_t state = seed;
    struct raft_snapshot first = {.index = 1, .term = 1, .data = bytes_of(&state, sizeof state)};
    first.configuration.count = count;
    for (uint32_t i = 0; i < count; i++)
        first.configuration.servers[i] = (struct raft_server){.id = i + 1, .is_voter = true};
    world->committed_index = 1;
    world->entries[1] = (struct world_entry){.term = 1, .state = state};
    world->configuration = first.configuration;
    for (uint32_t i = 0; i < count; i++) {
        struct world_server *server = world_add(world);
        raft_bootstrap(server->raft, &first, world_clock_ms(server));
        raft_world_check(world, server);
    }
    return world;
}

void world_crash(struct world_server *server)
{
    raft_free(server->raft);
    server->raft = NULL;
}

void world_free(struct world *world)
{
    for (uint32_t i = 0; i < world->letter_count; i++)
        letter_free(&world->letters[i]);
    for (uint32_t i = 0; i < world->server_count; i++)
        world_crash(&world->servers[i]);
    free(world);
}

static bool configuration_survives(const struct world *world, const struct world_server *without,
                                   const struct raft_configuration *configuration)
{
    uint32_t voters = 0;
    uint32_t living = 0;
    for (uint32_t i = 0; i < configuration->count; i++) {
        const struct raft_server *server = &configuration->servers[i];
        voters += server->is_voter;
        living += server->is_voter && server->id != without->id &&
                  world->servers[server->id - 1].raft != NULL;
    }
    return living > voters / 2;
}

bool world_survives(const struct world *world, const struct raft_configuration *configuration)
{
    struct world_server nobody = {0};
    return configuration_survives(world, &nobody, configuration);
}

bool world_may_crash(const struct world *world, const struct world_server *server)
{
    if (!configuration_survives(world, server, &world->configuration))
        return false;
    for (uint32_t i = 0; i < world->server_count; i++) {
        const struct raft *raft = world->servers[i].raft;
        if (raft && raft->log.configuration_index > world->configured_index &&
            !configuration_survives(world, server, &raft->log.configuration))
            return false;
    }
    return true;
}

struct world_server *world_leader(struct world *world)
{
    struct world_server *leader = NULL;
    for (uint32_t i = 0; i < world->server_count; i++) {
        struct world_server *server = &world->servers[i];
        if (server->raft && !server->is_paused && raft_is_settled(server->raft) &&
            (leader == NULL || raft_term(server->raft) > raft_term(leader->raft)))
            leader = server;
    }
    return leader;
}

enum error world_propose(struct world_server *leader, uint64_t *index)
{
    struct world *world = leader->world;
    uint64_t number = ++world->command_number;
    enum error error =
        raft_propose(leader->raft, bytes_of(&number, sizeof number), world_clock_ms(leader), index);
    raft_world_check(world, leader);
    return error;
}

// ---- Time ----

// The first moment at which the server's clock shows that.
static uint64_t true_time_us(const struct world_server *server, uint64_t clock_ms)
{
    if (clock_ms <= server->clock_offset_ms)
        return 0;
    uint64_t rate = server->clock_per_mille;
    return ((clock_ms - server->clock_offset_ms) * 1000000 + rate - 1) / rate;
}

static struct world_server *next_tick(struct world *world, uint64_t *due_us)
{
    struct world_server *next = NULL;
    for (uint32_t i = 0; i < world->server_count; i++) {
        struct world_server *server = &world->servers[i];
        if (!server->raft || server->is_paused || raft_deadline_ms(server->raft) == UINT64_MAX)
            continue;
        uint64_t tick_us = true_time_us(server, raft_deadline_ms(server->raft));
        if (tick_us < *due_us) {
            *due_us = tick_us;
            next = server;
        }
    }
    return next;
}

// What comes to a server that is paused waits there.
static uint32_t next_letter(struct world *world, uint64_t *due_us)
{
    uint32_t next = UINT32_MAX;
    uint64_t number = 0;
    for (uint32_t i = 0; i < world->letter_count; i++) {
        const struct world_letter *letter = &world->letters[i];
        if (letter->due_us > *due_us || world_find(world, letter->message->to)->is_paused)
            continue;
        if (letter->due_us < *due_us || next == UINT32_MAX || letter->number < number) {
            *due_us = letter->due_us;
            number = letter->number;
            next = i;
        }
    }
    return next;
}

void world_run(struct world *world, uint64_t until_us)
{
    while (!world->failure[0]) {
        uint64_t due_us = until_us;
        struct world_server *tick = next_tick(world, &due_us);
        uint32_t letter = next_letter(world, &due_us);
        if (tick == NULL && letter == UINT32_MAX)
            break;
        if (due_us > world->now_us)
            world->now_us = due_us;
        if (letter != UINT32_MAX) {
            letter_deliver(world, letter);
        } else {
            raft_tick(tick->raft, world_clock_ms(tick));
            raft_world_check(world, tick);
        }
    }
    if (world->now_us < until_us)
        world->now_us = until_us;
}
