// SPDX-License-Identifier: Apache-2.0
// One primary and its backups over a bad network, from a seed: APPEND, ACK and GAP get lost,
// repeated and reordered, links go down, backups restart empty, the log drops what nobody needs.
#include "cluster/rules/backup.h"
#include "cluster/rules/primary.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"

#include <criterion/criterion.h>

enum {
    EPOCH = 1,
    KEYS = 24,
    SEQ_MAX = 4000,
    STEPS = 3000,
    LINK_MAX = 64,      // messages in one direction of a bad link; more are lost
    QUEUE_MAX = 2048,   // of a good one, which loses nothing
    FRAME_EFFECTS = 8,  // at most, in one APPEND
    LOSS_PERCENT = 8,   // of APPEND, ACK, GAP
    REPEAT_PERCENT = 8, // of the same
};

// To the primary: ACK and GAP. To a backup: the others.
enum message_kind { ACK, GAP, APPEND, FILL_BEGIN, FILL_ENTRY, FILL_END };

struct message {
    enum message_kind kind;
    uint64_t seq;   // ACK, GAP, FILL_BEGIN, FILL_END; APPEND: the first; FILL_ENTRY: the version
    uint32_t count; // APPEND
    uint64_t commit_seq;          // APPEND
    uint32_t key;                 // FILL_ENTRY
    uint32_t keys[FRAME_EFFECTS]; // APPEND: what each effect writes
};

struct queue {
    struct message messages[QUEUE_MAX];
    uint32_t count;
};

// A replica's data: each effect writes its own seq as the value of a key.
struct replica {
    uint32_t log[SEQ_MAX + 1]; // the key that effect [seq] writes
    uint64_t table[KEYS];      // 0: no entry
    uint64_t last_seq;         // of the log
};

struct test_backup {
    struct backup rules;
    struct replica replica;
    struct queue to_backup;
    struct queue to_primary;
    bool is_linked;
    bool is_scanning;
    uint32_t scan_key; // the next one to send
};

struct sim {
    uint64_t seed;
    struct random random;
    bool is_healed;
    struct primary primary;
    struct replica replica;
    uint64_t first_seq;
    uint64_t needed_seq;
    uint32_t backup_count;
    struct test_backup backups[PRIMARY_BACKUPS_MAX];
    uint32_t fill_count; // over all backups; that the seeds do reach fills is checked
};

#define SIM_CHECK(sim, condition)                                                                  \
    cr_assert(condition, "seed %llu: " #condition, (unsigned long long)(sim)->seed)

static bool sim_chance(struct sim *sim, uint32_t percent)
{
    return !sim->is_healed && random_below(&sim->random, 100) < percent;
}

// ---- The network ----

static void queue_push(struct sim *sim, struct queue *queue, const struct message *message)
{
    bool may_be_lost = message->kind <= APPEND;
    bool is_full = !sim->is_healed && queue->count >= LINK_MAX;
    if (may_be_lost && (is_full || sim_chance(sim, LOSS_PERCENT)))
        return;
    SIM_CHECK(sim, queue->count < QUEUE_MAX);
    queue->messages[queue->count++] = *message;
}

// Takes any message, but fills in their order.
static struct message queue_take(struct sim *sim, struct queue *queue)
{
    uint32_t at = sim->is_healed ? 0 : (uint32_t)random_below(&sim->random, queue->count);
    if (queue->messages[at].kind > APPEND)
        for (at = 0; queue->messages[at].kind <= APPEND; at++)
            continue;
    struct message message = queue->messages[at];
    if (message.kind <= APPEND && sim_chance(sim, REPEAT_PERCENT))
        return message;
    queue->count--;
    memmove(&queue->messages[at], &queue->messages[at + 1],
            (queue->count - at) * sizeof queue->messages[0]);
    return message;
}

// ---- What must hold ----

static bool backup_is_exact(const struct sim *sim, const struct test_backup *backup)
{
    uint64_t table[KEYS] = {0};
    for (uint64_t seq = 1; seq <= backup->rules.last_seq; seq++)
        table[sim->replica.log[seq]] = seq;
    return memcmp(table, backup->replica.table, sizeof table) == 0;
}

static void sim_check_commit(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->backup_count; i++) {
        const struct test_backup *backup = &sim->backups[i];
        SIM_CHECK(sim, !backup->rules.is_filling);
        SIM_CHECK(sim, backup->rules.last_seq >= sim->primary.committed_seq);
        SIM_CHECK(sim, backup_is_exact(sim, backup));
    }
}

