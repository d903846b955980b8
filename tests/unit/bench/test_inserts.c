// SPDX-License-Identifier: Apache-2.0
#include "bench/inserts.h"

#include <criterion/criterion.h>
#include <pthread.h>

Test(inserts, a_record_exists_once_all_before_it_do)
{
    struct inserts inserts;
    uint64_t index;
    inserts_init(&inserts, 10);
    for (uint64_t i = 0; i < 4; i++) {
        cr_assert(inserts_begin(&inserts, &index));
        cr_assert_eq(index, 10 + i);
    }
    cr_assert_eq(inserts_existing(&inserts), 10);
    inserts_end(&inserts, 12);
    inserts_end(&inserts, 11);
    cr_assert_eq(inserts_existing(&inserts), 10);
    inserts_end(&inserts, 10);
    cr_assert_eq(inserts_existing(&inserts), 13);
    inserts_end(&inserts, 13);
    cr_assert_eq(inserts_existing(&inserts), 14);
    inserts_deinit(&inserts);
}

Test(inserts, those_under_way_are_bounded)
{
    struct inserts inserts;
    uint64_t index;
    inserts_init(&inserts, 5);
    for (uint64_t i = 0; i < INSERTS_WINDOW; i++)
        cr_assert(inserts_begin(&inserts, &index));
    cr_assert_not(inserts_begin(&inserts, &index));
    inserts_end(&inserts, 5);
    cr_assert(inserts_begin(&inserts, &index));
    cr_assert_eq(index, 5 + INSERTS_WINDOW);
    inserts_deinit(&inserts);
}

enum { THREADS = 3, INSERTS_EACH = 100000 };

static void *insert_many(void *context)
{
    struct inserts *inserts = context;
    for (int i = 0; i < INSERTS_EACH; i++) {
        uint64_t index;
        CHECK(inserts_begin(inserts, &index)); // Criterion's assertions are for one thread
        inserts_end(inserts, index);
    }
    return NULL;
}

Test(inserts, threads_lose_none)
{
    struct inserts inserts;
    pthread_t threads[THREADS];
    inserts_init(&inserts, 0);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, insert_many, &inserts), 0);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert_eq(inserts_existing(&inserts), THREADS * INSERTS_EACH);
    inserts_deinit(&inserts);
}
