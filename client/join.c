// SPDX-License-Identifier: Apache-2.0
#include "client/join.h"

#include "client/link.h"
#include "cluster/base/memory.h"

void client_joins_init(struct client_joins *joins, uint32_t link_count, uint32_t partition_count)
{
    *joins = (struct client_joins){.count = link_count, .partition_count = partition_count};
    joins->array = memory_new_array(link_count, sizeof *joins->array);
    joins->owing = memory_new_array((partition_count + 7) / 8, 1);
    joins->lister = memory_new_array(partition_count, sizeof *joins->lister);
    for (uint32_t i = 0; i < partition_count; i++)
        joins->lister[i] = JOIN_NO_LISTER;
}

void client_joins_deinit(struct client_joins *joins)
{
    free(joins->array);
    free(joins->owing);
    free(joins->lister);
    *joins = (struct client_joins){0};
}

struct client_join *client_joins_find(const struct client_joins *joins,
                                      const struct client_link *link, uint32_t link_number)
{
    if (link_number < joins->count && joins->array[link_number].link == link)
        return &joins->array[link_number];
    // While the topology changes, the numbers are not those of the joins.
    for (uint32_t i = 0; i < joins->count; i++) {
        if (joins->array[i].link == link)
            return &joins->array[i];
    }
    return NULL;
}

void client_joins_set(struct client_joins *joins, struct client_join *join,
                      enum client_join_state state)
{
    joins->asked_count -= join->state == JOIN_ASKED;
    joins->leaving_count -= join->state == JOIN_LEAVING;
    joins->asked_count += state == JOIN_ASKED;
    joins->leaving_count += state == JOIN_LEAVING;
    join->state = state;
}

static bool bit_is_set(const uint8_t *bits, uint32_t number)
{
    return bits[number / 8] >> (number % 8) & 1;
}

static void bit_flip(uint8_t *bits, uint32_t number)
{
    bits[number / 8] = (uint8_t)(bits[number / 8] ^ 1U << (number % 8));
}

void client_joins_renumber(struct client_joins *joins, uint32_t link_count)
{
    if (joins->count == 0)
        return;
    struct client_join *array = memory_new_array(link_count, sizeof *array);
    uint32_t *places = memory_new_array(joins->count, sizeof *places);
    for (uint32_t i = 0; i < joins->count; i++) {
        const struct client_join *join = &joins->array[i];
        places[i] = join->link ? join->link->number : JOIN_NO_LISTER;
        if (join->link)
            array[join->link->number] = *join;
    }
    for (uint32_t i = 0; i < joins->partition_count; i++) {
        if (joins->lister[i] != JOIN_NO_LISTER)
            joins->lister[i] = places[joins->lister[i]];
    }
    free(places);
    free(joins->array);
    joins->array = array;
    joins->count = link_count;
}

enum client_listing client_joins_list(struct client_joins *joins, struct client_join *join,
                                      uint16_t partition, bool owes_snapshot)
{
    uint32_t place = (uint32_t)(join - joins->array);
    if (partition >= joins->partition_count || joins->lister[partition] == place)
        return LISTING_REPEATED;
    if (joins->lister[partition] != JOIN_NO_LISTER)
        return LISTING_DISPUTED;
    joins->lister[partition] = place;
    joins->listed_count++;
    join->listed_count++;
    if (owes_snapshot) {
        bit_flip(joins->owing, partition);
        joins->owing_count++;
    }
    return LISTING_NEW;
}

struct client_link *client_joins_feeder(const struct client_joins *joins, uint16_t partition)
{
    if (partition >= joins->partition_count || joins->lister[partition] == JOIN_NO_LISTER)
        return NULL;
    return joins->array[joins->lister[partition]].link;
}

bool client_joins_ready(struct client_joins *joins, uint16_t partition)
{
    if (partition >= joins->partition_count || !bit_is_set(joins->owing, partition))
        return false;
    bit_flip(joins->owing, partition);
    joins->owing_count--;
    return true;
}
