// SPDX-License-Identifier: Apache-2.0
#include "node/meta/waiting.h"

#include "node/meta/seeking.h"

#include <stdio.h>

enum {
    NAMES_BYTES = 256, // of nodes; the rest is left out
};

// "n1, n2" of those that are alike, or of those that are not. How many they are.
static uint32_t seekers_name(const struct seeking *seeking, bool is_alike, char *names)
{
    uint32_t count = 0;
    size_t used = 0;
    names[0] = '\0';
    for (uint32_t i = 0; i < seeking->seeker_count; i++) {
        const struct seeker *seeker = &seeking->seekers[i];
        if (seeker->is_alike != is_alike)
            continue;
        if (used < NAMES_BYTES)
            used += (size_t)snprintf(names + used, NAMES_BYTES - used, "%s%s",
                                     count > 0 ? ", " : "", seeker->member.name);
        count++;
    }
    return count;
}

static void waiting_tell_alone(const struct member *member)
{
    const struct member_address *seed = &member->options.seeds[0];
    member_say(member, true,
               "in no grid: no other node answers at the %u seeds (%s:%u ...); goes on trying",
               member->options.seed_count, seed->host, seed->port);
}

static void waiting_tell_founding(const struct member *member)
{
    uint32_t expect = member->options.settings.bootstrap_expect;
    char alike[NAMES_BYTES];
    char others[NAMES_BYTES];
    uint32_t alike_count = seekers_name(member->seeking, true, alike);
    uint32_t other_count = seekers_name(member->seeking, false, others);
    if (expect == 0)
        member_say(
            member, false,
            "in no grid: waits for one to join, and founds none, for bootstrap-expect is 0. In "
            "no grid either: %s%s%s",
            alike, alike_count > 0 && other_count > 0 ? ", " : "", others);
    else
        member_say(member, false,
                   "in no grid: %u of bootstrap-expect = %u nodes are there: this one%s%s%s%s",
                   alike_count + 1, expect, alike_count > 0 ? ", " : "", alike,
                   other_count > 0 ? "; with another bootstrap-expect or other settings: " : "",
                   others);
}

void waiting_tell(struct member *member)
{
    struct seeking *seeking = member->seeking;
    if (member->now_ms < seeking->tell_ms)
        return;
    seeking->tell_ms = member->now_ms + WAITING_AGAIN_MS;
    if (seeking->grid_id != 0)
        member_say(member, true,
                   "found a grid, and is not let in yet: most of its voters have to be running");
    else if (seeking->seeker_count == 0 && member->options.seed_count > 0)
        waiting_tell_alone(member);
    else
        waiting_tell_founding(member);
}