// ---- The primary's side ----

static void append_send(struct sim *sim, uint32_t index, uint64_t first_seq, uint32_t count)
{
    struct message message = {
        .kind = APPEND, .seq = first_seq, .count = count, .commit_seq = sim->primary.committed_seq};
    for (uint32_t i = 0; i < count; i++)
        message.keys[i] = sim->replica.log[first_seq + i];
    queue_push(sim, &sim->backups[index].to_backup, &message);
}

static void sim_send(struct sim *sim, uint32_t index, struct primary_send send)
{
    SIM_CHECK(sim, sim->backups[index].is_linked);
    SIM_CHECK(sim, send.from_seq >= sim->first_seq && send.to_seq <= sim->replica.last_seq);
    while (send.from_seq <= send.to_seq) {
        uint32_t count = 1 + (uint32_t)random_below(&sim->random, FRAME_EFFECTS);
        if (count > send.to_seq - send.from_seq + 1)
            count = (uint32_t)(send.to_seq - send.from_seq + 1);
        append_send(sim, index, send.from_seq, count);
        send.from_seq += count;
    }
}

static void sim_fill(struct sim *sim, uint32_t index)
{
    struct test_backup *backup = &sim->backups[index];
    struct message message = {.kind = FILL_BEGIN, .seq = sim->primary.backups[index].sent_seq};
    queue_push(sim, &backup->to_backup, &message);
    backup->is_scanning = true;
    backup->scan_key = 0;
    sim->fill_count++;
}

static void sim_primary(struct sim *sim, struct primary_event event)
{
    struct primary_output output;
    primary_step(&sim->primary, &event, &output);
    if (output.committed)
        sim_check_commit(sim);
    for (uint32_t i = 0; i < sim->backup_count; i++) {
        if (output.fill[i])
            sim_fill(sim, i);
        if (output.send[i].from_seq)
            sim_send(sim, i, output.send[i]);
    }
    SIM_CHECK(sim, output.needed_seq >= sim->first_seq);
    sim->needed_seq = output.needed_seq;
}

static void sim_write(struct sim *sim)
{
    uint32_t blamed;
    if (sim->replica.last_seq == SEQ_MAX ||
        primary_write_refusal(&sim->primary, &blamed) != ERROR_NONE)
        return;
    uint32_t key = (uint32_t)random_below(&sim->random, KEYS);
    sim->replica.log[++sim->replica.last_seq] = key;
    sim->replica.table[key] = sim->replica.last_seq;
    sim_primary(sim, (struct primary_event){.kind = PRIMARY_APPENDED,
                                            .last_seq = sim->replica.last_seq,
                                            .first_seq = sim->first_seq});
}

static void sim_scan(struct sim *sim, uint32_t index)
{
    struct test_backup *backup = &sim->backups[index];
    // A full link keeps the scan waiting.
    if (!backup->is_scanning || backup->to_backup.count >= LINK_MAX)
        return;
    struct message message = {.kind = FILL_END};
    if (backup->scan_key < KEYS) {
        message.kind = FILL_ENTRY;
        message.key = backup->scan_key;
        message.seq = sim->replica.table[backup->scan_key++];
        queue_push(sim, &backup->to_backup, &message);
        return;
    }
    backup->is_scanning = false;
    sim_primary(sim, (struct primary_event){.kind = PRIMARY_FILLED,
                                            .backup = index,
                                            .seq = sim->primary.backups[index].sent_seq});
    message.seq = sim->primary.backups[index].exact_seq;
    queue_push(sim, &backup->to_backup, &message);
}

