// SPDX-License-Identifier: Apache-2.0
#include "tests/support/raft_desk.h"

#include "cluster/base/memory.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

enum { CLAUSE_BYTES_MAX = 256, DESK_START_MS = 1000 };

static void PRINTF_LIKE(2, 3) desk_say(struct raft_desk *desk, const char *format, ...)
{
    char text[CLAUSE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_append(&desk->said, text, (size_t)size);
}

const char *desk_said(struct raft_desk *desk)
{
    size_t size = buffer_size(&desk->said);
    cr_assert_lt(size, sizeof desk->text);
    if (size > 0)
        memcpy(desk->text, desk->said.data, size);
    desk->text[size] = '\0';
    buffer_clear(&desk->said);
    return desk->text;
}

// ---- The host ----

static const char *const kind_names[] = {
    [RAFT_PRE_VOTE] = "pre-vote",
    [RAFT_PRE_VOTE_REPLY] = "pre-vote-reply",
    [RAFT_VOTE] = "vote",
    [RAFT_VOTE_REPLY] = "vote-reply",
    [RAFT_APPEND] = "append",
    [RAFT_APPEND_REPLY] = "append-reply",
    [RAFT_INSTALL] = "install",
    [RAFT_INSTALL_REPLY] = "install-reply",
    [RAFT_TIMEOUT_NOW] = "timeout-now",
};

static void desk_send(void *context, const struct raft_message *message)
{
    struct raft_desk *desk = context;
    desk_say(desk, "%s>%lu term %lu", kind_names[message->kind], message->to, message->term);
    switch (message->kind) {
    case RAFT_PRE_VOTE:
    case RAFT_VOTE:
    case RAFT_TIMEOUT_NOW:
        desk_say(desk, " last %lu/%lu%s; ", message->log_index, message->log_term,
                 message->is_transfer ? " transfer" : "");
        break;
    case RAFT_PRE_VOTE_REPLY:
    case RAFT_VOTE_REPLY:
        desk_say(desk, " %s; ", message->granted ? "yes" : "no");
        break;
    case RAFT_APPEND:
        desk_say(desk, " prev %lu/%lu +%u commit %lu; ", message->log_index, message->log_term,
                 message->entry_count, message->index);
        desk->round = message->round;
        break;
    case RAFT_APPEND_REPLY:
    case RAFT_INSTALL_REPLY:
        desk_say(desk, " %s %lu; ", message->granted ? "yes" : "no", message->index);
        break;
    case RAFT_INSTALL:
        desk_say(desk, " of %lu/%lu; ", message->snapshot.index, message->snapshot.term);
        desk->round = message->round;
        desk->install_index = message->snapshot.index;
        desk->install_configuration = message->snapshot.configuration;
        break;
    }
}

static void desk_apply(void *context, const struct raft_entry *entry)
{
    desk_say(context, "apply %lu/%lu; ", entry->index, entry->term);
}

static void desk_restore(void *context, const struct raft_snapshot *snapshot)
{
    desk_say(context, "restore %lu/%lu; ", snapshot->index, snapshot->term);
}

static void desk_save(void *context, struct buffer *out)
{
    (void)context;
    buffer_append(out, "state", 5);
}

static bool store_save_term(void *context, uint64_t term, uint64_t voted_for)
{
    (void)term;
    (void)voted_for;
    return !((struct raft_desk *)context)->store_fails;
}

static bool store_append(void *context, const struct raft_entry *entries, uint32_t count)
{
    (void)entries;
    (void)count;
    return !((struct raft_desk *)context)->store_fails;
}

static bool store_truncate(void *context, uint64_t from_index)
{
    (void)from_index;
    return !((struct raft_desk *)context)->store_fails;
}

static bool store_save_snapshot(void *context, const struct raft_snapshot *snapshot)
{
    (void)snapshot;
    return !((struct raft_desk *)context)->store_fails;
}

// ---- The desk ----

struct raft_configuration configuration_of(const char *servers)
{
    struct raft_configuration configuration = {0};
    while (*servers) {
        char *end;
        uint64_t id = strtoull(servers, &end, 10);
        configuration.servers[configuration.count++] =
            (struct raft_server){.id = id, .is_voter = *end != 'L'};
        servers = end + (*end == 'L');
        servers += *servers == ' ';
    }
    return configuration;
}

struct raft_desk *desk_new(uint64_t id, const char *servers, uint32_t log_entries_max)
{
    struct raft_desk *desk = memory_new(sizeof *desk);
    desk->id = id;
    desk->now_ms = DESK_START_MS;
    struct raft_options options = {
        .id = id,
        .heartbeat_ms = DESK_HEARTBEAT_MS,
        .election_ms = DESK_ELECTION_MS,
        .drift_per_mille = DESK_DRIFT_PER_MILLE,
        .log_entries_max = log_entries_max,
        .seed = id,
        .host = {.context = desk,
                 .send = desk_send,
                 .apply = desk_apply,
                 .restore = desk_restore,
                 .save = desk_save,
                 .store = {.context = desk,
                           .save_term = store_save_term,
                           .append = store_append,
                           .truncate = store_truncate,
                           .save_snapshot = store_save_snapshot}},
    };
    desk->raft = raft_new(&options, desk->now_ms);
    if (*servers) {
        struct raft_snapshot first = {
            .index = 1, .term = 1, .configuration = configuration_of(servers)};
        raft_bootstrap(desk->raft, &first, desk->now_ms);
        cr_assert_str_eq(desk_said(desk), "restore 1/1; ");
    }
    return desk;
}

void desk_free(struct raft_desk *desk)
{
    raft_free(desk->raft);
    buffer_deinit(&desk->said);
    free(desk);
}

struct raft_message *desk_begin(struct raft_desk *desk, enum raft_message_kind kind, uint64_t from,
                                uint64_t term)
{
    desk->message = (struct raft_message){.kind = kind, .from = from, .term = term};
    return &desk->message;
}

void desk_receive(struct raft_desk *desk)
{
    desk->message.to = desk->id;
    raft_receive(desk->raft, &desk->message, desk->now_ms);
}

const char *desk_receive_said(struct raft_desk *desk)
{
    desk_receive(desk);
    return desk_said(desk);
}

const char *desk_append(struct raft_desk *desk, uint64_t from, uint64_t term, uint64_t previous,
                        uint64_t previous_term, const char *entries, uint64_t commit)
{
    struct raft_message *message = desk_begin(desk, RAFT_APPEND, from, term);
    message->log_index = previous;
    message->log_term = previous_term;
    message->index = commit;
    while (*entries) {
        char *end;
        struct raft_entry *entry = &message->entries[message->entry_count++];
        *entry = (struct raft_entry){.index = previous + message->entry_count,
                                     .term = strtoull(entries, &end, 10),
                                     .kind = RAFT_COMMAND};
        entries = end + (*end == ' ');
    }
    return desk_receive_said(desk);
}

const char *desk_append_configuration(struct raft_desk *desk, uint64_t from, uint64_t term,
                                      uint64_t previous, uint64_t previous_term,
                                      const char *servers)
{
    struct raft_message *message = desk_begin(desk, RAFT_APPEND, from, term);
    message->log_index = previous;
    message->log_term = previous_term;
    message->entry_count = 1;
    message->entries[0] = (struct raft_entry){.index = previous + 1,
                                              .term = term,
                                              .kind = RAFT_CONFIGURATION,
                                              .configuration = configuration_of(servers)};
    return desk_receive_said(desk);
}

const char *desk_vote(struct raft_desk *desk, enum raft_message_kind kind, uint64_t from,
                      uint64_t term, uint64_t last_index, uint64_t last_term)
{
    struct raft_message *message = desk_begin(desk, kind, from, term);
    message->log_index = last_index;
    message->log_term = last_term;
    return desk_receive_said(desk);
}

const char *desk_reply(struct raft_desk *desk, enum raft_message_kind kind, uint64_t from,
                       bool granted, uint64_t index)
{
    struct raft_message *message = desk_begin(desk, kind, from, raft_term(desk->raft));
    message->granted = granted;
    message->index = index;
    message->round = desk->round;
    return desk_receive_said(desk);
}

void desk_wait(struct raft_desk *desk, uint64_t ms)
{
    desk->now_ms += ms;
    raft_tick(desk->raft, desk->now_ms);
}

void desk_elect(struct raft_desk *desk)
{
    desk->now_ms = raft_deadline_ms(desk->raft);
    raft_tick(desk->raft, desk->now_ms);
    const struct raft_configuration *configuration = raft_configuration(desk->raft);
    for (enum raft_message_kind kind = RAFT_PRE_VOTE_REPLY; kind <= RAFT_VOTE_REPLY; kind += 2)
        for (uint32_t i = 0; i < configuration->count; i++)
            desk_reply(desk, kind, configuration->servers[i].id, true, 0);
    cr_assert_eq(raft_role(desk->raft), RAFT_LEADER);
    buffer_clear(&desk->said);
}

enum error desk_propose(struct raft_desk *desk)
{
    uint64_t index;
    return raft_propose(desk->raft, bytes_of("data", 4), desk->now_ms, &index);
}

enum error desk_configure(struct raft_desk *desk, const char *servers)
{
    struct raft_configuration next = configuration_of(servers);
    return raft_configure(desk->raft, &next, desk->now_ms);
}
