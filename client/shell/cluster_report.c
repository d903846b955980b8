// SPDX-License-Identifier: Apache-2.0
#include "client/shell/cluster_report.h"

#include "client/shell/clock.h"
#include "client/shell/duration.h"

enum { VIEW_WAIT_US = 500 * US_PER_MS };

// ---- One answer ----

static uint64_t number_of(struct grid_bytes answer, const char *name)
{
    uint64_t number = 0;
    return grid_value_uint(grid_value_field(answer, name), &number) ? number : 0;
}

static void text_of(struct grid_bytes answer, const char *name, char *text)
{
    struct grid_bytes found;
    if (!grid_value_str(grid_value_field(answer, name), &found))
        found = (struct grid_bytes){0};
    size_t size = found.size < REPORT_TEXT_BYTES ? found.size : REPORT_TEXT_BYTES - 1;
    if (size > 0)
        memcpy(text, found.data, size);
    text[size] = '\0';
}

static void ids_of(struct grid_bytes answer, const char *name, struct report_ids *ids)
{
    struct grid_bytes array = grid_value_field(answer, name);
    ids->count = 0;
    while (ids->count < REPORT_IDS_MAX &&
           grid_value_uint(grid_value_element(array, ids->count), &ids->ids[ids->count]))
        ids->count++;
}

bool cluster_report_read(struct cluster_report *report, struct grid_bytes answer)
{
    *report = (struct cluster_report){
        .id = number_of(answer, "id"),
        .term = number_of(answer, "term"),
        .leader = number_of(answer, "leader"),
        .commit_index = number_of(answer, "commit_index"),
        .view_version = number_of(answer, "view_version"),
        .lease_ms = number_of(answer, "lease_ms"),
        .to_fill = number_of(answer, "to_fill"),
        .filling = number_of(answer, "filling"),
        .to_hand_over = number_of(answer, "to_hand_over"),
        .to_drop = number_of(answer, "to_drop"),
    };
    text_of(answer, "node", report->node);
    text_of(answer, "phase", report->phase);
    ids_of(answer, "voters", &report->voters);
    ids_of(answer, "learners", &report->learners);
    ids_of(answer, "suspects", &report->suspects);
    return report->id != 0;
}

bool report_ids_have(const struct report_ids *ids, uint64_t id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->ids[i] == id)
            return true;
    return false;
}

// ---- Members ----

size_t cluster_member_number(const struct grid *grid, uint64_t id)
{
    size_t count = grid_member_count(grid);
    struct grid_member member;
    for (size_t i = 0; i < count; i++)
        if (grid_member_get(grid, i, &member) && member.id == id)
            return i;
    return GRID_NO_MEMBER;
}

size_t cluster_member_find(const struct grid *grid, const char *word)
{
    size_t count = grid_member_count(grid);
    struct grid_member member;
    uint64_t number;
    for (size_t i = 0; i < count; i++)
        if (grid_member_get(grid, i, &member) && strcmp(member.name, word) == 0)
            return i;
    // Names may be numbers, and go before them.
    if (shell_uint_parse(bytes_of_text(word), &number) && number < count &&
        grid_member_get(grid, (size_t)number, &member))
        return (size_t)number;
    return GRID_NO_MEMBER;
}

// ---- Asking ----

enum grid_error cluster_report_ask(struct grid *grid, size_t member, struct cluster_report *report)
{
    struct grid_bytes answer;
    enum grid_error error = grid_cluster(grid, member, GRID_CLUSTER_STATUS, NULL, &answer);
    if (error == GRID_OK && !cluster_report_read(report, answer))
        return GRID_MALFORMED_FRAME;
    return error;
}

static bool is_connected(const struct grid *grid, size_t number)
{
    struct grid_member member;
    return grid_member_get(grid, number, &member) && member.connected;
}

// Asks a member that may lead; keeps its report if it does, or knows of a later term.
static bool leader_try(struct grid *grid, size_t number, struct cluster_report *best)
{
    struct cluster_report report;
    if (!is_connected(grid, number) || cluster_report_ask(grid, number, &report) != GRID_OK)
        return false;
    bool leads = cluster_report_leads(&report) && report.term >= best->term;
    if (leads || (!cluster_report_leads(best) && report.term > best->term))
        *best = report;
    return leads;
}

static void leader_seek(struct grid *grid, struct cluster_report *best)
{
    size_t asked = cluster_member_number(grid, best->id);
    size_t named = cluster_member_number(grid, best->leader);
    if (named != GRID_NO_MEMBER && leader_try(grid, named, best))
        return;
    size_t count = grid_member_count(grid);
    for (size_t i = 0; i < count; i++)
        if (i != asked && i != named && leader_try(grid, i, best))
            return;
}

// Figures of a worker come with the version of the view: the client asks for a newer one.
static void view_await(struct grid *grid, const struct cluster_report *report)
{
    size_t number = cluster_member_number(grid, report->id);
    int64_t until_us = shell_clock_us() + VIEW_WAIT_US;
    struct grid_bytes ignored;
    struct grid_view view;
    while (grid_view_get(grid, &view) && view.version < report->view_version &&
           is_connected(grid, number) && shell_clock_us() < until_us &&
           grid_stats(grid, number, 0, &ignored) == GRID_OK)
        grid_run(grid, 10);
}

enum grid_error cluster_survey(struct grid *grid, struct cluster_report *report)
{
    enum grid_error error = cluster_report_ask(grid, GRID_ANY_MEMBER, report);
    if (error != GRID_OK)
        return error;
    if (!cluster_report_leads(report))
        leader_seek(grid, report);
    view_await(grid, report);
    return GRID_OK;
}
