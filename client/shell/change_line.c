// SPDX-License-Identifier: Apache-2.0
#include "client/shell/change_line.h"

#include "client/shell/json_text.h"
#include "client/shell/key_text.h"
#include "cluster/base/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { DAY_S = 24 * 3600 };

static const char *const kind_names[] = {
    [CHANGE_ENTER] = "enter",
    [CHANGE_UPDATE] = "update",
    [CHANGE_LEAVE] = "leave",
    [CHANGE_ROW] = "row",
};

static const char *const cause_names[] = {
    [GRID_CAUSE_NONE] = "reset",    [GRID_CAUSE_PUT] = "put",     [GRID_CAUSE_REMOVE] = "remove",
    [GRID_CAUSE_EXPIRE] = "expire", [GRID_CAUSE_EVICT] = "evict", [GRID_CAUSE_CLEAR] = "clear",
    [GRID_CAUSE_TOUCH] = "touch",
};

enum { CAUSE_COUNT = sizeof cause_names / sizeof cause_names[0] };

const char *change_kind_name(enum change_kind kind)
{
    return kind_names[kind];
}

const char *change_cause_name(enum grid_cause cause)
{
    return (unsigned)cause < CAUSE_COUNT ? cause_names[cause] : "unknown";
}

static bool is_name(struct bytes text, const char *name)
{
    return text.size == strlen(name) && strncasecmp(name, (const char *)text.data, text.size) == 0;
}

bool change_kind_find(struct bytes name, enum change_kind *kind)
{
    for (unsigned i = CHANGE_ENTER; i <= CHANGE_LEAVE; i++)
        if (is_name(name, kind_names[i])) {
            *kind = (enum change_kind)i;
            return true;
        }
    return false;
}

bool change_cause_find(struct bytes name, enum grid_cause *cause)
{
    for (unsigned i = GRID_CAUSE_PUT; i < CAUSE_COUNT; i++)
        if (is_name(name, cause_names[i])) {
            *cause = (enum grid_cause)i;
            return true;
        }
    return false;
}

static void append_text(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void append_time(struct buffer *out, uint64_t time_us, int64_t utc_offset_s)
{
    uint64_t ms = time_us / US_PER_MS;
    int64_t second = ((int64_t)(ms / MS_PER_S) + utc_offset_s) % DAY_S;
    char text[32];
    if (time_us == 0) {
        append_text(out, "            ");
        return;
    }
    snprintf(text, sizeof text, "%02d:%02d:%02d.%03d", (int)(second / 3600),
             (int)(second / 60 % 60), (int)(second % 60), (int)(ms % MS_PER_S));
    append_text(out, text);
}

// The value of the member of this (quoted) name; size 0: none.
static struct bytes member_find(struct bytes json, struct bytes name)
{
    struct json_members members;
    struct bytes other;
    struct bytes value;
    if (json.size == 0 || !json_members_start(&members, json))
        return bytes_of(NULL, 0);
    while (json_members_next(&members, &other, &value))
        if (bytes_equal(other, name))
            return value;
    return bytes_of(NULL, 0);
}

static void append_member(struct buffer *out, struct bytes name, const char *between,
                          struct bytes value)
{
    append_text(out, "  ");
    json_text_unquote(out, name);
    append_text(out, between);
    buffer_append(out, value.data, value.size);
}

static void append_document(struct buffer *out, struct bytes json)
{
    struct json_members members;
    struct bytes name;
    struct bytes value;
    if (json.size == 0)
        return;
    if (!json_members_start(&members, json)) {
        append_text(out, "  ");
        buffer_append(out, json.data, json.size);
        return;
    }
    while (json_members_next(&members, &name, &value))
        append_member(out, name, "=", value);
}

// What changed: fields that are new, gone, or have another value.
static void append_difference(struct buffer *out, struct bytes old_json, struct bytes new_json)
{
    struct json_members members;
    struct bytes name;
    struct bytes value;
    CHECK(json_members_start(&members, new_json));
    while (json_members_next(&members, &name, &value)) {
        struct bytes old_value = member_find(old_json, name);
        if (bytes_equal(old_value, value))
            continue;
        append_member(out, name, " ", old_value.size > 0 ? old_value : bytes_of_text("nothing"));
        append_text(out, " -> ");
        buffer_append(out, value.data, value.size);
    }
    if (!json_members_start(&members, old_json))
        return;
    while (json_members_next(&members, &name, &value))
        if (member_find(new_json, name).size == 0) {
            append_member(out, name, " ", value);
            append_text(out, " -> nothing");
        }
}

void change_line_write(struct buffer *out, enum change_kind kind, const struct grid_event *event,
                       int64_t utc_offset_s)
{
    static const char *const labels[] = {"  ENTER   ", "  UPDATE  ", "  LEAVE   ", "  ROW     "};
    char *old_json = event->old_value.data != NULL ? grid_value_to_json(event->old_value) : NULL;
    char *new_json = event->new_value.data != NULL ? grid_value_to_json(event->new_value) : NULL;
    struct json_members members;
    struct bytes old_text = bytes_of_text(old_json != NULL ? old_json : "");
    struct bytes new_text = bytes_of_text(new_json != NULL ? new_json : "");
    append_time(out, event->time_us, utc_offset_s);
    append_text(out, labels[kind]);
    key_text_write(out, event->key);
    if (kind == CHANGE_UPDATE && old_json != NULL && json_members_start(&members, new_text))
        append_difference(out, old_text, new_text);
    else
        append_document(out, kind == CHANGE_LEAVE ? old_text : new_text);
    if (event->cause != GRID_CAUSE_PUT && kind != CHANGE_ROW) {
        append_text(out, "  (");
        append_text(out, change_cause_name(event->cause));
        append_text(out, ")");
    }
    free(old_json);
    free(new_json);
}
