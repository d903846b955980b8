// SPDX-License-Identifier: Apache-2.0
#include "node/store/latest.h"

#include <criterion/criterion.h>

Test(latest, a_number_is_overtaken_by_itself_and_by_higher_ones)
{
    struct latest latest = {0};
    cr_expect_not(latest_is_overtaken(&latest, 7, 1));
    latest_note(&latest, 7, 5);
    cr_expect(latest_is_overtaken(&latest, 7, 5));
    cr_expect(latest_is_overtaken(&latest, 7, 4));
    cr_expect_not(latest_is_overtaken(&latest, 7, 6));
    cr_expect_not(latest_is_overtaken(&latest, 8, 1), "another client");
    latest_note(&latest, 7, 3);
    cr_expect(latest_is_overtaken(&latest, 7, 5), "it never goes back");
    latest_deinit(&latest);
}

Test(latest, many_clients_have_their_own)
{
    struct latest latest = {0};
    for (uint64_t client = 1; client <= LATEST_CLIENTS_MAX; client++)
        latest_note(&latest, client, client * 10);
    for (uint64_t client = 1; client <= LATEST_CLIENTS_MAX; client++) {
        cr_assert(latest_is_overtaken(&latest, client, client * 10));
        cr_assert_not(latest_is_overtaken(&latest, client, client * 10 + 1));
    }
    latest_deinit(&latest);
}

Test(latest, memory_is_bounded)
{
    struct latest latest = {0};
    for (uint64_t client = 1; client <= 10 * LATEST_CLIENTS_MAX; client++)
        latest_note(&latest, client, 1);
    cr_expect_leq(latest_bytes(&latest), 4 * LATEST_CLIENTS_MAX * sizeof(struct latest_slot));
    latest_deinit(&latest);
}
