// SPDX-License-Identifier: Apache-2.0
#include "node/store/results.h"

#include "cluster/base/random.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

static const uint64_t now_us = UINT64_C(1800000000) * 1000 * 1000;
static const uint8_t bytes[2 * RESULT_VALUE_BYTES_MAX] = {1, 2, 3, 4};

static void push(struct results *results, uint64_t client, uint64_t number, uint64_t floor,
                 uint64_t seq, uint64_t time_us, size_t value_bytes)
{
    struct fill_result result = {
        .origin = {.client = client, .number = number, .floor = floor, .kind = OP_INCREMENT},
        .seq = seq,
        .found = true,
        .has_value = value_bytes > 0,
        .value = bytes_of(bytes, value_bytes),
    };
    results_push(results, &result, time_us);
}

static enum result_verdict find(const struct results *results, uint64_t client, uint64_t number)
{
    struct fill_result result;
    return results_find(results, client, number, (int64_t)now_us, &result);
}

static void count_visit(void *context, const struct fill_result *result)
{
    cr_assert_neq(result->origin.kind, OP_NONE);
    ++*(uint64_t *)context;
}

static uint64_t count_of(const struct results *results)
{
    uint64_t count = 0;
    results_each(results, count_visit, &count);
    return count;
}

Test(store_results, what_was_pushed_is_found)
{
    struct results *results = results_new();
    static const size_t sizes[] = {0, 1, 8, 9, 100, RESULT_VALUE_BYTES_MAX};
    for (uint64_t i = 0; i < 6; i++)
        push(results, 7 + i % 2, 100 + i, 90 + i, 10 * i + 1, now_us + i, sizes[i]);
    for (uint64_t i = 0; i < 6; i++) {
        struct fill_result result;
        cr_assert_eq(results_find(results, 7 + i % 2, 100 + i, 0, &result), RESULT_FOUND);
        cr_assert(result.origin.client == 7 + i % 2 && result.origin.number == 100 + i);
        cr_assert(result.origin.floor == 90 + i && result.origin.kind == OP_INCREMENT);
        cr_assert(result.seq == 10 * i + 1 && result.found && result.has_value == (sizes[i] > 0));
        cr_assert(bytes_equal(result.value, bytes_of(bytes, sizes[i])));
        cr_assert_eq(find(results, 8 - i % 2, 100 + i), RESULT_NEW, "of another client");
    }
    cr_assert(count_of(results) == 6 && results_last_seq(results) == 51);
    results_free(results);
}

Test(store_results, a_value_that_is_too_large_is_not_kept)
{
    struct results *results = results_new();
    push(results, 7, 1, 0, 1, now_us, RESULT_VALUE_BYTES_MAX + 1);
    struct fill_result result;
    cr_assert_eq(results_find(results, 7, 1, 0, &result), RESULT_FOUND);
    cr_assert(!result.has_value && result.value.size == 0 && result.found);
    results_free(results);
}

Test(store_results, a_floor_far_below_is_none)
{
    struct results *results = results_new();
    push(results, 7, UINT64_C(1) << 40, 5, 1, now_us, 0);
    cr_assert_eq(results_origin(results, 1, now_us).floor, 0);
    cr_assert_eq(find(results, 7, 4), RESULT_NEW);
    results_free(results);
}

// A client with a few operations under way, among many operations: memory stays small.
Test(store_results, what_a_client_knows_makes_room)
{
    struct results *results = results_new();
    for (uint64_t number = 1; number <= 100000; number++)
        push(results, 1 + number % 3, number, number < 30 ? 0 : number - 30, number, now_us, 20);
    cr_assert_leq(count_of(results), 128);
    cr_assert_leq(results_bytes(results), 10000);
    cr_assert_eq(results_forgotten_us(results), 0);
    for (uint64_t number = 100000 - 30; number <= 100000; number++)
        cr_assert_eq(find(results, 1 + number % 3, number), RESULT_FOUND);
    cr_assert_eq(find(results, 1, 90), RESULT_SETTLED);
    results_free(results);
}

Test(store_results, the_oldest_make_room_at_the_bound)
{
    struct results *results = results_new();
    enum { COUNT = 3 * RESULTS_MAX };
    for (uint64_t i = 1; i <= COUNT; i++)
        push(results, i, 1, 1, i, now_us + i * 1000, 0);
    uint64_t count = count_of(results);
    cr_assert(count <= RESULTS_MAX && count >= RESULTS_MAX / 4 * 3 - 1);
    cr_assert_eq(results_forgotten_us(results), now_us + (COUNT - count) * 1000);
    for (uint64_t client = 1; client <= COUNT; client++)
        cr_assert_eq(find(results, client, 1),
                     client > COUNT - count ? RESULT_FOUND : RESULT_FORGOTTEN);
    results_free(results);
}

