// SPDX-License-Identifier: Apache-2.0
// cluster leave and cluster recover: what changes the grid, and is explained and asked for first.
#include "client/shell/cluster_report.h"
#include "client/shell/member_text.h"
#include "client/shell/partition_census.h"
#include "client/shell/question.h"

enum { ANSWER_BYTES = 256 };

// The grid's own words, when it has any.
static void answer_show(struct shell *shell, struct grid_bytes answer)
{
    struct grid_bytes text = {0};
    if (grid_value_str(grid_value_field(answer, "done"), &text) && text.size > 0)
        fprintf(shell->output.file, "%.*s\n", (int)text.size, (const char *)text.data);
}

static bool command_send(struct shell *shell, size_t member, enum grid_cluster_command command,
                         const char *argument)
{
    struct grid_bytes answer;
    enum grid_error error = grid_cluster(shell->grid, member, command, argument, &answer);
    if (error != GRID_OK)
        return shell_fail_grid(shell, error, grid_error_text(shell->grid));
    answer_show(shell, answer);
    return true;
}

// ---- Leave ----

// Members that could take data, besides this one.
static size_t takers_count(const struct grid *grid, size_t leaver)
{
    size_t takers = 0;
    size_t count = grid_member_count(grid);
    struct grid_member member;
    for (size_t i = 0; i < count; i++)
        takers += i != leaver && grid_member_get(grid, i, &member) &&
                  member.role == GRID_MEMBER_DATA && member.state == GRID_MEMBER_ACTIVE;
    return takers;
}

static void leave_explain(struct shell *shell, size_t number, const char *name)
{
    FILE *file = shell->output.file;
    struct grid_view view;
    struct partition_holdings holdings = partition_holdings_of(shell->grid, number);
    size_t takers = takers_count(shell->grid, number);
    bool is_known = grid_view_get(shell->grid, &view);
    fprintf(
        file,
        "%s is the primary of %u partitions and holds copies of %u more. They move to %zu other "
        "member%s first,\nthe grid goes on serving meanwhile, and then the node ends.\n",
        name, holdings.primary_count,
        holdings.sound_count + holdings.stale_count - holdings.primary_count, takers,
        takers == 1 ? "" : "s");
    if (is_known && takers < view.replica_count)
        fprintf(file,
                "Afterwards there are too few members for %u copies of each partition: the grid "
                "keeps %zu%s.\n",
                view.replica_count, takers,
                takers < view.min_in_sync ? ", and refuses writes, as min-in-sync is higher" : "");
}

bool shell_run_leave(struct shell *shell, const struct shell_cluster *cluster)
{
    struct cluster_report report;
    char answer[ANSWER_BYTES];
    enum grid_error error = cluster_survey(shell->grid, &report);
    if (error != GRID_OK)
        return shell_fail_grid(shell, error, grid_error_text(shell->grid));
    size_t number = cluster_member_find(shell->grid, cluster->member);
    struct member_names names = member_names_of(shell->grid);
    const char *name = number != GRID_NO_MEMBER ? member_name(&names, number) : cluster->member;
    bool goes_on = true;
    if (shell->can_ask && !cluster->is_agreed && number != GRID_NO_MEMBER) {
        leave_explain(shell, number, name);
        goes_on = question_ask(shell, "Type yes to have it leave: ", answer, sizeof answer) &&
                  strcmp(answer, "yes") == 0;
    }
    // The leader's view is not behind: others might agree to what it will refuse.
    size_t asked = cluster_report_leads(&report) ? cluster_member_find(shell->grid, report.node)
                                                 : GRID_ANY_MEMBER;
    bool ok = goes_on ? command_send(shell, asked, GRID_CLUSTER_LEAVE, name)
                      : shell_fail(shell, "%s stays", name);
    if (ok)
        fprintf(shell->output.file, "%s leaves; 'cluster migrations' shows how far it is\n", name);
    member_names_deinit(&names);
    return ok;
}

// ---- Recover ----

struct candidates {
    size_t last; // number of one; GRID_NO_MEMBER: none
    size_t count;
};

