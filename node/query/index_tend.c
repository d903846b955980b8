// SPDX-License-Identifier: Apache-2.0
// Upkeep: as updates tell more of the values of fields, the predicates of a map are looked at
// again, a bucket at a time, and those that are found too often get the keys that look best now.
#include "node/query/index_parts.h"

enum {
    BUCKETS_PER_TURN = 64,
    CHOICES_PER_TURN = 2,  // each compiles a text
    FIRST_SAMPLES = 64,    // seen before the first round; each further one waits for as many as
    SAMPLES_FACTOR = 4,    // this factor demands, up to
    SAMPLES_MAX = 1 << 20, // so many more
};

static const double GOOD_SHARE = 5e-3;  // found by fewer updates: not worth a look
static const double WORTH_FACTOR = 0.5; // another key must be so much better

// A round is due, or in progress.
static bool group_is_due(const struct group *group)
{
    uint64_t seen = access_stats_seen(group->stats);
    uint64_t more = group->tended_at * (SAMPLES_FACTOR - 1);
    if (more < FIRST_SAMPLES)
        more = FIRST_SAMPLES;
    return seen >= group->tended_at + (more < SAMPLES_MAX ? more : SAMPLES_MAX);
}

static bool is_better(const struct group *group, const struct plan *plan,
                      const struct predicate *predicate, double share)
{
    if (plan->access == ACCESS_ALWAYS && predicate_class(predicate) != ACCESS_ALWAYS)
        return false;
    return plan_share(group, plan) < share * WORTH_FACTOR;
}

static struct query *predicate_compile(const struct predicate *predicate)
{
    static const char head[] = "SELECT * FROM m WHERE ";
    struct bytes where = predicate_text(predicate);
    struct buffer text = {0};
    struct query_error error;
    buffer_append(&text, head, sizeof head - 1);
    buffer_append(&text, where.data, where.size);
    struct query *query = query_new(buffer_bytes(&text), &error);
    buffer_deinit(&text);
    return query;
}

// True when it took a choice.
static bool predicate_tend(struct index *index, struct group *group, struct predicate *predicate)
{
    if (predicate->text_size == 0 || predicate->place_count == 0)
        return false;
    double share = predicate_share(index, predicate);
    if (share < GOOD_SHARE)
        return false;
    struct query *query = predicate_compile(predicate);
    if (query == NULL)
        return true; // the text is too long with these words in front
    struct plan plan;
    if (plan_init(&plan, index, group, query) == ERROR_NONE) {
        if (!is_better(group, &plan, predicate, share))
            code_release(buffer_bytes(&index->code), group->fields);
        else if (predicate_move(index, predicate, &plan) != NULL)
            index->figures.repick_count++;
    }
    plan_deinit(&plan);
    query_free(query);
    return true;
}

// Looks at the predicates of one bucket; counts the choices.
static unsigned bucket_tend(struct index *index, struct group *group, uint32_t bucket)
{
    unsigned choices = 0;
    uint32_t handle = *handles_head(&group->predicates, bucket);
    while (handle != 0) {
        struct predicate *predicate = slab_at(&index->slab, handle);
        handle = predicate->item.next; // it may move
        choices += predicate_tend(index, group, predicate);
    }
    return choices;
}

static void group_tend(struct index *index, struct group *group)
{
    unsigned choices = 0;
    for (unsigned left = BUCKETS_PER_TURN; left > 0 && choices < CHOICES_PER_TURN; left--) {
        if (group->tend_bucket >= group->predicates.bucket_count) {
            group->tend_bucket = 0;
            group->tended_at = access_stats_seen(group->stats);
            return;
        }
        choices += bucket_tend(index, group, group->tend_bucket++);
    }
}

bool index_tend(struct index *index)
{
    for (uint32_t left = index->groups.bucket_count; left > 0; left--) {
        if (index->tend_group >= index->groups.bucket_count)
            index->tend_group = 0;
        uint32_t handle = *handles_head(&index->groups, index->tend_group);
        while (handle != 0 && !group_is_due(slab_at(&index->slab, handle)))
            handle = handle_item_at(&index->slab, handle)->next;
        if (handle != 0) {
            group_tend(index, slab_at(&index->slab, handle));
            return true;
        }
        index->tend_group++;
    }
    return false;
}