static void sim_announce(struct sim *sim, uint32_t index)
{
    if (sim->primary.backups[index].state == BACKUP_TAILING)
        append_send(sim, index, sim->primary.backups[index].sent_seq + 1, 0);
}

static void sim_trim(struct sim *sim)
{
    if (sim->needed_seq > sim->first_seq)
        sim->first_seq += random_below(&sim->random, sim->needed_seq - sim->first_seq + 1);
}

// ---- A backup's side ----

static void backup_take_append(struct sim *sim, struct test_backup *backup,
                               const struct message *message, uint32_t skip)
{
    for (uint32_t i = skip; i < message->count; i++) {
        uint64_t seq = message->seq + i;
        SIM_CHECK(sim, seq == ++backup->replica.last_seq);
        backup->replica.log[seq] = message->keys[i];
        backup->replica.table[message->keys[i]] = seq;
        SIM_CHECK(sim, backup->replica.log[seq] == sim->replica.log[seq]);
    }
    SIM_CHECK(sim, backup->rules.last_seq == message->seq + message->count - 1);
}

static void backup_take(struct sim *sim, struct test_backup *backup, struct message message)
{
    static const enum backup_event_kind kinds[] = {[APPEND] = BACKUP_APPEND,
                                                   [FILL_BEGIN] = BACKUP_FILL_BEGIN,
                                                   [FILL_ENTRY] = BACKUP_FILL_ENTRY,
                                                   [FILL_END] = BACKUP_FILL_END};
    struct backup_event event = {.kind = kinds[message.kind],
                                 .epoch = EPOCH,
                                 .first_seq = message.seq,
                                 .count = message.count,
                                 .commit_seq = message.commit_seq,
                                 .seq = message.seq};
    struct backup_output output;
    backup_step(&backup->rules, &event, &output);
    if (output.verdict == BACKUP_ACCEPT && message.kind == APPEND)
        backup_take_append(sim, backup, &message, output.skip);
    if (output.verdict == BACKUP_ACCEPT && message.kind == FILL_BEGIN)
        backup->replica = (struct replica){.last_seq = message.seq};
    if (output.verdict == BACKUP_ACCEPT && message.kind == FILL_ENTRY)
        backup->replica.table[message.key] = message.seq;
    SIM_CHECK(sim, backup->rules.last_seq <= sim->replica.last_seq);
    SIM_CHECK(sim, backup->rules.committed_seq <= sim->primary.committed_seq);
    struct message answer = {.seq = backup->rules.last_seq};
    answer.kind = output.acknowledge ? ACK : GAP;
    if (output.acknowledge || output.verdict == BACKUP_REPORT_GAP)
        queue_push(sim, &backup->to_primary, &answer);
}

// ---- Links ----

static void sim_link_down(struct sim *sim, uint32_t index)
{
    struct test_backup *backup = &sim->backups[index];
    if (!backup->is_linked)
        return;
    backup->is_linked = false;
    backup->is_scanning = false;
    backup->to_backup.count = 0;
    backup->to_primary.count = 0;
    struct backup_event event = {.kind = BACKUP_RESET_LINK};
    struct backup_output output;
    backup_step(&backup->rules, &event, &output);
    if (output.verdict == BACKUP_ACCEPT)
        backup->replica = (struct replica){0};
    sim_primary(sim, (struct primary_event){.kind = PRIMARY_LINK_DOWN, .backup = index});
}

static void sim_link_up(struct sim *sim, uint32_t index)
{
    struct test_backup *backup = &sim->backups[index];
    if (backup->is_linked)
        return;
    backup->is_linked = true;
    sim_primary(sim, (struct primary_event){.kind = PRIMARY_LINK_UP,
                                            .backup = index,
                                            .epoch = EPOCH,
                                            .seq = backup->rules.last_seq,
                                            .first_seq = sim->first_seq});
}