// Members that answer and hold data.
static struct candidates candidates_of(const struct grid *grid)
{
    struct candidates candidates = {.last = GRID_NO_MEMBER};
    size_t count = grid_member_count(grid);
    struct grid_member member;
    for (size_t i = 0; i < count; i++)
        if (grid_member_get(grid, i, &member) && member.connected &&
            member.role == GRID_MEMBER_DATA) {
            candidates.last = i;
            candidates.count++;
        }
    return candidates;
}

static void candidates_list(struct shell *shell, const struct member_names *names)
{
    struct grid_member member;
    for (size_t i = 0; i < names->count; i++) {
        if (!grid_member_get(shell->grid, i, &member) || !member.connected ||
            member.role != GRID_MEMBER_DATA)
            continue;
        struct partition_holdings holdings = partition_holdings_of(shell->grid, i);
        fprintf(shell->errors, "  %s: %u partitions whole, %u perhaps behind, %u not at all\n",
                member_name(names, i), holdings.sound_count, holdings.stale_count,
                holdings.absent_count);
    }
}

// The member that shall go on alone, or GRID_NO_MEMBER, with the error shown.
static size_t survivor_choose(struct shell *shell, const char *word,
                              const struct member_names *names)
{
    struct grid_member member;
    struct candidates candidates = candidates_of(shell->grid);
    size_t number = word != NULL ? cluster_member_find(shell->grid, word) : candidates.last;
    if (word != NULL && number == GRID_NO_MEMBER)
        shell_fail(shell, "no such member; 'cluster members' lists them");
    else if (word == NULL && candidates.count == 0)
        shell_fail(shell, "no member that holds data answers: connect to the one that shall go on");
    else if (word == NULL && candidates.count > 1) {
        shell_fail(shell, "say which member shall go on alone; the others must then be restarted "
                          "and lose what they hold:");
        candidates_list(shell, names);
        return GRID_NO_MEMBER;
    } else if (grid_member_get(shell->grid, number, &member) && !member.connected) {
        shell_fail(shell, "%s does not answer", member_name(names, number));
        return GRID_NO_MEMBER;
    }
    return number;
}

static void recover_explain(struct shell *shell, size_t number, const char *name)
{
    FILE *file = shell->output.file;
    struct partition_holdings holdings = partition_holdings_of(shell->grid, number);
    fprintf(file,
            "This is the last resort, for when a majority of the voters is lost for good.\n"
            "%s goes on alone, as a new grid, with what it holds as far as is known here:\n"
            "  %u partitions whole: nothing that was acknowledged is lost\n"
            "  %u partitions perhaps behind: acknowledged writes may be lost\n"
            "  %u partitions not at all: they start empty\n"
            "What other members hold is lost, also on those that still run. They must be stopped "
            "before,\nor they may serve the old grid beside the new one, and restarted to join "
            "it.\n",
            name, holdings.sound_count, holdings.stale_count, holdings.absent_count);
}

// The grid's name: the member compares it with its own.
static bool consent_get(struct shell *shell, const struct shell_cluster *cluster, char *consent,
                        size_t size)
{
    if (cluster->grid_name != NULL) {
        snprintf(consent, size, "%s", cluster->grid_name);
        return true;
    }
    if (!shell->can_ask)
        return shell_fail(shell, "without a terminal, consent is given by --yes-i-know=GRID");
    return (question_ask(shell, "Type the grid's name to do it: ", consent, size) &&
            consent[0] != '\0') ||
           shell_fail(shell, "nothing was changed");
}

bool shell_run_recover(struct shell *shell, const struct shell_cluster *cluster)
{
    char consent[ANSWER_BYTES];
    struct member_names names = member_names_of(shell->grid);
    size_t number = survivor_choose(shell, cluster->member, &names);
    bool ok = number != GRID_NO_MEMBER;
    if (ok && cluster->grid_name == NULL)
        recover_explain(shell, number, member_name(&names, number));
    ok = ok && consent_get(shell, cluster, consent, sizeof consent) &&
         command_send(shell, number, GRID_CLUSTER_RECOVER, consent);
    member_names_deinit(&names);
    return ok;
}
