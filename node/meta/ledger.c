// SPDX-License-Identifier: Apache-2.0
#include "node/meta/ledger.h"

#include "cluster/rules/view.h"
#include "cluster/wire/command_codec.h"
#include "cluster/wire/view_codec.h"

void ledger_clear(struct ledger *ledger)
{
    view_deinit(&ledger->applied);
    view_deinit(&ledger->told);
}

void ledger_deinit(struct ledger *ledger)
{
    ledger_clear(ledger);
}

const struct view *ledger_view(const struct ledger *ledger)
{
    return ledger->told.version > ledger->applied.version ? &ledger->told : &ledger->applied;
}

static void ledger_apply_command(struct ledger *ledger, const struct raft_entry *entry)
{
    struct command command;
    // Committed by a majority: a server that cannot read it must not go on with another state.
    CHECK(command_decode(entry->data, &command) == ERROR_NONE);
    enum error error = view_apply(&ledger->applied, entry->index, &command);
    (void)error; // a void command lost a race, and whoever proposed it sees that in the view
    command_deinit(&command);
}

void ledger_apply(struct ledger *ledger, const struct raft_entry *entry)
{
    switch (entry->kind) {
    case RAFT_NOOP:
        break;
    case RAFT_COMMAND:
        ledger_apply_command(ledger, entry);
        break;
    case RAFT_CONFIGURATION:
        view_apply_configuration(&ledger->applied, entry->index, &entry->configuration);
        break;
    }
}

// The view in `encoded`, which must be all of it and valid. False: nothing is held.
static bool ledger_read(struct bytes encoded, struct view *view)
{
    struct cursor cursor = cursor_of(encoded);
    if (!view_read(&cursor, view))
        return false;
    if (cursor_left(&cursor) == 0 && view_fault(view) == NULL)
        return true;
    view_deinit(view);
    return false;
}

bool ledger_is_readable(struct bytes encoded)
{
    struct view view;
    if (!ledger_read(encoded, &view))
        return false;
    view_deinit(&view);
    return true;
}

void ledger_restore(struct ledger *ledger, const struct raft_snapshot *snapshot)
{
    struct view view;
    CHECK(ledger_read(snapshot->data, &view));
    view_apply_configuration(&view, snapshot->configuration_index, &snapshot->configuration);
    view_deinit(&ledger->applied);
    ledger->applied = view;
}

void ledger_save(const struct ledger *ledger, struct buffer *out)
{
    view_write(out, &ledger->applied);
}

bool ledger_accept(struct ledger *ledger, struct bytes encoded, uint64_t grid_id)
{
    struct view view;
    if (!ledger_read(encoded, &view))
        return false;
    if (view.grid_id != grid_id || view.version <= ledger_view(ledger)->version) {
        view_deinit(&view);
        return false;
    }
    view_deinit(&ledger->told);
    ledger->told = view;
    return true;
}
