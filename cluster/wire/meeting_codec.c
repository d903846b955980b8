// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/meeting_codec.h"

#include "cluster/wire/body.h"
#include "cluster/wire/member_codec.h"
#include "cluster/wire/writer.h"

enum { MEETING_ELEMENTS = 17, SETTINGS_ELEMENTS = 8, WISH_ELEMENTS = 4 };

// Those of nodes that look for a grid, which the other side cannot know yet.
static bool meeting_introduces(enum meeting_kind kind)
{
    return kind == MEETING_SEEK || kind == MEETING_SEEN || kind == MEETING_JOIN;
}

// ---- Members ----

static void member_write_known(struct buffer *out, const struct view_member *member)
{
    if (member->id != 0)
        member_write(out, member);
    else
        write_nil(out);
}

static bool member_read_known(struct cursor *cursor, struct view_member *member)
{
    return cursor_read_nil(cursor) || member_read(cursor, member);
}

// ---- Settings ----

static void settings_write(struct buffer *out, const struct meeting_settings *settings)
{
    write_array(out, SETTINGS_ELEMENTS);
    write_uint(out, settings->protocol_version);
    write_uint(out, settings->partition_count);
    write_uint(out, settings->backups);
    write_uint(out, settings->min_in_sync);
    write_uint(out, settings->bootstrap_expect);
    write_uint(out, settings->lease_ms);
    write_uint(out, settings->suspect_ms);
    write_uint(out, settings->wall_ms);
}

// What is too small is for the other side to refuse in words.
static bool settings_read(struct cursor *cursor, struct meeting_settings *settings)
{
    uint64_t protocol_version, partition_count, backups, min_in_sync, bootstrap_expect;
    uint64_t lease_ms, suspect_ms;
    if (!array_read_exact(cursor, SETTINGS_ELEMENTS) ||
        !uint_read_to(cursor, UINT32_MAX, &protocol_version) ||
        !uint_read_to(cursor, PARTITIONS_MAX, &partition_count) ||
        !uint_read_to(cursor, REPLICAS_MAX - 1, &backups) ||
        !uint_read_to(cursor, REPLICAS_MAX, &min_in_sync) ||
        !uint_read_to(cursor, MEMBERS_MAX, &bootstrap_expect) ||
        !uint_read_to(cursor, UINT32_MAX, &lease_ms) ||
        !uint_read_to(cursor, UINT32_MAX, &suspect_ms) ||
        !cursor_read_uint(cursor, &settings->wall_ms))
        return false;
    settings->protocol_version = (uint32_t)protocol_version;
    settings->partition_count = (uint32_t)partition_count;
    settings->backups = (uint32_t)backups;
    settings->min_in_sync = (uint32_t)min_in_sync;
    settings->bootstrap_expect = (uint32_t)bootstrap_expect;
    settings->lease_ms = (uint32_t)lease_ms;
    settings->suspect_ms = (uint32_t)suspect_ms;
    return true;
}

// ---- Seen ----

static void seen_write(struct buffer *out, const struct meeting *meeting)
{
    CHECK(meeting->seen_count <= MEETING_SEEN_MAX);
    write_array(out, meeting->seen_count);
    for (uint32_t i = 0; i < meeting->seen_count; i++)
        write_uint(out, meeting->seen[i]);
}

static bool seen_read(struct cursor *cursor, struct meeting *meeting)
{
    if (!cursor_read_array(cursor, &meeting->seen_count) || meeting->seen_count > MEETING_SEEN_MAX)
        return false;
    for (uint32_t i = 0; i < meeting->seen_count; i++) {
        if (!id_read(cursor, &meeting->seen[i]))
            return false;
    }
    return true;
}

// ---- Wishes ----

static void wishes_write(struct buffer *out, const struct meeting *meeting)
{
    CHECK(meeting->wish_count <= MEETING_WISHES_MAX);
    write_array(out, meeting->wish_count * WISH_ELEMENTS);
    for (uint32_t i = 0; i < meeting->wish_count; i++) {
        const struct wish *wish = &meeting->wishes[i];
        write_uint(out, (uint64_t)wish->kind);
        write_uint(out, wish->partition);
        write_uint(out, wish->based_on);
        write_uint(out, wish->member_id);
    }
}

