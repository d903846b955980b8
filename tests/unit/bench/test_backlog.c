// SPDX-License-Identifier: Apache-2.0
#include "bench/backlog.h"

#include <criterion/criterion.h>

Test(backlog, gives_back_in_order_and_refuses_when_full)
{
    struct backlog backlog;
    struct operation operation = {0};
    backlog_init(&backlog);
    cr_assert_not(backlog_pop(&backlog, &operation));
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < BACKLOG_OPERATIONS_MAX; i++)
            cr_assert(backlog_push(&backlog, &(struct operation){.index = i}));
        cr_assert_not(backlog_push(&backlog, &operation));
        for (uint64_t i = 0; i < BACKLOG_OPERATIONS_MAX; i++) {
            cr_assert(backlog_pop(&backlog, &operation));
            cr_assert_eq(operation.index, i);
        }
        // The next round begins elsewhere in the ring.
        cr_assert(backlog_push(&backlog, &operation));
        cr_assert(backlog_pop(&backlog, &operation));
    }
    backlog_deinit(&backlog);
}
