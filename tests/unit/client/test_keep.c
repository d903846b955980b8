// SPDX-License-Identifier: Apache-2.0
#include "client/keep.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

Test(keep, copies_stay_where_they_are)
{
    struct client_keep keep = {0};
    struct bytes copies[1000];
    for (int i = 0; i < 1000; i++) {
        char text[1000];
        int size = snprintf(text, sizeof text, "%*d", i, i);
        copies[i] = client_keep_copy(&keep, bytes_of(text, (size_t)size));
    }
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(atoi((const char *)copies[i].data), i);
        cr_assert_eq(copies[i].data[copies[i].size], 0);
    }
    client_keep_deinit(&keep);
}

Test(keep, clearing_makes_room_again)
{
    struct client_keep keep = {0};
    uint8_t *first = client_keep_take(&keep, 100);
    client_keep_take(&keep, 1 << 20);
    client_keep_clear(&keep);
    cr_assert_eq(client_keep_take(&keep, 100), first);
    client_keep_deinit(&keep);
}

Test(keep, empty_bytes_become_an_empty_text)
{
    struct client_keep keep = {0};
    struct bytes copy = client_keep_copy(&keep, (struct bytes){0});
    cr_assert_eq(copy.size, 0);
    cr_assert_str_eq((const char *)copy.data, "");
    client_keep_deinit(&keep);
}
