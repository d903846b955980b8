// SPDX-License-Identifier: Apache-2.0
#include "client/shell/member_text.h"

#include "cluster/base/memory.h"

void member_address_write(const struct grid_member *member, char *text, size_t size)
{
    bool v6 = strchr(member->host, ':') != NULL;
    snprintf(text, size, v6 ? "[%s]:%u" : "%s:%u", member->host, member->port);
}

struct member_names member_names_of(const struct grid *grid)
{
    struct member_names names = {.count = grid_member_count(grid)};
    struct grid_member member;
    names.texts = memory_new_array(names.count, sizeof *names.texts);
    for (size_t i = 0; i < names.count; i++)
        if (grid_member_get(grid, i, &member))
            snprintf(names.texts[i], sizeof names.texts[i], "%s", member.name);
    return names;
}

void member_names_deinit(struct member_names *names)
{
    free(names->texts);
    *names = (struct member_names){0};
}

const char *member_name(const struct member_names *names, size_t number)
{
    return number < names->count && names->texts[number][0] != '\0' ? names->texts[number] : "?";
}

// A cell with these members, a blank between two.
static void list_show(struct shell_result *result, const char *column,
                      const struct member_names *names, const uint16_t *numbers, size_t count)
{
    char text[GRID_REPLICAS_MAX * (MEMBER_NAME_BYTES + 1)] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && i < GRID_REPLICAS_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "",
                                 member_name(names, numbers[i]));
    shell_result_text(result, column, text);
}

void member_partition_show(struct shell_result *result, const struct member_names *names,
                           const struct grid_partition *partition)
{
    const uint16_t *members = partition->members;
    uint32_t in_sync = partition->in_sync_count;
    bool has_primary = in_sync > 0;
    list_show(result, "primary", names, members, has_primary);
    list_show(result, "in_sync", names, members + 1, has_primary ? in_sync - 1 : 0);
    list_show(result, "catching_up", names, members + in_sync, partition->replica_count - in_sync);
    list_show(result, "taking_over", names, &partition->handover,
              partition->handover != GRID_NO_MEMBER);
}
