// SPDX-License-Identifier: Apache-2.0
#include "node/query/index_parts.h"

// One place under the key that every update has.
static void plan_everything(struct plan *plan, enum access_class access)
{
    plan->accesses = arena_take(&plan->arena, sizeof *plan->accesses);
    plan->accesses[0] = (struct access){
        .first_count = 1, .second_count = 1, .share = 1, .is_exact = access == ACCESS_ALL};
    plan->access_count = plan->place_count = 1;
    plan->access = access;
    plan->is_exact = access == ACCESS_ALL;
}

// As of WHERE TRUE.
static bool is_always_true(const struct conditions *conditions)
{
    for (uint32_t at = 0; at < conditions->count; at++)
        if (conditions->conjunctions[at].count == 0 && conditions->conjunctions[at].is_exact)
            return true;
    return false;
}

// A predicate has room for one bound.
static bool accesses_are_exact(const struct plan *plan)
{
    for (uint32_t at = 0; at < plan->access_count; at++) {
        const struct access *access = &plan->accesses[at];
        if (!access->is_exact || (access->bound != NULL && plan->access_count > 1))
            return false;
        struct access_key key;
        unsigned grain;
        for (uint32_t number = 0; number < access_key_count(access); number++) {
            access_key_at(access, number, &key, &grain);
            if (!key.is_whole)
                return false;
        }
    }
    return true;
}

// False: a conjunction without a key, or too many keys.
static bool accesses_choose(struct plan *plan, struct group *group,
                            const struct conditions *conditions)
{
    plan->accesses = arena_take_array(&plan->arena, conditions->count, sizeof *plan->accesses);
    for (uint32_t at = 0; at < conditions->count; at++) {
        struct access *access = &plan->accesses[at];
        if (!access_choose(access, &conditions->conjunctions[at], group->stats, form_cost, group))
            return false;
        plan->place_count += access_key_count(access);
        if (plan->place_count > PLACES_MAX)
            return false;
    }
    plan->access_count = conditions->count;
    return true;
}

enum error plan_init(struct plan *plan, struct index *index, struct group *group,
                     const struct query *query)
{
    *plan = (struct plan){.access = ACCESS_KEYED};
    buffer_clear(&index->code);
    if (!query_has_predicate(query)) {
        plan_everything(plan, ACCESS_ALL);
        return ERROR_NONE;
    }
    if (!code_compile(query, group->fields, &index->code))
        return ERROR_TOO_LARGE;
    struct conditions conditions = conditions_of(query, group->fields, &plan->arena);
    if (is_always_true(&conditions)) {
        plan_everything(plan, ACCESS_ALL);
        return ERROR_NONE;
    }
    if (!accesses_choose(plan, group, &conditions)) {
        plan_everything(plan, ACCESS_ALWAYS);
        return ERROR_NONE;
    }
    plan->is_exact = accesses_are_exact(plan);
    if (plan->access_count == 0)
        plan->access = ACCESS_NEVER;
    return ERROR_NONE;
}

void plan_deinit(struct plan *plan)
{
    arena_deinit(&plan->arena);
}
