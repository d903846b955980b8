// SPDX-License-Identifier: Apache-2.0
#include "client/view_fetch.h"

#include "client/clock.h"
#include "client/id.h"
#include "client/operation.h"
#include "client/session.h"
#include "cluster/rules/view.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/view_codec.h"

// ---- Wanting ----

void client_view_want(struct grid *grid, uint32_t interval_ms, struct client_link *hint)
{
    struct client_view_fetch *fetch = &grid->view_fetch;
    int64_t due_ms = fetch->asked_ms == 0 ? 0 : fetch->asked_ms + interval_ms;
    if (fetch->has_new) // it may be all that is missing
        return;
    if (hint)
        fetch->hint = hint;
    if (fetch->is_wanted && fetch->due_ms <= due_ms)
        return;
    fetch->is_wanted = true;
    fetch->due_ms = due_ms;
    client_session_want_turn(grid);
}

void client_view_want_badly(struct grid *grid)
{
    grid->view_fetch.trouble++;
    client_view_want(grid, CLIENT_VIEW_INTERVAL_MS, NULL);
}

void client_view_compare(struct grid *grid, struct client_link *link, uint8_t version_byte)
{
    if (__builtin_expect(version_byte != (uint8_t)grid->topology.view.version, 0) && link->member)
        client_view_want(grid, CLIENT_VIEW_INTERVAL_MS, link);
}

// ---- Asking ----

static void scout_start(struct grid *grid)
{
    if (!grid->view_fetch.scout)
        grid->view_fetch.scout = client_link_new(&grid->host, NULL, HELLO_ANY_WORKER,
                                                 grid->options.seeds, grid->options.seed_count);
}

static bool link_is_free(const struct client_link *link)
{
    return link && link->state == LINK_READY && !link->owes_view;
}

static struct client_link *member_link(const struct client_member *member)
{
    for (uint16_t worker = 0; member && worker < member->link_count; worker++) {
        if (member->links[worker]->state == LINK_READY)
            return link_is_free(member->links[worker]) ? member->links[worker] : NULL;
    }
    return NULL;
}

static struct client_link *next_link(struct grid *grid)
{
    struct client_view_fetch *fetch = &grid->view_fetch;
    const struct client_topology *topology = &grid->topology;
    struct client_link *hint = fetch->hint;
    fetch->hint = NULL;
    if (link_is_free(hint))
        return hint;
    for (uint32_t i = 0; i < topology->view.member_count; i++) {
        uint32_t number = (fetch->next + i) % topology->view.member_count;
        struct client_link *link = member_link(topology->members[number]);
        if (!link)
            continue;
        fetch->next = number + 1;
        return link;
    }
    return NULL;
}

static void link_ask(struct grid *grid, struct client_link *link, int64_t now_ms)
{
    struct client_view_fetch *fetch = &grid->view_fetch;
    size_t mark = buffer_size(&link->stream.out);
    request_encode_empty(&link->stream.out, FRAME_VIEW, CLIENT_ID_VIEW);
    client_session_stamp(grid, link, mark);
    client_session_dirty(grid, link);
    link->owes_view = true;
    fetch->asked = link;
    fetch->asked_ms = now_ms;
    fetch->is_wanted = false;
}

static void view_ask(struct grid *grid, int64_t now_ms)
{
    struct client_view_fetch *fetch = &grid->view_fetch;
    bool prefers_seed = fetch->trouble >= CLIENT_VIEW_TROUBLE_MAX;
    struct client_link *link = prefers_seed ? NULL : next_link(grid);
    if (!link && link_is_free(fetch->scout)) {
        link = fetch->scout;
        fetch->trouble = 0;
    }
    if (link) {
        link_ask(grid, link, now_ms);
        return;
    }
    scout_start(grid);
    link = prefers_seed ? next_link(grid) : NULL;
    if (link)
        link_ask(grid, link, now_ms);
}

static void scout_drop(struct grid *grid)
{
    struct client_link *scout = grid->view_fetch.scout;
    grid->view_fetch.scout = NULL;
    client_view_detach(grid, scout);
    client_operations_detach(grid, scout, true);
    client_link_free(scout);
}

// The seeds are done with once members can be asked; synchronous commands may be under way there.
static bool scout_is_needed(const struct grid *grid)
{
    const struct client_view_fetch *fetch = &grid->view_fetch;
    return !grid->topology.is_known || fetch->scout->owes_view ||
           fetch->trouble >= CLIENT_VIEW_TROUBLE_MAX || !client_topology_any(&grid->topology);
}

void client_view_turn(struct grid *grid)
{
    struct client_view_fetch *fetch = &grid->view_fetch;
    if (fetch->scout && !scout_is_needed(grid))
        scout_drop(grid);
    if (!fetch->is_wanted)
        return;
    int64_t now_ms = client_clock_ms();
    int64_t due_ms = fetch->due_ms;
    if (fetch->asked && due_ms < fetch->asked_ms + CLIENT_VIEW_PATIENCE_MS)
        due_ms = fetch->asked_ms + CLIENT_VIEW_PATIENCE_MS;
    if (due_ms > now_ms)
        client_session_turn_at(grid, due_ms);
    else
        view_ask(grid, now_ms);
}

// ---- Answers ----

// Takes the view if it is of use. NULL, or why the link is to be given up.
static const char *view_judge(struct grid *grid, struct client_link *link, struct view *view)
{
    struct client_view_fetch *fetch = &grid->view_fetch;
    const struct view *known = fetch->has_new ? &fetch->fresh : &grid->topology.view;
    if (view_fault(view))
        return "the node's view is malformed";
    bool is_other = known->grid_id != 0 && known->grid_id != view->grid_id;
    if (is_other && client_topology_other(&grid->topology, link->member)) {
        link->failure_error = ERROR_WRONG_GRID;
        return "the node belongs to another grid";
    }
    if (!is_other && view->version <= known->version)
        return NULL;
    view_deinit(&fetch->fresh);
    fetch->fresh = *view;
    fetch->has_new = true;
    fetch->is_wanted = false; // that was because of the older one
    fetch->trouble = 0;
    *view = (struct view){0};
    client_session_want_turn(grid);
    return NULL;
}

const char *client_view_answer(struct grid *grid, struct client_link *link,
                               const struct frame *frame)
{
    struct client_view_fetch *fetch = &grid->view_fetch;
    struct view view;
    if (!link->owes_view)
        return "the node sent a view that was not asked for";
    link->owes_view = false;
    if (fetch->asked == link)
        fetch->asked = NULL;
    client_session_want_turn(grid);
    if (frame->header.kind == FRAME_ERROR)
        return link->member || grid->wants_any_node ? NULL : "the node has no view yet";
    if (frame->header.kind != FRAME_REPLY || view_decode(frame->body, &view) != ERROR_NONE)
        return "the node's view is malformed";
    const char *why = view_judge(grid, link, &view);
    view_deinit(&view);
    return why;
}

// ---- Life ----

void client_view_detach(struct grid *grid, struct client_link *link)
{
    struct client_view_fetch *fetch = &grid->view_fetch;
    if (fetch->hint == link)
        fetch->hint = NULL;
    if (fetch->asked != link)
        return;
    fetch->asked = NULL;
    client_view_want(grid, CLIENT_VIEW_URGENT_MS, NULL);
}

void client_view_stop(struct grid *grid)
{
    client_link_free(grid->view_fetch.scout);
    view_deinit(&grid->view_fetch.fresh);
    grid->view_fetch = (struct client_view_fetch){0};
}