Test(store_results, values_have_a_bound_of_their_own)
{
    struct results *results = results_new();
    for (uint64_t i = 1; i <= 1000; i++) {
        push(results, i, 1, 1, i, now_us + i, RESULT_VALUE_BYTES_MAX - i % 50);
        cr_assert_leq(results_bytes(results), RESULTS_VALUE_BYTES_MAX + 64 * 1024);
        cr_assert_eq(find(results, i, 1), RESULT_FOUND);
    }
    cr_assert_geq(count_of(results), 44, "most of what fits");
    cr_assert_eq(find(results, 1, 1), RESULT_FORGOTTEN);
    results_free(results);
}

Test(store_results, after_its_time_a_result_gives_way)
{
    struct results *results = results_new();
    push(results, 5, 1, 1, 1, now_us, 0);
    uint64_t later_us = now_us + RESULT_IDLE_US;
    for (uint64_t i = 2; i <= 64; i++)
        push(results, 5, i, 0, i, later_us, 0);
    cr_assert_eq(find(results, 5, 1), RESULT_FOUND, "there is room");
    push(results, 5, 65, 0, 65, later_us, 0);
    cr_assert_eq(find(results, 5, 1), RESULT_FOUND, "not idle for long enough");
    for (uint64_t i = 66; i <= 129; i++)
        push(results, 5, i, 0, i, later_us + 1, 0);
    cr_assert_eq(find(results, 5, 1), RESULT_FORGOTTEN);
    cr_assert_eq(find(results, 5, 2), RESULT_FOUND);
    cr_assert_eq(results_forgotten_us(results), now_us);
    results_free(results);
}

Test(store_results, what_was_sent_later_was_never_applied)
{
    struct results *results = results_new();
    struct fill_result result;
    int64_t edge_us = (int64_t)now_us + RESULT_CLOCK_SLACK_US;
    results_note_forgotten(results, now_us);
    results_note_forgotten(results, now_us - 5);
    cr_assert_eq(results_find(results, 5, 1, edge_us, &result), RESULT_FORGOTTEN);
    cr_assert_eq(results_find(results, 5, 1, edge_us + 1, &result), RESULT_NEW);
    results_free(results);
}

Test(store_results, times_that_are_not_known_are_those_of_the_next_push)
{
    struct results *results = results_new();
    struct fill_result result;
    int64_t edge_us = (int64_t)now_us + RESULT_CLOCK_SLACK_US;
    push(results, 5, 1, 0, 1, 0, 0);
    results_suspect(results);
    cr_assert_eq(results_find(results, 5, 2, INT64_MAX, &result), RESULT_FORGOTTEN);
    cr_assert_eq(results_origin(results, 2, now_us).client, ORIGIN_FORGOTTEN);
    push(results, 5, 3, 0, 3, now_us, 0);
    cr_assert_eq(results_find(results, 5, 2, edge_us, &result), RESULT_FORGOTTEN);
    cr_assert_eq(results_find(results, 5, 2, edge_us + 1, &result), RESULT_NEW);
    cr_assert_eq(find(results, 5, 1), RESULT_FOUND);
    for (uint64_t i = 4; i <= 200; i++)
        push(results, 5, i, 0, i, now_us + RESULT_IDLE_US + 1, 0);
    cr_assert_eq(find(results, 5, 1), RESULT_FORGOTTEN, "it grew old from then on");
    results_free(results);
}

Test(store_results, what_is_known_of_forgetting_ends_the_suspicion)
{
    struct results *results = results_new();
    results_suspect(results);
    cr_assert_eq(find(results, 5, 1), RESULT_FORGOTTEN);
    results_note_forgotten(results, 0);
    cr_assert_eq(find(results, 5, 1), RESULT_NEW);
    results_free(results);
}

Test(store_results, an_effect_tells_its_origin)
{
    struct random random = {.state = 3};
    struct results *results = results_new();
    uint64_t numbers[1000] = {0};
    for (uint64_t seq = 1; seq < 1000; seq++) {
        if (random_below(&random, 3) == 0)
            continue;
        numbers[seq] = seq + 10;
        push(results, 9, seq + 10, 1, seq, now_us, 0);
    }
    for (uint64_t seq = 1; seq < 1000; seq++) {
        struct origin origin = results_origin(results, seq, now_us);
        cr_assert(origin.number == numbers[seq] && origin.client == (numbers[seq] ? 9 : 0));
    }
    cr_assert_eq(results_origin(results, 5000, now_us).client, 0);
    results_note_forgotten(results, now_us);
    cr_assert_eq(results_origin(results, 5000, now_us).client, ORIGIN_FORGOTTEN);
    cr_assert_eq(results_origin(results, 5000, now_us + 1).client, 0);
    results_free(results);
}

