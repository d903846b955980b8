// SPDX-License-Identifier: Apache-2.0
#include "node/meta/admission.h"

#include "cluster/rules/ring.h"

#include <stdio.h>

static bool settings_refuse(char *text, const char *option, uint32_t own, uint32_t other)
{
    snprintf(text, MEETING_TEXT_BYTES_MAX,
             "its option %s is %u, not %u: set it to %u and start again", option, other, own, own);
    return false;
}

bool admission_settings_match(const struct meeting_settings *own,
                              const struct meeting_settings *other, uint32_t clock_skew_max_ms,
                              char *text)
{
    if (own->protocol_version != other->protocol_version) {
        snprintf(text, MEETING_TEXT_BYTES_MAX,
                 "it speaks version %u of the protocol, not %u: install the same release",
                 other->protocol_version, own->protocol_version);
        return false;
    }
    if (own->partition_count != other->partition_count)
        return settings_refuse(text, "partitions", own->partition_count, other->partition_count);
    if (own->backups != other->backups)
        return settings_refuse(text, "backups", own->backups, other->backups);
    if (own->min_in_sync != other->min_in_sync)
        return settings_refuse(text, "min-in-sync", own->min_in_sync, other->min_in_sync);
    if (own->lease_ms != other->lease_ms)
        return settings_refuse(text, "lease-ms", own->lease_ms, other->lease_ms);
    if (own->suspect_ms != other->suspect_ms)
        return settings_refuse(text, "suspect-ms", own->suspect_ms, other->suspect_ms);
    bool is_ahead = other->wall_ms > own->wall_ms;
    uint64_t skew_ms = is_ahead ? other->wall_ms - own->wall_ms : own->wall_ms - other->wall_ms;
    if (skew_ms > clock_skew_max_ms) {
        snprintf(text, MEETING_TEXT_BYTES_MAX,
                 "its clock is %llu ms %s, more than the %u ms allowed: synchronise the clocks",
                 (unsigned long long)skew_ms, is_ahead ? "ahead" : "behind", clock_skew_max_ms);
        return false;
    }
    return true;
}

bool admission_member_is_valid(const struct view_member *member, char *text)
{
    if (member->name[0] != '\0' && member->host[0] != '\0' && member->port != 0 &&
        member->weight >= 1 && member->weight <= RING_WEIGHT_MAX)
        return true;
    snprintf(text, MEETING_TEXT_BYTES_MAX,
             "a node needs a name, an address with a port, and a weight of 1 to %d",
             RING_WEIGHT_MAX);
    return false;
}

uint16_t admission_holder(const struct view *view, const struct view_member *joiner, char *text)
{
    for (uint16_t number = 0; number < view->member_count; number++) {
        const struct view_member *member = &view->members[number];
        if (member->id == 0)
            continue;
        bool has_name = strcmp(member->name, joiner->name) == 0;
        if (!has_name && (member->port != joiner->port || strcmp(member->host, joiner->host) != 0))
            continue;
        if (has_name)
            snprintf(text, MEETING_TEXT_BYTES_MAX,
                     "the name %s belongs to a living member at %.255s:%u: choose another "
                     "node-name",
                     member->name, member->host, member->port);
        else
            snprintf(text, MEETING_TEXT_BYTES_MAX,
                     "the address %.255s:%u belongs to the living member %s: choose another port "
                     "or advertise",
                     member->host, member->port, member->name);
        return number;
    }
    return VIEW_NO_MEMBER;
}

bool admission_has_room(const struct view *view, char *text)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->member_count; i++)
        count += view->members[i].id != 0;
    if (count < MEMBERS_MAX)
        return true;
    snprintf(text, MEETING_TEXT_BYTES_MAX, "the grid has %d members, which is the most it can have",
             MEMBERS_MAX);
    return false;
}

bool admission_may_leave(const struct view *view, uint16_t number, char *text)
{
    bool has_others = false;
    bool has_successor = false;
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *member = &view->members[i];
        if (i == number || member->id == 0)
            continue;
        has_others = true;
        has_successor =
            has_successor || (member->role == MEMBER_DATA && member->state == MEMBER_ACTIVE);
    }
    if (!has_others || has_successor || view->members[number].role == MEMBER_WITNESS)
        return true;
    snprintf(text, MEETING_TEXT_BYTES_MAX,
             "%s holds the last copy of the data, and no other member can take it: add a node "
             "that holds data first, or stop the other members before it",
             view->members[number].name);
    return false;
}