static void sim_restart(struct sim *sim, uint32_t index)
{
    sim_link_down(sim, index);
    struct test_backup *backup = &sim->backups[index];
    backup_init(&backup->rules, EPOCH, 0, 0);
    backup->replica = (struct replica){0};
}

// ---- The run ----

static bool sim_deliver(struct sim *sim, uint32_t index)
{
    struct test_backup *backup = &sim->backups[index];
    bool to_backup = random_below(&sim->random, 2) == 0;
    if ((to_backup ? &backup->to_backup : &backup->to_primary)->count == 0)
        to_backup = !to_backup;
    struct queue *queue = to_backup ? &backup->to_backup : &backup->to_primary;
    if (queue->count == 0)
        return false;
    struct message message = queue_take(sim, queue);
    if (to_backup)
        backup_take(sim, backup, message);
    else
        sim_primary(sim,
                    (struct primary_event){.kind = message.kind == ACK ? PRIMARY_ACK : PRIMARY_GAP,
                                           .backup = index,
                                           .epoch = EPOCH,
                                           .seq = message.seq});
    return true;
}

static void sim_step(struct sim *sim)
{
    uint32_t index = (uint32_t)random_below(&sim->random, sim->backup_count);
    uint64_t dice = random_below(&sim->random, 1000);
    if (dice < 250)
        sim_write(sim);
    else if (dice < 750)
        (void)sim_deliver(sim, index);
    else if (dice < 900)
        sim_scan(sim, index);
    else if (dice < 940)
        sim_link_up(sim, index);
    else if (dice < 970)
        sim_announce(sim, index);
    else if (dice < 985)
        sim_trim(sim);
    else if (dice < 995)
        sim_link_down(sim, index);
    else
        sim_restart(sim, index);
}

// No more faults: every link comes up anew, and everything under way arrives in order.
static void sim_heal(struct sim *sim)
{
    sim->is_healed = true;
    for (uint32_t i = 0; i < sim->backup_count; i++)
        sim_link_down(sim, i);
    for (uint32_t i = 0; i < sim->backup_count; i++)
        sim_link_up(sim, i);
    for (bool is_busy = true; is_busy;) {
        is_busy = false;
        for (uint32_t i = 0; i < sim->backup_count; i++) {
            is_busy |= sim->backups[i].is_scanning;
            sim_scan(sim, i);
            is_busy |= sim_deliver(sim, i);
        }
    }
    SIM_CHECK(sim, sim->primary.committed_seq == sim->replica.last_seq);
    sim_check_commit(sim);
}

static struct sim *sim_run(uint64_t seed)
{
    struct sim *sim = memory_new(sizeof *sim);
    sim->seed = seed;
    sim->random.state = seed;
    sim->first_seq = 1;
    sim->needed_seq = 1;
    sim->backup_count = 1 + (uint32_t)random_below(&sim->random, PRIMARY_BACKUPS_MAX);
    primary_init(&sim->primary, EPOCH, sim->backup_count, 1, 0, 0);
    for (uint32_t i = 0; i < sim->backup_count; i++)
        backup_init(&sim->backups[i].rules, EPOCH, 0, 0);
    for (uint32_t i = 0; i < STEPS; i++)
        sim_step(sim);
    sim_heal(sim);
    return sim;
}

Test(replication, committed_is_everywhere_and_all_commits_after_healing)
{
    uint64_t effect_count = 0;
    uint64_t fill_count = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct sim *sim = sim_run(seed);
        effect_count += sim->replica.last_seq;
        fill_count += sim->fill_count;
        free(sim);
    }
    // The faults must not keep the runs from doing anything.
    cr_assert_gt(effect_count, 400 * 50);
    cr_assert_gt(fill_count, 400);
}