Test(store_results, a_cut_forgets_the_answers_and_keeps_what_clients_know)
{
    struct results *results = results_new();
    for (uint64_t number = 1; number <= 20; number++)
        push(results, 5, number, number > 15 ? 12 : 0, number, now_us, 100);
    push(results, 6, 1, 0, 21, now_us, 100);
    uint64_t before = results_bytes(results);
    results_cut(results, 10);
    cr_assert_eq(count_of(results), 10);
    cr_assert_eq(before - results_bytes(results), 11 * 100);
    cr_assert_eq(find(results, 5, 10), RESULT_FOUND);
    cr_assert_eq(find(results, 5, 11), RESULT_SETTLED, "its client has its answer");
    cr_assert_eq(find(results, 5, 12), RESULT_NEW, "was taken back");
    cr_assert_eq(find(results, 6, 1), RESULT_NEW);
    cr_assert_eq(results_origin(results, 10, now_us).number, 10);
    cr_assert_eq(results_origin(results, 11, now_us).client, 0);
    push(results, 5, 12, 0, 11, now_us, 0);
    cr_assert_eq(results_origin(results, 11, now_us).number, 12);
    results_cut(results, 10);
    results_cut(results, 0);
    cr_assert(count_of(results) == 0 && find(results, 5, 11) == RESULT_SETTLED);
    cr_assert_eq(find(results, 5, 12), RESULT_NEW);
    results_free(results);
}

Test(store_results, effects_out_of_order_are_a_bug, .signal = SIGABRT)
{
    struct results *results = results_new();
    push(results, 5, 1, 0, 2, now_us, 0);
    push(results, 5, 2, 0, 1, now_us, 0);
}

// ---- Against a simple model ----

enum { MODEL_OPERATIONS = 30000, MODEL_CLIENTS = 40 };

struct fact {
    uint64_t client;
    uint64_t number;
    uint64_t seq;
    uint64_t time_us;
};

// Whatever happens, an answer is right: what was applied and is not known to its client is found
// or said to be possibly forgotten, never new; what was not applied is never found.
Test(store_results, nothing_is_taken_for_new_that_was_applied)
{
    struct random random = {.state = 9};
    struct fact *facts = calloc(MODEL_OPERATIONS + 1, sizeof *facts);
    uint64_t numbers[MODEL_CLIENTS] = {0}, floors[MODEL_CLIENTS] = {0};
    struct results *results = results_new();
    uint64_t last = 0, time_us = now_us;
    for (int i = 0; i < MODEL_OPERATIONS; i++) {
        uint64_t index = random_below(&random, 1 + random_below(&random, MODEL_CLIENTS));
        time_us += random_below(&random, 1000 * 1000);
        uint64_t number = numbers[index] += 1 + random_below(&random, 2);
        if (number > floors[index] && random_below(&random, 20) == 0)
            floors[index] += random_below(&random, number - floors[index] + 1);
        last++;
        facts[last] = (struct fact){1 + index, number, last, time_us};
        push(results, 1 + index, number, floors[index], last, time_us,
             random_below(&random, 30) ? random_below(&random, 20) : 1000);
        if (random_below(&random, 100) == 0) {
            uint64_t back = random_below(&random, 50);
            last -= back < last ? back : last;
            results_cut(results, last);
        }
        const struct fact *fact = &facts[1 + random_below(&random, last + 1) % (last + 1)];
        struct fill_result result;
        if (fact->client == 0 || fact->seq > last)
            continue;
        enum result_verdict verdict =
            results_find(results, fact->client, fact->number, (int64_t)fact->time_us, &result);
        cr_assert_neq(verdict, RESULT_NEW);
        cr_assert(verdict != RESULT_FOUND || result.seq == fact->seq);
        cr_assert(verdict != RESULT_SETTLED || fact->number < floors[fact->client - 1]);
        verdict = results_find(results, fact->client, UINT64_C(1) << 50,
                               (int64_t)time_us + RESULT_CLOCK_SLACK_US + 1, &result);
        cr_assert_eq(verdict, RESULT_NEW);
    }
    results_free(results);
    free(facts);
}
