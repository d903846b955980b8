// SPDX-License-Identifier: Apache-2.0
#include "client/shell/cluster_line.h"

#include "client/shell/duration.h"
#include "client/shell/literal.h"
#include "cluster/base/memory.h"

#include <strings.h>

enum { WEIGHT_MAX = 100 };

static const char *const leave_options[] = {"--yes", NULL};
static const char *const recover_options[] = {"--force", NULL};
static const char *const rebalance_options[] = {"--simulate", "--add", "--remove", NULL};

static const char *const action_names[] = {
    [CLUSTER_ACTION_STATUS] = "status",
    [CLUSTER_ACTION_MEMBERS] = "members",
    [CLUSTER_ACTION_PARTITIONS] = "partitions",
    [CLUSTER_ACTION_MIGRATIONS] = "migrations",
    [CLUSTER_ACTION_VOTERS] = "voters",
    [CLUSTER_ACTION_LEAVE] = "leave",
    [CLUSTER_ACTION_RECOVER] = "recover",
    [CLUSTER_ACTION_REBALANCE] = "rebalance",
    NULL,
};

static const char *const *const action_options[] = {
    [CLUSTER_ACTION_LEAVE] = leave_options,
    [CLUSTER_ACTION_RECOVER] = recover_options,
    [CLUSTER_ACTION_REBALANCE] = rebalance_options,
};

const char *const *shell_cluster_actions(void)
{
    return action_names;
}

static bool action_find(struct bytes word, enum shell_cluster_action *action)
{
    for (unsigned i = 0; action_names[i] != NULL; i++)
        if (strlen(action_names[i]) == word.size &&
            strncasecmp(action_names[i], (const char *)word.data, word.size) == 0) {
            *action = (enum shell_cluster_action)i;
            return true;
        }
    return false;
}

const char *const *shell_cluster_options(const char *action)
{
    enum shell_cluster_action found;
    return action_find(bytes_of_text(action), &found) ? action_options[found] : NULL;
}

static bool takes_member(enum shell_cluster_action action)
{
    return action == CLUSTER_ACTION_PARTITIONS || action == CLUSTER_ACTION_LEAVE ||
           action == CLUSTER_ACTION_RECOVER;
}

bool shell_cluster_takes_member(const char *action)
{
    enum shell_cluster_action found;
    return action_find(bytes_of_text(action), &found) && takes_member(found);
}

// ---- Options ----

static bool change_append(struct shell_cluster *cluster, const struct shell_word *word,
                          struct bytes name, uint16_t weight, struct shell_fault *fault)
{
    if (name.size == 0)
        return shell_fault_set(fault, word->offset, "expected the name of a member here");
    if (cluster->change_count == CLUSTER_CHANGES_MAX)
        return shell_fault_set(fault, word->offset, "more than %d members at once",
                               CLUSTER_CHANGES_MAX);
    cluster->changes[cluster->change_count++] = (struct shell_cluster_change){
        .name = memory_copy_text((const char *)name.data, name.size), .weight = weight};
    return true;
}

// NAME or NAME:WEIGHT.
static bool add_take(struct shell_cluster *cluster, struct shell_words *words,
                     struct shell_fault *fault)
{
    struct shell_word word;
    uint64_t weight = 1;
    if (!shell_words_take(words, &word, "the name of a new member", fault))
        return false;
    struct bytes name = word.raw;
    const uint8_t *colon = memchr(name.data, ':', name.size);
    if (colon != NULL) {
        name.size = (size_t)(colon - name.data);
        struct bytes number = bytes_of(colon + 1, word.raw.size - name.size - 1);
        if (!shell_uint_parse(number, &weight) || weight == 0 || weight > WEIGHT_MAX)
            return shell_fault_set(fault, word.offset + name.size + 1,
                                   "expected a weight from 1 to %d", WEIGHT_MAX);
    }
    return change_append(cluster, &word, name, (uint16_t)weight, fault);
}

static bool remove_take(struct shell_cluster *cluster, struct shell_words *words,
                        struct shell_fault *fault)
{
    struct shell_word word;
    return shell_words_take(words, &word, "the name of a member", fault) &&
           change_append(cluster, &word, word.raw, 0, fault);
}

static bool is_option(const struct shell_word *word)
{
    return word->kind == SHELL_WORD_BARE && word->raw.size > 2 &&
           memcmp(word->raw.data, "--", 2) == 0;
}

static bool starts_with(struct bytes text, const char *start)
{
    return text.size >= strlen(start) && memcmp(text.data, start, strlen(start)) == 0;
}

