// SPDX-License-Identifier: Apache-2.0
// The index against the evaluation of every query, on random queries and documents.
#include "tests/support/expression.h"
#include "tests/support/index_model.h"

#include <criterion/criterion.h>

enum { QUERIES_MAX = 150 };

static void where_write(struct random *random, struct buffer *out)
{
    if (random_below(random, 6) == 0)
        expression_write_boolean(random, 3, out);
    else
        index_model_write_where(random, out);
}

static void query_add(struct index_model *model, struct random *random)
{
    struct buffer where = {0};
    where_write(random, &where);
    (void)index_model_add(model, random_below(random, 10) == 0 ? "other" : "m",
                          buffer_bytes(&where));
    buffer_deinit(&where);
}

static void population_change(struct index_model *model, struct random *random)
{
    for (uint64_t left = random_below(random, 8); left > 0; left--) {
        if (index_model_count(model) > 0 &&
            (index_model_count(model) == QUERIES_MAX || random_below(random, 3) == 0)) {
            index_model_remove(model, (uint32_t)random_below(random, index_model_count(model)));
            continue;
        }
        query_add(model, random);
    }
}

static void document_write(struct random *random, struct buffer *out)
{
    if (random_below(random, 5) == 0)
        expression_write_document(random, out);
    else
        index_model_write_document(random, out);
}

static bool random_update(struct index_model *model, struct random *random)
{
    struct buffer key = {0};
    struct buffer old_value = {0};
    struct buffer new_value = {0};
    index_model_write_key(random, &key);
    uint64_t kind = random_below(random, 8);
    if (kind > 0)
        document_write(random, &old_value);
    if (kind > 1 && kind < 6)
        index_model_write_changed(random, buffer_bytes(&old_value), &new_value);
    else if (kind != 1)
        document_write(random, &new_value);
    bool agrees = index_model_update(model, buffer_bytes(&key), buffer_bytes(&old_value),
                                     buffer_bytes(&new_value));
    buffer_deinit(&key);
    buffer_deinit(&old_value);
    buffer_deinit(&new_value);
    return agrees;
}

static uint64_t repicks_of(struct index_model *model)
{
    struct index_figures figures;
    index_figures(index_model_index(model), &figures);
    return figures.repick_count;
}

// True when the index and the queries agree all the time.
static bool run(uint64_t seed, unsigned rounds, index_model_hears_fn *hears, uint64_t *repicks)
{
    struct random random = {seed};
    struct index_model *model = index_model_new((uint32_t)random_below(&random, 40), hears);
    bool agrees = true;
    // Chosen before anything is known, and better keys are found later.
    for (unsigned at = 0; at < QUERIES_MAX; at++)
        query_add(model, &random);
    for (unsigned round = 0; round < rounds && agrees; round++) {
        population_change(model, &random);
        for (unsigned update = 0; update < 4 && agrees; update++)
            agrees = random_update(model, &random);
        while (random_below(&random, 10) > 0 && index_tend(index_model_index(model)))
            ;
    }
    *repicks += repicks_of(model);
    index_model_free(model);
    return agrees;
}

Test(index_random, tells_what_evaluating_every_query_tells)
{
    uint64_t repicks = 0;
    for (uint64_t seed = 1; seed <= 60; seed++)
        cr_assert(run(seed, 200, NULL, &repicks), "seed %lu", seed);
    cr_expect_gt(repicks, 100, "%lu", repicks); // keys were picked anew under its eyes
}

static bool hears_no_leave(enum transition transition)
{
    return transition != TRANSITION_LEAVE;
}

static unsigned matches_left;

static bool misses_one(enum transition transition)
{
    (void)transition;
    return matches_left-- != 0;
}

// The tests of the test.
Test(index_random, a_lost_leave_is_noticed)
{
    uint64_t repicks = 0;
    cr_expect(!run(1, 200, hears_no_leave, &repicks));
}

Test(index_random, a_single_lost_match_is_noticed)
{
    uint64_t repicks = 0;
    matches_left = 1000;
    cr_expect(!run(1, 200, misses_one, &repicks));
}
