// SPDX-License-Identifier: Apache-2.0
// How many updates a predicate's keys are expected to lead to it. A plan and what became of it are
// told alike, so that they can be compared.
#include "node/query/index_parts.h"

static double point_share(const struct group *group, const struct part *part, const uint8_t *point,
                          size_t size)
{
    struct access_key key = {.size = (uint16_t)size};
    memcpy(key.bytes, point, size);
    return access_stats_point(group->stats, part, access_key_hash(&key, 0));
}

static double cell_share(const struct group *group, const struct part *part, const uint8_t *bytes,
                         unsigned grain)
{
    uint64_t low;
    uint64_t high;
    access_key_read_cell(bytes, grain, &low, &high);
    return access_stats_range(group->stats, part, (enum family)part->family, low, high);
}

static double second_share(const struct group *group, const struct part *part, struct bytes key,
                           size_t from, unsigned grain)
{
    const uint8_t *bytes = key.data + from;
    switch ((enum part_kind)part->kind) {
    case PART_POINT:
        return point_share(group, part, bytes, key.size - from);
    case PART_EXISTS:
        return access_stats_exists(group->stats, part);
    case PART_CELL:
        return cell_share(group, part, bytes, grain);
    case PART_PREFIX:
    case PART_SUFFIX:
        return access_stats_affix(group->stats, part, bytes_of(bytes + 1, bytes[0]));
    case PART_CONTAINS:
        return access_stats_piece(group->stats, part, bytes);
    case PART_NONE:
        break;
    }
    return 1;
}

// The share of updates that have this key.
static double key_share(const struct group *group, const struct access_form *form, struct bytes key,
                        unsigned grain)
{
    size_t from = 0;
    double share = 1;
    if (form->first.kind != PART_NONE) {
        from = access_key_point_size(key.data);
        share = point_share(group, &form->first, key.data, from);
    }
    return share * second_share(group, &form->second, key, from, grain);
}

double bound_share(const struct group *group, const struct part *bound, uint32_t threshold)
{
    if (bound->kind == BOUND_NONE)
        return 1;
    enum family family = (enum family)bound->family;
    if (bound->kind == BOUND_LOW)
        return access_stats_range(group->stats, bound, family, (uint64_t)threshold << 32,
                                  UINT64_MAX);
    return access_stats_range(group->stats, bound, family, 0,
                              (uint64_t)~threshold << 32 | UINT32_MAX);
}

double predicate_share(const struct index *index, const struct predicate *predicate)
{
    const struct group *group = predicate_group(predicate);
    double share = 0;
    double bound = 1;
    uint32_t bounded = 0; // threshold
    const struct access_form *bounded_form = NULL;
    for (uint32_t at = 0; at < predicate->place_count; at++) {
        struct place place = predicate_place(index, predicate, at);
        const struct key_list *list = list_at(index, place.list);
        const struct access_form *form = &group->forms[list->form].key;
        // The places of one access are next to each other, and have one bound.
        if (at == 0 || form != bounded_form || place.threshold != bounded)
            bound = bound_share(group, &form->bound, place.threshold);
        bounded = place.threshold;
        bounded_form = form;
        share += key_share(group, form, bytes_of(list->key, list->key_size), list->grain) * bound;
    }
    return share;
}

double plan_share(const struct group *group, const struct plan *plan)
{
    double share = 0;
    for (uint32_t at = 0; at < plan->access_count; at++) {
        const struct access *access = &plan->accesses[at];
        double bound = bound_share(group, &access->form.bound, access->threshold);
        for (uint32_t number = 0; number < access_key_count(access); number++) {
            struct access_key key;
            unsigned grain;
            access_key_at(access, number, &key, &grain);
            share += key_share(group, &access->form, bytes_of(key.bytes, key.size), grain) * bound;
        }
    }
    return share;
}