static bool recover_option(struct shell_cluster *cluster, const struct shell_word *option,
                           struct shell_fault *fault)
{
    static const char consent[] = "--yes-i-know=";
    if (shell_word_is(option, "--force")) {
        cluster->is_forced = true;
        return true;
    }
    if (!starts_with(option->raw, consent))
        return shell_fault_set(fault, option->offset,
                               "no such option; there are --force and --yes-i-know=GRID");
    struct bytes name =
        bytes_of(option->raw.data + strlen(consent), option->raw.size - strlen(consent));
    if (name.size == 0)
        return shell_fault_set(fault, option->offset + strlen(consent),
                               "expected the name of the grid here");
    free(cluster->grid_name);
    cluster->grid_name = memory_copy_text((const char *)name.data, name.size);
    return true;
}

static bool rebalance_option(struct shell_cluster *cluster, const struct shell_word *option,
                             struct shell_words *words, struct shell_fault *fault)
{
    if (shell_word_is(option, "--add"))
        return add_take(cluster, words, fault);
    if (shell_word_is(option, "--remove"))
        return remove_take(cluster, words, fault);
    if (!shell_word_is(option, "--simulate"))
        return shell_fault_set(fault, option->offset,
                               "no such option; there are --simulate, --add and --remove");
    cluster->is_simulated = true;
    return true;
}

static bool option_take(struct shell_cluster *cluster, const struct shell_word *option,
                        struct shell_words *words, struct shell_fault *fault)
{
    if (cluster->action == CLUSTER_ACTION_REBALANCE)
        return rebalance_option(cluster, option, words, fault);
    if (cluster->action == CLUSTER_ACTION_RECOVER)
        return recover_option(cluster, option, fault);
    if (cluster->action != CLUSTER_ACTION_LEAVE || !shell_word_is(option, "--yes"))
        return shell_fault_set(fault, option->offset, "no such option of cluster %s",
                               action_names[cluster->action]);
    cluster->is_agreed = true;
    return true;
}

// ---- The line ----

static bool action_take(struct shell_cluster *cluster, struct shell_words *words,
                        struct shell_fault *fault)
{
    static const char expected[] = "status, members, partitions, migrations, voters, leave, "
                                   "recover or rebalance";
    struct shell_word word;
    return shell_words_take(words, &word, expected, fault) &&
           ((word.kind == SHELL_WORD_BARE && action_find(word.raw, &cluster->action)) ||
            shell_fault_set(fault, word.offset, "expected %s here", expected));
}

// What must be there is looked for once the line is known.
static bool whole_check(const struct shell_cluster *cluster, size_t end, struct shell_fault *fault)
{
    if (cluster->action == CLUSTER_ACTION_LEAVE && cluster->member == NULL)
        return shell_fault_set(fault, end, "expected the name of a member here");
    if (cluster->action == CLUSTER_ACTION_RECOVER && !cluster->is_forced)
        return shell_fault_set(fault, end,
                               "expected --force: acknowledged writes may be lost; 'help cluster' "
                               "tells more");
    if (cluster->action == CLUSTER_ACTION_REBALANCE && !cluster->is_simulated)
        return shell_fault_set(fault, end,
                               "expected --simulate: a grid rebalances by itself, so one can only "
                               "see what would move");
    return true;
}

static bool rest_take(struct shell_cluster *cluster, const struct shell_word *word,
                      struct shell_words *words, struct shell_fault *fault)
{
    if (is_option(word))
        return option_take(cluster, word, words, fault);
    if (!takes_member(cluster->action) || cluster->member != NULL)
        return shell_fault_set(fault, word->offset, "this is too much for cluster %s",
                               action_names[cluster->action]);
    return shell_literal_text(word, &cluster->member, fault);
}

bool shell_cluster_parse(struct shell_cluster *cluster, struct shell_words *words,
                         struct shell_fault *fault)
{
    *cluster = (struct shell_cluster){0};
    if (!action_take(cluster, words, fault))
        return false;
    for (;;) {
        struct shell_word word;
        switch (shell_words_next(words, &word, fault)) {
        case SHELL_WORDS_END:
            return whole_check(cluster, words->at, fault);
        case SHELL_WORDS_FAULT:
            return false;
        case SHELL_WORDS_ONE:
            if (!rest_take(cluster, &word, words, fault))
                return false;
        }
    }
}

void shell_cluster_deinit(struct shell_cluster *cluster)
{
    free(cluster->member);
    free(cluster->grid_name);
    for (size_t i = 0; i < cluster->change_count; i++)
        free(cluster->changes[i].name);
    *cluster = (struct shell_cluster){0};
}
