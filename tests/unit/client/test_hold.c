// SPDX-License-Identifier: Apache-2.0
#include "client/hold.h"

#include "client/bounds.h"

#include <criterion/criterion.h>

static struct client_holds holds;
static struct random generator = {1};

static void setup(void)
{
    client_holds_resize(&holds, 4);
}

static void teardown(void)
{
    client_holds_deinit(&holds);
}

TestSuite(hold, .init = setup, .fini = teardown);

Test(hold, pauses_double_up_to_the_longest_and_half_of_each_is_random)
{
    int64_t now_ms = 1000;
    for (uint32_t attempt = 0; attempt < 40; attempt++) {
        int64_t longest =
            attempt < 6 ? (int64_t)CLIENT_RETRY_FIRST_MS << attempt : CLIENT_RETRY_MAX_MS;
        client_holds_extend(&holds, 2, now_ms, &generator);
        int64_t pause = holds.array[2].until_ms - now_ms;
        cr_assert_leq(pause, longest, "attempt %u", attempt);
        cr_assert_geq(pause, longest - longest / 2, "attempt %u", attempt);
        now_ms += pause;
    }
}

Test(hold, many_refusals_at_once_are_one_pause)
{
    client_holds_extend(&holds, 1, 1000, &generator);
    int64_t until_ms = holds.array[1].until_ms;
    for (int i = 0; i < 10; i++)
        client_holds_extend(&holds, 1, 1000, &generator);
    cr_assert_eq(holds.array[1].until_ms, until_ms);
    cr_assert_eq(holds.array[1].step, 1);
}

Test(hold, holds_its_partition_alone_and_until_its_time_alone)
{
    client_holds_extend(&holds, 3, 1000, &generator);
    int64_t until_ms = holds.array[3].until_ms;
    cr_assert(client_holds_expire(&holds, 2, 1000));
    cr_assert_not(client_holds_expire(&holds, 3, until_ms - 1));
    cr_assert(client_holds_is_held(&holds, 3));
    cr_assert(client_holds_expire(&holds, 3, until_ms));
    cr_assert_not(client_holds_is_held(&holds, 3));
}

Test(hold, a_release_frees_it_and_pauses_start_small_again)
{
    for (int i = 0; i < 8; i++)
        client_holds_extend(&holds, 0, 1000 * i, &generator);
    client_holds_release(&holds, 0);
    cr_assert_not(client_holds_is_held(&holds, 0));
    cr_assert_eq(holds.held_count, 0);
    client_holds_release(&holds, 0);
    cr_assert_eq(holds.held_count, 0);
    client_holds_extend(&holds, 0, 9000, &generator);
    cr_assert_leq(holds.array[0].until_ms, 9000 + CLIENT_RETRY_FIRST_MS);
}

Test(hold, another_number_of_partitions_forgets_everything)
{
    client_holds_extend(&holds, 0, 1000, &generator);
    client_holds_resize(&holds, 4);
    cr_assert_eq(holds.held_count, 1, "the same number");
    client_holds_resize(&holds, 8);
    cr_assert_eq(holds.held_count, 0);
    cr_assert_not(client_holds_is_held(&holds, 7));
}