static bool wish_read(struct cursor *cursor, struct wish *wish)
{
    uint64_t kind, partition;
    if (!uint_read_to(cursor, WISH_YIELD, &kind) || kind < WISH_ADD ||
        !uint_read_to(cursor, PARTITIONS_MAX - 1, &partition) ||
        !cursor_read_uint(cursor, &wish->based_on) || !id_read(cursor, &wish->member_id))
        return false;
    wish->kind = (enum wish_kind)kind;
    wish->partition = (uint16_t)partition;
    return true;
}

static bool wishes_read(struct cursor *cursor, struct meeting *meeting)
{
    uint32_t objects;
    if (!cursor_read_array(cursor, &objects) || objects % WISH_ELEMENTS != 0 ||
        objects / WISH_ELEMENTS > MEETING_WISHES_MAX)
        return false;
    meeting->wish_count = objects / WISH_ELEMENTS;
    if (meeting->wish_count == 0)
        return true;
    meeting->wishes = memory_new_array(meeting->wish_count, sizeof *meeting->wishes);
    for (uint32_t i = 0; i < meeting->wish_count; i++) {
        if (!wish_read(cursor, &meeting->wishes[i]))
            return false;
    }
    return true;
}

// ---- The whole ----

void meeting_encode(struct buffer *out, const struct meeting *meeting)
{
    struct frame_header header = {.kind = FRAME_MEETING, .partition = PARTITION_ANY};
    size_t mark = frame_begin(out, &header);
    write_array(out, MEETING_ELEMENTS);
    write_uint(out, (uint64_t)meeting->kind);
    write_uint(out, meeting->from);
    write_uint(out, meeting->grid_id);
    write_uint(out, meeting->term);
    write_uint(out, meeting->leader);
    member_write_known(out, &meeting->sender);
    member_write_known(out, &meeting->leader_member);
    if (meeting_introduces(meeting->kind))
        settings_write(out, &meeting->settings);
    else
        write_nil(out);
    seen_write(out, meeting);
    write_bool(out, meeting->granted);
    write_str(out, meeting->text);
    write_uint(out, meeting->sent_ms);
    write_uint(out, meeting->stalled_ms);
    write_uint(out, meeting->view_version);
    write_uint(out, meeting->subject);
    wishes_write(out, meeting);
    write_bin(out, meeting->snapshot);
    frame_end(out, mark);
}

static bool parties_read(struct cursor *cursor, struct meeting *meeting)
{
    uint64_t kind;
    if (!uint_read_to(cursor, MEETING_LEAVE, &kind) || kind < MEETING_SEEK ||
        !id_read(cursor, &meeting->from) || !cursor_read_uint(cursor, &meeting->grid_id) ||
        !cursor_read_uint(cursor, &meeting->term) || !cursor_read_uint(cursor, &meeting->leader) ||
        !member_read_known(cursor, &meeting->sender) ||
        !member_read_known(cursor, &meeting->leader_member))
        return false;
    meeting->kind = (enum meeting_kind)kind;
    if (!meeting_introduces(meeting->kind))
        return (meeting->sender.id == 0 || meeting->sender.id == meeting->from) &&
               cursor_read_nil(cursor);
    return meeting->sender.id == meeting->from && settings_read(cursor, &meeting->settings);
}

static bool figures_read(struct cursor *cursor, struct meeting *meeting)
{
    uint64_t stalled_ms;
    if (!cursor_read_bool(cursor, &meeting->granted) || !cursor_read_str(cursor, &meeting->text) ||
        meeting->text.size > MEETING_TEXT_BYTES_MAX ||
        !cursor_read_uint(cursor, &meeting->sent_ms) ||
        !uint_read_to(cursor, UINT32_MAX, &stalled_ms) ||
        !cursor_read_uint(cursor, &meeting->view_version) ||
        !cursor_read_uint(cursor, &meeting->subject))
        return false;
    meeting->stalled_ms = (uint32_t)stalled_ms;
    return true;
}

enum error meeting_decode(struct bytes body, struct meeting *meeting)
{
    struct cursor cursor = cursor_of(body);
    *meeting = (struct meeting){0};
    bool decoded = array_read_exact(&cursor, MEETING_ELEMENTS) && parties_read(&cursor, meeting) &&
                   seen_read(&cursor, meeting) && figures_read(&cursor, meeting) &&
                   wishes_read(&cursor, meeting) && cursor_read_bin(&cursor, &meeting->snapshot);
    enum error error = body_verdict(&cursor, decoded);
    if (error != ERROR_NONE)
        meeting_deinit(meeting);
    return error;
}

void meeting_deinit(struct meeting *meeting)
{
    free(meeting->wishes);
    *meeting = (struct meeting){0};
}
